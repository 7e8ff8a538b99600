"""All SQL about multipart uploads and their parts."""

from collections.abc import Sequence
from typing import Any

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.objects.model.listing import Position
from hostreeve.platform.objects.model.names import past
from hostreeve.platform.objects.model.rows import Part, Upload
from hostreeve.platform.objects.store.objects import packed, unpacked

_SCOPED = "account = :account AND region = :region"
_COLUMNS = (
    "object_key, upload_id, headers, metadata, checksum_algorithm, checksum_type, initiator, created_ms"
)
_PART = "part_number, content, size_bytes, etag, checksum, modified_ms"


def insert(tx: Transaction, scope: Scope, bucket: str, upload: Upload) -> None:
    tx.run(
        f"INSERT INTO object_uploads (account, region, bucket, {_COLUMNS})"
        " VALUES (:account, :region, :bucket, :key, :upload_id, :headers, :metadata,"
        " :algorithm, :kind, :initiator, :created_ms)",
        account=scope.account,
        region=scope.region,
        bucket=bucket,
        key=upload.key,
        upload_id=upload.upload_id,
        headers=packed(upload.headers),
        metadata=packed(upload.metadata),
        algorithm=upload.checksum_algorithm,
        kind=upload.checksum_type,
        initiator=upload.initiator,
        created_ms=upload.created_ms,
    )


def find(tx: Transaction, scope: Scope, bucket: str, key: str, upload_id: str) -> Upload | None:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM object_uploads WHERE {_SCOPED} AND bucket = :bucket AND object_key = :key"
        " AND upload_id = :upload_id",
        account=scope.account,
        region=scope.region,
        bucket=bucket,
        key=key,
        upload_id=upload_id,
    )
    return _upload(row) if row else None


def delete(tx: Transaction, scope: Scope, bucket: str, upload: Upload) -> None:
    """The upload and the rows of its parts; their contents are the caller's to drop or to use."""
    tx.run(
        f"DELETE FROM object_parts WHERE {_SCOPED} AND upload_id = :upload_id",
        account=scope.account,
        region=scope.region,
        upload_id=upload.upload_id,
    )
    tx.run(
        f"DELETE FROM object_uploads WHERE {_SCOPED} AND bucket = :bucket AND object_key = :key"
        " AND upload_id = :upload_id",
        account=scope.account,
        region=scope.region,
        bucket=bucket,
        key=upload.key,
        upload_id=upload.upload_id,
    )


def select(
    tx: Transaction, scope: Scope, bucket: str, *, prefix: str, after: Position, limit: int
) -> list[Upload]:
    """Uploads whose keys begin with `prefix`, behind a key and upload id, in order."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM object_uploads WHERE {_SCOPED} AND bucket = :bucket"
        " AND object_key >= :prefix AND object_key <= :last"
        " AND (object_key > :after_key OR (object_key = :after_key AND upload_id > :after_id))"
        " ORDER BY object_key, upload_id LIMIT :limit",
        account=scope.account,
        region=scope.region,
        bucket=bucket,
        prefix=prefix,
        last=past(prefix),
        after_key=after[0],
        after_id=after[1],
        limit=limit,
    )
    return [_upload(row) for row in rows]


def find_part(tx: Transaction, scope: Scope, upload_id: str, number: int) -> Part | None:
    found = parts(tx, scope, upload_id, after=number - 1, limit=1)
    return found[0] if found and found[0].number == number else None


def upsert_part(tx: Transaction, scope: Scope, upload_id: str, part: Part) -> None:
    """The part under its number, in the place of any other."""
    tx.run(
        f"INSERT INTO object_parts (account, region, upload_id, {_PART}) VALUES (:account, :region,"
        " :upload_id, :number, :content, :size_bytes, :etag, :checksum, :modified_ms)"
        " ON CONFLICT (account, region, upload_id, part_number) DO UPDATE SET content = excluded.content,"
        " size_bytes = excluded.size_bytes, etag = excluded.etag, checksum = excluded.checksum,"
        " modified_ms = excluded.modified_ms",
        account=scope.account,
        region=scope.region,
        upload_id=upload_id,
        number=part.number,
        content=part.content,
        size_bytes=part.size_bytes,
        etag=part.etag,
        checksum=part.checksum,
        modified_ms=part.modified_ms,
    )


def parts(
    tx: Transaction, scope: Scope, upload_id: str, *, after: int = 0, limit: int = 10_000
) -> Sequence[Part]:
    """The parts that arrived, in order, behind the number `after`."""
    rows = tx.all(
        f"SELECT {_PART} FROM object_parts WHERE {_SCOPED} AND upload_id = :upload_id"
        " AND part_number > :after ORDER BY part_number LIMIT :limit",
        account=scope.account,
        region=scope.region,
        upload_id=upload_id,
        after=after,
        limit=limit,
    )
    return [
        Part(
            row["part_number"],
            row["content"],
            row["size_bytes"],
            row["etag"],
            row["checksum"],
            row["modified_ms"],
        )
        for row in rows
    ]


def _upload(row: dict[str, Any]) -> Upload:
    return Upload(
        key=row["object_key"],
        upload_id=row["upload_id"],
        headers=unpacked(row["headers"]),
        metadata=unpacked(row["metadata"]),
        checksum_algorithm=row["checksum_algorithm"],
        checksum_type=row["checksum_type"],
        initiator=row["initiator"],
        created_ms=row["created_ms"],
    )
