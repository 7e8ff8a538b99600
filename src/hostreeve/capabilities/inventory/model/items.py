"""What a node has of a type, as a value; entries that many nodes share, and what became different."""

import hashlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec
from msgspec import Struct, field

from hostreeve.capabilities.inventory.model.types import identity_of, is_moment

Row = dict[str, str]

ITEM_BYTES_MAX = 4 * 1024 * 1024
ITEMS_BYTES_MAX = 12 * 1024 * 1024
"""Official agents stop at 3 MB and 10 MB; AWS's own numbers are not published."""
KEPT_MS = 30 * 86_400_000
"""How long the inventory of nodes that left is kept."""
HISTORY_KEPT_MS = 90 * 86_400_000
CHANGES_MAX = 5_000
"""Of a node: one that tells of something else every minute has a shorter history."""


class Item(Struct, frozen=True, kw_only=True):
    """What was put of a type. `rows` None: only the hash was told, because nothing is different."""

    type_name: str
    schema_version: str
    capture_time: str
    content_hash: str = ""
    rows: list[Row] | None = None
    context: dict[str, str] = field(default_factory=dict)


def split(rows: Iterable[Row]) -> tuple[list[bytes], list[Row]]:
    """Each entry's part that nodes share, as JSON in one order for all, and its times."""
    shared, moments = [], []
    for row in rows:
        names, times = _parts(tuple(row))
        shared.append(msgspec.json.encode({name: row[name] for name in names}))
        moments.append({name: row[name] for name in times})
    return shared, moments


def digest_of(content: bytes) -> str:
    """By which an entry is found again."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


@lru_cache(maxsize=1024)
def _parts(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The attributes that nodes share, in one order for all, and those that are times."""
    times = tuple(name for name in names if is_moment(name))
    return tuple(sorted(set(names) - set(times))), times


def joined(contents: Sequence[Row], moments: Sequence[Row]) -> list[Row]:
    """The entries whole again; `moments` are [] where none has any."""
    if not moments:
        return list(contents)
    return [{**content, **times} for content, times in zip(contents, moments, strict=True)]


def packed(ids: Iterable[int]) -> bytes:
    return array("q", ids).tobytes()


def unpacked(ids: bytes) -> "array[int]":
    found: array[int] = array("q")
    found.frombytes(ids)
    return found


class Change(Struct, frozen=True, kw_only=True):
    """Entries of a node's type that came and went together, and those that are there with other values.

    `at_ms` is when it was taken, `capture_time` when the node looked. `is_first`: nothing was known before,
    and the entries are not listed.
    """

    at_ms: int
    type_name: str
    capture_time: str
    is_first: bool
    added: list[Row]
    removed: list[Row]
    changed: list[tuple[Row, Row]]


def told_apart(
    type_name: str, added: Iterable[Row], removed: Iterable[Row]
) -> tuple[list[Row], list[Row], list[tuple[Row, Row]]]:
    """Entries that came, that went, and pairs (before, after) of the same ones with other values."""
    came, went = list(added), list(removed)
    names = identity_of(type_name, {name for row in (*came, *went) for name in row})
    before: dict[tuple[str, ...], list[Row]] = {}
    for row in went:
        before.setdefault(_key(row, names), []).append(row)
    changed, new = [], []
    for row in came:
        same = before.get(_key(row, names))
        if same:
            changed.append((same.pop(0), row))
        else:
            new.append(row)
    return new, [row for rows in before.values() for row in rows], changed


def _key(row: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(row.get(name, "") for name in names)
