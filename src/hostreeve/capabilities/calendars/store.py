"""How calendars stood, in the database."""

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_KEY = "account = :account AND region = :region AND name = :name"


def look_at(tx: Transaction, scope: Scope, name: str, due_ms: int) -> None:
    """The calendar is new, or says something else now."""
    tx.run(
        "INSERT INTO calendars (account, region, name, state, due_ms)"
        " VALUES (:account, :region, :name, '', :due_ms)"
        " ON CONFLICT (account, region, name) DO UPDATE SET due_ms = :due_ms",
        account=scope.account,
        region=scope.region,
        name=name,
        due_ms=due_ms,
    )


def due(tx: Transaction, now_ms: int, limit: int) -> list[tuple[Scope, str]]:
    rows = tx.all(
        "SELECT account, region, name FROM calendars"
        " WHERE due_ms IS NOT NULL AND due_ms <= :now_ms ORDER BY due_ms LIMIT :limit",
        now_ms=now_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["name"]) for row in rows]


def next_due_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT due_ms FROM calendars WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1")
    return row["due_ms"] if row else None


def state(tx: Transaction, scope: Scope, name: str) -> str | None:
    """OPEN, CLOSED, "" when it was never looked at; None when nobody follows it."""
    row = tx.one(
        f"SELECT state FROM calendars WHERE {_KEY}", account=scope.account, region=scope.region, name=name
    )
    return row["state"] if row else None


def note(tx: Transaction, scope: Scope, name: str, state: str, due_ms: int | None) -> None:
    tx.run(
        f"UPDATE calendars SET state = :state, due_ms = :due_ms WHERE {_KEY}",
        account=scope.account,
        region=scope.region,
        name=name,
        state=state,
        due_ms=due_ms,
    )


def forget(tx: Transaction, scope: Scope, name: str) -> None:
    tx.run(f"DELETE FROM calendars WHERE {_KEY}", account=scope.account, region=scope.region, name=name)
