"""Documents in the database: one row per document, one per version."""

import json
from collections.abc import Iterator
from typing import Any

from hostreeve.capabilities.documents.model.document import DocumentVersion, Draft
from hostreeve.capabilities.documents.store import attachments
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

COLUMNS = """
    d.account, d.region, d.name, d.document_type, d.target_type, d.default_version, d.latest_version,
    v.version, v.version_name, v.display_name, v.format, v.source_text AS text, v.body, v.hash,
    v.schema_version, v.platform_types, v.requires, v.author, v.created_ms, v.status, v.status_information,
    v.review_status
"""
JOINED = """
    documents d JOIN document_versions v
      ON v.account = d.account AND v.region = d.region AND v.name = d.name
"""
_OWN = f"SELECT {COLUMNS} FROM {JOINED} WHERE d.account = :account AND d.region = :region"
_VERSION = "account = :account AND region = :region AND name = :name AND version = :version"


def find(tx: Transaction, scope: Scope, name: str, version: str) -> DocumentVersion | None:
    """`version` is `$DEFAULT`, `$LATEST` or a number."""
    if version == "$DEFAULT":
        chosen = "v.version = d.default_version"
    elif version == "$LATEST":
        chosen = "v.version = d.latest_version"
    else:
        chosen = "v.version = :version"
    sql = f"{_OWN} AND d.name = :name AND {chosen}"
    number = int(version) if version.isdigit() else 0
    row = tx.one(sql, account=scope.account, region=scope.region, name=name, version=number)
    return document_of(tx, row) if row else None


def find_named_version(tx: Transaction, scope: Scope, name: str, version_name: str) -> DocumentVersion | None:
    sql = f"{_OWN} AND d.name = :name AND v.version_name = :version_name"
    row = tx.one(sql, account=scope.account, region=scope.region, name=name, version_name=version_name)
    return document_of(tx, row) if row else None


def exists(tx: Transaction, scope: Scope, name: str) -> bool:
    sql = "SELECT 1 AS found FROM documents WHERE account = :account AND region = :region AND name = :name"
    return tx.one(sql, account=scope.account, region=scope.region, name=name) is not None


def count(tx: Transaction, scope: Scope) -> int:
    sql = "SELECT count(*) AS n FROM documents WHERE account = :account AND region = :region"
    row = tx.one(sql, account=scope.account, region=scope.region)
    return int(row["n"]) if row else 0


def count_versions(tx: Transaction, scope: Scope, name: str) -> int:
    row = tx.one(
        "SELECT count(*) AS n FROM document_versions"
        " WHERE account = :account AND region = :region AND name = :name",
        account=scope.account,
        region=scope.region,
        name=name,
    )
    return int(row["n"]) if row else 0


def versions(tx: Transaction, scope: Scope, name: str, *, before: int, limit: int) -> list[DocumentVersion]:
    """Versions below `before`, the newest first."""
    sql = f"{_OWN} AND d.name = :name AND v.version < :before ORDER BY v.version DESC LIMIT :limit"
    rows = tx.all(sql, account=scope.account, region=scope.region, name=name, before=before, limit=limit)
    return [document_of(tx, row) for row in rows]


def walk(tx: Transaction, scope: Scope, *, after: str, batch: int = 100) -> Iterator[DocumentVersion]:
    """The default version of every document whose name comes after `after`, by name."""
    sql = f"{_OWN} AND v.version = d.default_version AND d.name > :after ORDER BY d.name LIMIT :batch"
    while rows := tx.all(sql, account=scope.account, region=scope.region, after=after, batch=batch):
        yield from (document_of(tx, row, with_attachments=False) for row in rows)
        after = rows[-1]["name"]


def insert(
    tx: Transaction, scope: Scope, name: str, *, document_type: str, target_type: str | None, now_ms: int
) -> None:
    tx.run(
        """INSERT INTO documents (account, region, name, document_type, target_type,
                                  default_version, latest_version, last_number, created_ms)
           VALUES (:account, :region, :name, :document_type, :target_type, 1, 1, 1, :now_ms)""",
        account=scope.account,
        region=scope.region,
        name=name,
        document_type=document_type,
        target_type=target_type,
        now_ms=now_ms,
    )


