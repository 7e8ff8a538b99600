"""What is old, and how it is deleted a bounded number of rows at a time; and how much has not ended yet."""

from typing import Any

from hostreeve.capabilities.commands.lifecycle import COMMAND_OPEN
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

CHUNKS_MAX = 100
"""Rows of output, each up to 64 kB."""
ROWS_MAX = 500

_COMMAND = "account = :account AND region = :region AND command_id = :command_id"
_OPEN = "(" + ", ".join(f"'{status}'" for status in COMMAND_OPEN) + ")"


def ended_before(tx: Transaction, before_ms: int, limit: int) -> list[tuple[Scope, str]]:
    """Commands requested before a moment that have ended, the oldest first."""
    rows = tx.all(
        f"""SELECT account, region, command_id FROM commands
            WHERE requested_ms < :before_ms AND status NOT IN {_OPEN} ORDER BY requested_ms LIMIT :limit""",
        before_ms=before_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["command_id"]) for row in rows]


def delete_output(tx: Transaction, scope: Scope, command_id: str) -> int:
    rows = tx.all(
        f"""SELECT node_id, step_id, stream, offset_bytes FROM command_output WHERE {_COMMAND}
            LIMIT :limit""",
        limit=CHUNKS_MAX,
        **_named(scope, command_id),
    )
    tx.many(
        f"""DELETE FROM command_output WHERE {_COMMAND} AND node_id = :node_id AND step_id = :step_id
            AND stream = :stream AND offset_bytes = :offset_bytes""",
        [{**row, **_named(scope, command_id)} for row in rows],
    )
    return len(rows)


def delete_invocations(tx: Transaction, scope: Scope, command_id: str) -> int:
    """With the results of their steps."""
    rows = tx.all(
        f"SELECT node_id FROM command_invocations WHERE {_COMMAND} ORDER BY node_id LIMIT :limit",
        limit=ROWS_MAX,
        **_named(scope, command_id),
    )
    if not rows:
        return 0
    ids = [row["node_id"] for row in rows]
    for table in ("command_steps", "command_uploads", "command_invocations"):
        tx.run(
            f"DELETE FROM {table} WHERE {_COMMAND} AND node_id IN :ids", ids=ids, **_named(scope, command_id)
        )
    return len(ids)


def delete_counts(tx: Transaction, scope: Scope, command_id: str) -> int:
    return tx.run(
        f"""DELETE FROM command_counts WHERE count_id IN (
                SELECT count_id FROM command_counts WHERE {_COMMAND} LIMIT :limit)""",
        limit=ROWS_MAX,
        **_named(scope, command_id),
    )


def delete_command(tx: Transaction, scope: Scope, command_id: str) -> None:
    tx.run(f"DELETE FROM commands WHERE {_COMMAND}", **_named(scope, command_id))


Loads = dict[Scope, int]
"""How many invocations of each account and Region have not ended."""


def counted(tx: Transaction) -> Loads:
    """As of now: it looks at every command that has not ended."""
    rows = tx.all(
        """SELECT c.account AS account, c.region AS region,
                  sum(k.total - k.success - k.failed - k.execution_timed_out - k.delivery_timed_out
                      - k.never_ran - k.cancelled - k.terminated) AS open_count
           FROM commands c JOIN command_counts k
                ON k.account = c.account AND k.region = c.region AND k.command_id = c.command_id
           WHERE c.due_ms IS NOT NULL GROUP BY c.account, c.region"""
    )
    return _loads(rows)


def noted(tx: Transaction) -> Loads:
    """As of the last count."""
    return _loads(tx.all("SELECT account, region, open_count FROM command_loads"))


def note(tx: Transaction, loads: Loads) -> None:
    """Write a count down: `open_invocations` reads that."""
    tx.run("DELETE FROM command_loads")
    tx.many(
        "INSERT INTO command_loads (account, region, open_count) VALUES (:account, :region, :open_count)",
        [{"account": at.account, "region": at.region, "open_count": count} for at, count in loads.items()],
    )


def _loads(rows: list[dict[str, Any]]) -> Loads:
    return {Scope(row["account"], row["region"]): int(row["open_count"]) for row in rows}


def open_invocations(tx: Transaction, scope: Scope) -> int:
    """As of the last count."""
    row = tx.one(
        "SELECT open_count FROM command_loads WHERE account = :account AND region = :region",
        account=scope.account,
        region=scope.region,
    )
    return int(row["open_count"]) if row else 0


def _named(scope: Scope, command_id: str) -> dict[str, str]:
    return {"account": scope.account, "region": scope.region, "command_id": command_id}
