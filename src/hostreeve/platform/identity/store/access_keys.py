"""All SQL of users' access keys."""

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import AccessKey
from hostreeve.platform.identity.store.changes import IN_SCOPE, change, one, several

KEY_COLUMNS = (
    "account, access_key_id, user_id, status, sealed_secret, created_ms, used_ms, used_service, used_region"
)


def insert(tx: Transaction, scope: Scope, key: AccessKey) -> None:
    change(
        tx,
        scope,
        f"INSERT INTO iam_access_keys (region, {KEY_COLUMNS}) VALUES (:region, :account, :access_key_id,"
        " :user_id, :status, :sealed_secret, :created_ms, 0, '', '')",
        access_key_id=key.access_key_id,
        user_id=key.user_id,
        status=key.status,
        sealed_secret=key.sealed_secret,
        created_ms=key.created_ms,
    )


def find(tx: Transaction, scope: Scope, access_key_id: str) -> AccessKey | None:
    row = one(
        tx,
        scope,
        f"SELECT {KEY_COLUMNS} FROM iam_access_keys WHERE {IN_SCOPE} AND access_key_id = :access_key_id",
        access_key_id=access_key_id,
    )
    return msgspec.convert(row, AccessKey) if row else None


def listed(tx: Transaction, scope: Scope, user_id: str) -> list[AccessKey]:
    """A user's keys, the oldest first."""
    rows = several(
        tx,
        scope,
        f"SELECT {KEY_COLUMNS} FROM iam_access_keys WHERE {IN_SCOPE} AND user_id = :user_id"
        " ORDER BY created_ms, access_key_id",
        user_id=user_id,
    )
    return [msgspec.convert(row, AccessKey) for row in rows]


def set_status(tx: Transaction, scope: Scope, access_key_id: str, status: str) -> None:
    change(
        tx,
        scope,
        "UPDATE iam_access_keys SET status = :status"
        f" WHERE {IN_SCOPE} AND access_key_id = :access_key_id AND status <> :status",
        access_key_id=access_key_id,
        status=status,
    )


def delete(tx: Transaction, scope: Scope, access_key_id: str) -> None:
    change(
        tx,
        scope,
        f"DELETE FROM iam_access_keys WHERE {IN_SCOPE} AND access_key_id = :access_key_id",
        access_key_id=access_key_id,
    )


def record_use(
    tx: Transaction, scope: Scope, access_key_id: str, *, service: str, region: str, used_ms: int
) -> None:
    """When, for what and where a key was last used. It changes nothing that anybody may do: no new stamp."""
    tx.run(
        "UPDATE iam_access_keys SET used_ms = :used_ms, used_service = :service, used_region = :used_region"
        f" WHERE {IN_SCOPE} AND access_key_id = :access_key_id AND used_ms < :used_ms",
        account=scope.account,
        region=scope.region,
        access_key_id=access_key_id,
        service=service,
        used_region=region,
        used_ms=used_ms,
    )
