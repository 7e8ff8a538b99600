"""Why somebody may or may not: everything that speaks for or against, as it is decided by."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from hostreeve.api.call import Call, Principal
from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.platform import groups
from hostreeve.platform.identity.actions import above, principals
from hostreeve.platform.identity.actions.authorising import policies_of, request_context, tag_context, who_is
from hostreeve.platform.identity.actions.held import named
from hostreeve.platform.identity.actions.resources import Known
from hostreeve.platform.identity.actions.simulating import owner_of
from hostreeve.platform.identity.model import Identity, session_arn
from hostreeve.platform.identity.policy import (
    RESOURCE,
    TRUST,
    Decision,
    Layer,
    Policies,
    PolicySet,
    Request,
    Who,
    compile_policy,
    evaluate,
    evaluate_with_resource,
    layers,
)
from hostreeve.platform.identity.store import identities

_SESSION = re.compile(r"arn:[\w-]+:sts::(\d{12}):assumed-role/([\w+=,.@-]+)/([\w+=,.@-]+)")
_ROOT = re.compile(r"arn:[\w-]+:iam::(\d{12}):root")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com")
ASSUMED = "explained"
"""The name of the session in which a role is explained."""


class Explanation(NamedTuple):
    """A decision, and what each layer says about it."""

    request: Request
    decision: Decision
    layers: list[Layer]


def principal_of(call: Call, name: str) -> Principal | Who | None:
    """Whom a name means: an ARN, `user/ann` of the caller's account, a service. None when there is none."""
    if _SERVICE.fullmatch(name):
        return Who(service=name)
    if not name.startswith("arn:"):
        return principal_of(call, call.scope.everywhere().arn("iam", name)) if "/" in name else None
    if found := _ROOT.fullmatch(name):
        return Principal(found[1], name, found[1], "")
    if found := _SESSION.fullmatch(name):
        role = identities.find(call.tx, Scope(found[1], GLOBAL), "role", found[2])
        return _session_of(role, found[3]) if role else None
    identity = named(call.tx, name)
    if identity is None or identity.kind == "group":
        return None
    if identity.kind == "role":
        return _session_of(identity, ASSUMED)
    return Principal(identity.account, identity.arn, identity.identity_id, "", tags=identity.tags)


def _session_of(role: Identity, session: str) -> Principal:
    return Principal(
        account=role.account,
        arn=session_arn(role.account, role.name, session),
        id=f"{role.identity_id}:{session}",
        access_key_id="",
        tags=role.tags,
        role_arn=role.arn,
    )


def explained(
    call: Call,
    principal: Principal | Who,
    action: str,
    resource: str,
    *,
    context: Mapping[str, list[str]],
    resource_policy: str = "",
    owner: str = "",
) -> Explanation:
    """The decision, and every layer. MalformedPolicy when the resource's policy is none."""
    who = who_is(principal) if isinstance(principal, Principal) else principal
    policies = policies_of(call.tx, principal) if isinstance(principal, Principal) else Policies()
    owner = owner_of(resource) or owner or who.account
    request = Request(who, action, resource, _known(call, principal, resource, context))
    theirs, kind = _theirs(call, action, resource, resource_policy)
    if theirs is None:
        decision = evaluate(request, policies)
    else:
        decision = evaluate_with_resource(request, policies, theirs, owner=owner, kind=kind)
    return Explanation(request, decision, layers(request, policies, theirs, kind))


def _theirs(call: Call, action: str, resource: str, given: str) -> tuple[PolicySet | None, str]:
    """What the resource itself says: a role's trust policy, or what is given."""
    if given:
        return PolicySet(compile_policy(given, "resource policy", "resource")), RESOURCE
    role = named(call.tx, resource) if action.lower().startswith("sts:assumerole") else None
    if role is not None and role.kind == "role":
        return PolicySet(
            compile_policy(principals.shown(call.tx, role.trust), f"{role.arn} trust policy", "trust")
        ), TRUST
    return None, RESOURCE


def _known(call: Call, principal: Principal | Who, resource: str, context: Mapping[str, list[str]]) -> Known:
    always: Mapping[str, list[str]] = {}
    if isinstance(principal, Principal):
        region = resource.split(":", 4)[3] if resource.count(":") >= 4 else ""
        always = request_context(
            principal,
            now_ms=call.now_ms,
            source_ip="",
            region=region or GLOBAL,
            user_agent="",
        )

    def further() -> dict[str, list[str]]:
        found = above.keys_of(call.tx, principal.account, resource) if principal.account else {}
        parts = resource.split(":", 5)
        if len(parts) < 6 or "*" in resource:
            return found
        scope = Scope(parts[4], parts[3] or GLOBAL)
        return found | tag_context(lambda arn: groups.tags_of(call.tx, scope, arn), resource)

    return Known({**always, **{key.lower(): values for key, values in context.items()}}, further)
