"""An account at a glance: how much there is of what, and which credentials its users have."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.kernel.scope import PARTITION
from hostreeve.platform.identity.model import (
    ATTACHED_MAX,
    DAY_MS,
    GROUPS_PER_USER_MAX,
    INLINE_CHARS_MAX,
    KEYS_PER_USER_MAX,
    KIND_MAX,
    POLICIES_MAX,
    POLICY_CHARS_MAX,
    PROFILES_MAX,
    TRUST_CHARS_MAX,
    VERSIONS_MAX,
    AccessKey,
    Identity,
    Login,
    PasswordPolicy,
)
from hostreeve.platform.identity.operations.service import error, iam
from hostreeve.platform.identity.store import logins, overviews

REPORT_GOOD_MS = 4 * 3_600_000
NONE, UNKNOWN, UNSUPPORTED = "N/A", "no_information", "not_supported"
KEY_COLUMNS = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
COLUMNS = (
    *("user", "arn", "user_creation_time", "password_enabled", "password_last_used"),
    *("password_last_changed", "password_next_rotation", "mfa_active"),
    *(f"access_key_{number}_{column}" for number in (1, 2) for column in KEY_COLUMNS),
    *("cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated"),
)

QUOTAS = {
    "UsersQuota": KIND_MAX["user"],
    "GroupsQuota": KIND_MAX["group"],
    "RolesQuota": KIND_MAX["role"],
    "PoliciesQuota": POLICIES_MAX,
    "PolicyVersionsInUseQuota": POLICIES_MAX * VERSIONS_MAX,
    "InstanceProfilesQuota": PROFILES_MAX,
    "UserPolicySizeQuota": INLINE_CHARS_MAX["user"],
    "GroupPolicySizeQuota": INLINE_CHARS_MAX["group"],
    "RolePolicySizeQuota": INLINE_CHARS_MAX["role"],
    "PolicySizeQuota": POLICY_CHARS_MAX,
    "AssumeRolePolicySizeQuota": TRUST_CHARS_MAX,
    "GroupsPerUserQuota": GROUPS_PER_USER_MAX,
    "AccessKeysPerUserQuota": KEYS_PER_USER_MAX,
    "AttachedPoliciesPerUserQuota": ATTACHED_MAX,
    "AttachedPoliciesPerGroupQuota": ATTACHED_MAX,
    "AttachedPoliciesPerRoleQuota": ATTACHED_MAX,
    "VersionsPerPolicyQuota": VERSIONS_MAX,
    # Accounts here have no root user, and nobody has certificates.
    "AccountMFAEnabled": 0,
    "AccountAccessKeysPresent": 0,
    "AccountPasswordPresent": 0,
    "AccountSigningCertificatesPresent": 0,
    "SigningCertificatesPerUserQuota": 0,
    "ServerCertificates": 0,
    "ServerCertificatesQuota": 0,
    "GlobalEndpointTokenVersion": 2,
}


@iam.reads("GetAccountSummary", on=anything)
def get_account_summary(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"SummaryMap": QUOTAS | overviews.counts(call.tx, call.scope)}


@iam.writes("GenerateCredentialReport", on=anything)
def generate_credential_report(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """It is ready with the answer; one that is less than four hours old is left as it is, as at AWS."""
    last = overviews.report(call.tx, call.scope)
    if last is None or call.now_ms - last[0] >= REPORT_GOOD_MS:
        overviews.put_report(call.tx, call.scope, _report(call), call.now_ms)
    return {"State": "COMPLETE"}


@iam.reads("GetCredentialReport", on=anything)
def get_credential_report(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    last = overviews.report(call.tx, call.scope)
    if last is None:
        raise error.CredentialReportNotPresentException(
            "No report exists. GenerateCredentialReport makes one."
        )
    if call.now_ms - last[0] >= REPORT_GOOD_MS:
        raise error.CredentialReportExpiredException(
            "The report is older than four hours. GenerateCredentialReport makes a new one."
        )
    return {"Content": last[1].encode(), "ReportFormat": "text/csv", "GeneratedTime": last[0] / 1000}


def _report(call: Call) -> str:
    keys, passwords = overviews.access_keys(call.tx, call.scope), overviews.logins(call.tx, call.scope)
    used, with_mfa = logins.signed_in(call.tx, call.scope), overviews.users_with_mfa(call.tx, call.scope)
    policy = logins.policy(call.tx, call.scope)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    lines.writerow(_root(call.scope.account))
    for user in overviews.users(call.tx, call.scope):
        lines.writerow(
            [
                *_about(user),
                *_password(passwords.get(user.identity_id), used.get(user.identity_id), policy),
                _truth(user.identity_id in with_mfa),
                *_keys(keys.get(user.identity_id, [])),
                *_CERTIFICATES,
            ]
        )
    return text.getvalue()


_CERTIFICATES = ("false", NONE, "false", NONE)


def _root(account: str) -> list[str]:
    """AWS's first line. Here nobody can be the root user, and it has nothing."""
    arn = f"arn:{PARTITION}:iam::{account}:root"
    nothing = [UNSUPPORTED, NONE, UNSUPPORTED, UNSUPPORTED]
    return ["<root_account>", arn, UNSUPPORTED, *nothing, "false", *_keys([]), *_CERTIFICATES]


def _about(user: Identity) -> tuple[str, str, str]:
    return user.name, user.arn, _moment(user.created_ms)


def _password(login: Login | None, used_ms: int | None, policy: PasswordPolicy | None) -> list[str]:
    if login is None:
        return ["false", NONE, NONE, NONE]
    expires = bool(policy and policy.max_age_days)
    next_ms = login.changed_ms + (policy.max_age_days if policy else 0) * DAY_MS
    return [
        "true",
        _moment(used_ms) if used_ms else UNKNOWN,
        _moment(login.changed_ms),
        _moment(next_ms) if expires else NONE,
    ]


def _keys(keys: list[AccessKey]) -> list[str]:
    cells: list[str] = []
    for number in range(KEYS_PER_USER_MAX):
        key = keys[number] if number < len(keys) else None
        if key is None:
            cells += ["false", NONE, NONE, NONE, NONE]
            continue
        cells += [
            _truth(key.status == "Active"),
            _moment(key.created_ms),
            _moment(key.used_ms) if key.used_ms else NONE,
            key.used_region or NONE,
            key.used_service or NONE,
        ]
    return cells


def _truth(is_so: bool) -> str:
    return "true" if is_so else "false"


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat()
