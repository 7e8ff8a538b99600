"""How calendars stood, in the database."""

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_KEY = "account = :account AND region = :region AND name = :name"


def look_at(tx: Transaction, scope: Scope, name: str, due_ms: int) -> None:
    """The calendar is new, or says something else now."""
    tx.run(
        "INSERT INTO calendars (account, region, name, state, due_ms, noted_ms)"
        " VALUES (:account, :region, :name, '', :due_ms, 0)"
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


def noted_after(tx: Transaction, at_ms: int, limit: int) -> list[tuple[Scope, str]]:
    """Those that were looked at later than that: under a clock that has jumped back since."""
    rows = tx.all(
        "SELECT account, region, name FROM calendars WHERE noted_ms > :at_ms ORDER BY noted_ms LIMIT :limit",
        at_ms=at_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["name"]) for row in rows]


def put_off(tx: Transaction, until_ms: int, *, scope: Scope, name: str) -> None:
    """It could not be looked at: somebody does so then."""
    tx.run(
        f"UPDATE calendars SET due_ms = :until_ms, noted_ms = 0 WHERE {_KEY}",
        account=scope.account,
        region=scope.region,
        name=name,
        until_ms=until_ms,
    )


def next_due_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT due_ms FROM calendars WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1")
    return row["due_ms"] if row else None


def state(tx: Transaction, scope: Scope, name: str) -> str | None:
    """OPEN, CLOSED, "" when it was never looked at; None when nobody follows it."""
    row = tx.one(
        f"SELECT state FROM calendars WHERE {_KEY}", account=scope.account, region=scope.region, name=name
    )
    return row["state"] if row else None


def note(tx: Transaction, scope: Scope, name: str, *, state: str, due_ms: int | None, now_ms: int) -> None:
    """How it stands, and when that changes."""
    tx.run(
        f"UPDATE calendars SET state = :state, due_ms = :due_ms, noted_ms = :now_ms WHERE {_KEY}",
        now_ms=now_ms,
        account=scope.account,
        region=scope.region,
        name=name,
        state=state,
        due_ms=due_ms,
    )


def forget(tx: Transaction, scope: Scope, name: str) -> None:
    tx.run(f"DELETE FROM calendars WHERE {_KEY}", account=scope.account, region=scope.region, name=name)
