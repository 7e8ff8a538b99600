"""The part of JSONPath that runbooks may use to take a value out of an answer: `$.a.b[0]`, `$..c`, `[*]`."""

import re
from typing import Any

from msgspec import Struct

FOUND_MAX = 10_000
"""Values that one selector finds at most."""
PARTS_MAX = 50
_PART = re.compile(
    r"\.\.(?P<deep>[^.\[\]\s]+|\*)"
    r"|\.(?P<name>[^.\[\]\s]+|\*)"
    r"|\[(?P<index>-?[0-9]{1,9}|\*)\]"
    r"|\[(?P<from>-?[0-9]{0,9}):(?P<to>-?[0-9]{0,9})\]"
    r"|\[(?P<quote>['\"])(?P<quoted>.*?)(?P=quote)\]"
)


class BadSelector(ValueError):
    """A selector that is none; the text says why."""


class Selected(Struct, frozen=True):
    """What a selector found. `is_many`: it can find several values, and so is always a list."""

    values: list[Any]
    is_many: bool

    @property
    def is_nothing(self) -> bool:
        return not self.values and not self.is_many

    @property
    def value(self) -> Any:
        return self.values if self.is_many else self.values[0]


def select(selector: str, tree: Any) -> Selected:
    """Find. A selector without `$.` begins at the root too, as AWS takes it. BadSelector."""
    parts = _parts(selector)
    values, is_many = [tree], False
    for part in parts:
        values = [found for value in values for found in _step(part, value)]
        if len(values) > FOUND_MAX:
            raise BadSelector(f"{selector[:80]!r} finds more than {FOUND_MAX} values")
        is_many = is_many or _finds_many(part)
    return Selected(values, is_many)


def check(selector: str) -> None:
    """BadSelector when it is none."""
    _parts(selector)


def _parts(selector: str) -> list[re.Match[str]]:
    text = selector.strip()
    if text == "$":
        return []
    if text.startswith("$"):
        text = text[1:]
    elif not text.startswith("["):
        text = f".{text}"
    parts, place = [], 0
    while place < len(text):
        found = _PART.match(text, place)
        if found is None:
            raise BadSelector(f"{selector[:80]!r} cannot be read from {text[place : place + 20]!r} on")
        parts.append(found)
        place = found.end()
    if not parts or len(parts) > PARTS_MAX:
        raise BadSelector(f"{selector[:80]!r} must have 1 to {PARTS_MAX} parts")
    return parts


def _finds_many(part: re.Match[str]) -> bool:
    return bool(part["deep"]) or part["name"] == "*" or part["index"] == "*" or part["to"] is not None


def _step(part: re.Match[str], value: Any) -> list[Any]:
    if part["deep"]:
        return _deep(part["deep"], value)
    if part["to"] is not None:
        if not isinstance(value, list):
            return []
        ends = [int(text) if text else None for text in (part["from"], part["to"])]
        return value[ends[0] : ends[1]]
    if "*" in (part["name"], part["index"]):
        return list(value.values()) if isinstance(value, dict) else _listed(value)
    if part["index"]:
        place = int(part["index"])
        return [value[place]] if isinstance(value, list) and -len(value) <= place < len(value) else []
    name = part["name"] or part["quoted"]
    return [value[name]] if isinstance(value, dict) and name in value else []


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else []


def _deep(name: str, tree: Any) -> list[Any]:
    """Every member of that name, however deep, in the order of the tree."""
    found: list[Any] = []
    heap = [tree]
    while heap and len(found) <= FOUND_MAX:
        value = heap.pop()
        if isinstance(value, dict):
            found += [item for key, item in value.items() if name in (key, "*")]
            heap.extend(reversed(value.values()))
        elif isinstance(value, list):
            found += value if name == "*" else []
            heap.extend(reversed(value))
    return found
