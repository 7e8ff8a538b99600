"""Managed policies, as callers of IAM see them: the account's own, and AWS's, which nobody can change."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from hostreeve.api.call import Call
from hostreeve.kernel.scope import Scope
from hostreeve.platform.identity import managed
from hostreeve.platform.identity.model import (
    POLICIES_MAX,
    POLICY_CHARS_MAX,
    POLICY_ID,
    ManagedPolicy,
    new_id,
    version_id,
)
from hostreeve.platform.identity.operations.service import (
    Context,
    asked_tags,
    checked,
    error,
    iam,
    managed_policy,
    paged_here,
    refuse_beyond,
    refuse_unruly,
    shown_tags,
    tag_context,
)
from hostreeve.platform.identity.operations.tags import serve_tags
from hostreeve.platform.identity.store import policies, policy_versions


class Uses(NamedTuple):
    """How many identities each policy, by its ARN, is attached to and is the boundary of."""

    attached: Mapping[str, int]
    boundaries: Mapping[str, int]


@iam.writes("CreatePolicy", asks=True)
def create_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    tags, context = asked_tags(request)
    policy = ManagedPolicy(
        account=call.scope.account,
        name=request["PolicyName"],
        path=request.get("Path", "/"),
        policy_id=new_id(call.world, POLICY_ID, call.scope.account),
        document=request["PolicyDocument"],
        description=request.get("Description", ""),
        tags=tags,
        created_ms=call.now_ms,
        updated_ms=call.now_ms,
    )
    call.require("iam:CreatePolicy", [policy.arn], context)
    refuse_unruly(call, "policy", tags)
    check_policy(policy.document, policy)
    if policies.count(call.tx, call.scope) >= POLICIES_MAX:
        raise error.LimitExceeded(f"Cannot exceed quota for PoliciesPerAccount: {POLICIES_MAX}")
    if not policies.insert(call.tx, call.scope, policy):
        raise error.EntityAlreadyExists(
            f"A policy called {policy.name} already exists. Duplicate names are not allowed."
        )
    shown = described(policy, Uses({}, {}))
    return {"Policy": shown | {"Tags": shown_tags(tags)} if tags else shown}


@iam.reads("GetPolicy", asks=True)
def get_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    policy = wanted_policy(call, request["PolicyArn"], "iam:GetPolicy")
    shown = described(policy, uses(call))
    if policy.description:
        shown["Description"] = policy.description
    return {"Policy": shown | {"Tags": shown_tags(policy.tags)}}


def _path(scope: Scope, request: dict[str, Any]) -> list[str]:
    """Policies of AWS are among them, so it is no ARN: AWS calls it so."""
    return [f"policy path {request.get('PathPrefix', '/')}"]


@iam.reads("ListPolicies", on=_path)
def list_policies(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    whose, prefix = request.get("Scope", "All"), request.get("PathPrefix", "/")
    found: list[ManagedPolicy] = []
    if whose != "Local":
        found += managed.policies().values()
    if whose != "AWS":
        found += policies.listed(call.tx, call.scope)
    counted = uses(call)
    if request.get("OnlyAttached") or request.get("PolicyUsageFilter"):
        used = _used(counted, request.get("PolicyUsageFilter"))
        found = [policy for policy in found if policy.arn in used]
    chosen = [policy for policy in found if policy.path.startswith(prefix)]
    return paged_here(
        "Policies", request, chosen, lambda policy: policy.arn, lambda policy: described(policy, counted)
    )


@iam.writes("DeletePolicy", asks=True)
def delete_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Only a policy that nobody has, with its last version."""
    policy = own_policy(call, request["PolicyArn"], "iam:DeletePolicy")
    if policy.arn in _used(uses(call), None):
        raise error.DeleteConflict("Cannot delete a policy attached to entities.")
    if len(policy_versions.listed(call.tx, call.scope, policy.policy_id)) > 1:
        raise error.DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy."
        )
    policies.delete(call.tx, call.scope, policy)
    return {}


def wanted_policy(call: Call, arn: str, action: str, context: Context | None = None) -> ManagedPolicy:
    """The policy of that ARN, if the caller may do that with it. NoSuchEntity when there is none."""
    policy = managed_policy(call, arn)
    call.require(action, [arn], {**(tag_context(policy.tags) if policy else {}), **(context or {})})
    if policy is None:
        raise error.NoSuchEntity(f"Policy {arn} was not found.")
    return policy


def own_policy(call: Call, arn: str, action: str, context: Context | None = None) -> ManagedPolicy:
    """The same for what changes it: InvalidInput for policies of AWS."""
    policy = wanted_policy(call, arn, action, context)
    if policy.account == managed.OWNER:
        raise error.InvalidInput(f"{policy.arn} is managed by AWS and cannot be changed or deleted.")
    return policy


def check_policy(document: str, policy: ManagedPolicy) -> None:
    """MalformedPolicyDocument or LimitExceeded unless the policy may say this."""
    checked(document, policy.arn)
    refuse_beyond(POLICY_CHARS_MAX, [document], f"policy {policy.name}")


def uses(call: Call) -> Uses:
    return Uses(
        policies.attachment_counts(call.tx, call.scope), policies.boundary_counts(call.tx, call.scope)
    )


def _used(uses: Uses, how: str | None) -> set[str]:
    """The ARNs of policies that are used: as permissions, as boundary, or either way."""
    attached, boundaries = set(uses.attached), set(uses.boundaries)
    return {"PermissionsBoundary": boundaries, "PermissionsPolicy": attached}.get(
        how or "", boundaries | attached
    )


def described(policy: ManagedPolicy, uses: Uses) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.policy_id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": version_id(policy.default_version),
        "AttachmentCount": uses.attached.get(policy.arn, 0),
        "PermissionsBoundaryUsageCount": uses.boundaries.get(policy.arn, 0),
        "IsAttachable": True,
        "CreateDate": policy.created_ms / 1000,
        "UpdateDate": policy.updated_ms / 1000,
    }


def _find(call: Call, request: dict[str, Any], action: str, context: Context) -> ManagedPolicy:
    find = wanted_policy if action.startswith("iam:List") else own_policy
    return find(call, request["PolicyArn"], action, context)


def _keep(call: Call, policy: ManagedPolicy, tags: dict[str, str]) -> None:
    policies.update(call.tx, call.scope, msgspec.structs.replace(policy, tags=tags))


serve_tags("Policy", _find, _keep, "policy")
