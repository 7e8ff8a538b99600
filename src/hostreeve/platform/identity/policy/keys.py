"""What a policy asks of the context, and where in its text each statement stands."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_VARIABLE = re.compile(r"\$\{\s*([^\s,'{}*?$]+)\s*(?:,\s*'[^']*'\s*)?\}")
_SPACE = re.compile(r"\s*")
_decoder = json.JSONDecoder()


def context_keys(statement: Mapping[str, Any]) -> list[str]:
    """The condition keys and policy variables of a statement, as they are spelled, each once."""
    found: dict[str, str] = {}
    for name, block in statement.get("Condition", {}).items():
        for key, wanted in block.items():
            found.setdefault(key.lower(), key)
            if name != "Null":
                for variable in _variables(wanted):
                    found.setdefault(variable.lower(), variable)
    for element in ("Resource", "NotResource"):
        for variable in _variables(statement.get(element, ())):
            found.setdefault(variable.lower(), variable)
    return list(found.values())


def _variables(given: Any) -> Iterator[str]:
    for text in given if isinstance(given, list | tuple) else [given]:
        yield from _VARIABLE.findall(str(text))


class Span(NamedTuple):
    """From where to where something stands in a text: lines and columns, from 1; the end is behind it."""

    line: int
    column: int
    end_line: int
    end_column: int


def spans(document: str) -> list[Span]:
    """Where each statement of a policy stands, in their order. The document is a policy."""
    at = document.index("{") + 1
    while True:
        at = _behind_space(document, at)
        element, at = _decoder.raw_decode(document, at)
        at = _behind_space(document, document.index(":", at) + 1)
        if element == "Statement":
            return [_span(document, start, end) for start, end in _statements(document, at)]
        _, at = _decoder.raw_decode(document, at)
        at = document.index(",", at) + 1


def _statements(document: str, at: int) -> Iterator[tuple[int, int]]:
    if document[at] == "{":
        yield at, _decoder.raw_decode(document, at)[1]
        return
    while document[at] != "]":
        start = _behind_space(document, at + 1)
        end = _decoder.raw_decode(document, start)[1]
        yield start, end
        at = _behind_space(document, end)


def _behind_space(document: str, at: int) -> int:
    found = _SPACE.match(document, at)
    return found.end() if found else at


def _span(document: str, start: int, end: int) -> Span:
    return Span(*_place(document, start), *_place(document, end))


def _place(document: str, at: int) -> tuple[int, int]:
    return document.count("\n", 0, at) + 1, at - document.rfind("\n", 0, at)
