"""A document made ready to run: the values of its parameters, with what Parameter Store knows put in."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from hostreeve.api.call import Call
from hostreeve.capabilities import parameters as parameter_store
from hostreeve.capabilities.documents.actions import finding
from hostreeve.capabilities.documents.actions.finding import error
from hostreeve.capabilities.documents.model import parameters
from hostreeve.capabilities.documents.model.document import DocumentVersion
from hostreeve.capabilities.documents.model.limits import quota
from hostreeve.capabilities.documents.model.schemas import STEPS

_STORED = re.compile(r"\{\{\s*ssm:")


class Prepared(NamedTuple):
    """What a node is handed: content and values without any `{{ssm:…}}`."""

    content: dict[str, Any]
    values: dict[str, Any]


def prepare(call: Call, document: DocumentVersion, given: Mapping[str, Sequence[str]]) -> Prepared:
    """The content and the value of every parameter, with `{{ssm:name}}` replaced by what Parameter Store has.

    The caller must be allowed to get these parameters. Values are checked as the node will see them, so a
    parameter of the store cannot smuggle in what `allowedPattern` forbids. `{{ssm-secure:…}}` stays: the node
    resolves it. InvalidParameters, MaxDocumentSizeExceeded (all together above the document size).
    """
    expand = _Expansion(call)
    declared = document.parameters
    try:
        # Plain texts are expanded before they are checked. What is JSON is expanded after it was read, so
        # that no value breaks out of its quotes. Nothing is expanded twice.
        plain = {name for name in given if parameters.is_plain(declared.get(name, {}).get("type", ""))}
        texts = {
            name: [expand(text) for text in given[name]] if name in plain else given[name] for name in given
        }
        values = parameters.resolved(declared, texts)
        for name in values.keys() - plain:
            values[name] = expand.walk(values[name])
            parameters.check_value(name, declared[name], values[name])
    except parameters.Unfit as wrong:
        raise finding.unfit(wrong) from None
    content = document.content
    for member in STEPS:
        if member in content:
            content[member] = expand.walk(content[member])
    return Prepared(content, values)


def references(document: DocumentVersion, given: Mapping[str, Sequence[str]]) -> list[str]:
    """The parameters of Parameter Store that a run would read, by name and selector, each once."""
    found: list[str] = []
    _each_text(document.content, found.append)
    found += [text for texts in given.values() for text in texts]
    return parameter_store.references(found)


class _Expansion:
    """Puts in the values, and counts what that makes of the document."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._left = quota("document-size-bytes")

    def __call__(self, text: str) -> str:
        if not _STORED.search(text):
            return text
        found = parameter_store.resolve_references(self._call, self._call.scope, text)
        self._left -= len(found.encode())
        if self._left < 0:
            most = quota("document-size-bytes")
            raise error.MaxDocumentSizeExceeded(
                f"With the values of its parameters the document exceeds {most} bytes."
            )
        return found

    def walk(self, value: Any) -> Any:
        """A copy with every text expanded. Preconditions stay as they are: a node refuses such in them."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, list):
            return [self.walk(item) for item in value]
        if isinstance(value, dict):
            return {name: item if name == "precondition" else self.walk(item) for name, item in value.items()}
        return value


def _each_text(value: Any, keep: Callable[[str], None]) -> None:
    heap = [value]
    while heap:
        item = heap.pop()
        if isinstance(item, str):
            keep(item)
        elif isinstance(item, dict):
            heap.extend(member for name, member in item.items() if name != "precondition")
        elif isinstance(item, list):
            heap.extend(item)
