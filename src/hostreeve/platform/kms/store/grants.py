"""All SQL of grants."""

from collections.abc import Sequence
from typing import Any

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.kms.model.grants import Grant
from hostreeve.platform.kms.model.key import Key

_COLUMNS = (
    "account, region, key_id, grant_id, name, grantee, retiring, issuing_account, operations, constraints,"
    " created_ms"
)
_OF_KEY = "account = :account AND region = :region AND key_id = :key_id"


def insert(tx: Transaction, grant: Grant) -> None:
    row = msgspec.structs.asdict(grant)
    for name in ("operations", "constraints"):
        row[name] = msgspec.json.encode(row[name]).decode()
    tx.run(
        f"INSERT INTO kms_grants ({_COLUMNS}) VALUES (:account, :region, :key_id, :grant_id, :name,"
        " :grantee, :retiring, :issuing_account, :operations, :constraints, :created_ms)",
        **row,
    )


def find(tx: Transaction, scope: Scope, key_id: str, grant_id: str) -> Grant | None:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM kms_grants WHERE {_OF_KEY} AND grant_id = :grant_id",
        account=scope.account,
        region=scope.region,
        key_id=key_id,
        grant_id=grant_id,
    )
    return _grant(row) if row else None


def to(tx: Transaction, key: Key, grantees: Sequence[str]) -> list[Grant]:
    """What a key grants to any of these names of a principal."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM kms_grants WHERE {_OF_KEY} AND grantee IN :grantees ORDER BY grant_id",
        account=key.account,
        region=key.region,
        key_id=key.key_id,
        grantees=list(grantees),
    )
    return [_grant(row) for row in rows]


def listed(
    tx: Transaction, key: Key, *, grant_id: str = "", grantee: str = "", after: str = "", limit: int
) -> list[Grant]:
    """A key's grants behind `after` by id; only one, or only one grantee's, if these are given."""
    given = {"grant_id": grant_id, "grantee": grantee}
    chosen = {name: value for name, value in given.items() if value}
    conditions = "".join(f" AND {name} = :{name}" for name in chosen)
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM kms_grants WHERE {_OF_KEY} AND grant_id > :after{conditions}"
        " ORDER BY grant_id LIMIT :limit",
        account=key.account,
        region=key.region,
        key_id=key.key_id,
        after=after,
        limit=limit,
        **chosen,
    )
    return [_grant(row) for row in rows]


def retirable(tx: Transaction, region: str, retiring: str, *, after: str, limit: int) -> list[Grant]:
    """Grants on any account's keys that this principal may retire."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM kms_grants WHERE region = :region AND retiring = :retiring"
        " AND retiring <> '' AND grant_id > :after ORDER BY grant_id LIMIT :limit",
        region=region,
        retiring=retiring,
        after=after,
        limit=limit,
    )
    return [_grant(row) for row in rows]


def count(tx: Transaction, key: Key) -> int:
    row = tx.one(
        f"SELECT count(*) AS n FROM kms_grants WHERE {_OF_KEY}",
        account=key.account,
        region=key.region,
        key_id=key.key_id,
    )
    return int(row["n"]) if row else 0


def delete(tx: Transaction, grant: Grant) -> None:
    tx.run(
        f"DELETE FROM kms_grants WHERE {_OF_KEY} AND grant_id = :grant_id",
        account=grant.account,
        region=grant.region,
        key_id=grant.key_id,
        grant_id=grant.grant_id,
    )


def _grant(row: dict[str, Any]) -> Grant:
    for name in ("operations", "constraints"):
        row[name] = msgspec.json.decode(row[name])
    return msgspec.convert(row, Grant)
