"""All SQL of passwords, and of the last time that somebody signed in with one."""

from typing import Any

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import Login, PasswordPolicy
from hostreeve.platform.identity.store.changes import IN_SCOPE, change, one, several

_COLUMNS = "user_id, salt, cost, sealed_hash, must_change, created_ms, changed_ms"
_OF_USER = f"{IN_SCOPE} AND user_id = :user_id"


def insert(tx: Transaction, scope: Scope, login: Login) -> bool:
    """False when the user has a password."""
    return bool(
        change(
            tx,
            scope,
            f"INSERT INTO iam_logins (account, region, {_COLUMNS}) VALUES (:account, :region, :user_id,"
            " :salt, :cost, :sealed_hash, :must_change, :created_ms, :changed_ms) ON CONFLICT DO NOTHING",
            **msgspec.structs.asdict(login),
        )
    )


def find(tx: Transaction, scope: Scope, user_id: str) -> Login | None:
    row = one(tx, scope, f"SELECT {_COLUMNS} FROM iam_logins WHERE {_OF_USER}", user_id=user_id)
    return _login(row) if row else None


def replace(tx: Transaction, scope: Scope, old: Login, new: Login) -> None:
    """Store the new password, or that it must be changed; what the old one was is remembered."""
    row = msgspec.structs.asdict(new)
    del row["created_ms"]
    change(
        tx,
        scope,
        "UPDATE iam_logins SET salt = :salt, cost = :cost, sealed_hash = :sealed_hash,"
        f" must_change = :must_change, changed_ms = :changed_ms WHERE {_OF_USER}",
        **row,
    )
    if new.sealed_hash != old.sealed_hash:
        tx.run(
            "INSERT INTO iam_former_passwords (account, region, user_id, changed_ms, sealed_hash)"
            " VALUES (:account, :region, :user_id, :changed_ms, :sealed_hash)"
            " ON CONFLICT (account, region, user_id, changed_ms) DO UPDATE SET"
            " sealed_hash = excluded.sealed_hash",
            account=scope.account,
            region=scope.region,
            user_id=old.user_id,
            changed_ms=old.changed_ms,
            sealed_hash=old.sealed_hash,
        )


def former(tx: Transaction, scope: Scope, user_id: str, limit: int) -> list[bytes]:
    """The sealed hashes of the passwords before, the newest first."""
    rows = several(
        tx,
        scope,
        f"SELECT sealed_hash FROM iam_former_passwords WHERE {_OF_USER} ORDER BY changed_ms DESC"
        " LIMIT :limit",
        user_id=user_id,
        limit=limit,
    )
    return [row["sealed_hash"] for row in rows]


def prune(tx: Transaction, scope: Scope, user_id: str, keep: int) -> None:
    """Forget all but the newest `keep` of the passwords before."""
    tx.run(
        f"DELETE FROM iam_former_passwords WHERE {_OF_USER} AND changed_ms NOT IN (SELECT changed_ms FROM"
        f" iam_former_passwords WHERE {_OF_USER} ORDER BY changed_ms DESC LIMIT :keep)",
        account=scope.account,
        region=scope.region,
        user_id=user_id,
        keep=keep,
    )


def delete(tx: Transaction, scope: Scope, user_id: str) -> bool:
    """With the memory of passwords before."""
    gone = change(tx, scope, f"DELETE FROM iam_logins WHERE {_OF_USER}", user_id=user_id)
    prune(tx, scope, user_id, 0)
    return bool(gone)


def record_sign_in(tx: Transaction, scope: Scope, user_id: str, now_ms: int) -> None:
    tx.run(
        "INSERT INTO iam_sign_ins (account, region, user_id, used_ms)"
        " VALUES (:account, :region, :user_id, :used_ms)"
        " ON CONFLICT (account, region, user_id) DO UPDATE SET used_ms = excluded.used_ms",
        account=scope.account,
        region=scope.region,
        user_id=user_id,
        used_ms=now_ms,
    )


def signed_in(tx: Transaction, scope: Scope, user_id: str | None = None) -> dict[str, int]:
    """When users last signed in with a password, by their ids; of one user, or of all."""
    rows = several(
        tx,
        scope,
        f"SELECT user_id, used_ms FROM iam_sign_ins WHERE {IN_SCOPE}"
        " AND (CAST(:user_id AS TEXT) IS NULL OR user_id = :user_id)",
        user_id=user_id,
    )
    return {row["user_id"]: row["used_ms"] for row in rows}


def forget_sign_in(tx: Transaction, scope: Scope, user_id: str) -> None:
    tx.run(
        f"DELETE FROM iam_sign_ins WHERE {_OF_USER}",
        account=scope.account,
        region=scope.region,
        user_id=user_id,
    )


def put_policy(tx: Transaction, scope: Scope, policy: PasswordPolicy) -> None:
    change(
        tx,
        scope,
        "INSERT INTO iam_password_policies (account, region, policy) VALUES (:account, :region, :policy)"
        " ON CONFLICT (account, region) DO UPDATE SET policy = excluded.policy",
        policy=msgspec.json.encode(policy).decode(),
    )


def policy(tx: Transaction, scope: Scope) -> PasswordPolicy | None:
    """The account's own policy for passwords, if it has one."""
    row = one(tx, scope, f"SELECT policy FROM iam_password_policies WHERE {IN_SCOPE}")
    return msgspec.json.decode(row["policy"], type=PasswordPolicy) if row else None


def delete_policy(tx: Transaction, scope: Scope) -> bool:
    return bool(change(tx, scope, f"DELETE FROM iam_password_policies WHERE {IN_SCOPE}"))


def _login(row: dict[str, Any]) -> Login:
    return msgspec.convert({**row, "must_change": bool(row["must_change"])}, Login)
