"""Becoming a role: what its trust policy and the caller's own policies say together."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import common
from hostreeve.platform.identity.actions import trust
from hostreeve.platform.identity.actions.above import keys_of
from hostreeve.platform.identity.actions.authorising import Denied, policies_of, request_context, who_is
from hostreeve.platform.identity.actions.resources import Known
from hostreeve.platform.identity.model import Identity, OidcProvider, values_of
from hostreeve.platform.identity.policy import TRUST, PolicySet, Request, layers
from hostreeve.platform.identity.store import standing

TAG_SESSION, SET_SOURCE_IDENTITY = "sts:TagSession", "sts:SetSourceIdentity"


def require(
    call: Call,
    role_arn: str,
    role: Identity | None,
    *,
    tagged: bool,
    identified: bool,
    context: Mapping[str, Sequence[str]],
) -> None:
    """Returns when the caller may become the role, and give the session tags and a source identity if it has
    any to give.

    AccessDeniedException otherwise, in the same words whether the role exists or not.
    """
    always = request_context(
        call.principal,
        now_ms=call.now_ms,
        source_ip=call.source_ip,
        region=call.scope.region,
        user_agent="",
    )
    if role is not None and standing.is_closed(call.tx, role.account):
        role = None
    tags = {f"aws:ResourceTag/{key}": [value] for key, value in role.tags.items()} if role else {}
    known = Known({**always, **context, **tags}, partial(keys_of, call.tx, call.principal.account, role_arn))
    policies = policies_of(call.tx, call.principal)
    actions = [trust.ASSUME]
    actions += [TAG_SESSION] if tagged else []
    actions += [SET_SOURCE_IDENTITY] if identified else []
    for action in actions:
        request = Request(who_is(call.principal), action, role_arn, known)
        decision = trust.decided(request, role, policies) if role else trust.NOT_TRUSTED
        if not decision.allowed:
            raise Denied(request, decision, layers(request, policies, _trust(call, role), TRUST))


def _trust(call: Call, role: Identity | None) -> PolicySet | None:
    """What a role of the caller's own account says; another's is not for it to read."""
    return trust.policy_of(role) if role is not None and role.account == call.principal.account else None


def require_federated(
    call: Call,
    role: Identity | None,
    provider: OidcProvider,
    claims: Mapping[str, Any],
    *,
    tags: Mapping[str, str],
    context: Mapping[str, Sequence[str]],
) -> None:
    """Returns when the role trusts whom the provider vouches for with these claims; AccessDeniedException in
    the same words whether the role exists or not."""
    known = {
        "aws:federatedprovider": [provider.arn],
        "aws:sourceip": [call.source_ip],
        "aws:epochtime": [str(call.now_ms // 1000)],
        "aws:securetransport": ["true"],
    }
    known |= {key.lower(): list(values) for key, values in context.items()}
    known |= {f"{provider.url}:{name}".lower(): values for name, values in values_of(claims).items()}
    known |= {f"aws:requesttag/{key.lower()}": [value] for key, value in tags.items()}
    known |= {"aws:tagkeys": list(tags)} if tags else {}
    actions = [trust.ASSUME_FEDERATED]
    actions += [TAG_SESSION] if tags else []
    actions += [SET_SOURCE_IDENTITY] if "sts:sourceidentity" in known else []
    if role is not None and standing.is_closed(call.tx, role.account):
        role = None
    for action in actions:
        if role is None or not trust.trusts_federated(role, provider.arn, action, known):
            raise common.AccessDeniedException(f"Not authorized to perform {action}")
