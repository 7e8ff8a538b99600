"""Acting as a role without anybody signing for it: what services do on a schedule, with the role's rights."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from hostreeve.api.call import Call, Principal, ResourcePolicy, Sealer
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups
from hostreeve.platform.identity.actions.authorising import authorise, request_context
from hostreeve.platform.identity.model import Identity, session_arn


def act_as(
    tx: Transaction,
    scope: Scope,
    role: Identity,
    session: str,
    *,
    service: str,
    world: World,
    keys: Sealer,
    now_ms: int,
) -> Call:
    """A call of the role's session in this transaction, for the front doors of neighbours. Its `require` is
    answered by the role's policies. Whether the service may become the role is asked before (`trusts`)."""
    principal = session_of(role, session)
    return act_for(tx, scope, principal, service=service, world=world, keys=keys, now_ms=now_ms)


def session_of(role: Identity, session: str) -> Principal:
    """Who a service is that has become the role."""
    return Principal(
        account=role.account,
        arn=session_arn(role.account, role.name, session),
        id=f"{role.identity_id}:{session}",
        access_key_id="",
        tags=role.tags,
        role_arn=role.arn,
    )


def act_for(
    tx: Transaction,
    scope: Scope,
    principal: Principal,
    *,
    service: str,
    world: World,
    keys: Sealer,
    now_ms: int,
) -> Call:
    """A call for a principal who is not there any more, in this transaction: what somebody began goes on with
    the rights that they have by now."""
    known = request_context(principal, now_ms=now_ms, source_ip="", region=scope.region, user_agent=service)
    known["aws:viaawsservice"] = ["true"]

    def require(
        action: str,
        resources: list[str],
        context: Mapping[str, list[str]] | None = None,
        *,
        policy: ResourcePolicy | None = None,
    ) -> None:
        everything = {**known, **(context or {})}
        tags_of = partial(_tags_of, tx, scope)
        authorise(tx, principal, action, resources, lambda: everything, policy=policy, tags_of=tags_of)

    def emit(detail_type: str, aggregate: str, detail: Mapping[str, Any]) -> None:
        outbox.put(tx, scope, detail_type=detail_type, aggregate=aggregate, detail=detail, now_ms=now_ms)

    return Call(
        tx=tx,
        scope=scope,
        principal=principal,
        world=world,
        now_ms=now_ms,
        request_id=world.uuid(),
        require=require,
        emit=emit,
        keys=keys,
    )


def _tags_of(tx: Transaction, scope: Scope, arn: str) -> Mapping[str, str]:
    return groups.tags_of(tx, scope, arn) if "*" not in arn else {}
