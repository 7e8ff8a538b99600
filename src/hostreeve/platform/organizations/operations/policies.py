"""Policies, what they are attached to, and which types are enabled."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.organizations.actions import policies as actions
from hostreeve.platform.organizations.actions import standing, tagging, tree
from hostreeve.platform.organizations.actions.limits import attached_policies
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import Organization, is_account
from hostreeve.platform.organizations.model.policies import CONTROL, FULL_ACCESS, Policy
from hostreeve.platform.organizations.operations.organization import root
from hostreeve.platform.organizations.operations.service import (
    error,
    organizations,
    page_of,
    paged,
    paged_here,
)
from hostreeve.platform.organizations.store import accounts, policies, trees


def arn_of(call: Call, policy_id: str) -> standing.Resource:
    """The ARN of a policy, which holds its type; of one that is not there, as a control policy's."""

    return lambda organization: tagging.arn_of(call.tx, organization, policy_id)


def _node(target_id: str) -> standing.Resource:
    return lambda each: each.node_arn(target_id)


@organizations.writes("CreatePolicy", asks=True)
def create_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    kind = {"organizations:PolicyType": [request["Type"]]}
    found = standing.policy_writer(call, "CreatePolicy", context=kind)
    tags = tagging.asked(request)
    standing.require_tagging(call, found, found.policy_arn(request["Type"], "*"), list(tags))
    policy = actions.create(
        call,
        found,
        policy_type=request["Type"],
        name=request["Name"],
        description=request["Description"],
        content=request["Content"],
    )
    tagging.add(call.tx, found, policy.arn(found), tags)
    return {"Policy": _shown(found, policy)}


@organizations.reads("DescribePolicy", asks=True)
def describe_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.reader(call, "DescribePolicy", arn_of(call, request["PolicyId"]))
    return {"Policy": _shown(found, actions.fetch(call.tx, found, request["PolicyId"]))}


@organizations.writes("UpdatePolicy", asks=True)
def update_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.policy_writer(call, "UpdatePolicy", arn_of(call, request["PolicyId"]))
    policy = actions.update(
        call,
        found,
        request["PolicyId"],
        name=request.get("Name"),
        description=request.get("Description"),
        content=request.get("Content"),
    )
    return {"Policy": _shown(found, policy)}


@organizations.writes("DeletePolicy", asks=True)
def delete_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.policy_writer(call, "DeletePolicy", arn_of(call, request["PolicyId"]))
    actions.delete(call, found, request["PolicyId"])
    return {}


