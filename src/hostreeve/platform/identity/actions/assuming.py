"""Becoming a role: what its trust policy and the caller's own policies say together."""

from collections.abc import Mapping, Sequence
from functools import partial

from hostreeve.api.call import Call
from hostreeve.api.errors import common
from hostreeve.platform.identity.actions import trust
from hostreeve.platform.identity.actions.above import keys_of
from hostreeve.platform.identity.actions.authorising import policies_of, request_context, who_is
from hostreeve.platform.identity.actions.resources import Known
from hostreeve.platform.identity.model import Identity
from hostreeve.platform.identity.policy import Request, refusal_text
from hostreeve.platform.identity.store import standing

TAG_SESSION = "sts:TagSession"


def require(
    call: Call,
    role_arn: str,
    role: Identity | None,
    *,
    tagged: bool,
    context: Mapping[str, Sequence[str]],
) -> None:
    """Returns when the caller may become the role, and tag the session if it asks to.

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
    for action in (trust.ASSUME, TAG_SESSION) if tagged else (trust.ASSUME,):
        request = Request(who_is(call.principal), action, role_arn, known)
        decision = trust.decided(request, role, policies) if role else trust.NOT_TRUSTED
        if not decision.allowed:
            raise common.AccessDeniedException(refusal_text(request, decision))
