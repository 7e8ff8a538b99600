"""Making accounts: the management account at the first start, members later, each ready for use at once."""

from typing import NamedTuple

from hostreeve.api.call import Sealer
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform import identity
from hostreeve.platform.organizations import store
from hostreeve.platform.organizations.model import (
    ACCESS_ROLE,
    MANAGEMENT_NAME,
    Account,
    Organization,
    default_email,
    new_account_id,
    new_organization,
)


class NewKey(NamedTuple):
    """An administrator's access key, shown when it is made."""

    access_key_id: str
    secret: str


def management_account(tx: Transaction) -> str | None:
    """The account that owns the organization. None before the first start is over."""
    found = store.organization(tx)
    return found.management_account if found else None


def create_management_account(tx: Transaction, world: World) -> str:
    """The organization and the account that owns it; its identities are made by `identity.bootstrap`."""
    account_id = new_account_id(world)
    store.insert_organization(tx, new_organization(world, account_id))
    store.insert_account(
        tx,
        Account(
            account=account_id,
            name=MANAGEMENT_NAME,
            email=default_email(account_id),
            joined_method="INVITED",
            joined_ms=world.now_ms(),
        ),
    )
    return account_id


def create_account(
    tx: Transaction,
    keys: Sealer,
    world: World,
    *,
    account_id: str | None = None,
    name: str = "",
    email: str = "",
    role_name: str = ACCESS_ROLE,
    now_ms: int,
) -> tuple[Account, NewKey | None]:
    """A member account with an administrator, the nodes' role and a role for the management account.

    Without an id, one that is free. An id that exists answers its account and no key.
    """
    wanted = account_id or _free_id(tx, world)
    known = store.account(tx, wanted)
    if known is not None:
        return known, None
    account = Account(
        account=wanted,
        name=name or f"account-{wanted}",
        email=email or default_email(wanted),
        joined_ms=now_ms,
    )
    inserted = store.insert_account(tx, account)
    assert inserted, "the caller looks whether the e-mail address is taken"
    key = NewKey(*identity.bootstrap(tx, keys, world, account=wanted, now_ms=now_ms))
    identity.create_access_role(
        tx,
        world,
        account=wanted,
        name=role_name,
        trusted=the_organization(tx).management_account,
        now_ms=now_ms,
    )
    return account, key


def the_organization(tx: Transaction) -> Organization:
    found = store.organization(tx)
    assert found is not None, "the first start makes the organization before it serves anybody"
    return found


def _free_id(tx: Transaction, world: World) -> str:
    while store.account(tx, candidate := new_account_id(world)):
        pass
    return candidate
