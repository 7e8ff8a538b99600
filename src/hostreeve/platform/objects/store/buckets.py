"""All SQL about buckets."""

from typing import Any

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.objects.model.rows import Bucket

_COLUMNS = "bucket, account, region, created_ms"


def find(tx: Transaction, name: str) -> Bucket | None:
    """The bucket of that name, whoever owns it."""
    row = tx.one(f"SELECT {_COLUMNS} FROM object_buckets WHERE bucket = :bucket", bucket=name)
    return _bucket(row) if row else None


def insert(tx: Transaction, scope: Scope, name: str, now_ms: int) -> None:
    tx.run(
        f"INSERT INTO object_buckets ({_COLUMNS}) VALUES (:bucket, :account, :region, :now_ms)",
        bucket=name,
        account=scope.account,
        region=scope.region,
        now_ms=now_ms,
    )


def delete(tx: Transaction, scope: Scope, name: str) -> None:
    tx.run(
        "DELETE FROM object_buckets WHERE bucket = :bucket AND account = :account AND region = :region",
        bucket=name,
        account=scope.account,
        region=scope.region,
    )


def select(
    tx: Transaction, account: str, *, prefix: str, last: str, region: str, after: str, limit: int
) -> list[Bucket]:
    """An account's buckets by name: those from `prefix` to `last`, behind `after`; of one Region if given."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM object_buckets WHERE account = :account AND bucket >= :prefix"
        " AND bucket <= :last AND bucket > :after AND (:region = '' OR region = :region)"
        " ORDER BY bucket LIMIT :limit",
        account=account,
        prefix=prefix,
        last=last,
        region=region,
        after=after,
        limit=limit,
    )
    return [_bucket(row) for row in rows]


def _bucket(row: dict[str, Any]) -> Bucket:
    return Bucket(row["bucket"], row["account"], row["region"], row["created_ms"])
