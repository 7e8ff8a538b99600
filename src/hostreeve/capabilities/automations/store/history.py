"""Executions that are over for so long that they are forgotten."""

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_KEY = "account = :account AND region = :region AND execution_id = :execution_id"


def ended_before(tx: Transaction, before_ms: int, limit: int) -> list[tuple[Scope, str]]:
    rows = tx.all(
        "SELECT account, region, execution_id FROM automation_executions"
        " WHERE ended_ms IS NOT NULL AND ended_ms < :before_ms ORDER BY ended_ms LIMIT :limit",
        before_ms=before_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["execution_id"]) for row in rows]


def delete(tx: Transaction, scope: Scope, execution_id: str) -> None:
    for table in ("automation_steps", "automation_targets", "automation_tokens", "automation_executions"):
        tx.run(
            f"DELETE FROM {table} WHERE {_KEY}",
            account=scope.account,
            region=scope.region,
            execution_id=execution_id,
        )


def delete_tokens(tx: Transaction, before_ms: int, limit: int) -> int:
    rows = tx.all(
        "SELECT account, region, token FROM automation_tokens WHERE created_ms < :before_ms"
        " ORDER BY created_ms LIMIT :limit",
        before_ms=before_ms,
        limit=limit,
    )
    tx.many(
        "DELETE FROM automation_tokens WHERE account = :account AND region = :region AND token = :token", rows
    )
    return len(rows)
