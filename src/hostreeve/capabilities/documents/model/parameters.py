"""A document's parameters: what may be declared, and what may be given for them when the document runs."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.api.patterns import Pattern
from hostreeve.capabilities.documents.model.content import Refused
from hostreeve.capabilities.documents.model.limits import PARAMETERS_MAX, PATTERN_CHARS_MAX

DECLARED_BY_COMMANDS = frozenset({"String", "StringList", "Boolean", "Integer", "MapList", "StringMap"})
"""The types of parameters that Command, Policy and Session documents declare."""

TYPED_BY_AWS = {
    "AWS::EC2::Instance::Id": r"m?i-[a-z0-9]{8,17}",
    "AWS::S3::Bucket::Name": r"[0-9a-z][a-z0-9\-.]{2,62}",
    "AWS::IAM::Role::Arn": r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.*",
}
"""Types of runbooks that a console shows as pickers, and what their values look like."""

DECLARED_BY_RUNBOOKS = DECLARED_BY_COMMANDS | {
    form.format(name) for name in TYPED_BY_AWS for form in ("{}", "List<{}>")
}
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
_NAMES_TOLD_MAX = 10
_MEMBERS = frozenset(
    {
        "type",
        "description",
        "default",
        "allowedValues",
        "allowedPattern",
        "displayType",
        "interpolationType",
        "minItems",
        "maxItems",
        "minChars",
        "maxChars",
    }
)


class Unfit(ValueError):
    """A value that a parameter does not take; the text names the parameter."""


def check_declared(declared: Any, types: Collection[str], *, member: str = "parameters") -> None:
    """Refuse a `parameters` block that is not one, with the place and the reason."""
    if not isinstance(declared, dict):
        raise Refused(f"{member}: must be an object")
    if len(declared) > PARAMETERS_MAX:
        raise Refused(f"{member}: more than {PARAMETERS_MAX}")
    for name, parameter in declared.items():
        place = f"{member}.{name}"
        if not _NAME.fullmatch(name):
            raise Refused(f"{place}: a parameter's name is made of letters, digits, '_', '.' and '-'")
        if not isinstance(parameter, dict):
            raise Refused(f"{place}: must be an object")
        if not isinstance(parameter.get("type"), str) or parameter["type"] not in types:
            raise Refused(f"{place}.type: must be one of {', '.join(sorted(types))}")
        _check_rules(place, parameter)
        if "default" in parameter and not _is_later(parameter["default"]):
            try:
                check_value(name, parameter, parameter["default"])
            except Unfit as wrong:
                raise Refused(f"{place}.default: {wrong}") from None


def _is_later(default: Any) -> bool:
    """A default from Parameter Store is known, and checked, when the document runs."""
    return isinstance(default, str) and "{{" in default and "ssm:" in default


def resolved(declared: Mapping[str, Any], given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The value of every parameter as a node wants it: `given` (the wire's lists of texts) over the defaults.

    String becomes a text, StringList a list of texts, the others their JSON value. Unfit names the parameter.
    """
    unknown = sorted(set(given) - set(declared))
    if unknown:
        told = [name[:100] for name in unknown[:_NAMES_TOLD_MAX]]
        more = f" and {len(unknown) - len(told)} more" if len(unknown) > len(told) else ""
        raise Unfit(f"document does not define parameters: {', '.join(told)}{more}")
    missing = sorted(name for name, p in declared.items() if "default" not in p and name not in given)
    if missing:
        raise Unfit(f"document requires parameters that were not given: {', '.join(missing)}")
    values: dict[str, Any] = {}
    for name, parameter in declared.items():
        if name in given:
            values[name] = _read(name, parameter["type"], given[name])
            check_value(name, parameter, values[name])
        else:
            values[name] = parameter["default"]
    return values


def described(declared: Mapping[str, Any]) -> list[dict[str, str]]:
    """The members of DocumentDescription.Parameters; lists and maps show as JSON text."""
    rows = []
    for name, parameter in declared.items():
        row = {"Name": name, "Type": str(parameter["type"])}
        if "description" in parameter:
            row["Description"] = str(parameter["description"])
        if "default" in parameter:
            default = parameter["default"]
            row["DefaultValue"] = default if isinstance(default, str) else json.dumps(default)
        rows.append(row)
    return rows


