"""All SQL about objects."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.objects.model.names import past
from hostreeve.platform.objects.model.rows import Object

_SCOPED = "account = :account AND region = :region AND bucket = :bucket"
_COLUMNS = (
    "object_key, content, size_bytes, etag, headers, metadata, checksums, part_count, upload_id, modified_ms"
)


def find(tx: Transaction, scope: Scope, bucket: str, key: str) -> Object | None:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM objects WHERE {_SCOPED} AND object_key = :key",
        account=scope.account,
        region=scope.region,
        bucket=bucket,
        key=key,
    )
    return _object(row) if row else None


def upsert(tx: Transaction, scope: Scope, bucket: str, made: Object) -> None:
    """The object under its key, in the place of any other."""
    tx.run(
        f"INSERT INTO objects (account, region, bucket, {_COLUMNS})"
        " VALUES (:account, :region, :bucket, :key, :content, :size_bytes, :etag, :headers, :metadata,"
        " :checksums, :part_count, :upload_id, :modified_ms)"
        " ON CONFLICT (account, region, bucket, object_key) DO UPDATE SET content = excluded.content,"
        " size_bytes = excluded.size_bytes, etag = excluded.etag, headers = excluded.headers,"
        " metadata = excluded.metadata, checksums = excluded.checksums, part_count = excluded.part_count,"
        " upload_id = excluded.upload_id, modified_ms = excluded.modified_ms",
        account=scope.account,
        region=scope.region,
        bucket=bucket,
        key=made.key,
        content=made.content,
        size_bytes=made.size_bytes,
        etag=made.etag,
        headers=packed(made.headers),
        metadata=packed(made.metadata),
        checksums=packed(made.checksums),
        part_count=made.part_count,
        upload_id=made.upload_id,
        modified_ms=made.modified_ms,
    )


def delete(tx: Transaction, scope: Scope, bucket: str, key: str) -> None:
    tx.run(
        f"DELETE FROM objects WHERE {_SCOPED} AND object_key = :key",
        account=scope.account,
        region=scope.region,
        bucket=bucket,
        key=key,
    )


def select(
    tx: Transaction, scope: Scope, bucket: str, *, prefix: str, after: str, limit: int
) -> list[Object]:
    """Objects whose keys begin with `prefix`, behind the key `after`, in order."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM objects WHERE {_SCOPED} AND object_key >= :prefix"
        " AND object_key <= :last AND object_key > :after ORDER BY object_key LIMIT :limit",
        account=scope.account,
        region=scope.region,
        bucket=bucket,
        prefix=prefix,
        last=past(prefix),
        after=after,
        limit=limit,
    )
    return [_object(row) for row in rows]


def packed(value: Mapping[str, Any]) -> str:
    return msgspec.json.encode(value).decode()


def unpacked(text: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(text)
    return found


def _object(row: dict[str, Any]) -> Object:
    return Object(
        key=row["object_key"],
        content=row["content"],
        size_bytes=row["size_bytes"],
        etag=row["etag"],
        headers=unpacked(row["headers"]),
        metadata=unpacked(row["metadata"]),
        checksums=unpacked(row["checksums"]),
        part_count=row["part_count"],
        upload_id=row["upload_id"],
        modified_ms=row["modified_ms"],
    )