@organizations.reads("ListPolicies", asks=True)
def list_policies(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Those of AWS come with the first page."""
    kind = request["Filter"]
    found = standing.reader(call, "ListPolicies", context={"organizations:PolicyType": [kind]})
    page = page_of(request)
    rows = policies.listed(call.tx, found.organization_id, kind, after=page.after, limit=page.limit + 1)
    if kind == CONTROL and FULL_ACCESS.policy_id > page.after:
        rows = sorted([*rows, FULL_ACCESS], key=lambda each: each.policy_id)
    return paged("Policies", page, rows, lambda each: each.policy_id, lambda each: _summary(found, each))


@organizations.writes("AttachPolicy", asks=True)
def attach_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    policy_id, target_id = request["PolicyId"], request["TargetId"]
    found = standing.policy_writer(call, "AttachPolicy", arn_of(call, policy_id), _node(target_id))
    actions.attach(call, found, policy_id, target_id)
    return {}


@organizations.writes("DetachPolicy", asks=True)
def detach_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    policy_id, target_id = request["PolicyId"], request["TargetId"]
    found = standing.policy_writer(call, "DetachPolicy", arn_of(call, policy_id), _node(target_id))
    actions.detach(call, found, policy_id, target_id)
    return {}


@organizations.reads("ListPoliciesForTarget", asks=True)
def list_policies_for_target(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Those attached to the target itself, not what it inherits."""
    target_id, kind = request["TargetId"], request["Filter"]
    found = standing.reader(
        call,
        "ListPoliciesForTarget",
        _node(target_id),
        context={"organizations:PolicyType": [kind]},
    )
    actions.require_target(call.tx, found, target_id)
    rows = attached_policies(call.tx, found.organization_id, target_id, kind)
    return paged_here(
        "Policies", request, rows, lambda each: each.policy_id, lambda each: _summary(found, each)
    )


@organizations.reads("ListTargetsForPolicy", asks=True)
def list_targets_for_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.reader(call, "ListTargetsForPolicy", arn_of(call, request["PolicyId"]))
    policy = actions.fetch(call.tx, found, request["PolicyId"])
    page = page_of(request)
    rows = policies.targets(
        call.tx, found.organization_id, policy.policy_id, after=page.after, limit=page.limit + 1
    )
    return paged("Targets", page, rows, lambda each: each, lambda each: _target(call, found, each))


@organizations.writes("EnablePolicyType", asks=True)
def enable_policy_type(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = _root_for_types(call, "EnablePolicyType", request)
    actions.enable_type(call, found, request["PolicyType"])
    return {"Root": root(call, found)}


@organizations.writes("DisablePolicyType", asks=True)
def disable_policy_type(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = _root_for_types(call, "DisablePolicyType", request)
    actions.disable_type(call, found, request["PolicyType"])
    return {"Root": root(call, found)}


def _root_for_types(call: Call, action: str, request: dict[str, Any]) -> Organization:
    found = standing.policy_writer(
        call,
        action,
        _node(request["RootId"]),
        context={"organizations:PolicyType": [request["PolicyType"]]},
    )
    if request["RootId"] != found.root_id:
        raise error.RootNotFoundException("We can't find a root with the RootId that you specified.")
    return found


@organizations.reads("DescribeEffectivePolicy", asks=True)
def describe_effective_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Every account may ask for its own; its managers for all."""
    kind, target_id = request["PolicyType"], request.get("TargetId") or call.principal.account
    context = {"organizations:PolicyType": [kind]}
    if target_id == call.principal.account:
        found = standing.member(call, "DescribeEffectivePolicy", _node(target_id), context=context)
    else:
        found = standing.reader(call, "DescribeEffectivePolicy", _node(target_id), context=context)
    if not is_account(target_id):
        raise refusals.invalid(
            "INVALID_PATTERN_TARGET_ID", "The target of an effective policy is an account."
        )
    actions.require_target(call.tx, found, target_id)
    content, updated_ms = actions.effective_policy(call.tx, found, target_id, kind)
    return {
        "EffectivePolicy": {
            "PolicyContent": content,
            "LastUpdatedTimestamp": updated_ms / 1000,
            "TargetId": target_id,
            "PolicyType": kind,
        }
    }


@organizations.reads("ListAccountsWithInvalidEffectivePolicy", asks=True)
def list_accounts_with_invalid_effective_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """None: what would make one invalid is refused when the policy is written."""
    standing.reader(call, "ListAccountsWithInvalidEffectivePolicy")
    page_of(request)
    return {"Accounts": [], "PolicyType": request["PolicyType"]}


@organizations.reads("ListEffectivePolicyValidationErrors", asks=True)
def list_effective_policy_validation_errors(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """None, for the same reason. EffectivePolicyNotFoundException where nothing is attached."""
    account, kind = request["AccountId"], request["PolicyType"]
    found = standing.reader(call, "ListEffectivePolicyValidationErrors", _node(account))
    tree.fetch_account(call.tx, found, account)
    actions.effective_policy(call.tx, found, account, kind)
    page_of(request)
    path = tree.path_of(call.tx, found, account)
    return {
        "AccountId": account,
        "PolicyType": kind,
        "Path": "/".join([found.organization_id, *path, ""]),
        "EvaluationTimestamp": call.now_ms / 1000,
        "EffectivePolicyValidationErrors": [],
    }


def _summary(organization: Organization, policy: Policy) -> dict[str, Any]:
    return {
        "Id": policy.policy_id,
        "Arn": policy.arn(organization),
        "Name": policy.name,
        "Description": policy.description,
        "Type": policy.type,
        "AwsManaged": policy.is_of_aws,
    }


def _shown(organization: Organization, policy: Policy) -> dict[str, Any]:
    return {"PolicySummary": _summary(organization, policy), "Content": policy.content}


def _target(call: Call, organization: Organization, target_id: str) -> dict[str, Any]:
    if target_id == organization.root_id:
        name, kind = "Root", "ROOT"
    elif is_account(target_id):
        account = accounts.find(call.tx, target_id)
        name, kind = account.name if account else "", "ACCOUNT"
    else:
        unit = trees.unit(call.tx, organization.organization_id, target_id)
        name, kind = unit.name if unit else "", "ORGANIZATIONAL_UNIT"
    return {"TargetId": target_id, "Arn": organization.node_arn(target_id), "Name": name, "Type": kind}
