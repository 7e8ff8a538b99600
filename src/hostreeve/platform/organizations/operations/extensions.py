"""Our own operations: many accounts at once with their administrators' keys, and all accounts there are."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.kernel.scope import SERVICE_ACCOUNT
from hostreeve.platform import identity
from hostreeve.platform.organizations.actions import founding
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import ACCESS_ROLE
from hostreeve.platform.organizations.operations.service import error, hostreeve
from hostreeve.platform.organizations.store import accounts, trees


@hostreeve.writes("CreateAccounts", on=anything)
def create_accounts(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Accounts with a key of their administrators. An id that exists answers the key that it has."""
    _require_owner(call)
    account_id, count = request.get("AccountId"), request.get("Count", 1)
    if account_id and count != 1:
        raise error.ValidationException("Count cannot be other than 1 when AccountId is given.")
    if account_id == SERVICE_ACCOUNT:
        raise error.ValidationException(f"{SERVICE_ACCOUNT} is the installation's own account.")
    return {"Accounts": [_with_key(call, account_id) for _ in range(count)]}


def _with_key(call: Call, account_id: str | None) -> dict[str, Any]:
    if account_id == trees.installation_account(call.tx):
        raise hostreeve.errors.AccountAlreadyExistsException(
            f"{account_id} is the management account. Its administrator's key was written at the first start."
        )
    account, key = founding.create_account(
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
    """Every account of the installation, whatever organization it is in."""
    _require_owner(call)
    page = paging.read(request, maximum=100, error=hostreeve.errors.InvalidNextToken)
    rows = accounts.everywhere(call.tx, after=page.after, limit=page.limit + 1)
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


def _require_owner(call: Call) -> None:
    if call.principal.account != trees.installation_account(call.tx):
        raise refusals.not_allowed()
