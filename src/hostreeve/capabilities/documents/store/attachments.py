"""The files that versions of documents carry: where they come from, and where we keep them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hostreeve.capabilities.documents.model.document import Attachment
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_VERSION = "account = :account AND region = :region AND name = :name AND version = :version"


class Wanted(NamedTuple):
    """A file to be kept: from this object of the account's. `claimed` is the SHA-256 that the document
    tells, or ""."""

    file: str
    source_bucket: str
    source_key: str
    claimed: str = ""


def insert(tx: Transaction, scope: Scope, name: str, version: int, wanted: Sequence[Wanted]) -> None:
    tx.many(
        """INSERT INTO document_attachments (account, region, name, version, file, source_bucket, source_key,
                                             claimed, size_bytes, sha256, bucket, object_key)
           VALUES (:account, :region, :name, :version, :file, :source_bucket, :source_key, :claimed,
                   0, '', '', '')""",
        [
            {
                "account": scope.account,
                "region": scope.region,
                "name": name,
                "version": version,
                **one._asdict(),
            }
            for one in wanted
        ],
    )


def adopt(tx: Transaction, scope: Scope, name: str, version: int, files: Sequence[Attachment]) -> None:
    """Files that another version has already: the same objects, named once more."""
    insert(tx, scope, name, version, [Wanted(one.name, "", "") for one in files])
    for one in files:
        keep(tx, scope, (name, version), one)


def keep(tx: Transaction, scope: Scope, version: tuple[str, int], kept: Attachment) -> None:
    """The file is at its place."""
    tx.run(
        f"""UPDATE document_attachments SET size_bytes = :size_bytes, sha256 = :sha256, bucket = :bucket,
                   object_key = :key WHERE {_VERSION} AND file = :file""",
        account=scope.account,
        region=scope.region,
        name=version[0],
        version=version[1],
        file=kept.name,
        size_bytes=kept.size_bytes,
        sha256=kept.sha256,
        bucket=kept.bucket,
        key=kept.key,
    )


def of(tx: Transaction, scope: Scope, name: str, version: int) -> tuple[Attachment, ...]:
    """A version's files by name."""
    return tuple(
        Attachment(row["file"], row["size_bytes"], row["sha256"], row["bucket"], row["object_key"])
        for row in _rows(tx, scope, name, version)
    )


def wanted(tx: Transaction, scope: Scope, name: str, version: int) -> list[Wanted]:
    """Those of a version's files that are not kept yet."""
    return [
        Wanted(row["file"], row["source_bucket"], row["source_key"], row["claimed"])
        for row in _rows(tx, scope, name, version)
        if not row["object_key"]
    ]


def is_used(tx: Transaction, bucket: str, key: str) -> bool:
    """Whether any version of any account still names this object."""
    sql = "SELECT 1 AS found FROM document_attachments WHERE bucket = :bucket AND object_key = :key LIMIT 1"
    return tx.one(sql, bucket=bucket, key=key) is not None


def bucket_in(tx: Transaction, region: str) -> str | None:
    """The bucket that holds the Region's attachments, once there is one."""
    row = tx.one(
        "SELECT value FROM document_settings WHERE account = '' AND region = :region AND setting = 'bucket'",
        region=region,
    )
    return str(row["value"]) if row else None


def set_bucket(tx: Transaction, region: str, bucket: str, now_ms: int) -> None:
    tx.run(
        """INSERT INTO document_settings (account, region, setting, value, modified_by, modified_ms)
           VALUES ('', :region, 'bucket', :bucket, '', :now_ms)""",
        region=region,
        bucket=bucket,
        now_ms=now_ms,
    )


def _rows(tx: Transaction, scope: Scope, name: str, version: int) -> list[dict[str, Any]]:
    return tx.all(
        f"SELECT * FROM document_attachments WHERE {_VERSION} ORDER BY file",
        account=scope.account,
        region=scope.region,
        name=name,
        version=version,
    )
