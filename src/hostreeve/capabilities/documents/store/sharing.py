"""With whom documents are shared, and which versions of them."""

from collections.abc import Iterator, Sequence
from typing import Any

from hostreeve.capabilities.documents.model.document import DocumentVersion
from hostreeve.capabilities.documents.model.sharing import EVERYBODY
from hostreeve.capabilities.documents.store.documents import COLUMNS, JOINED, document_of
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_DOCUMENT = "account = :account AND region = :region AND name = :name"
_SHARED = f"""
    SELECT {COLUMNS}, s.shared_with, s.shared_version
      FROM {JOINED}
      JOIN document_shares s ON s.account = d.account AND s.region = d.region AND s.name = d.name
     WHERE s.region = :region AND s.shared_with = :guest AND d.account <> :me
       AND v.version = CASE s.shared_version WHEN '$LATEST' THEN d.latest_version
                                             ELSE d.default_version END
       AND (s.account > :account OR (s.account = :account AND s.name > :name))
     ORDER BY s.account, s.name LIMIT :batch
"""


def shares(
    tx: Transaction, scope: Scope, name: str, *, after: str = "", limit: int = 1_000_000
) -> list[tuple[str, str]]:
    """(account or "all", shared version), in order."""
    rows = tx.all(
        f"""SELECT shared_with, shared_version FROM document_shares
            WHERE {_DOCUMENT} AND shared_with > :after ORDER BY shared_with LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        name=name,
        after=after,
        limit=limit,
    )
    return [(row["shared_with"], row["shared_version"]) for row in rows]


def shared_versions(tx: Transaction, owner: Scope, name: str, guest: str) -> list[str]:
    """What the guest may see by its own share and by that with everybody; [] is nothing."""
    rows = tx.all(
        f"SELECT shared_version FROM document_shares WHERE {_DOCUMENT} AND shared_with IN :guests",
        account=owner.account,
        region=owner.region,
        name=name,
        guests=[guest, EVERYBODY],
    )
    return [row["shared_version"] for row in rows]


def share(tx: Transaction, scope: Scope, name: str, guests: Sequence[str], version: str) -> None:
    tx.many(
        """INSERT INTO document_shares (account, region, name, shared_with, shared_version)
           VALUES (:account, :region, :name, :guest, :version)
           ON CONFLICT (account, region, name, shared_with)
           DO UPDATE SET shared_version = excluded.shared_version""",
        [
            {
                "account": scope.account,
                "region": scope.region,
                "name": name,
                "guest": guest,
                "version": version,
            }
            for guest in guests
        ],
    )


def unshare(tx: Transaction, scope: Scope, name: str, guests: Sequence[str]) -> None:
    tx.run(
        f"DELETE FROM document_shares WHERE {_DOCUMENT} AND shared_with IN :guests",
        account=scope.account,
        region=scope.region,
        name=name,
        guests=list(guests),
    )


def count_public(tx: Transaction, scope: Scope) -> int:
    row = tx.one(
        """SELECT count(*) AS n FROM document_shares
           WHERE account = :account AND region = :region AND shared_with = :everybody""",
        account=scope.account,
        region=scope.region,
        everybody=EVERYBODY,
    )
    return int(row["n"]) if row else 0


def walk_shared(
    tx: Transaction, scope: Scope, guest: str, *, after: tuple[str, str], batch: int = 100
) -> Iterator[DocumentVersion]:
    """What others share with `guest` (the scope's account, or "all"), by owner and name: the version that
    the guest sees first."""
    account, name = after
    while True:
        rows = tx.all(
            _SHARED,
            region=scope.region,
            guest=guest,
            me=scope.account,
            account=account,
            name=name,
            batch=batch,
        )
        if not rows:
            return
        account, name = rows[-1]["account"], rows[-1]["name"]
        for row in rows:
            yield document_of(tx, _without_share(row), with_attachments=False)


def _without_share(row: dict[str, Any]) -> dict[str, Any]:
    return {column: value for column, value in row.items() if not column.startswith("shared_")}
