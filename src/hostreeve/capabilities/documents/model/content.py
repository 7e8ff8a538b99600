"""The text of a document and the value it stands for: bounded parsing, conversion between formats, hashes."""

import hashlib
import json
import math
import re
from typing import Any, NoReturn

import yaml

from hostreeve.capabilities.documents.model.limits import DEPTH_MAX, VALUES_MAX

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{\]}]', re.DOTALL)


class Refused(ValueError):
    """A document that cannot be accepted; the text names the place and the reason."""


def parsed(text: str, format_: str, *, functions: bool = False) -> Any:
    """The value that `text` stands for, made of JSON's types only. Refused names the place and the reason.

    `functions`: YAML may write CloudFormation's functions short, as `!Ref name`. Depth and number of values
    are bounded before anything recursive runs, so neither ten thousand brackets nor YAML's aliases to aliases
    can hurt.
    """
    if format_ == "TEXT":
        return text
    value = _from_json(text) if format_ == "JSON" else _from_yaml(text, functions)
    _check_values(value)
    return value


def converted(text: str, body: str, *, stored: str, wanted: str) -> str:
    """The text in another format. The stored format comes back byte for byte: the hash is over that text.

    `body` is the content as JSON: members keep their order, texts of several lines become literal blocks.
    """
    if stored == wanted or "TEXT" in (stored, wanted):
        return text
    value = json.loads(body)
    if wanted == "JSON":
        return json.dumps(value, indent=2, ensure_ascii=False)
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _from_json(text: str) -> Any:
    _check_brackets(text)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as wrong:
        raise Refused(
            f"JSON not well-formed at line {wrong.lineno}, column {wrong.colno}: {wrong.msg}"
        ) from None
    except Refused:
        raise
    except ValueError:
        raise Refused("JSON not well-formed: a number has too many digits") from None


def _check_brackets(text: str) -> None:
    """Refuse deep nesting before the recursive parser sees it. Brackets inside strings do not count."""
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        char = token[0][0]
        depth += (char in "[{") - (char in "]}")
        if depth > DEPTH_MAX:
            raise Refused(f"nested deeper than {DEPTH_MAX} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise Refused(f"the member {double!r} appears twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Refused(f"{name} is not a JSON number")


class _Loader(yaml.CSafeLoader):
    """YAML 1.1 as far as JSON goes: dates stay text, a key appears once."""

    # AWS's documents write dates as plain text ("2012-10-17"), never as a date type.
    yaml_implicit_resolvers = {  # noqa: RUF012 - an instance attribute in the class above it.
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(names)) != len(names):
            double = next(name for name in names if names.count(name) > 1)
            raise Refused(f"the member {double!r} appears twice near line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


class _TemplateLoader(_Loader):
    """With CloudFormation's short forms of functions, which JSON writes in full."""


def _function(loader: Any, name: str, node: Any) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if name == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_TemplateLoader.add_multi_constructor("!", _function)


class _Dumper(yaml.CSafeDumper):
    """YAML as people write it: texts of several lines as literal blocks."""


def _text(dumper: Any, value: str) -> Any:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _from_yaml(text: str, functions: bool) -> Any:
    try:
        _check_events(text)
        value = yaml.load(text, Loader=_TemplateLoader if functions else _Loader)
    except yaml.YAMLError as wrong:
        mark = getattr(wrong, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(wrong, "problem", None) or getattr(wrong, "reason", None) or "unreadable"
        raise Refused(f"YAML not well-formed{place}: {reason}") from None
    except Refused:
        raise
    except (ValueError, OverflowError):
        raise Refused("YAML not well-formed: a number has too many digits") from None
    if isinstance(value, dict) and type(value.get("schemaVersion")) in (int, float):
        # An unquoted `schemaVersion: 2.2` is a number in YAML; its meaning is plain.
        value["schemaVersion"] = str(value["schemaVersion"])
    return value


def _check_events(text: str) -> None:
    """Depth and size from the event stream, which the parser produces without recursion."""
    depth = values = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        values += isinstance(event, yaml.NodeEvent)
        if depth > DEPTH_MAX:
            raise Refused(f"nested deeper than {DEPTH_MAX} levels")
        if values > VALUES_MAX:
            raise Refused(f"more than {VALUES_MAX} values")


def _check_values(value: Any) -> None:
    """JSON's types only, and bounded *after* YAML's aliases are expanded."""
    budget = VALUES_MAX
    heap: list[tuple[Any, int]] = [(value, 0)]
    while heap:
        item, depth = heap.pop()
        budget -= 1
        if budget < 0:
            raise Refused(f"more than {VALUES_MAX} values (aliases count each time they are used)")
        if depth > DEPTH_MAX:
            raise Refused(f"nested deeper than {DEPTH_MAX} levels")
        if isinstance(item, dict):
            wrong = next((name for name in item if not isinstance(name, str)), None)
            if wrong is not None:
                raise Refused(f"the member name {wrong!r} is not text")
            heap.extend((member, depth + 1) for member in item.values())
        elif isinstance(item, list):
            heap.extend((member, depth + 1) for member in item)
        elif not isinstance(item, str | int | float | bool | None):
            raise Refused(f"a value of type {type(item).__name__} has no place in a document")
        elif isinstance(item, float) and not math.isfinite(item):
            raise Refused(f"{item} is not a JSON number")
        elif isinstance(item, str) and not _is_unicode(item):
            raise Refused("a text holds half of a surrogate pair")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
