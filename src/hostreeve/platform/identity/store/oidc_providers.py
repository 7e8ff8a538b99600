"""All SQL of OpenID Connect providers."""

from typing import Any

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import OidcProvider
from hostreeve.platform.identity.store.changes import IN_SCOPE, change, one, several

_COLUMNS = "account, url, client_ids, thumbprints, created_ms, tags"
_LISTS = ("client_ids", "thumbprints", "tags")


def insert(tx: Transaction, scope: Scope, provider: OidcProvider) -> bool:
    """False when the account has one of that address."""
    row = _row(provider)
    del row["account"]
    return bool(
        change(
            tx,
            scope,
            f"INSERT INTO iam_oidc_providers (region, {_COLUMNS}) VALUES (:region, :account, :url,"
            " :client_ids, :thumbprints, :created_ms, :tags) ON CONFLICT DO NOTHING",
            **row,
        )
    )


def find(tx: Transaction, scope: Scope, url: str) -> OidcProvider | None:
    """By its address without `https://`."""
    row = one(
        tx, scope, f"SELECT {_COLUMNS} FROM iam_oidc_providers WHERE {IN_SCOPE} AND url = :url", url=url
    )
    return _provider(row) if row else None


def listed(tx: Transaction, scope: Scope) -> list[OidcProvider]:
    rows = several(tx, scope, f"SELECT {_COLUMNS} FROM iam_oidc_providers WHERE {IN_SCOPE} ORDER BY url")
    return [_provider(row) for row in rows]


def update(tx: Transaction, scope: Scope, provider: OidcProvider) -> None:
    """Store what can change: client ids, thumbprints and tags."""
    row = _row(provider)
    change(
        tx,
        scope,
        "UPDATE iam_oidc_providers SET client_ids = :client_ids, thumbprints = :thumbprints, tags = :tags"
        f" WHERE {IN_SCOPE} AND url = :url",
        url=provider.url,
        **{name: row[name] for name in _LISTS},
    )


def delete(tx: Transaction, scope: Scope, url: str) -> None:
    change(tx, scope, f"DELETE FROM iam_oidc_providers WHERE {IN_SCOPE} AND url = :url", url=url)


def _row(provider: OidcProvider) -> dict[str, Any]:
    row = msgspec.structs.asdict(provider)
    return row | {name: msgspec.json.encode(row[name]).decode() for name in _LISTS}


def _provider(row: dict[str, Any]) -> OidcProvider:
    opened = {name: msgspec.json.decode(row[name]) for name in _LISTS}
    return msgspec.convert({**row, **opened}, OidcProvider)
