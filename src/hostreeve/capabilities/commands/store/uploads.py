"""Invocations whose whole output is to be put into S3, in the database."""

from msgspec import Struct

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_KEY = "account = :account AND region = :region AND command_id = :command_id AND node_id = :node_id"


class Upload(Struct, frozen=True):
    """An invocation that has ended, and whose output is not in S3 yet."""

    scope: Scope
    command_id: str
    node_id: str
    ended_ms: int


def insert(tx: Transaction, scope: Scope, command_id: str, node_id: str, now_ms: int) -> None:
    tx.run(
        """INSERT INTO command_uploads (account, region, command_id, node_id, ended_ms, due_ms)
           VALUES (:account, :region, :command_id, :node_id, :now_ms, :now_ms)
           ON CONFLICT (account, region, command_id, node_id) DO NOTHING""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        node_id=node_id,
        now_ms=now_ms,
    )


def due(tx: Transaction, now_ms: int, limit: int) -> list[Upload]:
    rows = tx.all(
        """SELECT account, region, command_id, node_id, ended_ms FROM command_uploads
           WHERE due_ms <= :now_ms ORDER BY due_ms LIMIT :limit""",
        now_ms=now_ms,
        limit=limit,
    )
    return [
        Upload(Scope(row["account"], row["region"]), row["command_id"], row["node_id"], row["ended_ms"])
        for row in rows
    ]


def next_due_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT due_ms FROM command_uploads ORDER BY due_ms LIMIT 1")
    return row["due_ms"] if row else None


def postpone(tx: Transaction, upload: Upload, due_ms: int) -> None:
    tx.run(f"UPDATE command_uploads SET due_ms = :due_ms WHERE {_KEY}", due_ms=due_ms, **_named(upload))


def delete(tx: Transaction, upload: Upload) -> bool:
    """False when somebody else was faster."""
    return tx.run(f"DELETE FROM command_uploads WHERE {_KEY}", **_named(upload)) == 1


def _named(upload: Upload) -> dict[str, str]:
    return {
        "account": upload.scope.account,
        "region": upload.scope.region,
        "command_id": upload.command_id,
        "node_id": upload.node_id,
    }
