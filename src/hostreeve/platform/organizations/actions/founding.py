"""Organizations and accounts from nothing: the first ones, and each further one ready for use at once."""

from collections.abc import Mapping
from typing import NamedTuple

from hostreeve.api.call import Sealer
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups, identity
from hostreeve.platform.organizations.actions.furnishing import furnish
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import (
    ACCESS_ROLE,
    MANAGEMENT_NAME,
    Account,
    Organization,
    default_email,
    new_account_id,
    new_organization,
)
from hostreeve.platform.organizations.store import accounts, trees


class NewKey(NamedTuple):
    """An administrator's access key, shown when it is made."""

    access_key_id: str
    secret: str


def create_management_account(tx: Transaction, world: World) -> str:
    """The first account and its organization; the account's identities are made by `identity.bootstrap`."""
    account_id = new_account_id(world)
    trees.insert_installation(tx, account_id)
    organization = found_organization(tx, world, account_id)
    accounts.insert(
        tx,
        Account(
            account=account_id,
            name=MANAGEMENT_NAME,
            email=default_email(account_id),
            joined_method="INVITED",
            joined_ms=world.now_ms(),
            organization_id=organization.organization_id,
            parent_id=organization.root_id,
        ),
    )
    join(tx, organization, account_id)
    return account_id


def found_organization(tx: Transaction, world: World, management_account: str) -> Organization:
    """A new organization of that account, which is not put into it yet."""
    organization = new_organization(world, management_account)
    trees.insert_organization(tx, organization)
    return organization


def create_account(
    tx: Transaction,
    keys: Sealer,
    world: World,
    *,
    organization: Organization | None = None,
    account_id: str | None = None,
    name: str = "",
    email: str = "",
    role_name: str = ACCESS_ROLE,
    tags: Mapping[str, str] | None = None,
    now_ms: int,
) -> tuple[Account, NewKey | None]:
    """A member account with an administrator, the nodes' role and a role for the management account.

    It lies in the root of `organization`, by default that of the installation's owner. Without an id, it gets
    one that is free. An id that exists answers its account and no key.
    """
    organization = organization or the_organization(tx)
    if organization is None:
        raise refusals.not_in_use()
    wanted = account_id or _free_id(tx, world)
    known = accounts.find(tx, wanted)
    if known is not None:
        return known, None
    account = Account(
        account=wanted,
        name=name or f"account-{wanted}",
        email=email or default_email(wanted),
        joined_ms=now_ms,
        organization_id=organization.organization_id,
        parent_id=organization.root_id,
    )
    inserted = accounts.insert(tx, account)
    assert inserted, "the caller looks whether the e-mail address is taken"
    key = NewKey(*identity.bootstrap(tx, keys, world, account=wanted, now_ms=now_ms))
    identity.create_access_role(
        tx,
        world,
        account=wanted,
        name=role_name,
        trusted=organization.management_account,
        now_ms=now_ms,
    )
    join(tx, organization, wanted)
    if tags:
        groups.set_tags(tx, organization.scope, organization.account_arn(wanted), tags)
    return account, key


def join(tx: Transaction, organization: Organization, account: str) -> None:
    """What limits the accounts of the organization limits this one too from now on."""
    furnish(tx, organization, account)
    identity.place_account(tx, account, organization.organization_id)


def the_organization(tx: Transaction) -> Organization | None:
    """The organization that the owner of the installation is in; none if it was deleted."""
    owner = trees.installation_account(tx)
    return trees.of_account(tx, owner) if owner else None


def _free_id(tx: Transaction, world: World) -> str:
    while accounts.find(tx, candidate := new_account_id(world)):
        pass
    return candidate
