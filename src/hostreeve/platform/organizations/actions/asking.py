"""Accounts that were asked for with CreateAccount: kept as a request, fulfilled by the worker."""

import msgspec

from hostreeve.api.call import Call, Sealer
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform.organizations.actions.founding import create_account
from hostreeve.platform.organizations.model.organization import (
    ACCESS_ROLE,
    AccountRequest,
    Organization,
    new_request_id,
)
from hostreeve.platform.organizations.store import accounts, trees

CHANNEL = "organizations"
"""Where the worker is told that something is to do."""


def ask(
    call: Call, organization: Organization, *, name: str, email: str, role_name: str, tags: dict[str, str]
) -> AccountRequest:
    asked = AccountRequest(
        request_id=new_request_id(call.world),
        organization_id=organization.organization_id,
        name=name,
        email=email,
        role_name=role_name or ACCESS_ROLE,
        tags=tags,
        requested_ms=call.now_ms,
    )
    accounts.insert_request(call.tx, asked)
    call.tx.wake(CHANNEL)
    return asked


def fulfil(tx: Transaction, keys: Sealer, world: World, limit: int) -> int:
    """Make the accounts that were asked for; answers how many requests were looked at."""
    found = accounts.open_requests(tx, limit=limit)
    for asked in found:
        accounts.complete_request(tx, _fulfilled(tx, keys, world, asked))
    return len(found)


def _fulfilled(tx: Transaction, keys: Sealer, world: World, asked: AccountRequest) -> AccountRequest:
    now_ms = world.now_ms()
    organization = trees.organization(tx, asked.organization_id)
    failure = "EMAIL_ALREADY_EXISTS" if accounts.find_by_email(tx, asked.email) else ""
    if organization is None:
        failure = "CONCURRENT_ACCOUNT_MODIFICATION"
    if failure or organization is None:
        return msgspec.structs.replace(asked, state="FAILED", failure=failure, completed_ms=now_ms)
    account, _ = create_account(
        tx,
        keys,
        world,
        organization=organization,
        name=asked.name,
        email=asked.email,
        role_name=asked.role_name,
        tags=asked.tags,
        now_ms=now_ms,
    )
    return msgspec.structs.replace(asked, state="SUCCEEDED", account=account.account, completed_ms=now_ms)
