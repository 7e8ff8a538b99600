"""Denials that do not say why to everybody: encoded for callers, decoded for who may ask."""

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from hostreeve.api.call import Principal, Sealer

_PURPOSE = "identity/denial"
_CHARS_MAX = 10_240


class Denial(NamedTuple):
    """A decoded denial: whose account it was, and AWS's message as JSON values."""

    account: str
    message: dict[str, Any]


def encoded(
    keys: Sealer,
    principal: Principal,
    *,
    action: str,
    resource: str,
    context: Mapping[str, Sequence[str]],
    denied_by: str = "",
) -> str:
    """A denial in the form of AWS's encoded authorization messages (EC2 sends them along). `denied_by` is the
    statement that denied it, empty when none allowed it. A context that is too long for a message is left
    out."""
    message = _message(principal, action, resource, context, denied_by)
    text = _sealed(keys, principal.account, message)
    if len(text) > _CHARS_MAX:
        text = _sealed(keys, principal.account, _message(principal, action, resource, {}, denied_by))
    return text


def _sealed(keys: Sealer, account: str, message: Mapping[str, Any]) -> str:
    packed = zlib.compress(msgspec.json.encode([account, message]))
    return base64.urlsafe_b64encode(keys.seal(_PURPOSE, packed)).decode()


def _message(
    principal: Principal,
    action: str,
    resource: str,
    context: Mapping[str, Sequence[str]],
    denied_by: str,
) -> dict[str, Any]:
    matched = [{"statementId": denied_by, "effect": "DENY"}] if denied_by else []
    return {
        "allowed": False,
        "explicitDeny": bool(denied_by),
        "matchedStatements": {"items": matched},
        "failures": {"items": []},
        "context": {
            "principal": {
                "id": principal.id,
                "name": principal.arn.rpartition("/")[2],
                "arn": principal.arn,
            },
            "action": action,
            "resource": resource,
            "conditions": {
                "items": [
                    {"key": key, "values": {"items": [{"value": value} for value in values]}}
                    for key, values in sorted(context.items())
                ]
            },
        },
    }


def decoded(keys: Sealer, text: str) -> Denial | None:
    """What `encoded` made here, or None."""
    if len(text) > _CHARS_MAX:
        return None
    try:
        sealed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        packed = keys.unseal(_PURPOSE, sealed)
    except (binascii.Error, ValueError):
        return None
    account, message = msgspec.json.decode(zlib.decompress(packed), type=tuple[str, dict[str, Any]])
    return Denial(account, message)
