"""Finding records: what waits, what lies in this replica's journal alone, and the parts, the latest first."""

import contextlib
import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hostreeve.kernel.dated import date_of, sibling
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.audit.actions.journal import Journal
from hostreeve.platform.audit.model import chain
from hostreeve.platform.audit.model.parts import SPAN_MS_MAX
from hostreeve.platform.audit.model.seen import Filter, Seen, key_of, named
from hostreeve.platform.audit.store import chains, parts, waiting
from hostreeve.platform.audit.store.segments import frames_after

FIRST_REGION = "us-east-1"
"""Where clients sign calls of global services, by themselves."""
TAIL_LINES_MAX = 100_000


class Found(NamedTuple):
    """A record, and what it was found by."""

    seen: Seen
    content: bytes


def search(tx: Transaction, journal: Journal | None, scope: Scope, wanted: Filter, limit: int) -> list[Found]:
    """The latest `limit` records of one account and Region that the filter takes, in the order of their ids,
    which is that of time."""
    fresh = _taken(scope, wanted, waiting.of_scope(tx, scope))
    if journal is not None:
        fresh += _taken(scope, wanted, tail(tx, journal))
    found = {each.seen.event_id: each for each in fresh}
    stored = parts.latest_first(
        tx,
        scope,
        start_ms=wanted.start_ms,
        end_ms=wanted.end_ms,
        span_ms=SPAN_MS_MAX,
        key=_key(wanted),
    )
    for part in stored:
        if len(found) >= limit and _nth(found, limit) > part.last_ms:
            break
        lines = lines_of(part.frames, wanted.mark())
        found.update({each.seen.event_id: each for each in _taken(scope, wanted, lines)})
    return [found[event_id] for event_id in heapq.nlargest(limit, found)]


def find(tx: Transaction, journal: Journal | None, scope: Scope, request_id: str) -> Found | None:
    """The record of a call of an account, whichever Region it was made in: the scope's is looked at first."""
    at_ms = date_of(request_id)
    if at_ms is None:
        return None
    wanted = Filter(at_ms, at_ms, "EventId", sibling(request_id), management_only=False)
    regions = [scope.region, FIRST_REGION, *parts.regions_of(tx, scope.account)]
    for region in dict.fromkeys(regions):
        found = search(tx, journal, Scope(scope.account, region), wanted, 1)
        if found:
            return found[0]
    return None


def _key(wanted: Filter) -> int | None:
    if wanted.kind in ("", "EventId"):
        return None
    return key_of(wanted.kind, named(wanted.value) if wanted.kind == "ResourceName" else wanted.value)


def _nth(found: dict[str, Found], limit: int) -> int:
    """The time of the last that would be shown."""
    return found[heapq.nlargest(limit, found)[-1]].seen.at_ms


def _taken(scope: Scope, wanted: Filter, contents: Iterable[bytes]) -> list[Found]:
    mark = wanted.mark()  # Of what is no part, all lines come here.
    return [
        Found(seen, content)
        for content in contents
        if mark in content
        and (seen := wanted.takes(content)) is not None
        and seen.account == scope.account
        and seen.region == scope.region
    ]


def tail(tx: Transaction, journal: Journal) -> Iterator[bytes]:
    """What this replica wrote down and no part holds yet."""
    kept = chains.find(tx, journal.name).kept_sequence
    journal.flush_quietly()
    for frame in frames_after(journal.folder, kept, at_most=TAIL_LINES_MAX):
        yield from lines_of(frame.packed)


def lines_of(packed: bytes, mark: bytes = b"") -> Iterator[bytes]:
    """The lines of packed frames, or those that hold the mark; none of what is damaged: `hostreeve audit
    verify` tells of it."""
    with contextlib.suppress(ValueError):
        if mark:
            yield from chain.marked(packed, mark)
            return
        for frame in chain.opened(packed):
            yield from frame.lines
