"""Which of two RPM versions is newer: rpm's own order (`~` before all, `^` after it, digits over letters)."""

import functools
import re
from typing import List, Tuple

_PARTS = re.compile(r"[0-9]+|[a-zA-Z]+|~|\^")
_ENDED, _LETTERS, _DIGITS = 1, 2, 3


def full(text: str) -> str:
    """`epoch:version-release`, with the epoch that nobody writes when it is 0."""
    epoch, colon, _ = text.partition(":")
    return text if colon and epoch.isdigit() else "0:" + text


@functools.total_ordering
class Order:
    """What sorts full versions, as `sorted(versions, key=Order)`."""

    def __init__(self, text: str) -> None:
        epoch, _, rest = full(text).partition(":")
        version, _, release = rest.rpartition("-")
        self._key = (int(epoch), _key(version or release), _key(release if version else ""))

    def __lt__(self, other: "Order") -> bool:
        return self._key < other._key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Order) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _key(text: str) -> Tuple[Tuple[int, int, str], ...]:
    """A tuple per part, so that Python's order of tuples is rpm's of versions."""
    key: List[Tuple[int, int, str]] = []
    for part in _PARTS.findall(text):
        if part == "~":
            key.append((-1, 0, ""))
        elif part == "^":
            key.append((_ENDED, 0, "^"))
        elif part.isdigit():
            key.append((_DIGITS, int(part), ""))
        else:
            key.append((_LETTERS, 0, part))
    key.append((0, 0, ""))
    return tuple(key)
