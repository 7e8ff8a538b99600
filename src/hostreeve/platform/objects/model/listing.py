"""Listing keys in order, with those that share a beginning up to the delimiter rolled up into one entry."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from hostreeve.platform.objects.model.names import past

Position = tuple[str, str]
CHUNK_FIRST = 16


class Listed(Protocol):
    """A row with a key and the place in the order that the next page starts behind."""

    @property
    def key(self) -> str: ...

    @property
    def position(self) -> Position: ...


R = TypeVar("R", bound=Listed)
Fetch = Callable[[Position, int], Sequence[R]]


@dataclass(slots=True)
class Listing(Generic[R]):
    """A page: rows, common prefixes, and whether there is more behind `last` (a row's key or a prefix)."""

    rows: list[R] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: Position = ("", "")
    more: bool = False

    def __len__(self) -> int:
        return len(self.rows) + len(self.prefixes)


def listed(fetch: Fetch[R], *, prefix: str, delimiter: str, start: Position, limit: int) -> Listing[R]:
    """The page behind `start`. `fetch(position, count)` answers rows with the prefix, in order, behind a
    position.
    """
    page: Listing[R] = Listing()
    position = start
    count = min(limit + 1, CHUNK_FIRST) if delimiter else limit + 1
    while limit > 0 and not page.more:
        rows = fetch(position, count)
        skipped = False
        for row in rows:
            if row.position <= position:
                skipped = True
                continue
            if len(page) == limit:
                page.more = True
                break
            common = _common(row.key, prefix, delimiter)
            if common is None:
                page.rows.append(row)
                page.last = position = row.position
            else:
                page.prefixes.append(common)
                page.last = (common, "")
                position = (past(common), "")
        if len(rows) < count:
            break
        # A jump over many keys looks at a few first; where there is nothing to jump over, more at a time.
        count = CHUNK_FIRST if skipped else min(count * 2, limit + 1)
    return page


def behind(text: str, prefix: str, delimiter: str) -> Position:
    """Where a page starts whose caller names the last entry shown: a common prefix hides all below it."""
    return (past(text), "") if text and _common(text, prefix, delimiter) == text else (text, "")


def _common(key: str, prefix: str, delimiter: str) -> str | None:
    if not delimiter or not key.startswith(prefix):
        return None
    end = key.find(delimiter, len(prefix))
    return None if end < 0 else key[: end + len(delimiter)]