def check_value(name: str, parameter: Mapping[str, Any], value: Any) -> None:
    """Refuse a value that the parameter does not take: Unfit names it."""
    type_ = parameter["type"]
    if not _is_a(value, type_):
        raise Unfit(f"parameter {name} is not a {type_}")
    items = value if isinstance(value, list) else [value]
    if isinstance(value, list):
        _check_range(name, "items", len(value), parameter)
    allowed = parameter.get("allowedValues")
    pattern = Pattern(parameter["allowedPattern"]) if parameter.get("allowedPattern") else None
    shape = TYPED_BY_AWS.get(type_.removeprefix("List<").removesuffix(">"))
    for item in items:
        # An empty default says that the parameter is optional.
        if shape is not None and item and not re.fullmatch(shape, item):
            raise Unfit(f"parameter {name}: {item[:80]!r} is not a {type_}")
        if allowed is not None and item not in allowed:
            shown = ", ".join(str(choice) for choice in allowed)
            raise Unfit(f"parameter {name} must be one of: {shown}")
        if isinstance(item, str):
            _check_range(name, "chars", len(item), parameter)
            if pattern is not None and not pattern.matches(item):
                raise Unfit(f"parameter {name} does not match the pattern {parameter['allowedPattern']}")


def recheck(declared: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Unfit for values that were put in since. What is filled in at each use is checked there."""
    for name, value in values.items():
        if not (isinstance(value, str) and "{{" in value):
            check_value(name, declared[name], value)


def is_plain(type_: str) -> bool:
    """Whether values of this type travel as texts themselves, not as JSON."""
    return type_ in ("String", "StringList") or type_.startswith(("AWS::", "List<"))


def _check_rules(place: str, parameter: Mapping[str, Any]) -> None:
    unknown = sorted(set(parameter) - _MEMBERS)
    if unknown:
        raise Refused(f"{place}.{unknown[0]}: is not a member of a parameter")
    if not isinstance(parameter.get("description", ""), str):
        raise Refused(f"{place}.description: must be a text")
    if parameter.get("displayType") not in (None, "textfield", "textarea"):
        raise Refused(f"{place}.displayType: must be textfield or textarea")
    if parameter.get("interpolationType") not in (None, "ENV_VAR"):
        raise Refused(f"{place}.interpolationType: must be ENV_VAR")
    if "interpolationType" in parameter and parameter["type"] not in ("String", "StringList"):
        raise Refused(f"{place}.interpolationType: is for String and StringList only")
    _check_limits(place, parameter)
    if "allowedValues" in parameter and not (
        isinstance(parameter["allowedValues"], list) and parameter["allowedValues"]
    ):
        raise Refused(f"{place}.allowedValues: must be a list with at least one value")
    _check_pattern(f"{place}.allowedPattern", parameter.get("allowedPattern"))


def _check_limits(place: str, parameter: Mapping[str, Any]) -> None:
    for rule in ("minItems", "maxItems", "minChars", "maxChars"):
        limit = parameter.get(rule)
        if limit is not None and (type(limit) is not int or limit < 0):
            raise Refused(f"{place}.{rule}: must be a whole number of 0 or more")
    for least, most in (("minItems", "maxItems"), ("minChars", "maxChars")):
        if parameter.get(least, 0) > parameter.get(most, parameter.get(least, 0)):
            raise Refused(f"{place}.{least}: must not be above {most}")


def _check_pattern(place: str, pattern: Any) -> None:
    if pattern is None:
        return
    if not isinstance(pattern, str) or len(pattern) > PATTERN_CHARS_MAX:
        raise Refused(f"{place}: must be a text of at most {PATTERN_CHARS_MAX} characters")
    try:
        Pattern(pattern)
    except ValueError as wrong:
        raise Refused(f"{place}: {wrong}") from None


def _read(name: str, type_: str, texts: Sequence[str]) -> Any:
    """The value that the wire's list of texts stands for."""
    if type_ == "StringList" or type_.startswith("List<"):
        return list(texts)
    if type_ == "MapList":
        return [_json(name, text) for text in texts]
    if len(texts) != 1:
        raise Unfit(f"parameter {name} is a {type_} and takes exactly one value, not {len(texts)}")
    if type_ == "String" or type_ in TYPED_BY_AWS:
        return texts[0]
    return _json(name, texts[0].lower() if type_ == "Boolean" else texts[0])


def _json(name: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        raise Unfit(f"parameter {name}: {text[:80]!r} is not JSON") from None


def _is_a(value: Any, type_: str) -> bool:
    if type_ == "String" or type_ in TYPED_BY_AWS:
        return isinstance(value, str)
    if type_ == "Boolean":
        return isinstance(value, bool)
    if type_ == "Integer":
        return type(value) is int
    if type_ == "StringMap":
        return isinstance(value, dict)
    wanted = dict if type_ == "MapList" else str
    return isinstance(value, list) and all(isinstance(item, wanted) for item in value)


def _check_range(name: str, what: str, size: int, parameter: Mapping[str, Any]) -> None:
    least, most = parameter.get(f"min{what.title()}"), parameter.get(f"max{what.title()}")
    words = "items" if what == "items" else "characters"
    if least is not None and size < least:
        raise Unfit(f"parameter {name} must have at least {least} {words}")
    if most is not None and size > most:
        raise Unfit(f"parameter {name} must have at most {most} {words}")
