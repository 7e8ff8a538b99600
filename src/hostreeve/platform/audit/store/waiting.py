"""All SQL of records that wait to be linked: those written with what they tell of."""

from collections.abc import Sequence
from typing import NamedTuple

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction


class Waiting(NamedTuple):
    """A record that is not linked yet."""

    event_id: str
    scope: Scope
    record: bytes


def insert(tx: Transaction, scope: Scope, event_id: str, record: bytes) -> None:
    """Again is the same: a call has one record."""
    tx.run(
        "INSERT INTO audit_event (event_id, account, region, record)"
        " VALUES (:event_id, :account, :region, :record) ON CONFLICT DO NOTHING",
        event_id=event_id,
        account=scope.account,
        region=scope.region,
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


def oldest(tx: Transaction, *, through: str, at_most: int) -> list[Waiting]:
    """Those with an id up to `through`, in order, whosever they are."""
    rows = tx.all(
        "SELECT event_id, account, region, record FROM audit_event WHERE event_id <= :through"
        " ORDER BY event_id LIMIT :n",
        through=through,
        n=at_most,
    )
    return [Waiting(row["event_id"], Scope(row["account"], row["region"]), row["record"]) for row in rows]


def newest_id(tx: Transaction, place: int) -> str | None:
    """The id of the one at that place (from 0), counted from the oldest."""
    row = tx.one("SELECT event_id FROM audit_event ORDER BY event_id LIMIT 1 OFFSET :place", place=place)
    return row["event_id"] if row else None


def delete(tx: Transaction, ids: Sequence[str]) -> None:
    tx.many("DELETE FROM audit_event WHERE event_id = :event_id", [{"event_id": each} for each in ids])


def all_records(tx: Transaction) -> list[bytes]:
    """Everything that waits, oldest first."""
    return [row["record"] for row in tx.all("SELECT record FROM audit_event ORDER BY event_id")]
