"""The organization itself: what it is, its root, and how one comes to be and goes."""

from collections.abc import Iterable
from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.organizations.actions import standing
from hostreeve.platform.organizations.model.organization import Organization
from hostreeve.platform.organizations.model.policies import TYPES
from hostreeve.platform.organizations.operations.service import organizations, paged_here
from hostreeve.platform.organizations.store import accounts, policies

ROOT_NAME = "Root"


@organizations.reads("DescribeOrganization", asks=True)
def describe_organization(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Every account of it may ask."""
    return {"Organization": shown(call, standing.member(call, "DescribeOrganization"))}


@organizations.reads("ListRoots", asks=True)
def list_roots(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.reader(call, "ListRoots")
    return paged_here("Roots", request, [found], lambda each: each.root_id, lambda each: root(call, each))


def shown(call: Call, found: Organization) -> dict[str, Any]:
    owner = accounts.find(call.tx, found.management_account)
    return {
        "Id": found.organization_id,
        "Arn": found.arn,
        "FeatureSet": "ALL",
        "MasterAccountArn": found.account_arn(found.management_account),
        "MasterAccountId": found.management_account,
        "MasterAccountEmail": owner.email if owner else "",
        "AvailablePolicyTypes": _types(TYPES),
    }


def root(call: Call, found: Organization) -> dict[str, Any]:
    return {
        "Id": found.root_id,
        "Arn": found.root_arn,
        "Name": ROOT_NAME,
        "PolicyTypes": _types(policies.enabled(call.tx, found.organization_id)),
    }


def _types(served: Iterable[str]) -> list[dict[str, str]]:
    return [{"Type": each, "Status": "ENABLED"} for each in served]