def insert_version(
    tx: Transaction, scope: Scope, name: str, *, version: int, draft: Draft, labels: dict[str, Any]
) -> None:
    """`labels`: version_name, display_name, hash, requires (a list), author, created_ms, status,
    review_status."""
    tx.run(
        """INSERT INTO document_versions
               (account, region, name, version, version_name, display_name, format, source_text,
                body, hash, schema_version, platform_types, requires, author, created_ms, status,
                review_status)
           VALUES (:account, :region, :name, :version, :version_name, :display_name, :format, :text,
                   :body, :hash, :schema_version, :platform_types, :requires, :author, :created_ms, :status,
                   :review_status)""",
        account=scope.account,
        region=scope.region,
        name=name,
        version=version,
        format=draft.format,
        text=draft.text,
        body=draft.body,
        schema_version=draft.schema_version,
        platform_types=json.dumps(draft.platform_types),
        **{**labels, "requires": json.dumps(labels["requires"])},
    )


def next_number(tx: Transaction, scope: Scope, name: str) -> int:
    """The number of the next version. Numbers of deleted versions are never used again."""
    row = tx.one(
        """UPDATE documents SET last_number = last_number + 1
           WHERE account = :account AND region = :region AND name = :name RETURNING last_number""",
        account=scope.account,
        region=scope.region,
        name=name,
    )
    assert row is not None, f"document {name} vanished inside its own transaction"
    return int(row["last_number"])


def set_latest(
    tx: Transaction, scope: Scope, name: str, *, version: int, target_type: str | None = None
) -> None:
    tx.run(
        """UPDATE documents SET latest_version = :version,
                  target_type = COALESCE(CAST(:target_type AS TEXT), target_type)
           WHERE account = :account AND region = :region AND name = :name""",
        account=scope.account,
        region=scope.region,
        name=name,
        version=version,
        target_type=target_type,
    )


def set_default(tx: Transaction, scope: Scope, name: str, version: int) -> None:
    tx.run(
        """UPDATE documents SET default_version = :version
           WHERE account = :account AND region = :region AND name = :name""",
        account=scope.account,
        region=scope.region,
        name=name,
        version=version,
    )


def delete(tx: Transaction, scope: Scope, name: str) -> None:
    """The document, all of its versions and what belongs to them."""
    for table in ("document_reviews", "document_attachments", "document_versions", "documents"):
        tx.run(
            f"DELETE FROM {table} WHERE account = :account AND region = :region AND name = :name",
            account=scope.account,
            region=scope.region,
            name=name,
        )


def delete_version(tx: Transaction, scope: Scope, name: str, version: int) -> None:
    for table in ("document_reviews", "document_attachments", "document_versions"):
        tx.run(
            f"DELETE FROM {table} WHERE {_VERSION}",
            account=scope.account,
            region=scope.region,
            name=name,
            version=version,
        )


def conclude(tx: Transaction, scope: Scope, name: str, version: int, *, status: str, why: str) -> None:
    """A version that was being made is there, or has failed. One that was concluded stays so."""
    tx.run(
        f"UPDATE document_versions SET status = :status, status_information = :why"
        f" WHERE {_VERSION} AND status = 'Creating'",
        account=scope.account,
        region=scope.region,
        name=name,
        version=version,
        status=status,
        why=why,
    )


def creating(tx: Transaction, limit: int) -> list[DocumentVersion]:
    """Versions of any account whose attachments are not kept yet, the oldest first."""
    sql = f"SELECT {COLUMNS} FROM {JOINED} WHERE v.status = 'Creating' ORDER BY v.created_ms LIMIT :limit"
    return [document_of(tx, row) for row in tx.all(sql, limit=limit)]


def document_of(tx: Transaction, row: dict[str, Any], *, with_attachments: bool = True) -> DocumentVersion:
    """A row of COLUMNS as its owner sees it."""
    scope = Scope(row.pop("account"), row.pop("region"))
    row["platform_types"] = tuple(json.loads(row["platform_types"]))
    row["requires"] = tuple(json.loads(row["requires"]))
    files = attachments.of(tx, scope, row["name"], row["version"]) if with_attachments else ()
    arn = scope.arn("ssm", f"document/{row['name']}")
    return DocumentVersion(owner=scope.account, arn=arn, attachments=files, **row)
