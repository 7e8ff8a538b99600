"""Making the roles that belong to services: when a caller asks for one, and when a service needs its own."""

import json

from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity import managed
from hostreeve.platform.identity.model import (
    ROLE_ID,
    SERVICE_LINKED_PATH,
    SERVICE_ROLES,
    Identity,
    new_id,
)
from hostreeve.platform.identity.store import identities, policies


def service_role(tx: Transaction, world: World, *, account: str, service: str, now_ms: int) -> Identity:
    """The account's role of a service that has one (`ssm.amazonaws.com`); made if it is not there."""
    known = SERVICE_ROLES[service]
    found = identities.find(tx, Scope(account, GLOBAL), "role", known.name)
    return found or make(tx, world, account=account, service=service, now_ms=now_ms)


def make(
    tx: Transaction, world: World, *, account: str, service: str, description: str = "", now_ms: int
) -> Identity:
    """The role, with its policy, trusting its service. The caller looks whether there is one."""
    known = SERVICE_ROLES[service]
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    role = Identity(
        account=account,
        kind="role",
        name=known.name,
        path=f"{SERVICE_LINKED_PATH}{service}/",
        identity_id=new_id(world, ROLE_ID, account),
        created_ms=now_ms,
        trust=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        description=description or known.description,
    )
    scope = Scope(account, GLOBAL)
    is_new = identities.insert(tx, scope, role)
    assert is_new, f"{account} has the role of {service} already"
    policies.attach(tx, scope, role.identity_id, managed.service_policy(known.policy))
    return role
