"""All SQL of the versions of managed policies."""

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import PolicyVersion
from hostreeve.platform.identity.store.changes import IN_SCOPE, change, one, several

_COLUMNS = "version, document, created_ms"
_ONE = f"{IN_SCOPE} AND policy_id = :policy_id AND version = :version"


def insert(tx: Transaction, scope: Scope, policy_id: str, version: PolicyVersion) -> None:
    change(
        tx,
        scope,
        f"INSERT INTO iam_policy_versions (account, region, policy_id, {_COLUMNS})"
        " VALUES (:account, :region, :policy_id, :version, :document, :created_ms)",
        policy_id=policy_id,
        **msgspec.structs.asdict(version),
    )


def find(tx: Transaction, scope: Scope, policy_id: str, version: int) -> PolicyVersion | None:
    row = one(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_policy_versions WHERE {_ONE}",
        policy_id=policy_id,
        version=version,
    )
    return msgspec.convert(row, PolicyVersion) if row else None


def listed(tx: Transaction, scope: Scope, policy_id: str) -> list[PolicyVersion]:
    """The newest first."""
    rows = several(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_policy_versions WHERE {IN_SCOPE} AND policy_id = :policy_id"
        " ORDER BY version DESC",
        policy_id=policy_id,
    )
    return [msgspec.convert(row, PolicyVersion) for row in rows]


def delete(tx: Transaction, scope: Scope, policy_id: str, version: int) -> bool:
    gone = change(
        tx,
        scope,
        f"DELETE FROM iam_policy_versions WHERE {_ONE}",
        policy_id=policy_id,
        version=version,
    )
    return bool(gone)


def delete_all(tx: Transaction, scope: Scope, policy_id: str) -> None:
    change(
        tx,
        scope,
        f"DELETE FROM iam_policy_versions WHERE {IN_SCOPE} AND policy_id = :policy_id",
        policy_id=policy_id,
    )
