"""Who else may act for an organization: services, delegated administrators, and whom its own policy names."""

import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from hostreeve.api.service_models import service
from hostreeve.kernel.world import World
from hostreeve.platform import identity
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import letters

_SERVICE = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.amazonaws\.com")
_ID_CHARS = 8

POLICY_ACTIONS = frozenset(
    {"CreatePolicy", "UpdatePolicy", "DeletePolicy", "AttachPolicy", "DetachPolicy"}
    | {"EnablePolicyType", "DisablePolicyType", "TagResource", "UntagResource"}
)
"""Besides reading, what the organization's own policy may let its accounts do."""


class Delegation(Struct, frozen=True, kw_only=True):
    """An account administers a service for its organization, since then."""

    account: str
    service: str
    since_ms: int


class ServiceAccess(Struct, frozen=True, kw_only=True):
    """A service may work with the organization, since then."""

    service: str
    since_ms: int


class OwnPolicy(Struct, frozen=True, kw_only=True):
    """What the organization itself says about who may manage its policies."""

    policy_id: str
    content: str


def new_own_policy_id(world: World) -> str:
    return "rp-" + letters(world, _ID_CHARS)


def require_service(name: str) -> None:
    if not _SERVICE.fullmatch(name):
        raise refusals.invalid(
            "UNRECOGNIZED_SERVICE_PRINCIPAL", f"{name} is no service principal; ssm.amazonaws.com is one."
        )


def require_own_policy(content: str) -> None:
    """InvalidInputException unless the document is a resource's policy that allows what can be delegated."""
    try:
        identity.check_policy(content, "resource")
    except identity.MalformedPolicy as malformed:
        raise refusals.invalid("INVALID_RESOURCE_POLICY_JSON", str(malformed)) from None
    for statement in _listed(json.loads(content)["Statement"]):
        beyond = _beyond(statement) if statement["Effect"] == "Allow" else None
        if beyond:
            raise refusals.invalid(
                "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
                f"A resource policy cannot allow {beyond}. It can allow Describe and List operations, and "
                f"{', '.join(sorted(POLICY_ACTIONS))}.",
            )


def _beyond(statement: Mapping[str, Any]) -> str | None:
    """An action that the statement allows and that cannot be delegated."""
    if "NotAction" in statement:
        return "NotAction"
    for pattern in _listed(statement["Action"]):
        vendor, _, name = pattern.lower().partition(":")
        if vendor != "organizations":
            return str(pattern)
        for operation in _operations():
            if fnmatchcase(operation.lower(), name.replace("[", "[[]")) and not _is_delegable(operation):
                return operation
    return None


def _operations() -> Iterable[str]:
    return service("organizations").operation_names


def _is_delegable(operation: str) -> bool:
    return operation.startswith(("Describe", "List")) or operation in POLICY_ACTIONS


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
