"""Snapshots: what nodes patch by, under the ids that their commands name."""

from typing import Any, NamedTuple

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_KEY = (
    "account = :account AND region = :region AND snapshot_id = :snapshot_id"
    " AND operating_system = :operating_system AND patch_group = :patch_group AND kind = :kind"
)


class Key(NamedTuple):
    """Who shares a snapshot. `kind` is "override" for those made of a BaselineOverride, else "baseline"."""

    snapshot_id: str
    operating_system: str
    patch_group: str
    kind: str


def keep(tx: Transaction, scope: Scope, key: Key, content: str, *, now_ms: int, older_than_ms: int) -> None:
    """Keep it, unless there is one that is not older than that."""
    tx.run(
        "INSERT INTO patch_snapshots (account, region, snapshot_id, operating_system, patch_group, kind,"
        " content, created_ms) VALUES (:account, :region, :snapshot_id, :operating_system, :patch_group,"
        " :kind, :content, :now_ms)"
        " ON CONFLICT (account, region, snapshot_id, operating_system, patch_group, kind)"
        " DO UPDATE SET content = excluded.content, created_ms = excluded.created_ms"
        " WHERE patch_snapshots.created_ms < :older_than_ms",
        **_of(scope, key),
        content=content,
        now_ms=now_ms,
        older_than_ms=older_than_ms,
    )


def find(tx: Transaction, scope: Scope, key: Key) -> tuple[str, int] | None:
    """Its content, and when it was made."""
    row = tx.one(f"SELECT content, created_ms FROM patch_snapshots WHERE {_KEY}", **_of(scope, key))
    return (row["content"], row["created_ms"]) if row else None


def forget(tx: Transaction, before_ms: int, limit: int) -> int:
    """Drop up to `limit` that were made before."""
    old = tx.all(
        "SELECT account, region, snapshot_id, operating_system, patch_group, kind FROM patch_snapshots"
        " WHERE created_ms < :before_ms ORDER BY created_ms LIMIT :limit",
        before_ms=before_ms,
        limit=limit,
    )
    tx.many(f"DELETE FROM patch_snapshots WHERE {_KEY}", old)
    return len(old)


def _of(scope: Scope, key: Key) -> dict[str, Any]:
    return {"account": scope.account, "region": scope.region, **key._asdict()}
