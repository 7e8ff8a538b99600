"""Parts: a few hundred lines of one account and Region, packed, with the keys that they are found by."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from hostreeve.kernel.scope import Scope
from hostreeve.platform.audit.model import chain
from hostreeve.platform.audit.model.chain import Link
from hostreeve.platform.audit.model.seen import Seen, key_of, seen

LINES_MAX = 256
"""A page of 50 that are spread over 50 parts must be found in time; zlib looks back no further anyway."""
SPAN_MS_MAX = 60_000
"""Between the first and the last of a part: whoever looks for a time knows how far to look."""
OWN = Scope("", "")
"""Where the notes of journals are kept, and the calls of those whom nobody knows."""


class Part(NamedTuple):
    """`keys` are the numbers of `seen.key_of`; `lines` is compressed."""

    scope: Scope
    chain: str
    first_sequence: int
    last_sequence: int
    first_ms: int
    last_ms: int
    records: int
    lines: bytes
    keys: tuple[int, ...]


def parts_of(name: str, links: Iterable[Link]) -> list[Part]:
    """The parts that these lines of a chain are kept in."""
    by_scope: dict[Scope, list[tuple[Link, Seen | None]]] = {}
    for link in links:
        found = seen(link.content)
        scope = Scope(found.account, found.region) if found else OWN
        by_scope.setdefault(scope, []).append((link, found))
    return [_part(name, scope, few) for scope, many in by_scope.items() for few in _few(many)]


def _few(many: Sequence[tuple[Link, Seen | None]]) -> Iterator[list[tuple[Link, Seen | None]]]:
    """Cut so that no part is too long in lines or in time. A clock that was set back ends a part as well."""
    few: list[tuple[Link, Seen | None]] = []
    first = last = 0
    for each in many:
        at_ms = each[1].at_ms if each[1] else 0
        if few and (len(few) == LINES_MAX or max(last, at_ms) - min(first, at_ms) > SPAN_MS_MAX):
            yield few
            few = []
        first, last = (min(first, at_ms), max(last, at_ms)) if few else (at_ms, at_ms)
        few.append(each)
    if few:
        yield few


def _part(name: str, scope: Scope, few: list[tuple[Link, Seen | None]]) -> Part:
    values: set[tuple[str, str]] = set()
    records = [found for _, found in few if found is not None]
    for found in records:
        values.update((kind, value) for kind, those in found.values().items() for value in those)
    times = [found.at_ms for found in records] or [0]
    return Part(
        scope=scope,
        chain=name,
        first_sequence=few[0][0].sequence,
        last_sequence=few[-1][0].sequence,
        first_ms=min(times),
        last_ms=max(times),
        records=len(records),
        lines=packed([link for link, _ in few]),
        keys=tuple(sorted(key_of(kind, value) for kind, value in values)),
    )


def packed(links: Iterable[Link]) -> bytes:
    return zlib.compress(b"".join(chain.line_of(*link) for link in links), 1)


def lines(part: bytes) -> list[bytes]:
    """The lines of a part. ValueError when it is damaged."""
    try:
        return zlib.decompress(part).splitlines()
    except zlib.error as damaged:
        raise ValueError(f"a part of the audit log cannot be unpacked: {damaged}") from None
