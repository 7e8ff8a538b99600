"""Reviews of change templates: every step of them in a row, and where each version stands."""

from typing import Any

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_DOCUMENT = "account = :account AND region = :region AND name = :name"


def history(
    tx: Transaction, scope: Scope, name: str, version: int, *, before: int, limit: int
) -> list[dict[str, Any]]:
    """Rows number, status, comment, reviewer, created_ms, updated_ms; the newest first, below `before`."""
    return tx.all(
        f"""SELECT number, status, comment, reviewer, created_ms, updated_ms FROM document_reviews
            WHERE {_DOCUMENT} AND version = :version AND number < :before
            ORDER BY number DESC LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        name=name,
        version=version,
        before=before,
        limit=limit,
    )


def append(tx: Transaction, scope: Scope, name: str, version: int, row: dict[str, Any]) -> None:
    """`row`: number, status, comment, reviewer, now_ms."""
    tx.run(
        """INSERT INTO document_reviews (account, region, name, version, number, status, comment, reviewer,
                                         created_ms, updated_ms)
           VALUES (:account, :region, :name, :version, :number, :status, :comment, :reviewer,
                   :now_ms, :now_ms)""",
        account=scope.account,
        region=scope.region,
        name=name,
        version=version,
        **row,
    )


def amend(tx: Transaction, scope: Scope, name: str, version: int, row: dict[str, Any]) -> None:
    """Another comment on the step `number`. `row`: number, comment, reviewer, now_ms."""
    tx.run(
        f"""UPDATE document_reviews SET comment = :comment, reviewer = :reviewer, updated_ms = :now_ms
            WHERE {_DOCUMENT} AND version = :version AND number = :number""",
        account=scope.account,
        region=scope.region,
        name=name,
        version=version,
        **row,
    )


def set_status(tx: Transaction, scope: Scope, name: str, version: int, status: str) -> None:
    tx.run(
        f"UPDATE document_versions SET review_status = :status WHERE {_DOCUMENT} AND version = :version",
        account=scope.account,
        region=scope.region,
        name=name,
        version=version,
        status=status,
    )


def standing(tx: Transaction, scope: Scope, name: str, status: str) -> list[int]:
    """The versions whose review stands so, the newest first."""
    rows = tx.all(
        f"""SELECT version FROM document_versions
            WHERE {_DOCUMENT} AND review_status = :status ORDER BY version DESC""",
        account=scope.account,
        region=scope.region,
        name=name,
        status=status,
    )
    return [row["version"] for row in rows]
