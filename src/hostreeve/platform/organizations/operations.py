"""Accounts, as callers see them: AWS's operations, and our own for making many with their keys."""

from typing import Any, NoReturn

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import Operations, anything
from hostreeve.kernel.scope import SERVICE_ACCOUNT, Scope
from hostreeve.platform import identity
from hostreeve.platform.organizations import actions, store
from hostreeve.platform.organizations.model import ACCESS_ROLE, Account, AccountRequest, new_request_id

organizations = Operations("organizations")
hostreeve = Operations("hostreeve")
error = organizations.errors

PAGE = 20
STATES = ["IN_PROGRESS", "SUCCEEDED", "FAILED"]


@organizations.reads("DescribeOrganization", on=anything)
def describe_organization(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The organization; every account of it may ask."""
    found = actions.the_organization(call.tx)
    owner = store.account(call.tx, found.management_account)
    return {
        "Organization": {
            "Id": found.organization_id,
            "Arn": found.arn,
            "FeatureSet": "ALL",
            "MasterAccountArn": found.account_arn(found.management_account),
            "MasterAccountId": found.management_account,
            "MasterAccountEmail": owner.email if owner else "",
            "AvailablePolicyTypes": [],
        }
    }


@organizations.reads("ListAccounts", on=anything)
def list_accounts(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    _require_management(call)
    page = paging.read(request, maximum=PAGE, error=error.InvalidInputException)
    rows = store.accounts(call.tx, after=page.after, limit=page.limit + 1)
    return {
        "Accounts": [_described(call, account) for account in rows[: page.limit]],
        "NextToken": page.token(rows, lambda account: account.account),
    }


def account_arns(scope: Scope, request: dict[str, Any]) -> list[str]:
    """Of any organization: its id is no part of the request."""
    return [f"arn:aws:organizations::{scope.account}:account/*/{request['AccountId']}"]


@organizations.reads("DescribeAccount", on=account_arns)
def describe_account(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    _require_management(call)
    account = store.account(call.tx, request["AccountId"])
    if account is None:
        raise error.AccountNotFoundException(
            "You specified an account that doesn't exist in this organization."
        )
    return {"Account": _described(call, account)}


@organizations.writes("CreateAccount", on=anything)
def create_account(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The account is made before the answer; its administrator's key can be had by our CreateAccounts."""
    _require_management(call)
    if request.get("Tags"):
        _refuse_tags()
    is_taken = store.is_email_taken(call.tx, request["Email"])
    account_id = "" if is_taken else _created(call, request)
    asked = AccountRequest(
        request_id=new_request_id(call.world),
        account=account_id,
        name=request["AccountName"],
        state="FAILED" if is_taken else "SUCCEEDED",
        failure="EMAIL_ALREADY_EXISTS" if is_taken else "",
        requested_ms=call.now_ms,
        completed_ms=call.now_ms,
    )
    store.insert_request(call.tx, asked)
    return {"CreateAccountStatus": _status(asked)}


def _created(call: Call, request: dict[str, Any]) -> str:
    account, _ = actions.create_account(
        call.tx,
        call.keys,
        call.world,
        name=request["AccountName"],
        email=request["Email"],
        role_name=request.get("RoleName", ACCESS_ROLE),
        now_ms=call.now_ms,
    )
    return account.account


@organizations.reads("DescribeCreateAccountStatus", on=anything)
def describe_create_account_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    _require_management(call)
    asked = store.request(call.tx, request["CreateAccountRequestId"])
    if asked is None:
        raise error.CreateAccountStatusNotFoundException(
            "We can't find a create account request with the CreateAccountRequestId that you specified."
        )
    return {"CreateAccountStatus": _status(asked)}


@organizations.reads("ListCreateAccountStatus", on=anything)
def list_create_account_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    _require_management(call)
    page = paging.read(request, maximum=PAGE, error=error.InvalidInputException)
    states = request.get("States") or STATES
    rows = store.requests(call.tx, states, after=page.after, limit=page.limit + 1)
    return {
        "CreateAccountStatuses": [_status(asked) for asked in rows[: page.limit]],
        "NextToken": page.token(rows, lambda asked: asked.request_id),
    }


@hostreeve.writes("CreateAccounts", on=anything)
def create_accounts(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Accounts with a key of their administrators. An id that exists answers the key that it has."""
    _require_management(call)
    account_id, count = request.get("AccountId"), request.get("Count", 1)
    if account_id and count != 1:
        raise error.ValidationException("Count cannot be other than 1 when AccountId is given.")
    if account_id == SERVICE_ACCOUNT:
        raise error.ValidationException(f"{SERVICE_ACCOUNT} is the installation's own account.")
    return {"Accounts": [_with_key(call, account_id) for _ in range(count)]}


def _with_key(call: Call, account_id: str | None) -> dict[str, Any]:
    if account_id == actions.management_account(call.tx):
        raise hostreeve.errors.AccountAlreadyExistsException(
            f"{account_id} is the management account. Its administrator's key was written at the first start."
        )
    account, key = actions.create_account(
        call.tx, call.keys, call.world, account_id=account_id, now_ms=call.now_ms
    )
    shown = key or identity.administrator_key(
        call.tx, call.keys, call.world, account=account.account, now_ms=call.now_ms
    )
    if shown is None:
        raise hostreeve.errors.AccountAlreadyExistsException(
            f"{account.account} exists, and its administrator has no active access key. "
            f"Assume {ACCESS_ROLE} in it to make one."
        )
    access_key_id, secret = shown
    return {"AccountId": account.account, "AccessKeyId": access_key_id, "SecretAccessKey": secret}


@hostreeve.reads("ListAccounts", on=anything)
def list_all_accounts(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    _require_management(call)
    page = paging.read(request, maximum=100, error=hostreeve.errors.InvalidNextToken)
    rows = store.accounts(call.tx, after=page.after, limit=page.limit + 1)
    return {
        "Accounts": [
            {
                "AccountId": account.account,
                "Name": account.name,
                "Email": account.email,
                "Status": account.status,
                "JoinedTimestamp": account.joined_ms / 1000,
            }
            for account in rows[: page.limit]
        ],
        "NextToken": page.token(rows, lambda account: account.account),
    }


def _require_management(call: Call) -> None:
    if call.principal.account != actions.management_account(call.tx):
        raise error.AccessDeniedException("You don't have permissions to access this resource.")


def _refuse_tags() -> NoReturn:
    raise error.InvalidInputException("Tags of accounts are not served yet; create the account without Tags.")


def _described(call: Call, account: Account) -> dict[str, Any]:
    found = actions.the_organization(call.tx)
    return {
        "Id": account.account,
        "Arn": found.account_arn(account.account),
        "Email": account.email,
        "Name": account.name,
        "Status": account.status,
        "State": account.status,
        "Paths": [f"{found.organization_id}/{found.root_id}/{account.account}/"],
        "JoinedMethod": account.joined_method,
        "JoinedTimestamp": account.joined_ms / 1000,
    }


def _status(asked: AccountRequest) -> dict[str, Any]:
    status: dict[str, Any] = {
        "Id": asked.request_id,
        "AccountName": asked.name,
        "State": asked.state,
        "RequestedTimestamp": asked.requested_ms / 1000,
        "CompletedTimestamp": asked.completed_ms / 1000,
    }
    if asked.account:
        status["AccountId"] = asked.account
    if asked.failure:
        status["FailureReason"] = asked.failure
    return status
