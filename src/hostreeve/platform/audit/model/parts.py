"""Parts: frames of one account and Region as the database keeps them, with what they are found by."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from hostreeve.kernel.scope import Scope
from hostreeve.platform.audit.model import chain
from hostreeve.platform.audit.model.chain import LINES_MAX, Frame, Head
from hostreeve.platform.audit.model.seen import Facts, key_of, seen

SPAN_MS_MAX = 60_000
"""Between the first and the last of a part: whoever looks for a time knows how far to look."""
OWN = Scope("", "")
"""Where the notes of journals are kept, and the calls of those whom nobody knows."""


class Part(NamedTuple):
    """`keys` are the numbers of `seen.key_of`; `frames` is packed."""

    scope: Scope
    chain: str
    first_sequence: int
    last_sequence: int
    first_ms: int
    last_ms: int
    records: int
    frames: bytes
    keys: tuple[int, ...]


class Line(NamedTuple):
    """A record, when it was and what it is found by; a note has neither."""

    scope: Scope
    content: bytes
    at_ms: int = 0
    facts: Facts | None = None


class Linked(NamedTuple):
    """A frame, and what its lines have in common."""

    frame: Frame
    scope: Scope
    first_ms: int
    last_ms: int
    records: int
    facts: frozenset[Facts]


def line_of(scope: Scope, content: bytes) -> Line:
    """A line that was written before."""
    found = seen(content)
    return Line(scope, content, found.at_ms, found.facts()) if found else Line(scope, content)


def linked(before: Head, lines: Iterable[Line]) -> list[Linked]:
    """The next frames of a chain: lines of each account and Region together, in their order."""
    by_scope: dict[Scope, list[Line]] = {}
    for line in lines:
        by_scope.setdefault(line.scope, []).append(line)
    made: list[Linked] = []
    for scope, theirs in by_scope.items():
        for few in _few(theirs):
            frame = chain.frame_of(before, [line.content for line in few])
            made.append(_linked(frame, scope, few))
            before = frame.head
    return made


def _few(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    """Cut so that no frame is too long, in lines or in time. A clock that was set ends a frame as well."""
    begin, first, last = 0, 0, 0
    for at, line in enumerate(lines):
        at_ms = line.at_ms
        if at > begin:
            first, last = min(first, at_ms), max(last, at_ms)
            if at - begin < LINES_MAX and last - first <= SPAN_MS_MAX:
                continue
            yield lines[begin:at]
        begin, first, last = at, at_ms, at_ms
    yield lines[begin:]


def looked_at(frame: Frame) -> Linked:
    """A frame that was written before. ValueError when it is none."""
    contents = [content for each in chain.opened(frame.packed) for content in each.lines]
    scopes = {Scope(found.account, found.region) for found in map(seen, contents) if found}
    only = next(iter(scopes)) if len(scopes) == 1 else OWN
    scope = only if only.account else OWN
    return _linked(frame, scope, [line_of(scope, content) for content in contents])


def _linked(frame: Frame, scope: Scope, lines: Sequence[Line]) -> Linked:
    times = [line.at_ms for line in lines if line.facts is not None]
    facts = frozenset([line.facts for line in lines if line.facts is not None])
    return Linked(frame, scope, min(times, default=0), max(times, default=0), len(times), facts)


def parts_of(name: str, frames: Iterable[Linked]) -> list[Part]:
    """The parts that these frames of a chain are kept in: small ones together."""
    by_scope: dict[Scope, list[list[Linked]]] = {}
    for each in frames:
        groups = by_scope.setdefault(each.scope, [[]])
        if groups[-1] and not _fits(groups[-1], each):
            groups.append([])
        groups[-1].append(each)
    return [_part(name, scope, group) for scope, groups in by_scope.items() for group in groups]


def _fits(group: Sequence[Linked], more: Linked) -> bool:
    """A clock that was set back ends a part as well."""
    first = min(more.first_ms, *(each.first_ms for each in group))
    last = max(more.last_ms, *(each.last_ms for each in group))
    lines = sum(each.frame.length for each in group) + more.frame.length
    return lines <= LINES_MAX and last - first <= SPAN_MS_MAX


def _part(name: str, scope: Scope, group: Sequence[Linked]) -> Part:
    values: set[tuple[str, str]] = set()
    for facts in frozenset[Facts]().union(*(each.facts for each in group)):
        values.update(facts.values())
    return Part(
        scope=scope,
        chain=name,
        first_sequence=group[0].frame.first,
        last_sequence=group[-1].frame.last,
        first_ms=min(each.first_ms for each in group),
        last_ms=max(each.last_ms for each in group),
        records=sum(each.records for each in group),
        frames=chain.repacked([each.frame for each in group]),
        keys=tuple(sorted(key_of(kind, value) for kind, value in values)),
    )
