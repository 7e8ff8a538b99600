"""All SQL of keys and of their sealed secrets."""

from typing import Any, NamedTuple

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.kms.model.key import Key, Material

_KEY = (
    "k.account, k.region, k.key_id, k.description, k.usage, k.spec, k.manager, k.state, k.policy,"
    " k.material, k.created_ms, k.deletion_ms, k.rotation_days, k.next_rotation_ms"
)
_MATERIAL = "m.number, m.material_id, m.sealed, m.public_key, m.rotation_type, m.created_ms AS made_ms"
_JOINED = (
    f"SELECT {_KEY}, {_MATERIAL} FROM kms_keys k JOIN kms_materials m"
    " ON m.account = k.account AND m.region = k.region AND m.key_id = k.key_id"
)
_OF_KEY = "account = :account AND region = :region AND key_id = :key_id"


class Stored(NamedTuple):
    """A key with one of its secrets, still sealed."""

    key: Key
    material: Material


def find(tx: Transaction, scope: Scope, key_id: str) -> Stored | None:
    """The key with its newest secret."""
    row = tx.one(
        f"{_JOINED} AND m.number = k.material"
        " WHERE k.account = :account AND k.region = :region AND k.key_id = :key_id",
        account=scope.account,
        region=scope.region,
        key_id=key_id,
    )
    return _stored(row) if row else None


def find_with(tx: Transaction, scope: Scope, key_id: str, number: int) -> Stored | None:
    """The key with a certain secret of its. None when there is no such key, or no such secret."""
    row = tx.one(
        f"{_JOINED} AND m.number = :number"
        " WHERE k.account = :account AND k.region = :region AND k.key_id = :key_id",
        account=scope.account,
        region=scope.region,
        key_id=key_id,
        number=number,
    )
    return _stored(row) if row else None


def ids(tx: Transaction, scope: Scope, *, after: str, limit: int) -> list[str]:
    """Ids of the keys behind `after`, in order."""
    rows = tx.all(
        "SELECT key_id FROM kms_keys WHERE account = :account AND region = :region AND key_id > :after"
        " ORDER BY key_id LIMIT :limit",
        account=scope.account,
        region=scope.region,
        after=after,
        limit=limit,
    )
    return [row["key_id"] for row in rows]


def count(tx: Transaction, scope: Scope) -> int:
    row = tx.one(
        "SELECT count(*) AS n FROM kms_keys WHERE account = :account AND region = :region"
        " AND manager = 'CUSTOMER'",
        account=scope.account,
        region=scope.region,
    )
    return int(row["n"]) if row else 0


def insert(tx: Transaction, key: Key) -> None:
    tx.run(
        "INSERT INTO kms_keys (account, region, key_id, description, usage, spec, manager, state, policy,"
        " material, created_ms, deletion_ms, rotation_days, next_rotation_ms) VALUES (:account, :region,"
        " :key_id, :description, :usage, :spec, :manager, :state, :policy, :material, :created_ms,"
        " :deletion_ms, :rotation_days, :next_rotation_ms)",
        **msgspec.structs.asdict(key),
    )


def replace(tx: Transaction, key: Key) -> None:
    """Store what may change of a key."""
    tx.run(
        "UPDATE kms_keys SET description = :description, state = :state, policy = :policy,"
        " material = :material, deletion_ms = :deletion_ms, rotation_days = :rotation_days,"
        f" next_rotation_ms = :next_rotation_ms WHERE {_OF_KEY}",
        **{
            name: value
            for name, value in msgspec.structs.asdict(key).items()
            if name not in ("usage", "spec", "manager", "created_ms")
        },
    )


def insert_material(tx: Transaction, key: Key, material: Material) -> None:
    tx.run(
        "INSERT INTO kms_materials (account, region, key_id, number, material_id, sealed, public_key,"
        " created_ms, rotation_type) VALUES (:account, :region, :key_id, :number, :material_id, :sealed,"
        " :public_key, :created_ms, :rotation_type)",
        account=key.account,
        region=key.region,
        key_id=key.key_id,
        **msgspec.structs.asdict(material),
    )


def materials(tx: Transaction, key: Key, *, after: int, limit: int) -> list[Material]:
    """A key's secrets with a number above `after`, the oldest first."""
    rows = tx.all(
        "SELECT number, material_id, sealed, public_key, created_ms, rotation_type FROM kms_materials"
        f" WHERE {_OF_KEY} AND number > :after ORDER BY number LIMIT :limit",
        account=key.account,
        region=key.region,
        key_id=key.key_id,
        after=after,
        limit=limit,
    )
    return [msgspec.convert(row, Material) for row in rows]


def on_demand_count(tx: Transaction, key: Key) -> int:
    row = tx.one(
        f"SELECT count(*) AS n FROM kms_materials WHERE {_OF_KEY} AND rotation_type = 'ON_DEMAND'",
        account=key.account,
        region=key.region,
        key_id=key.key_id,
    )
    return int(row["n"]) if row else 0


def delete(tx: Transaction, key: Key) -> None:
    """The key, its secrets, its other names and its grants: nothing that it encrypted can be read again."""
    for table in ("kms_grants", "kms_aliases", "kms_materials", "kms_keys"):
        tx.run(
            f"DELETE FROM {table} WHERE {_OF_KEY}",
            account=key.account,
            region=key.region,
            key_id=key.key_id,
        )


def due_for_deletion(tx: Transaction, now_ms: int, limit: int) -> list[Key]:
    return _due(tx, "k.state = 'PendingDeletion' AND k.deletion_ms <= :now_ms", now_ms, limit)


def due_for_rotation(tx: Transaction, now_ms: int, limit: int) -> list[Key]:
    """A disabled key is rotated when it is enabled again."""
    return _due(tx, "k.state = 'Enabled' AND k.next_rotation_ms <= :now_ms", now_ms, limit)


def next_due_ms(tx: Transaction) -> int | None:
    """When the next key is to be deleted or rotated."""
    row = tx.one(
        "SELECT (SELECT MIN(deletion_ms) FROM kms_keys WHERE deletion_ms IS NOT NULL) AS deletion_ms,"
        " (SELECT MIN(next_rotation_ms) FROM kms_keys WHERE next_rotation_ms IS NOT NULL"
        "   AND state = 'Enabled') AS rotation_ms"
    )
    times = [time for time in (row or {}).values() if time is not None]
    return min(times, default=None)


def _due(tx: Transaction, condition: str, now_ms: int, limit: int) -> list[Key]:
    sql = f"SELECT {_KEY} FROM kms_keys k WHERE {condition} ORDER BY k.key_id LIMIT :limit"
    return [msgspec.convert(row, Key) for row in tx.all(sql, now_ms=now_ms, limit=limit)]


def _stored(row: dict[str, Any]) -> Stored:
    material = Material(
        number=row.pop("number"),
        material_id=row.pop("material_id"),
        sealed=row.pop("sealed"),
        public_key=row.pop("public_key"),
        created_ms=row.pop("made_ms"),
        rotation_type=row.pop("rotation_type"),
    )
    return Stored(Key(**row), material)
