"""Accounts come and go: they are invited, join, leave, are removed, are closed."""

from collections.abc import Callable

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups, identity
from hostreeve.platform.organizations.actions.asking import CHANNEL
from hostreeve.platform.organizations.actions.founding import found_organization, join
from hostreeve.platform.organizations.actions.tree import fetch_account
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import CLOSED_MS, Account, Organization
from hostreeve.platform.organizations.store import accounts, delegations, handshakes, policies, trees

error = refusals.error

Closes = Callable[[Transaction, str], None]
_followers: list[Closes] = []


def announce_closing(*followers: Closes) -> None:
    """Told, in the same transaction, that an account (its number) is closed: what it holds open ends."""
    _followers.extend(each for each in followers if each not in _followers)


def found(call: Call) -> Organization:
    """An organization of the caller's account, which stands alone so far."""
    account = accounts.find(call.tx, call.principal.account)
    if account is None or account.organization_id:
        raise error.AlreadyInOrganizationException("The AWS account is already a member of an organization.")
    organization = found_organization(call.tx, call.world, account.account)
    enter(call.tx, organization, account, now_ms=call.now_ms)
    return organization


def dissolve(call: Call, organization: Organization) -> None:
    """The organization is gone and its management account stands alone. It must have no other account."""
    of = organization.organization_id
    if len(accounts.of_organization(call.tx, of, after="", limit=2)) > 1:
        raise error.OrganizationNotEmptyException(
            "To delete an organization you must first remove all member accounts (except the master)."
        )
    owner = fetch_account(call.tx, organization, organization.management_account)
    for arn in _tagged(call.tx, organization):
        groups.forget(call.tx, organization.scope, arn)
    _part(call.tx, organization, owner)
    handshakes.forget_organization(call.tx, of)
    delegations.forget_organization(call.tx, of)
    policies.forget_organization(call.tx, of)
    trees.delete_organization(call.tx, of)


def _tagged(tx: Transaction, organization: Organization) -> list[str]:
    """The ARNs of everything in the organization that has tags."""
    prefix = f"{organization.root_arn.rsplit(':', 1)[0]}:"
    return groups.arns_matching(tx, organization.scope, (), [prefix], limit=1_000_000)


def enter(tx: Transaction, organization: Organization, account: Account, *, now_ms: int) -> None:
    """A standing account joins the organization, in its root."""
    accounts.replace(
        tx,
        msgspec.structs.replace(
            account,
            organization_id=organization.organization_id,
            parent_id=organization.root_id,
            joined_method="INVITED",
            joined_ms=now_ms,
        ),
    )
    join(tx, organization, account.account)


def leave(tx: Transaction, organization: Organization, account: Account) -> None:
    """The account stands alone from now on; refused for those that the organization needs."""
    if account.account == organization.management_account:
        raise error.MasterCannotLeaveOrganizationException(
            "You can't remove a management account from an organization. If you want the management account "
            "to become a member account in another organization, you must first delete the current one."
        )
    if delegations.of_account(tx, organization.organization_id, account.account):
        raise _administers()
    if account.status != "ACTIVE":
        raise refusals.constraint(
            "ACCOUNT_CREATION_NOT_COMPLETE", f"The account {account.account} isn't active: {account.status}."
        )
    _part(tx, organization, account)


def _part(tx: Transaction, organization: Organization, account: Account) -> None:
    policies.forget_target(tx, organization.organization_id, account.account)
    groups.forget(tx, organization.scope, organization.account_arn(account.account))
    accounts.replace(tx, msgspec.structs.replace(account, organization_id="", parent_id=""))
    identity.place_account(tx, account.account, "")


def close(call: Call, organization: Organization, account_id: str) -> None:
    """Its credentials stop with this commit, and so does what its nodes hold open. The worker makes it
    SUSPENDED; after 90 days it is gone."""
    account = fetch_account(call.tx, organization, account_id)
    if account_id == organization.management_account:
        raise refusals.constraint(
            "CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account."
        )
    if account.status == "SUSPENDED":
        raise error.AccountAlreadyClosedException("You attempted to close an account that is already closed.")
    if account.status == "PENDING_CLOSURE":
        raise error.ConflictException("The account is being closed already.")
    if delegations.of_account(call.tx, organization.organization_id, account_id):
        raise _administers()
    accounts.replace(
        call.tx, msgspec.structs.replace(account, status="PENDING_CLOSURE", closed_ms=call.now_ms)
    )
    identity.close_account(call.tx, account_id)
    for closes in _followers:
        closes(call.tx, account_id)
    call.tx.wake(CHANNEL)


def is_due(tx: Transaction, world: World) -> bool:
    """Whether the worker finds anything to do."""
    now_ms = world.now_ms()
    return accounts.is_due(tx, closed_before_ms=now_ms - CLOSED_MS) or handshakes.is_old(tx, now_ms=now_ms)


def settle(tx: Transaction, world: World, limit: int) -> int:
    """What time brings: closed accounts are suspended, then gone; invitations are forgotten."""
    now_ms = world.now_ms()
    closing = accounts.closing(tx, limit=limit)
    for account in closing:
        accounts.replace(tx, msgspec.structs.replace(account, status="SUSPENDED"))
    departing = accounts.departing(tx, closed_before_ms=now_ms - CLOSED_MS, limit=limit)
    for account in departing:
        organization = trees.organization(tx, account.organization_id)
        assert organization is not None, "an organization with accounts is not deleted"
        _part(tx, organization, account)
    handshakes.forget(tx, now_ms=now_ms)
    return len(closing) + len(departing)


def _administers() -> AwsError:
    return refusals.constraint(
        "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
        "The account is a delegated administrator of the organization. Deregister it first.",
    )
