"""All SQL of aliases."""

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.kms.model.key import Alias

_COLUMNS = "name, key_id, created_ms, updated_ms"
_NAMED = "account = :account AND region = :region AND name = :name"


def find(tx: Transaction, scope: Scope, name: str) -> Alias | None:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM kms_aliases WHERE {_NAMED}",
        account=scope.account,
        region=scope.region,
        name=name,
    )
    return msgspec.convert(row, Alias) if row else None


def insert(tx: Transaction, scope: Scope, alias: Alias) -> bool:
    """False when the name is taken."""
    return bool(
        tx.run(
            f"INSERT INTO kms_aliases (account, region, {_COLUMNS}) VALUES (:account, :region, :name,"
            " :key_id, :created_ms, :updated_ms) ON CONFLICT DO NOTHING",
            account=scope.account,
            region=scope.region,
            **msgspec.structs.asdict(alias),
        )
    )


def point(tx: Transaction, scope: Scope, name: str, *, key_id: str, now_ms: int) -> None:
    """Let the alias name another key."""
    tx.run(
        f"UPDATE kms_aliases SET key_id = :key_id, updated_ms = :now_ms WHERE {_NAMED}",
        account=scope.account,
        region=scope.region,
        name=name,
        key_id=key_id,
        now_ms=now_ms,
    )


def delete(tx: Transaction, scope: Scope, name: str) -> None:
    tx.run(f"DELETE FROM kms_aliases WHERE {_NAMED}", account=scope.account, region=scope.region, name=name)


def listed(tx: Transaction, scope: Scope, *, key_id: str = "", after: str = "", limit: int) -> list[Alias]:
    """Aliases behind `after` by name; of one key, if it is given."""
    of_key = " AND key_id = :key_id" if key_id else ""
    params = {"key_id": key_id} if key_id else {}
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM kms_aliases WHERE account = :account AND region = :region{of_key}"
        " AND name > :after ORDER BY name LIMIT :limit",
        account=scope.account,
        region=scope.region,
        after=after,
        limit=limit,
        **params,
    )
    return [msgspec.convert(row, Alias) for row in rows]
