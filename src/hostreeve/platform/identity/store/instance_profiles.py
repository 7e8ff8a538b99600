"""All SQL of instance profiles."""

from typing import Any

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import InstanceProfile
from hostreeve.platform.identity.store.changes import IN_SCOPE, change, one, several

_COLUMNS = "account, name, path, profile_id, created_ms, tags, role_id"


def insert(tx: Transaction, scope: Scope, profile: InstanceProfile) -> bool:
    """False when the account has one of that name (without regard to case)."""
    row = msgspec.structs.asdict(profile) | {"tags": msgspec.json.encode(profile.tags).decode()}
    del row["account"]
    return bool(
        change(
            tx,
            scope,
            f"INSERT INTO iam_instance_profiles (region, name_key, {_COLUMNS}) VALUES (:region, :name_key,"
            " :account, :name, :path, :profile_id, :created_ms, :tags, :role_id) ON CONFLICT DO NOTHING",
            name_key=profile.name.lower(),
            **row,
        )
    )


def find(tx: Transaction, scope: Scope, name: str) -> InstanceProfile | None:
    row = one(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_instance_profiles WHERE {IN_SCOPE} AND name_key = :name_key",
        name_key=name.lower(),
    )
    return from_row(row) if row else None


def listed(
    tx: Transaction, scope: Scope, *, path_prefix: str, after: str, limit: int
) -> list[InstanceProfile]:
    """In the order of their names, behind `after` (lower-case)."""
    rows = several(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_instance_profiles WHERE {IN_SCOPE} AND name_key > :after"
        " AND substr(path, 1, length(:prefix)) = :prefix ORDER BY name_key LIMIT :limit",
        after=after,
        prefix=path_prefix,
        limit=limit,
    )
    return [from_row(row) for row in rows]


def holding(tx: Transaction, scope: Scope, role_id: str) -> list[InstanceProfile]:
    """Those that hold the role, in the order of their names."""
    rows = several(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_instance_profiles WHERE {IN_SCOPE} AND role_id = :role_id"
        " ORDER BY name_key",
        role_id=role_id,
    )
    return [from_row(row) for row in rows]


def count(tx: Transaction, scope: Scope) -> int:
    row = one(tx, scope, f"SELECT count(*) AS profiles FROM iam_instance_profiles WHERE {IN_SCOPE}")
    return int(row["profiles"]) if row else 0


def update(tx: Transaction, scope: Scope, profile: InstanceProfile) -> None:
    """Store what can change: tags and the role."""
    change(
        tx,
        scope,
        "UPDATE iam_instance_profiles SET tags = :tags, role_id = :role_id"
        f" WHERE {IN_SCOPE} AND profile_id = :profile_id",
        tags=msgspec.json.encode(profile.tags).decode(),
        role_id=profile.role_id,
        profile_id=profile.profile_id,
    )


def delete(tx: Transaction, scope: Scope, profile_id: str) -> None:
    change(
        tx,
        scope,
        f"DELETE FROM iam_instance_profiles WHERE {IN_SCOPE} AND profile_id = :profile_id",
        profile_id=profile_id,
    )


def from_row(row: dict[str, Any]) -> InstanceProfile:
    return msgspec.convert({**row, "tags": msgspec.json.decode(row["tags"])}, InstanceProfile)
