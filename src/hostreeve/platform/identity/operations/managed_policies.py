"""Managed policies, as callers of IAM see them: the account's own, and AWS's, which nobody can change."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.kernel.scope import Scope
from hostreeve.platform.identity import managed
from hostreeve.platform.identity.model import POLICY_CHARS_MAX, POLICY_ID, ManagedPolicy, new_id
from hostreeve.platform.identity.operations.service import (
    asked_tags,
    checked,
    encoded,
    error,
    iam,
    managed_policy,
    paged_here,
    refuse_beyond,
    shown_tags,
)
from hostreeve.platform.identity.store import policies

ONLY_VERSION = "v1"


def named_policy(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [request["PolicyArn"]]


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
    )
    call.require("iam:CreatePolicy", [policy.arn], context)
    checked(policy.document, policy.arn)
    refuse_beyond(POLICY_CHARS_MAX, [policy.document], f"policy {policy.name}")
    if not policies.insert(call.tx, call.scope, policy):
        raise error.EntityAlreadyExists(
            f"A policy called {policy.name} already exists. Duplicate names are not allowed."
        )
    return {"Policy": _described(call, policy)}


@iam.reads("GetPolicy", on=named_policy)
def get_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    policy = _existing(call, request["PolicyArn"])
    shown = _described(call, policy)
    if policy.description:
        shown["Description"] = policy.description
    return {"Policy": shown | {"Tags": shown_tags(policy.tags)}}


@iam.reads("GetPolicyVersion", on=named_policy)
def get_policy_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    policy = _existing(call, request["PolicyArn"])
    if request["VersionId"] != ONLY_VERSION:
        raise error.NoSuchEntity(f"Policy {policy.arn} version {request['VersionId']} does not exist.")
    return {"PolicyVersion": _version(policy) | {"Document": encoded(policy.document)}}


@iam.reads("ListPolicyVersions", on=named_policy)
def list_policy_versions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    policy = _existing(call, request["PolicyArn"])
    return paged_here("Versions", request, [policy], lambda _: ONLY_VERSION, _version)


@iam.reads("ListPolicies", on=anything)
def list_policies(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    whose, prefix = request.get("Scope", "All"), request.get("PathPrefix", "/")
    found: list[ManagedPolicy] = []
    if whose != "Local":
        found += managed.policies().values()
    if whose != "AWS":
        found += policies.listed(call.tx, call.scope)
    if request.get("OnlyAttached"):
        used = _used(call, request.get("PolicyUsageFilter"))
        found = [policy for policy in found if policy.arn in used]
    chosen = [policy for policy in found if policy.path.startswith(prefix)]
    return paged_here(
        "Policies", request, chosen, lambda policy: policy.arn, lambda policy: _described(call, policy)
    )


@iam.writes("DeletePolicy", on=named_policy)
def delete_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    policy = _existing(call, request["PolicyArn"])
    if policy.account == managed.OWNER:
        raise error.InvalidInput(f"{policy.arn} is managed by AWS and cannot be deleted.")
    if policy.arn in _used(call, None):
        raise error.DeleteConflict("Cannot delete a policy attached to entities.")
    policies.delete(call.tx, call.scope, policy.arn)
    return {}


def _existing(call: Call, arn: str) -> ManagedPolicy:
    policy = managed_policy(call, arn)
    if policy is None:
        raise error.NoSuchEntity(f"Policy {arn} was not found.")
    return policy


def _used(call: Call, how: str | None) -> set[str]:
    """The ARNs of policies that are attached, or somebody's boundary."""
    boundaries = set(policies.boundary_counts(call.tx, call.scope))
    attached = set(policies.attachment_counts(call.tx, call.scope))
    return {"PermissionsBoundary": boundaries, "PermissionsPolicy": attached}.get(
        how or "", boundaries | attached
    )


def _described(call: Call, policy: ManagedPolicy) -> dict[str, Any]:
    when = policy.created_ms / 1000
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.policy_id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": ONLY_VERSION,
        "AttachmentCount": policies.attachment_counts(call.tx, call.scope).get(policy.arn, 0),
        "PermissionsBoundaryUsageCount": policies.boundary_counts(call.tx, call.scope).get(policy.arn, 0),
        "IsAttachable": True,
        "CreateDate": when,
        "UpdateDate": when,
    }


def _version(policy: ManagedPolicy) -> dict[str, Any]:
    return {"VersionId": ONLY_VERSION, "IsDefaultVersion": True, "CreateDate": policy.created_ms / 1000}
