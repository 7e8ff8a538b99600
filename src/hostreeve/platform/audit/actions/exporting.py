"""Every record that there is, by time, for whoever holds the state folder."""

import heapq
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hostreeve.persistence.database import Transaction
from hostreeve.platform.audit.actions.journal import name_in
from hostreeve.platform.audit.actions.searching import TAIL_LINES_MAX, lines_of
from hostreeve.platform.audit.model.record import published
from hostreeve.platform.audit.model.seen import Filter, Seen
from hostreeve.platform.audit.store import chains, parts, waiting
from hostreeve.platform.audit.store.copies import Look
from hostreeve.platform.audit.store.segments import frames_after


class Wanted(NamedTuple):
    """What is exported: times in milliseconds, both included, and what a record must have; empty is all."""

    start_ms: int = 0
    end_ms: int = 1 << 62
    account: str = ""
    region: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    errors_only: bool = False

    def takes(self, content: bytes) -> Seen | None:
        """The record's members if it is one of those."""
        found = Filter(self.start_ms, self.end_ms, management_only=False).takes(content)
        if found is None or (self.errors_only and not found.error_code):
            return None
        if (self.account and found.account != self.account) or (self.region and found.region != self.region):
            return None
        return found if all(found.has(kind, value) for kind, value in self.attributes) else None


def export(look: Look, folder: Path, wanted: Wanted) -> Iterator[bytes]:
    """The records in CloudTrail's format, the oldest first, each once."""
    name = name_in(folder)
    kept, waits, ahead = look(partial(_snapshot, name=name, wanted=wanted))
    tail = frames_after(folder, kept, at_most=TAIL_LINES_MAX) if name else iter(())
    fresh = [*waits, *(line for frame in tail for line in lines_of(frame.packed))]
    yield from map(published, _once(_by_time(look, ahead, wanted, _taken(fresh, wanted))))


def _snapshot(
    tx: Transaction, *, name: str, wanted: Wanted
) -> tuple[int, list[bytes], list[tuple[int, int]]]:
    return (
        chains.find(tx, name).kept_sequence,
        waiting.all_records(tx),
        parts.between(tx, start_ms=wanted.start_ms, end_ms=wanted.end_ms),
    )


def _by_time(
    look: Look, ahead: list[tuple[int, int]], wanted: Wanted, heap: list[tuple[str, bytes]]
) -> Iterator[tuple[str, bytes]]:
    """Parts overlap in time: a record's turn has come when no part ahead begins before it."""
    heapq.heapify(heap)
    for first_ms, part in ahead:
        time = f"{first_ms:012x}"
        while heap and heap[0][0] < f"{time[:8]}-{time[8:]}":
            yield heapq.heappop(heap)
        packed = look(partial(parts.frames_of, part=part))
        for each in _taken(lines_of(packed), wanted):
            heapq.heappush(heap, each)
    while heap:
        yield heapq.heappop(heap)


def _taken(contents: Iterable[bytes], wanted: Wanted) -> list[tuple[str, bytes]]:
    return [(found.event_id, content) for content in contents if (found := wanted.takes(content))]


def _once(records: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
    before = ""
    for event_id, content in records:
        if event_id != before:
            yield content
        before = event_id
