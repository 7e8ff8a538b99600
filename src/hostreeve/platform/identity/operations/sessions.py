"""STS: who a caller is, and becoming a role."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import common
from hostreeve.api.operations import anything, nothing
from hostreeve.platform.identity.actions import assuming
from hostreeve.platform.identity.actions.credentials import find_role, is_session, issue
from hostreeve.platform.identity.model import (
    CHAINED_SESSION_S_MAX,
    SESSION_POLICY_CHARS_MAX,
    SESSION_S,
    Identity,
    account_of,
    session_arn,
)
from hostreeve.platform.identity.operations.service import (
    ValidationError,
    asked_tags,
    checked,
    managed_policy,
    sts,
)

_ROLE_ARN = re.compile(r"arn:[\w-]+:iam::(?P<account>\d{12}):role/(?P<name>[\w+=,.@/-]+)")
UNSERVED = ("SerialNumber", "TokenCode", "SourceIdentity", "ProvidedContexts", "TransitiveTagKeys")


@sts.reads("GetCallerIdentity", on=nothing)
def get_caller_identity(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Anybody may ask who they are; no policy can forbid it, as at AWS."""
    who = call.principal
    return {"UserId": who.id, "Account": who.account, "Arn": who.arn}


@sts.reads("GetAccessKeyInfo", on=anything)
def get_access_key_info(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The account is read from the id itself; whether the key exists is not said."""
    account = account_of(request["AccessKeyId"])
    if account is None:
        raise ValidationError(f"{request['AccessKeyId']} is no access key id of an account here.")
    return {"Account": account}


@sts.reads("AssumeRole", on=nothing)
def assume_role(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """A session is a sealed token: nothing is stored, and nothing is forgotten by a restart."""
    for member in UNSERVED:
        if request.get(member):
            raise common.NotImplemented(f"AssumeRole is served without {member} so far.")
    role_arn = request["RoleArn"]
    match = _ROLE_ARN.fullmatch(role_arn)
    if match is None:
        raise ValidationError(f"{role_arn} is invalid")
    found = find_role(call.tx, match["account"], match["name"].rpartition("/")[2])
    role = found if found and found.arn == role_arn else None
    tags, context = asked_tags(request)
    # A role that does not exist is refused like one that does not trust the caller: names stay unknown.
    assuming.require(call, role_arn, role, tagged=bool(tags), context=context | _asked(request))
    assert role is not None
    duration_s = _duration(call, request, role)
    policies = _session_policies(call, request, role)
    name = request["RoleSessionName"]
    issued = issue(
        call.keys,
        call.world,
        role,
        name,
        now_ms=call.now_ms,
        expires_ms=call.now_ms + duration_s * 1000,
        policies=policies,
        tags=tags,
    )
    answer = {
        "Credentials": {
            "AccessKeyId": issued.access_key_id,
            "SecretAccessKey": issued.secret,
            "SessionToken": issued.session_token,
            "Expiration": issued.expires_ms / 1000,
        },
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.identity_id}:{name}",
            "Arn": session_arn(role.account, role.name, name),
        },
    }
    packed = _packed_percent(policies, tags)
    return answer | {"PackedPolicySize": packed} if packed else answer


def _asked(request: Mapping[str, Any]) -> dict[str, list[str]]:
    asked = {"sts:RoleSessionName": [request["RoleSessionName"]]}
    if "ExternalId" in request:
        asked["sts:ExternalId"] = [request["ExternalId"]]
    return asked


def _duration(call: Call, request: Mapping[str, Any], role: Identity) -> int:
    duration_s: int = request.get("DurationSeconds", SESSION_S)
    if is_session(call.principal) and duration_s > CHAINED_SESSION_S_MAX:
        raise ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
            "chaining"
        )
    if duration_s > role.max_session_s:
        raise ValidationError(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return duration_s


def _session_policies(call: Call, request: Mapping[str, Any], role: Identity) -> list[str]:
    policies: list[str] = []
    if "Policy" in request:
        checked(request["Policy"], "session policy")
        policies.append(request["Policy"])
    for descriptor in request.get("PolicyArns", ()):
        arn = descriptor.get("arn", "")
        if managed_policy(call, arn, of=role.account) is None:
            raise ValidationError(f"The policy {arn} does not exist.")
        policies.append(arn)
    if _packed_percent(policies, {}) > 100:
        raise sts.errors.PackedPolicyTooLarge(
            f"The session policies are larger than {SESSION_POLICY_CHARS_MAX} characters."
        )
    return policies


def _packed_percent(policies: Sequence[str], tags: Mapping[str, str]) -> int:
    """How much of the room for policies and tags is used; at least 1 when any is."""
    size = sum(map(len, policies)) + sum(len(key) + len(value) for key, value in tags.items())
    return -(-100 * size // SESSION_POLICY_CHARS_MAX)
