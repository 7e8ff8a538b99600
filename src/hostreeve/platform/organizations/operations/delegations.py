"""Who else may act: trusted services, delegated administrators, whom the organization's own policy names."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform import groups
from hostreeve.platform.organizations.actions import delegating, standing, tagging
from hostreeve.platform.organizations.model.delegation import (
    Delegation,
    OwnPolicy,
    new_own_policy_id,
    require_own_policy,
    require_service,
)
from hostreeve.platform.organizations.model.organization import Organization
from hostreeve.platform.organizations.operations.service import (
    account_facts,
    error,
    organizations,
    paged_here,
)
from hostreeve.platform.organizations.store import accounts, delegations


@organizations.writes("EnableAWSServiceAccess", asks=True)
def enable_aws_service_access(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = _manager(call, "EnableAWSServiceAccess", request)
    require_service(request["ServicePrincipal"])
    delegations.enable(call.tx, found.organization_id, request["ServicePrincipal"], now_ms=call.now_ms)
    return {}


@organizations.writes("DisableAWSServiceAccess", asks=True)
def disable_aws_service_access(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Its delegated administrators go first."""
    found = _manager(call, "DisableAWSServiceAccess", request)
    require_service(request["ServicePrincipal"])
    delegating.disable(call.tx, found, request["ServicePrincipal"])
    return {}


@organizations.reads("ListAWSServiceAccessForOrganization", asks=True)
def list_aws_service_access_for_organization(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.reader(call, "ListAWSServiceAccessForOrganization")
    return paged_here(
        "EnabledServicePrincipals",
        request,
        delegations.services(call.tx, found.organization_id),
        lambda each: each.service,
        lambda each: {"ServicePrincipal": each.service, "DateEnabled": each.since_ms / 1000},
    )


@organizations.writes("RegisterDelegatedAdministrator", asks=True)
def register_delegated_administrator(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = _manager(call, "RegisterDelegatedAdministrator", request)
    require_service(request["ServicePrincipal"])
    delegating.register(call, found, request["AccountId"], request["ServicePrincipal"])
    return {}


@organizations.writes("DeregisterDelegatedAdministrator", asks=True)
def deregister_delegated_administrator(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = _manager(call, "DeregisterDelegatedAdministrator", request)
    delegating.deregister(call.tx, found, request["AccountId"], request["ServicePrincipal"])
    return {}


def _manager(call: Call, action: str, request: dict[str, Any]) -> Organization:
    account_id = request.get("AccountId")
    return standing.manager(
        call,
        action,
        lambda each: each.account_arn(account_id) if account_id else "*",
        context={"organizations:ServicePrincipal": [request["ServicePrincipal"]]},
    )


@organizations.reads("ListDelegatedAdministrators", asks=True)
def list_delegated_administrators(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    service = request.get("ServicePrincipal")
    context = {"organizations:ServicePrincipal": [service]} if service else None
    found = standing.reader(call, "ListDelegatedAdministrators", context=context)
    if service:
        rows = delegations.of_service(call.tx, found.organization_id, service)
    else:
        rows = delegations.delegations(call.tx, found.organization_id)
    first: dict[str, Delegation] = {}
    for row in sorted(rows, key=lambda each: each.since_ms):
        first.setdefault(row.account, row)
    return paged_here(
        "DelegatedAdministrators",
        request,
        list(first.values()),
        lambda each: each.account,
        lambda each: _administrator(call, found, each),
    )


def _administrator(call: Call, organization: Organization, delegation: Delegation) -> dict[str, Any]:
    account = accounts.find(call.tx, delegation.account)
    assert account is not None, "a delegated administrator neither leaves nor closes"
    facts = account_facts(organization, account)
    return {**facts, "DelegationEnabledDate": delegation.since_ms / 1000}


@organizations.reads("ListDelegatedServicesForAccount", asks=True)
def list_delegated_services_for_account(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    account_id = request["AccountId"]
    found = standing.reader(
        call, "ListDelegatedServicesForAccount", lambda each: each.account_arn(account_id)
    )
    return paged_here(
        "DelegatedServices",
        request,
        delegating.services_of(call.tx, found, account_id),
        lambda each: each.service,
        lambda each: {"ServicePrincipal": each.service, "DelegationEnabledDate": each.since_ms / 1000},
    )


@organizations.writes("PutResourcePolicy", asks=True)
def put_resource_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.manager(call, "PutResourcePolicy", lambda each: each.own_policy_arn("*"))
    tags = tagging.asked(request)
    standing.require_tagging(call, found, found.own_policy_arn("*"), list(tags))
    require_own_policy(request["Content"])
    before = delegations.own_policy(call.tx, found.organization_id)
    policy_id = before.policy_id if before else new_own_policy_id(call.world)
    policy = OwnPolicy(policy_id=policy_id, content=request["Content"])
    delegations.put_own_policy(call.tx, found.organization_id, policy)
    tagging.add(call.tx, found, found.own_policy_arn(policy_id), tags)
    return {"ResourcePolicy": _own_policy(found, policy)}


@organizations.reads("DescribeResourcePolicy", asks=True)
def describe_resource_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.reader(call, "DescribeResourcePolicy", lambda each: each.own_policy_arn("*"))
    return {"ResourcePolicy": _own_policy(found, _fetched(call, found))}


@organizations.writes("DeleteResourcePolicy", asks=True)
def delete_resource_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.manager(call, "DeleteResourcePolicy", lambda each: each.own_policy_arn("*"))
    policy = _fetched(call, found)
    delegations.delete_own_policy(call.tx, found.organization_id)
    groups.forget(call.tx, found.scope, found.own_policy_arn(policy.policy_id))
    return {}


def _fetched(call: Call, organization: Organization) -> OwnPolicy:
    policy = delegations.own_policy(call.tx, organization.organization_id)
    if policy is None:
        raise error.ResourcePolicyNotFoundException(
            "We can't find a resource policy request with the parameter that you specified."
        )
    return policy


def _own_policy(organization: Organization, policy: OwnPolicy) -> dict[str, Any]:
    summary = {"Id": policy.policy_id, "Arn": organization.own_policy_arn(policy.policy_id)}
    return {"ResourcePolicySummary": summary, "Content": policy.content}
