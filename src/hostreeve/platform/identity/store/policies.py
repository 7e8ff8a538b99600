"""All SQL of policies: inline ones, the account's managed ones, and what is attached to whom."""

from typing import Any

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import ManagedPolicy, PolicyVersion
from hostreeve.platform.identity.store import policy_versions
from hostreeve.platform.identity.store.changes import IN_SCOPE, change, one, several

_OWN = (
    "account, name, path, policy_id, description, tags, created_ms, updated_ms, default_version,"
    " newest_version"
)
_FOUND = (
    "SELECT p.account, p.name, p.path, p.policy_id, p.description, p.tags, p.created_ms, p.updated_ms,"
    " p.default_version, p.newest_version, v.document FROM iam_policies p JOIN iam_policy_versions v ON"
    " v.account = p.account AND v.region = p.region AND v.policy_id = p.policy_id"
    " AND v.version = p.default_version WHERE p.account = :account AND p.region = :region"
)


def put_inline(tx: Transaction, scope: Scope, identity_id: str, name: str, document: str) -> None:
    change(
        tx,
        scope,
        "INSERT INTO iam_inline_policies (account, region, identity_id, name, document)"
        " VALUES (:account, :region, :identity_id, :name, :document)"
        " ON CONFLICT (account, region, identity_id, name) DO UPDATE SET document = excluded.document",
        identity_id=identity_id,
        name=name,
        document=document,
    )


def inline(tx: Transaction, scope: Scope, identity_id: str) -> dict[str, str]:
    """An identity's inline policies by name, in the order of their names."""
    rows = several(
        tx,
        scope,
        f"SELECT name, document FROM iam_inline_policies WHERE {IN_SCOPE} AND identity_id = :identity_id"
        " ORDER BY name",
        identity_id=identity_id,
    )
    return {row["name"]: row["document"] for row in rows}


def delete_inline(tx: Transaction, scope: Scope, identity_id: str, name: str) -> bool:
    return bool(
        change(
            tx,
            scope,
            f"DELETE FROM iam_inline_policies WHERE {IN_SCOPE} AND identity_id = :identity_id"
            " AND name = :name",
            identity_id=identity_id,
            name=name,
        )
    )


def insert(tx: Transaction, scope: Scope, policy: ManagedPolicy) -> bool:
    """With its first version. False when the account has one of that name (without regard to case)."""
    row = msgspec.structs.asdict(policy) | {"tags": msgspec.json.encode(policy.tags).decode()}
    document = row.pop("document")
    del row["account"]
    is_new = change(
        tx,
        scope,
        f"INSERT INTO iam_policies (region, name_key, arn, {_OWN}) VALUES (:region, :name_key, :arn,"
        " :account, :name, :path, :policy_id, :description, :tags, :created_ms, :updated_ms,"
        " :default_version, :newest_version) ON CONFLICT DO NOTHING",
        name_key=policy.name.lower(),
        arn=policy.arn,
        **row,
    )
    if is_new:
        first = PolicyVersion(version=policy.default_version, document=document, created_ms=policy.created_ms)
        policy_versions.insert(tx, scope, policy.policy_id, first)
    return bool(is_new)


def find(tx: Transaction, scope: Scope, arn: str) -> ManagedPolicy | None:
    row = one(tx, scope, f"{_FOUND} AND p.arn = :arn", arn=arn)
    return _policy(row) if row else None


def listed(tx: Transaction, scope: Scope) -> list[ManagedPolicy]:
    """All of the account's own, in the order of their names."""
    return [_policy(row) for row in several(tx, scope, f"{_FOUND} ORDER BY p.name_key")]


def count(tx: Transaction, scope: Scope) -> int:
    row = one(tx, scope, f"SELECT count(*) AS policies FROM iam_policies WHERE {IN_SCOPE}")
    return int(row["policies"]) if row else 0


def update(tx: Transaction, scope: Scope, policy: ManagedPolicy) -> None:
    """Store what can change about a policy: its tags, its versions' numbers and when they changed."""
    change(
        tx,
        scope,
        "UPDATE iam_policies SET tags = :tags, updated_ms = :updated_ms, default_version = :default_version,"
        f" newest_version = :newest_version WHERE {IN_SCOPE} AND policy_id = :policy_id",
        tags=msgspec.json.encode(policy.tags).decode(),
        updated_ms=policy.updated_ms,
        default_version=policy.default_version,
        newest_version=policy.newest_version,
        policy_id=policy.policy_id,
    )


def delete(tx: Transaction, scope: Scope, policy: ManagedPolicy) -> None:
    """With its versions."""
    policy_versions.delete_all(tx, scope, policy.policy_id)
    change(
        tx,
        scope,
        f"DELETE FROM iam_policies WHERE {IN_SCOPE} AND policy_id = :policy_id",
        policy_id=policy.policy_id,
    )


def attach(tx: Transaction, scope: Scope, identity_id: str, arn: str) -> None:
    """Attaching twice is attaching once."""
    change(
        tx,
        scope,
        "INSERT INTO iam_attachments (account, region, identity_id, policy_arn)"
        " VALUES (:account, :region, :identity_id, :arn) ON CONFLICT DO NOTHING",
        identity_id=identity_id,
        arn=arn,
    )


def detach(tx: Transaction, scope: Scope, identity_id: str, arn: str) -> bool:
    return bool(
        change(
            tx,
            scope,
            f"DELETE FROM iam_attachments WHERE {IN_SCOPE} AND identity_id = :identity_id"
            " AND policy_arn = :arn",
            identity_id=identity_id,
            arn=arn,
        )
    )


def attached(tx: Transaction, scope: Scope, identity_id: str) -> list[str]:
    """The ARNs of what is attached to an identity."""
    rows = several(
        tx,
        scope,
        f"SELECT policy_arn FROM iam_attachments WHERE {IN_SCOPE} AND identity_id = :identity_id"
        " ORDER BY policy_arn",
        identity_id=identity_id,
    )
    return [row["policy_arn"] for row in rows]


def attachment_counts(tx: Transaction, scope: Scope) -> dict[str, int]:
    """How many users and roles each attached policy has."""
    rows = several(
        tx,
        scope,
        f"SELECT policy_arn, count(*) AS attachments FROM iam_attachments WHERE {IN_SCOPE}"
        " GROUP BY policy_arn",
    )
    return {row["policy_arn"]: row["attachments"] for row in rows}


def boundary_counts(tx: Transaction, scope: Scope) -> dict[str, int]:
    """How many users and roles each policy is the permissions boundary of."""
    rows = several(
        tx,
        scope,
        f"SELECT boundary_arn, count(*) AS identities FROM iam_identities WHERE {IN_SCOPE}"
        " AND boundary_arn <> '' GROUP BY boundary_arn",
    )
    return {row["boundary_arn"]: row["identities"] for row in rows}


def _policy(row: dict[str, Any]) -> ManagedPolicy:
    return msgspec.convert({**row, "tags": msgspec.json.decode(row["tags"])}, ManagedPolicy)
