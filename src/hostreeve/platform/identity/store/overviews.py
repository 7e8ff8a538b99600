"""All SQL that looks at many identities at once: for reports and for the details of a whole account."""

from collections.abc import Sequence

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import AccessKey, Identity, InstanceProfile, Login
from hostreeve.platform.identity.store.access_keys import KEY_COLUMNS
from hostreeve.platform.identity.store.changes import IN_SCOPE, one, several
from hostreeve.platform.identity.store.identities import from_row as identity_from_row
from hostreeve.platform.identity.store.instance_profiles import from_row as profile_from_row

COUNTED = {
    "Users": "iam_identities WHERE kind = 'user' AND",
    "Groups": "iam_identities WHERE kind = 'group' AND",
    "Roles": "iam_identities WHERE kind = 'role' AND",
    "Policies": "iam_policies WHERE",
    "PolicyVersionsInUse": "iam_policy_versions WHERE",
    "InstanceProfiles": "iam_instance_profiles WHERE",
    "MFADevices": "iam_mfa_devices WHERE",
    "MFADevicesInUse": "iam_mfa_devices WHERE user_id <> '' AND",
    "Providers": "iam_oidc_providers WHERE",
}
"""What an account's summary counts."""


def counts(tx: Transaction, scope: Scope) -> dict[str, int]:
    found = {}
    for name, rows in COUNTED.items():
        row = one(tx, scope, f"SELECT count(*) AS number FROM {rows} {IN_SCOPE}")
        found[name] = int(row["number"]) if row else 0
    return found


def inline(tx: Transaction, scope: Scope, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """The inline policies of several identities: documents by name, by id."""
    rows = several(
        tx,
        scope,
        f"SELECT identity_id, name, document FROM iam_inline_policies WHERE {IN_SCOPE}"
        " AND identity_id IN :ids ORDER BY identity_id, name",
        ids=list(ids),
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["identity_id"], {})[row["name"]] = row["document"]
    return found


def attached(tx: Transaction, scope: Scope, ids: Sequence[str]) -> dict[str, list[str]]:
    """The ARNs of what is attached to several identities, by id."""
    rows = several(
        tx,
        scope,
        f"SELECT identity_id, policy_arn FROM iam_attachments WHERE {IN_SCOPE}"
        " AND identity_id IN :ids ORDER BY identity_id, policy_arn",
        ids=list(ids),
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["identity_id"], []).append(row["policy_arn"])
    return found


def groups(tx: Transaction, scope: Scope, ids: Sequence[str]) -> dict[str, list[str]]:
    """The names of the groups that several users are in, by the users' ids."""
    rows = several(
        tx,
        scope,
        "SELECT m.user_id, i.name FROM iam_memberships m JOIN iam_identities i ON i.account = m.account"
        " AND i.region = m.region AND i.identity_id = m.group_id"
        " WHERE m.account = :account AND m.region = :region AND m.user_id IN :ids"
        " ORDER BY m.user_id, i.name_key",
        ids=list(ids),
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["user_id"], []).append(row["name"])
    return found


def profiles(tx: Transaction, scope: Scope, ids: Sequence[str]) -> dict[str, list[InstanceProfile]]:
    """The instance profiles that hold several roles, by the roles' ids."""
    rows = several(
        tx,
        scope,
        "SELECT account, name, path, profile_id, created_ms, tags, role_id FROM iam_instance_profiles"
        f" WHERE {IN_SCOPE} AND role_id IN :ids ORDER BY role_id, name_key",
        ids=list(ids),
    )
    found: dict[str, list[InstanceProfile]] = {}
    for row in rows:
        found.setdefault(row["role_id"], []).append(profile_from_row(row))
    return found


def role_uses(tx: Transaction, scope: Scope, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """When and where several roles were last used, by id."""
    rows = several(
        tx,
        scope,
        f"SELECT role_id, used_ms, used_region FROM iam_role_uses WHERE {IN_SCOPE} AND role_id IN :ids",
        ids=list(ids),
    )
    return {row["role_id"]: (row["used_ms"], row["used_region"]) for row in rows}


def users(tx: Transaction, scope: Scope) -> list[Identity]:
    """All of the account, in the order of their names."""
    rows = several(
        tx,
        scope,
        "SELECT account, kind, name, path, identity_id, created_ms, boundary_arn, tags, trust, description,"
        f" max_session_s FROM iam_identities WHERE {IN_SCOPE} AND kind = 'user' ORDER BY name_key",
    )
    return [identity_from_row(row) for row in rows]


def access_keys(tx: Transaction, scope: Scope) -> dict[str, list[AccessKey]]:
    """All keys of the account, the oldest first, by the users' ids."""
    rows = several(
        tx,
        scope,
        f"SELECT {KEY_COLUMNS} FROM iam_access_keys WHERE {IN_SCOPE} ORDER BY created_ms, access_key_id",
    )
    found: dict[str, list[AccessKey]] = {}
    for row in rows:
        found.setdefault(row["user_id"], []).append(msgspec.convert(row, AccessKey))
    return found


def logins(tx: Transaction, scope: Scope) -> dict[str, Login]:
    """All passwords of the account, as they are stored, by the users' ids."""
    rows = several(
        tx,
        scope,
        "SELECT user_id, salt, cost, sealed_hash, must_change, created_ms, changed_ms FROM iam_logins"
        f" WHERE {IN_SCOPE}",
    )
    return {
        row["user_id"]: msgspec.convert({**row, "must_change": bool(row["must_change"])}, Login)
        for row in rows
    }


def users_with_mfa(tx: Transaction, scope: Scope) -> set[str]:
    """The ids of users who have a device."""
    rows = several(
        tx, scope, f"SELECT DISTINCT user_id FROM iam_mfa_devices WHERE {IN_SCOPE} AND user_id <> ''"
    )
    return {row["user_id"] for row in rows}


def put_report(tx: Transaction, scope: Scope, content: str, now_ms: int) -> None:
    tx.run(
        "INSERT INTO iam_credential_reports (account, region, generated_ms, content)"
        " VALUES (:account, :region, :generated_ms, :content) ON CONFLICT (account, region) DO UPDATE SET"
        " generated_ms = excluded.generated_ms, content = excluded.content",
        account=scope.account,
        region=scope.region,
        generated_ms=now_ms,
        content=content,
    )


def report(tx: Transaction, scope: Scope) -> tuple[int, str] | None:
    """When the account's last report was made, and what it says."""
    row = one(tx, scope, f"SELECT generated_ms, content FROM iam_credential_reports WHERE {IN_SCOPE}")
    return (row["generated_ms"], row["content"]) if row else None
