"""Moving records to where they are found: from the journal's files, and from the rows that wait, to parts."""

from collections.abc import Sequence

from hostreeve.kernel.dated import dated
from hostreeve.persistence.database import Transaction
from hostreeve.platform.audit.actions.journal import Journal
from hostreeve.platform.audit.model.chain import DATABASE, Head
from hostreeve.platform.audit.model.parts import Part, line_of, linked, parts_of
from hostreeve.platform.audit.store import chains, parts, waiting

LINES_MAX = 2048
"""So many are moved at once."""
SETTLED_MS = 1000
"""A row that waits is let alone for so long: who writes beside it is not in the way."""
_LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


def shipped(journal: Journal, kept: int) -> tuple[Head | None, list[Part]]:
    """The next frames of the journal behind line `kept`, as parts, and where they end. No transaction is
    needed."""
    made = journal.behind(kept, at_most=LINES_MAX)
    return (made[-1].frame.head if made else None), parts_of(journal.name, made)


def ship(tx: Transaction, name: str, kept: int, head: Head, made: Sequence[Part], now_ms: int) -> int:
    """Keep what `shipped` made, unless somebody has done so."""
    if chains.find(tx, name).kept_sequence != kept:
        return 0
    parts.insert(tx, made)
    chains.anchor(tx, name, head, head.sequence, now_ms=now_ms)
    return sum(part.records for part in made) or 1


def anchor(tx: Transaction, name: str, head: Head, now_ms: int) -> None:
    """Note in the database how far the journal goes."""
    known = chains.find(tx, name)
    if known.last.sequence < head.sequence:
        chains.anchor(tx, name, head, known.kept_sequence, now_ms=now_ms)


def is_due(tx: Transaction, *, now_ms: int, at_least: int, older_ms: int) -> bool:
    """Whether there are enough rows that wait, or the first of them has waited long enough."""
    first = waiting.newest_id(tx, 0)
    if first is None:
        return False
    return first <= dated(_LAST, now_ms - older_ms) or waiting.newest_id(tx, at_least - 1) is not None


def link(tx: Transaction, *, now_ms: int, at_least: int, older_ms: int) -> int:
    """Link rows that wait to the database's chain, and move them to parts, if it is due. Answers how many."""
    if not is_due(tx, now_ms=now_ms, at_least=at_least, older_ms=older_ms):
        return 0
    rows = waiting.oldest(tx, through=dated(_LAST, now_ms - SETTLED_MS), at_most=LINES_MAX)
    if not rows:
        return 0
    frames = linked(chains.find(tx, DATABASE).last, [line_of(row.scope, row.record) for row in rows])
    parts.insert(tx, parts_of(DATABASE, frames))
    head = frames[-1].frame.head
    chains.anchor(tx, DATABASE, head, head.sequence, now_ms=now_ms)
    waiting.delete(tx, [row.event_id for row in rows])
    return len(rows)
