"""Versions of managed policies: at most five, one of them the default, which is what counts."""

from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.platform.identity import managed
from hostreeve.platform.identity.model import VERSIONS_MAX, ManagedPolicy, PolicyVersion, version_of
from hostreeve.platform.identity.operations.managed_policies import check_policy, own_policy, wanted_policy
from hostreeve.platform.identity.operations.service import encoded, error, iam, page_of, paged
from hostreeve.platform.identity.store import policies, policy_versions


@iam.writes("CreatePolicyVersion", asks=True)
def create_policy_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    policy = own_policy(call, request["PolicyArn"], "iam:CreatePolicyVersion")
    document = request["PolicyDocument"]
    check_policy(document, policy)
    if len(policy_versions.listed(call.tx, call.scope, policy.policy_id)) >= VERSIONS_MAX:
        raise error.LimitExceeded(
            f"A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you "
            "must delete an existing version."
        )
    made = PolicyVersion(version=policy.newest_version + 1, document=document, created_ms=call.now_ms)
    policy_versions.insert(call.tx, call.scope, policy.policy_id, made)
    changed = msgspec.structs.replace(
        policy,
        newest_version=made.version,
        default_version=made.version if request.get("SetAsDefault") else policy.default_version,
        updated_ms=call.now_ms,
    )
    policies.update(call.tx, call.scope, changed)
    return {"PolicyVersion": listed(changed, made)}


@iam.reads("GetPolicyVersion", asks=True)
def get_policy_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    policy = wanted_policy(call, request["PolicyArn"], "iam:GetPolicyVersion")
    version = _existing(call, policy, request["VersionId"])
    return {"PolicyVersion": listed(policy, version) | {"Document": encoded(version.document)}}


@iam.reads("ListPolicyVersions", asks=True)
def list_policy_versions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The newest first."""
    policy = wanted_policy(call, request["PolicyArn"], "iam:ListPolicyVersions")
    page = page_of(request)
    before = version_of(page.after)
    rows = [each for each in versions_of(call, policy) if not before or each.version < before]
    return paged("Versions", page, rows, lambda each: each.version_id, lambda each: listed(policy, each))


@iam.writes("SetDefaultPolicyVersion", asks=True)
def set_default_policy_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """It counts with the next request of everybody who has the policy."""
    policy = own_policy(call, request["PolicyArn"], "iam:SetDefaultPolicyVersion")
    version = _existing(call, policy, request["VersionId"])
    policies.update(call.tx, call.scope, msgspec.structs.replace(policy, default_version=version.version))
    return {}


@iam.writes("DeletePolicyVersion", asks=True)
def delete_policy_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    policy = own_policy(call, request["PolicyArn"], "iam:DeletePolicyVersion")
    version = _existing(call, policy, request["VersionId"])
    if version.version == policy.default_version:
        raise error.DeleteConflict("Cannot delete the default version of a policy.")
    policy_versions.delete(call.tx, call.scope, policy.policy_id, version.version)
    return {}


def versions_of(call: Call, policy: ManagedPolicy) -> list[PolicyVersion]:
    """The newest first. Policies of AWS have one."""
    if policy.account == managed.OWNER:
        return [PolicyVersion(version=1, document=policy.document, created_ms=policy.created_ms)]
    return policy_versions.listed(call.tx, call.scope, policy.policy_id)


def _existing(call: Call, policy: ManagedPolicy, text: str) -> PolicyVersion:
    number = version_of(text)
    found = next((each for each in versions_of(call, policy) if each.version == number), None)
    if found is None:
        raise error.NoSuchEntity(f"Policy {policy.arn} version {text} does not exist or is not attachable.")
    return found


def listed(policy: ManagedPolicy, version: PolicyVersion) -> dict[str, Any]:
    return {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.version == policy.default_version,
        "CreateDate": version.created_ms / 1000,
    }
