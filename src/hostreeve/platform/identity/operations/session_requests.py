"""What the operations that give temporary credentials share: a new session's policies, tags and MFA."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.platform.identity.actions import authenticators
from hostreeve.platform.identity.model import (
    SESSION_POLICIES_MAX,
    SESSION_POLICY_CHARS_MAX,
    IssuedCredentials,
)
from hostreeve.platform.identity.operations.service import (
    Context,
    ValidationError,
    asked_tags,
    checked,
    denied,
    managed_policy,
    sts,
)
from hostreeve.platform.identity.store import mfa_devices


class InvalidParameterValue(AwsError):
    """What STS calls tags that contradict those which a session carries on."""

    code = "InvalidParameterValue"
    status = 400


class SessionTags(NamedTuple):
    """The tags of a new session, which of them go on to the next (lower-case), and whether any are set."""

    tags: dict[str, str]
    transitive: tuple[str, ...]
    are_set: bool


def session_policies(call: Call, request: Mapping[str, Any], account: str) -> tuple[str, ...]:
    """Documents and ARNs that limit the session. `account` is whose managed policies are meant."""
    policies: list[str] = []
    if "Policy" in request:
        checked(request["Policy"], "session policy")
        policies.append(request["Policy"])
    arns = [descriptor.get("arn", "") for descriptor in request.get("PolicyArns", ())]
    if len(arns) > SESSION_POLICIES_MAX:
        raise ValidationError(f"A session has at most {SESSION_POLICIES_MAX} managed policies.")
    for arn in arns:
        if managed_policy(call, arn, of=account) is None:
            raise ValidationError(f"The policy {arn} does not exist.")
    return (*policies, *arns)


def session_tags(call: Call, request: Mapping[str, Any]) -> tuple[SessionTags, Context]:
    """The request's tags with those that the caller's session hands on; and the condition keys they are."""
    tags, context = asked_tags(request)
    facts = call.principal.session
    handed_on = {
        key: value
        for key, value in call.principal.tags.items()
        if facts is not None and key.lower() in facts.transitive_tags
    }
    given = {key.lower() for key in tags}
    if any(key.lower() in given for key in handed_on):
        raise InvalidParameterValue(
            "One of the specified session tags conflicts with a transitive tag of the calling session."
        )
    transitive = [key.lower() for key in request.get("TransitiveTagKeys", ())]
    if not set(transitive) <= given:
        raise InvalidParameterValue(
            "The specified transitive tag key must be included in the requested tags."
        )
    merged = SessionTags(
        tags | handed_on,
        tuple(sorted({*transitive, *(key.lower() for key in handed_on)})),
        bool(tags or handed_on),
    )
    if handed_on:
        context |= {f"aws:RequestTag/{key}": [value] for key, value in handed_on.items()}
        context["aws:TagKeys"] = list(merged.tags)
    if transitive:
        context["sts:TransitiveTagKeys"] = list(request["TransitiveTagKeys"])
    return merged, context


def mfa_ms(call: Call, request: Mapping[str, Any]) -> int:
    """When the caller gave a code of its own device: now, or 0 without one. AccessDenied for a wrong one."""
    serial, code = request.get("SerialNumber"), request.get("TokenCode")
    if not serial and not code:
        return 0
    if not serial or not code:
        raise ValidationError("SerialNumber and TokenCode are given together, or not at all.")
    device = mfa_devices.find(call.tx, call.scope, serial)
    if device is None or device.user_id != call.principal.id:
        raise denied(
            "MultiFactorAuthentication failed, unable to validate MFA code. Please verify your MFA serial "
            "number is valid and associated with this user."
        )
    if not authenticators.use_code(call.tx, call.keys, call.scope, device, code, call.now_ms):
        raise denied("MultiFactorAuthentication failed with invalid MFA one time pass code.")
    return call.now_ms


def packed_percent(policies: Sequence[str], tags: Mapping[str, str]) -> int:
    """How much of the room for policies and tags is used; at least 1 when any is. PackedPolicyTooLarge."""
    size = sum(map(len, policies)) + sum(len(key) + len(value) for key, value in tags.items())
    percent = -(-100 * size // SESSION_POLICY_CHARS_MAX)
    if percent > 100:
        raise sts.errors.PackedPolicyTooLarge(
            f"The session policies and tags are larger than {SESSION_POLICY_CHARS_MAX} characters: "
            f"{percent} percent of the allowed size."
        )
    return percent


def credentials(issued: IssuedCredentials) -> dict[str, Any]:
    return {
        "AccessKeyId": issued.access_key_id,
        "SecretAccessKey": issued.secret,
        "SessionToken": issued.session_token,
        "Expiration": issued.expires_ms / 1000,
    }
