"""How an organization begins and ends, and how accounts leave it."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.organizations.actions import membership, standing, tree
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.operations.organization import shown
from hostreeve.platform.organizations.operations.service import organizations


@organizations.writes("CreateOrganization", asks=True)
def create_organization(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The first start has made one; this is for an account that has left, or after DeleteOrganization."""
    call.require("organizations:CreateOrganization", ["*"])
    if request.get("FeatureSet", "ALL") != "ALL":
        raise refusals.invalid("INVALID_ENUM", "There is no billing here: an organization has all features.")
    return {"Organization": shown(call, membership.found(call))}


@organizations.writes("DeleteOrganization", asks=True)
def delete_organization(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    membership.dissolve(call, standing.manager(call, "DeleteOrganization"))
    return {}


@organizations.writes("LeaveOrganization", asks=True)
def leave_organization(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.member(call, "LeaveOrganization")
    membership.leave(call.tx, found, tree.fetch_account(call.tx, found, call.principal.account))
    return {}


@organizations.writes("RemoveAccountFromOrganization", asks=True)
def remove_account_from_organization(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    account_id = request["AccountId"]
    found = standing.manager(call, "RemoveAccountFromOrganization", lambda each: each.account_arn(account_id))
    membership.leave(call.tx, found, tree.fetch_account(call.tx, found, account_id))
    return {}


@organizations.writes("CloseAccount", asks=True)
def close_account(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    account_id = request["AccountId"]
    found = standing.manager(call, "CloseAccount", lambda each: each.account_arn(account_id))
    membership.close(call, found, account_id)
    return {}
