"""STS: temporary credentials of a user, for itself or for somebody whom it vouches for."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import nothing
from hostreeve.kernel.scope import Scope
from hostreeve.platform.identity.actions.credentials import issue
from hostreeve.platform.identity.model import USER_ID, USER_SESSION_S, Identity, federated_arn
from hostreeve.platform.identity.operations.service import denied, sts
from hostreeve.platform.identity.operations.session_requests import (
    credentials,
    mfa_ms,
    packed_percent,
    session_policies,
    session_tags,
)
from hostreeve.platform.identity.store import identities


@sts.writes("GetSessionToken", on=nothing)
def get_session_token(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The user for a while, and with the code of its MFA device: known as such. It needs no permission."""
    user = _user(call, "GetSessionToken")
    issued = issue(
        call.keys,
        call.world,
        user,
        user.name,
        now_ms=call.now_ms,
        duration_s=request.get("DurationSeconds", USER_SESSION_S),
        kind="token",
        mfa_ms=mfa_ms(call, request),
    )
    return {"Credentials": credentials(issued)}


def federated(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [federated_arn(scope.account, request["Name"])]


@sts.reads("GetFederationToken", asks=True)
def get_federation_token(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Somebody who may do what the user may and the policies given here allow: without policies, nothing."""
    user = _user(call, "GetFederationToken")
    tags, context = session_tags(call, request)
    resources = federated(call.scope, request)
    for action in ("GetFederationToken", "TagSession") if tags.are_set else ("GetFederationToken",):
        call.require(f"sts:{action}", resources, context)
    policies = session_policies(call, request, user.account)
    packed = packed_percent(policies, tags.tags)
    issued = issue(
        call.keys,
        call.world,
        user,
        request["Name"],
        now_ms=call.now_ms,
        duration_s=request.get("DurationSeconds", USER_SESSION_S),
        kind="federation",
        policies=policies,
        tags=tags.tags,
    )
    who = {"FederatedUserId": f"{user.account}:{request['Name']}", "Arn": resources[0]}
    answer = {"Credentials": credentials(issued), "FederatedUser": who}
    return answer | ({"PackedPolicySize": packed} if packed else {})


def _user(call: Call, operation: str) -> Identity:
    """The calling user, by its long-term key."""
    if call.principal.session is not None or not call.principal.id.startswith(USER_ID):
        raise denied(f"Cannot call {operation} with session credentials")
    user = identities.find_by_id(call.tx, call.scope, call.principal.id)
    assert user is not None, "who signed the request is there"
    return user
