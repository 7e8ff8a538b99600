"""Parameter policies: when a parameter expires, and when its owner is told."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

POLICIES_MAX = 10
EXPIRATION, BEFORE, NO_CHANGE = "Expiration", "ExpirationNotification", "NoChangeNotification"
PENDING, FINISHED = "Pending", "Finished"

_UNITS_MS = {"Days": 86_400_000, "Hours": 3_600_000}
_ATTRIBUTES = {EXPIRATION: {"Timestamp"}, BEFORE: {"Before", "Unit"}, NO_CHANGE: {"After", "Unit"}}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)")
_AMOUNT = re.compile(r"[1-9]\d{0,5}")


class Refused(ValueError):
    """Policies that are none; `code` is AWS's name of the fault."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Policy(Struct, frozen=True):
    """One policy: its text as it was given, and whether it has been executed."""

    type: str
    text: str
    status: str = PENDING

    def shown(self) -> dict[str, str]:
        """The members of `ParameterInlinePolicy`."""
        return {"PolicyText": self.text, "PolicyType": self.type, "PolicyStatus": self.status}


def read(text: str, now_ms: int) -> tuple[Policy, ...]:
    """The policies in a request's `Policies`; none for `[{}]`. Refused."""
    try:
        given = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Refused("InvalidPolicyAttributeException", "Policies must be a JSON array.") from None
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise Refused("InvalidPolicyAttributeException", "Policies must be a JSON array of objects.")
    given = [each for each in given if each]
    if len(given) > POLICIES_MAX:
        raise Refused("PoliciesLimitExceededException", f"A parameter can have {POLICIES_MAX} policies.")
    found = tuple(_policy(each) for each in given)
    _check_together(found, now_ms)
    return found


def renewed(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """Policies of a parameter that was changed just now: the time without a change begins anew."""
    return tuple(
        Policy(policy.type, policy.text) if policy.type == NO_CHANGE else policy for policy in policies
    )


def due_ms(policies: Iterable[Policy], modified_ms: int) -> int | None:
    """When the next of them must be executed, or None."""
    times = [at for policy, at in _times(policies, modified_ms) if policy.status == PENDING]
    return min(times, default=None)


def executed(
    policies: Iterable[Policy], modified_ms: int, now_ms: int
) -> tuple[tuple[Policy, ...], list[Policy]]:
    """All policies after those that are due have been executed, and which these are, the earliest first."""
    timed = _times(policies, modified_ms)
    due = [(at, policy) for policy, at in timed if policy.status == PENDING and at <= now_ms]
    ready = [policy for _, policy in sorted(due, key=lambda each: each[0])]
    after = tuple(
        Policy(policy.type, policy.text, FINISHED) if policy in ready else policy for policy, _ in timed
    )
    return after, ready


def _times(policies: Iterable[Policy], modified_ms: int) -> list[tuple[Policy, int]]:
    policies = list(policies)
    expires_ms = next((_expires_ms(_attributes(p)) for p in policies if p.type == EXPIRATION), 0)
    return [(policy, _time_ms(policy, expires_ms, modified_ms)) for policy in policies]


def _time_ms(policy: Policy, expires_ms: int, modified_ms: int) -> int:
    attributes = _attributes(policy)
    if policy.type == EXPIRATION:
        return expires_ms
    if policy.type == BEFORE:
        return expires_ms - _span_ms(attributes, "Before")
    return modified_ms + _span_ms(attributes, "After")


def _attributes(policy: Policy) -> dict[str, Any]:
    attributes: dict[str, Any] = msgspec.json.decode(policy.text)["Attributes"]
    return attributes


def _policy(given: dict[str, Any]) -> Policy:
    kind = given.get("Type")
    if not isinstance(kind, str) or kind not in _ATTRIBUTES:
        known = ", ".join(_ATTRIBUTES)
        raise Refused("InvalidPolicyTypeException", f"The policy type is not one of {known}.")
    if given.get("Version") != "1.0" or set(given) != {"Type", "Version", "Attributes"}:
        raise _wrong(kind, "takes Type, Version 1.0 and Attributes")
    attributes = given["Attributes"]
    if not isinstance(attributes, dict) or set(attributes) != _ATTRIBUTES[kind]:
        raise _wrong(kind, f"takes the attributes {', '.join(sorted(_ATTRIBUTES[kind]))}")
    if not all(isinstance(value, str) for value in attributes.values()):
        raise _wrong(kind, "takes texts as values of its attributes")
    if kind == EXPIRATION:
        if not _INSTANT.fullmatch(attributes["Timestamp"]):
            raise _wrong(kind, "needs a Timestamp such as 2030-12-02T21:34:33.000Z")
        _expires_ms(attributes)
    else:
        amount = attributes["Before" if kind == BEFORE else "After"]
        if not _AMOUNT.fullmatch(amount) or attributes["Unit"] not in _UNITS_MS:
            raise _wrong(kind, "needs a whole number of Days or Hours")
    return Policy(kind, msgspec.json.encode(given).decode())


def _check_together(policies: tuple[Policy, ...], now_ms: int) -> None:
    expirations = [policy for policy in policies if policy.type == EXPIRATION]
    if len(expirations) > 1:
        raise Refused("IncompatiblePolicyException", "A parameter can have one Expiration policy.")
    if not expirations:
        if any(policy.type == BEFORE for policy in policies):
            raise Refused(
                "IncompatiblePolicyException", "An ExpirationNotification needs an Expiration policy."
            )
        return
    expires_ms = _expires_ms(_attributes(expirations[0]))
    if expires_ms <= now_ms:
        raise _wrong(EXPIRATION, "needs a Timestamp in the future")


def _expires_ms(attributes: dict[str, Any]) -> int:
    try:
        moment = datetime.fromisoformat(attributes["Timestamp"])
        return round(moment.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise _wrong(EXPIRATION, "needs a Timestamp that exists") from None


def _span_ms(attributes: dict[str, Any], amount: str) -> int:
    return int(attributes[amount]) * _UNITS_MS[str(attributes["Unit"])]


def _wrong(kind: str, what: str) -> Refused:
    return Refused("InvalidPolicyAttributeException", f"The policy {kind} {what}.")
