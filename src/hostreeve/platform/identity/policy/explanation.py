"""A decision taken apart: what every layer says, statement by statement, in the order in which they count."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hostreeve.platform.identity.policy.document import Statement
from hostreeve.platform.identity.policy.evaluation import (
    BOUNDARY,
    CONTROL,
    IDENTITY,
    RESOURCE,
    SESSION,
    Policies,
    PolicySet,
    Request,
)

ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY = "allowed", "explicitDeny", "implicitDeny"


class Heard(NamedTuple):
    """A statement that speaks of the action. `unmet` is the element that keeps it from applying: the first of
    Principal, Resource and the conditions; empty when it applies."""

    statement: Statement
    unmet: str

    @property
    def effect(self) -> str:
        return "Allow" if self.statement.allows else "Deny"


class Layer(NamedTuple):
    """One layer of policies: its kind in AWS's words, of what it is, its own verdict, and why."""

    kind: str
    name: str
    verdict: str
    statements: tuple[Heard, ...]


def layers(
    request: Request, policies: Policies, resource: PolicySet | None = None, kind: str = RESOURCE
) -> list[Layer]:
    """Every layer that there is, in AWS's order: control policies from the root down, the resource's policy,
    the identity's, its boundary, its session's."""
    found = [_layer(request, level, CONTROL) for level in policies.control]
    if resource is not None:
        found.append(_layer(request, resource, kind, naming=True))
    found.append(_layer(request, policies.identity, IDENTITY))
    if policies.boundary is not None:
        found.append(_layer(request, policies.boundary, BOUNDARY))
    if policies.session is not None:
        found.append(_layer(request, policies.session, SESSION))
    return found


def _layer(request: Request, policies: PolicySet, kind: str, *, naming: bool = False) -> Layer:
    heard = tuple(
        Heard(statement, _unmet(request, statement, naming)) for statement in policies.about(request.action)
    )
    applying = {each.effect for each in heard if not each.unmet}
    verdict = EXPLICIT_DENY if "Deny" in applying else ALLOWED if applying else IMPLICIT_DENY
    return Layer(kind, policies.name, verdict, heard)


def _unmet(request: Request, statement: Statement, naming: bool) -> str:
    if naming and not statement.naming(request.who):
        return "Principal"
    if not statement.touches(request.resource, request.context):
        return "Resource"
    for name, holds in zip(_named(statement.raw), statement.conditions, strict=True):
        if not holds(request.context):
            return f"Condition {name}"
    return ""


def _named(raw: Mapping[str, Any]) -> Iterator[str]:
    """Each condition of a statement, in the order in which they were compiled."""
    for operator, block in raw.get("Condition", {}).items():
        for key in block:
            yield f"{operator} {key}"
