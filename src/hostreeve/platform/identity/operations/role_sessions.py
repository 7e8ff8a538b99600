"""STS: becoming a role."""

import re
from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import common
from hostreeve.api.operations import nothing
from hostreeve.platform.identity.actions import assuming
from hostreeve.platform.identity.actions.credentials import find_role, is_role_session, issue
from hostreeve.platform.identity.model import (
    CHAINED_SESSION_S_MAX,
    SESSION_S,
    Identity,
    session_arn,
)
from hostreeve.platform.identity.operations.service import Context, ValidationError, denied, sts
from hostreeve.platform.identity.operations.session_requests import (
    credentials,
    mfa_ms,
    packed_percent,
    session_policies,
    session_tags,
)

_ROLE_ARN = re.compile(r"arn:[\w-]+:iam::(?P<account>\d{12}):role/(?P<name>[\w+=,.@/-]+)")


@sts.writes("AssumeRole", on=nothing)
def assume_role(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """A session is a sealed token: nothing is stored but that an MFA code was used."""
    if request.get("ProvidedContexts"):
        raise common.NotImplemented("AssumeRole is served without ProvidedContexts.")
    role = find_role_of(call, request["RoleArn"])
    tags, context = session_tags(call, request)
    source_identity = _source_identity(call, request)
    used_ms = mfa_ms(call, request)
    if used_ms:
        context |= {"aws:MultiFactorAuthPresent": ["true"], "aws:MultiFactorAuthAge": ["0"]}
    # A role that does not exist is refused like one that does not trust the caller: names stay unknown.
    assuming.require(
        call,
        request["RoleArn"],
        role,
        tagged=tags.are_set,
        identified=bool(source_identity),
        context=context | asked(request, source_identity),
    )
    assert role is not None
    name, duration_s = request["RoleSessionName"], _duration(call, request, role)
    policies = session_policies(call, request, role.account)
    packed = packed_percent(policies, tags.tags)
    issued = issue(
        call.keys,
        call.world,
        role,
        name,
        now_ms=call.now_ms,
        duration_s=duration_s,
        policies=policies,
        tags=tags.tags,
        transitive_tags=tags.transitive,
        source_identity=source_identity,
    )
    answer: dict[str, Any] = {
        "Credentials": credentials(issued),
        "AssumedRoleUser": assumed(role, name),
    }
    answer |= {"PackedPolicySize": packed} if packed else {}
    return answer | ({"SourceIdentity": source_identity} if source_identity else {})


def find_role_of(call: Call, role_arn: str) -> Identity | None:
    """The role of that very ARN, path included. ValidationError when it is no role's."""
    match = _ROLE_ARN.fullmatch(role_arn)
    if match is None:
        raise ValidationError(f"{role_arn} is invalid")
    found = find_role(call.tx, match["account"], match["name"].rpartition("/")[2])
    return found if found and found.arn == role_arn else None


def asked(request: Mapping[str, Any], source_identity: str) -> Context:
    """The condition keys that are members of the request."""
    context = {"sts:RoleSessionName": [request["RoleSessionName"]]}
    if "ExternalId" in request:
        context["sts:ExternalId"] = [request["ExternalId"]]
    if source_identity:
        context["sts:SourceIdentity"] = [source_identity]
    return context


def assumed(role: Identity, name: str) -> dict[str, str]:
    return {
        "AssumedRoleId": f"{role.identity_id}:{name}",
        "Arn": session_arn(role.account, role.name, name),
    }


def _source_identity(call: Call, request: Mapping[str, Any]) -> str:
    """Who is behind the session: set once, carried on by every further role, changed by nobody."""
    before = call.principal.session.source_identity if call.principal.session else ""
    wanted: str = request.get("SourceIdentity", before)
    if wanted.lower().startswith("aws:"):
        raise ValidationError("A source identity cannot begin with aws:.")
    if before and wanted != before:
        raise denied(f"The source identity of the calling session is {before} and cannot be changed.")
    return wanted


def _duration(call: Call, request: Mapping[str, Any], role: Identity) -> int:
    duration_s: int = request.get("DurationSeconds", SESSION_S)
    if is_role_session(call.principal) and duration_s > CHAINED_SESSION_S_MAX:
        raise ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
            "chaining"
        )
    return refuse_longer(duration_s, role)


def refuse_longer(duration_s: int, role: Identity) -> int:
    if duration_s > role.max_session_s:
        raise ValidationError(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return duration_s
