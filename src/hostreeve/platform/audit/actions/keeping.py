"""Moving records to where they are found: from the journal's files, and from the rows that wait, to parts."""

import contextlib
from collections.abc import Sequence

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.audit.actions.journal import Journal
from hostreeve.platform.audit.model import chain
from hostreeve.platform.audit.model.chain import DATABASE, Head
from hostreeve.platform.audit.model.parts import Part, line_of, linked, parts_of
from hostreeve.platform.audit.model.seen import key_of, seen
from hostreeve.platform.audit.store import chains, parts, waiting

FORGOTTEN_MAX = 3000
"""So many parts are forgotten at once, at most; what is moved together is no more."""
LINES_MAX = 2048
"""So many are moved at once."""
SETTLED_MS = 1000
"""A row that waits is let alone for so long: who writes beside it is not in the way."""


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


def forget(tx: Transaction, name: str, *, older_ms: int) -> int:
    """Delete the beginning of a chain of which all is older. Answers how many parts.

    What was moved together lies between one another in parts of several accounts: it goes together, so that
    what is left begins with the line behind it.
    """
    high, newest_ms, found = 0, 0, 0
    ends = parts.ends_of_chain(tx, name, at_most=FORGOTTEN_MAX)
    for row in ends:
        if row["first_sequence"] > high and newest_ms < older_ms:
            found = high
        high, newest_ms = max(high, row["last_sequence"]), max(newest_ms, row["last_ms"])
        if newest_ms >= older_ms:
            break
    else:
        found = high if len(ends) < FORGOTTEN_MAX else found
    return _delete_up_to(tx, name, found) if found else 0


def _delete_up_to(tx: Transaction, name: str, sequence: int) -> int:
    rows = parts.of_chain(tx, name, after=(0, 0), at_most=FORGOTTEN_MAX)
    gone = [row for row in rows if row["last_sequence"] <= sequence]
    for row in gone:
        scope = Scope(row["account"], row["region"])
        head, keys = _last_and_keys(row["frames"])
        parts.delete(tx, scope, row["part"], row["last_ms"], keys)
        if head is not None and head.sequence == sequence:
            chains.begin_at(tx, name, head)
    return len(gone)


def _last_and_keys(packed: bytes) -> tuple[Head | None, set[int]]:
    """The end of a part and the keys that it is found by; nothing of one that is damaged."""
    head, keys = None, set[int]()
    with contextlib.suppress(ValueError):
        for frame in chain.opened(packed):
            head = frame.head
            for line in frame.lines:
                found = seen(line)
                if found is not None:
                    keys |= {key_of(kind, value) for kind, value in found.facts().values()}
    return head, keys


def is_due(tx: Transaction, *, now_ms: int, at_least: int, older_ms: int) -> bool:
    """Whether there are enough rows that wait, or the first of them has waited long enough."""
    first_ms = waiting.created_ms(tx, 0)
    if first_ms is None:
        return False
    return first_ms <= now_ms - older_ms or waiting.created_ms(tx, at_least - 1) is not None


def link(tx: Transaction, *, now_ms: int, at_least: int, older_ms: int) -> int:
    """Link rows that wait to the database's chain, and move them to parts, if it is due. Answers how many."""
    if not is_due(tx, now_ms=now_ms, at_least=at_least, older_ms=older_ms):
        return 0
    settled_ms = now_ms - SETTLED_MS
    rows = [row for row in waiting.oldest(tx, at_most=LINES_MAX) if row.created_ms <= settled_ms]
    if not rows:
        return 0
    frames = linked(chains.find(tx, DATABASE).last, [line_of(row.scope, row.record) for row in rows])
    parts.insert(tx, parts_of(DATABASE, frames))
    head = frames[-1].frame.head
    chains.anchor(tx, DATABASE, head, head.sequence, now_ms=now_ms)
    waiting.delete(tx, [row.row_id for row in rows])
    return len(rows)
