"""All SQL of records that wait to be linked: those written with what they tell of."""

from collections.abc import Sequence
from typing import NamedTuple

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction


class Waiting(NamedTuple):
    """A record that is not linked yet."""

    row_id: int
    created_ms: int
    scope: Scope
    record: bytes


def insert(tx: Transaction, scope: Scope, created_ms: int, record: bytes) -> None:
    tx.run(
        "INSERT INTO audit_event (account, region, created_ms, record)"
        " VALUES (:account, :region, :created_ms, :record)",
        account=scope.account,
        region=scope.region,
        created_ms=created_ms,
        record=record,
    )


def of_scope(tx: Transaction, scope: Scope) -> list[bytes]:
    """All of one account and Region; there are a few thousand at most, of all together."""
    rows = tx.all(
        "SELECT record FROM audit_event WHERE account = :account AND region = :region",
        account=scope.account,
        region=scope.region,
    )
    return [row["record"] for row in rows]


def oldest(tx: Transaction, *, at_most: int) -> list[Waiting]:
    """The first ones, whosever they are."""
    rows = tx.all(
        "SELECT row_id, account, region, created_ms, record FROM audit_event ORDER BY row_id LIMIT :n",
        n=at_most,
    )
    return [
        Waiting(row["row_id"], row["created_ms"], Scope(row["account"], row["region"]), row["record"])
        for row in rows
    ]


def created_ms(tx: Transaction, place: int) -> int | None:
    """When the one at that place (from 0) was written, counted from the first."""
    row = tx.one("SELECT created_ms FROM audit_event ORDER BY row_id LIMIT 1 OFFSET :place", place=place)
    return row["created_ms"] if row else None


def delete(tx: Transaction, rows: Sequence[int]) -> None:
    tx.many("DELETE FROM audit_event WHERE row_id = :row_id", [{"row_id": each} for each in rows])


def all_records(tx: Transaction) -> list[bytes]:
    """Everything that waits, in order."""
    return [row["record"] for row in tx.all("SELECT record FROM audit_event ORDER BY row_id")]
