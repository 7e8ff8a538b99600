"""All SQL of what is remembered about roles beside what they are: their last use, and services' deletions."""

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.store.changes import IN_SCOPE, change, one


def record(tx: Transaction, scope: Scope, role_id: str, *, used_ms: int, used_region: str) -> None:
    """It changes nothing that anybody may do: no new stamp."""
    tx.run(
        "INSERT INTO iam_role_uses (account, region, role_id, used_ms, used_region)"
        " VALUES (:account, :region, :role_id, :used_ms, :used_region)"
        " ON CONFLICT (account, region, role_id) DO UPDATE SET used_ms = excluded.used_ms,"
        " used_region = excluded.used_region WHERE excluded.used_ms > iam_role_uses.used_ms",
        account=scope.account,
        region=scope.region,
        role_id=role_id,
        used_ms=used_ms,
        used_region=used_region,
    )


def find(tx: Transaction, scope: Scope, role_id: str) -> tuple[int, str] | None:
    """When and in which Region the role was last used."""
    row = one(
        tx,
        scope,
        f"SELECT used_ms, used_region FROM iam_role_uses WHERE {IN_SCOPE} AND role_id = :role_id",
        role_id=role_id,
    )
    return (row["used_ms"], row["used_region"]) if row else None


def forget(tx: Transaction, scope: Scope, role_id: str) -> None:
    tx.run(
        f"DELETE FROM iam_role_uses WHERE {IN_SCOPE} AND role_id = :role_id",
        account=scope.account,
        region=scope.region,
        role_id=role_id,
    )


def insert_deletion(tx: Transaction, scope: Scope, task_id: str, status: str) -> None:
    change(
        tx,
        scope,
        "INSERT INTO iam_role_deletions (account, region, task_id, status)"
        " VALUES (:account, :region, :task_id, :status)",
        task_id=task_id,
        status=status,
    )


def deletion_status(tx: Transaction, scope: Scope, task_id: str) -> str | None:
    row = one(
        tx,
        scope,
        f"SELECT status FROM iam_role_deletions WHERE {IN_SCOPE} AND task_id = :task_id",
        task_id=task_id,
    )
    return row["status"] if row else None
