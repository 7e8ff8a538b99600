"""All SQL of chains: where each begins, and how far it is known."""

from typing import NamedTuple

from hostreeve.persistence.database import Transaction
from hostreeve.platform.audit.model.chain import NOWHERE, START, Head


class Anchor(NamedTuple):
    """`first` stands before the first line that is kept, `last` is the last that is known; lines up to
    `kept_sequence` lie in parts."""

    chain: str
    first: Head
    last: Head
    kept_sequence: int
    anchored_ms: int


def find(tx: Transaction, chain: str) -> Anchor:
    """What is known of a chain; of one that is new, that it begins."""
    row = tx.one("SELECT * FROM audit_chain WHERE chain = :chain", chain=chain)
    return _anchor(row) if row else Anchor(chain, NOWHERE, NOWHERE, 0, 0)


def every(tx: Transaction) -> list[Anchor]:
    return [_anchor(row) for row in tx.all("SELECT * FROM audit_chain ORDER BY chain")]


def anchor(tx: Transaction, chain: str, last: Head, kept_sequence: int, *, now_ms: int) -> None:
    """Note how far a chain goes. It never goes back."""
    tx.run(
        "INSERT INTO audit_chain (chain, first_sequence, first_hash, last_sequence, last_hash,"
        " kept_sequence, anchored_ms)"
        " VALUES (:chain, 0, :start, :sequence, :hash, :kept, :now_ms)"
        " ON CONFLICT (chain) DO UPDATE SET last_sequence = :sequence, last_hash = :hash,"
        " kept_sequence = :kept, anchored_ms = :now_ms"
        " WHERE audit_chain.last_sequence <= :sequence AND audit_chain.kept_sequence <= :kept",
        chain=chain,
        start=START,
        sequence=last.sequence,
        hash=last.hash,
        kept=kept_sequence,
        now_ms=now_ms,
    )


def begin_at(tx: Transaction, chain: str, first: Head) -> None:
    """Lines up to `first` are older than what is kept."""
    tx.run(
        "UPDATE audit_chain SET first_sequence = :sequence, first_hash = :hash"
        " WHERE chain = :chain AND first_sequence < :sequence",
        chain=chain,
        sequence=first.sequence,
        hash=first.hash,
    )


def _anchor(row: dict[str, object]) -> Anchor:
    return Anchor(
        str(row["chain"]),
        Head(int(str(row["first_sequence"])), str(row["first_hash"])),
        Head(int(str(row["last_sequence"])), str(row["last_hash"])),
        int(str(row["kept_sequence"])),
        int(str(row["anchored_ms"])),
    )
