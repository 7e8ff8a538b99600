"""What an account has from its first moment: an administrator with a key, and the role of managed nodes."""

import json

from hostreeve.api.call import Sealer
from hostreeve.kernel.scope import GLOBAL, PARTITION, Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity import managed
from hostreeve.platform.identity.actions.credentials import new_key, secret_of
from hostreeve.platform.identity.model import (
    ADMINISTRATOR,
    KEYS_PER_USER_MAX,
    NODE_ROLE,
    NODE_SERVICE,
    ROLE_ID,
    USER_ID,
    Identity,
    new_id,
)
from hostreeve.platform.identity.store import access_keys, identities
from hostreeve.platform.identity.store import policies as policy_rows

SERVICE_PATH = "/service-role/"


def bootstrap(tx: Transaction, keys: Sealer, world: World, *, account: str, now_ms: int) -> tuple[str, str]:
    """Furnish a new account: (access key id, secret) of its administrator. The account must be empty."""
    scope = Scope(account, GLOBAL)
    user = Identity(
        account=account,
        kind="user",
        name=ADMINISTRATOR,
        path="/",
        identity_id=new_id(world, USER_ID, account),
        created_ms=now_ms,
    )
    fresh = identities.insert(tx, scope, user)
    assert fresh, f"account {account} has an administrator already"
    policy_rows.attach(tx, scope, user.identity_id, managed.ADMINISTRATOR_ACCESS)
    create_role(
        tx,
        world,
        account=account,
        name=NODE_ROLE,
        path=SERVICE_PATH,
        principal={"Service": NODE_SERVICE},
        policy_arn=managed.NODE_CORE,
        description="Managed nodes act as this role",
        now_ms=now_ms,
    )
    key, secret = new_key(tx, keys, world, user, now_ms)
    return key.access_key_id, secret


def administrator_key(
    tx: Transaction, keys: Sealer, world: World, *, account: str, now_ms: int
) -> tuple[str, str] | None:
    """The administrator's first active key; a new one when it has none. None when there is no room for one,
    or no administrator any more.
    """
    scope = Scope(account, GLOBAL)
    user = identities.find(tx, scope, "user", ADMINISTRATOR)
    if user is None:
        return None
    owned = access_keys.listed(tx, scope, user.identity_id)
    active = next((key for key in owned if key.status == "Active"), None)
    if active is not None:
        return active.access_key_id, secret_of(keys, active)
    if len(owned) >= KEYS_PER_USER_MAX:
        return None
    key, secret = new_key(tx, keys, world, user, now_ms)
    return key.access_key_id, secret


def check_keys(tx: Transaction, keys: Sealer, *, account: str) -> None:
    """ValueError when the administrator's access keys were sealed under another master key."""
    scope = Scope(account, GLOBAL)
    user = identities.find(tx, scope, "user", ADMINISTRATOR)
    for key in access_keys.listed(tx, scope, user.identity_id) if user else []:
        secret_of(keys, key)


def create_role(
    tx: Transaction,
    world: World,
    *,
    account: str,
    name: str,
    principal: dict[str, str],
    policy_arn: str,
    path: str = "/",
    description: str = "",
    now_ms: int,
) -> Identity:
    """A role that trusts `principal` and has one policy of AWS's."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }
    role = Identity(
        account=account,
        kind="role",
        name=name,
        path=path,
        identity_id=new_id(world, ROLE_ID, account),
        created_ms=now_ms,
        trust=json.dumps(trust),
        description=description,
    )
    scope = Scope(account, GLOBAL)
    identities.insert(tx, scope, role)
    policy_rows.attach(tx, scope, role.identity_id, policy_arn)
    return role


def create_access_role(
    tx: Transaction, world: World, *, account: str, name: str, trusted: str, now_ms: int
) -> None:
    """A role with all rights in `account` for the account `trusted`."""
    create_role(
        tx,
        world,
        account=account,
        name=name,
        principal={"AWS": f"arn:{PARTITION}:iam::{trusted}:root"},
        policy_arn=managed.ADMINISTRATOR_ACCESS,
        description="The management account administers this account as this role",
        now_ms=now_ms,
    )
