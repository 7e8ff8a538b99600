"""Accounts of an organization: asking for one, looking at them, moving them."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.organizations.actions import asking, standing, tagging, tree
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import AccountRequest
from hostreeve.platform.organizations.operations.service import (
    error,
    organizations,
    page_of,
    paged,
    shown_account,
)
from hostreeve.platform.organizations.store import accounts

STATES = ("IN_PROGRESS", "SUCCEEDED", "FAILED")


@organizations.reads("ListAccounts", asks=True)
def list_accounts(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.reader(call, "ListAccounts")
    page = page_of(request)
    rows = accounts.of_organization(call.tx, found.organization_id, after=page.after, limit=page.limit + 1)
    return paged(
        "Accounts", page, rows, lambda each: each.account, lambda each: shown_account(call, found, each)
    )


@organizations.reads("DescribeAccount", asks=True)
def describe_account(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    account_id = request["AccountId"]
    found = standing.reader(call, "DescribeAccount", lambda each: each.account_arn(account_id))
    return {"Account": shown_account(call, found, tree.fetch_account(call.tx, found, account_id))}


@organizations.reads("ListAccountsForParent", asks=True)
def list_accounts_for_parent(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Those that lie directly in the root or unit, not those of the units below."""
    parent_id = request["ParentId"]
    found = standing.reader(call, "ListAccountsForParent", lambda each: each.node_arn(parent_id))
    tree.require_parent(call.tx, found, parent_id)
    page = page_of(request)
    rows = accounts.below(call.tx, parent_id, after=page.after, limit=page.limit + 1)
    return paged(
        "Accounts", page, rows, lambda each: each.account, lambda each: shown_account(call, found, each)
    )


@organizations.writes("MoveAccount", asks=True)
def move_account(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    account_id, source = request["AccountId"], request["SourceParentId"]
    destination = request["DestinationParentId"]
    found = standing.manager(
        call,
        "MoveAccount",
        lambda each: each.account_arn(account_id),
        lambda each: each.node_arn(source),
        lambda each: each.node_arn(destination),
    )
    tree.move_account(call, found, account_id, source, destination)
    return {}


@organizations.writes("CreateAccount", asks=True)
def create_account(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Asked for here and made by the worker. Its administrator's key can be had by our CreateAccounts.

    There is no billing here, so whoever may see it (`IamUserAccessToBilling`) sees the same: nothing.
    """
    found = standing.manager(call, "CreateAccount")
    tags = tagging.asked(request)
    standing.require_tagging(call, found, found.account_arn("*"), list(tags))
    role_name = request.get("RoleName", "")
    if role_name.startswith("AWSServiceRoleFor"):
        raise refusals.invalid("INVALID_ROLE_NAME", "A role name can't begin with AWSServiceRoleFor.")
    asked = asking.ask(
        call, found, name=request["AccountName"], email=request["Email"], role_name=role_name, tags=tags
    )
    return {"CreateAccountStatus": _status(asked)}


@organizations.reads("DescribeCreateAccountStatus", asks=True)
def describe_create_account_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.reader(call, "DescribeCreateAccountStatus")
    asked = accounts.request(call.tx, found.organization_id, request["CreateAccountRequestId"])
    if asked is None:
        raise error.CreateAccountStatusNotFoundException(
            "We can't find a create account request with the CreateAccountRequestId that you specified."
        )
    return {"CreateAccountStatus": _status(asked)}


@organizations.reads("ListCreateAccountStatus", asks=True)
def list_create_account_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.reader(call, "ListCreateAccountStatus")
    page = page_of(request)
    rows = accounts.requests(
        call.tx,
        found.organization_id,
        request.get("States") or STATES,
        after=page.after,
        limit=page.limit + 1,
    )
    return paged("CreateAccountStatuses", page, rows, lambda each: each.request_id, _status)


def _status(asked: AccountRequest) -> dict[str, Any]:
    status: dict[str, Any] = {
        "Id": asked.request_id,
        "AccountName": asked.name,
        "State": asked.state,
        "RequestedTimestamp": asked.requested_ms / 1000,
    }
    if asked.completed_ms:
        status["CompletedTimestamp"] = asked.completed_ms / 1000
    if asked.account:
        status["AccountId"] = asked.account
    if asked.failure:
        status["FailureReason"] = asked.failure
    return status
