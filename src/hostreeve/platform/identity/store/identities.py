"""All SQL of users, groups and roles, and of the nodes whose sessions are over."""

from typing import Any

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import Identity, Kind
from hostreeve.platform.identity.store.changes import IN_SCOPE, change, one, several

_COLUMNS = (
    "account, kind, name, path, identity_id, created_ms, boundary_arn, tags, trust, description,"
    " max_session_s"
)


def insert(tx: Transaction, scope: Scope, identity: Identity) -> bool:
    """False when one of that kind and name (without regard to case) is there."""
    row = msgspec.structs.asdict(identity) | {"tags": msgspec.json.encode(identity.tags).decode()}
    del row["account"]
    return bool(
        change(
            tx,
            scope,
            f"INSERT INTO iam_identities (region, name_key, {_COLUMNS}) VALUES (:region, :name_key, :account,"
            " :kind, :name, :path, :identity_id, :created_ms, :boundary_arn, :tags, :trust, :description,"
            " :max_session_s) ON CONFLICT DO NOTHING",
            name_key=identity.name.lower(),
            **row,
        )
    )


def find(tx: Transaction, scope: Scope, kind: Kind, name: str) -> Identity | None:
    row = one(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_identities WHERE {IN_SCOPE} AND kind = :kind AND name_key = :name_key",
        kind=kind,
        name_key=name.lower(),
    )
    return from_row(row) if row else None


def find_by_id(tx: Transaction, scope: Scope, identity_id: str) -> Identity | None:
    row = one(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_identities WHERE {IN_SCOPE} AND identity_id = :identity_id",
        identity_id=identity_id,
    )
    return from_row(row) if row else None


def listed(
    tx: Transaction, scope: Scope, kind: Kind, *, path_prefix: str, after: str, limit: int
) -> list[Identity]:
    """In the order of their names, behind `after` (lower-case)."""
    rows = several(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_identities WHERE {IN_SCOPE} AND kind = :kind AND name_key > :after"
        " AND substr(path, 1, length(:prefix)) = :prefix ORDER BY name_key LIMIT :limit",
        kind=kind,
        after=after,
        prefix=path_prefix,
        limit=limit,
    )
    return [from_row(row) for row in rows]


def count(tx: Transaction, scope: Scope, kind: Kind) -> int:
    row = one(
        tx,
        scope,
        f"SELECT count(*) AS identities FROM iam_identities WHERE {IN_SCOPE} AND kind = :kind",
        kind=kind,
    )
    return int(row["identities"]) if row else 0


def replace(tx: Transaction, scope: Scope, old: Identity, new: Identity) -> bool:
    """Store what changed about an identity, its name included. False when the new name is another's."""
    other = find(tx, scope, new.kind, new.name)
    if other is not None and other.identity_id != old.identity_id:
        return False
    change(
        tx,
        scope,
        "UPDATE iam_identities SET name_key = :name_key, name = :name, path = :path, tags = :tags,"
        " boundary_arn = :boundary_arn, trust = :trust, description = :description,"
        f" max_session_s = :max_session_s WHERE {IN_SCOPE} AND identity_id = :identity_id",
        name_key=new.name.lower(),
        name=new.name,
        path=new.path,
        tags=msgspec.json.encode(new.tags).decode(),
        boundary_arn=new.boundary_arn,
        trust=new.trust,
        description=new.description,
        max_session_s=new.max_session_s,
        identity_id=old.identity_id,
    )
    return True


def delete(tx: Transaction, scope: Scope, identity_id: str) -> None:
    change(
        tx,
        scope,
        f"DELETE FROM iam_identities WHERE {IN_SCOPE} AND identity_id = :identity_id",
        identity_id=identity_id,
    )


def using(
    tx: Transaction, scope: Scope, policy_arn: str, *, as_policy: bool, as_boundary: bool
) -> list[Identity]:
    """Whom a managed policy is attached to, or is the permissions boundary of; by kind and name."""
    rows = several(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_identities WHERE {IN_SCOPE} AND ("
        " (:as_policy = 1 AND identity_id IN (SELECT identity_id FROM iam_attachments"
        f" WHERE {IN_SCOPE} AND policy_arn = :policy_arn))"
        " OR (:as_boundary = 1 AND boundary_arn = :policy_arn)) ORDER BY kind, name_key",
        policy_arn=policy_arn,
        as_policy=as_policy,
        as_boundary=as_boundary,
    )
    return [from_row(row) for row in rows]


def revoke_node(tx: Transaction, scope: Scope, node_id: str) -> None:
    change(
        tx,
        scope,
        "INSERT INTO iam_revoked_nodes (account, region, node_id) VALUES (:account, :region, :node_id)"
        " ON CONFLICT DO NOTHING",
        node_id=node_id,
    )


def is_revoked(tx: Transaction, scope: Scope, node_id: str) -> bool:
    row = one(
        tx,
        scope,
        f"SELECT node_id FROM iam_revoked_nodes WHERE {IN_SCOPE} AND node_id = :node_id",
        node_id=node_id,
    )
    return row is not None


def from_row(row: dict[str, Any]) -> Identity:
    return msgspec.convert({**row, "tags": msgspec.json.decode(row["tags"])}, Identity)
