"""Who may become a role: its trust policy asked about a service or about a caller."""

from collections.abc import Mapping, Sequence

from hostreeve.platform.identity.model import Identity
from hostreeve.platform.identity.policy import (
    EMPTY,
    TRUST,
    Decision,
    Policies,
    PolicySet,
    Request,
    Who,
    compile_policy,
    evaluate_with_resource,
)

ASSUME = "sts:AssumeRole"
NOT_TRUSTED = Decision(False, f"because no {TRUST} allows the {ASSUME} action")


def trusts(role: Identity, service: str, context: Mapping[str, Sequence[str]] | None = None) -> bool:
    """Whether an AWS service (`ssm.amazonaws.com`) may act as the role, on behalf of the role's account."""
    known = {"aws:sourceaccount": [role.account], **(context or {})}
    asked = Request(Who(service=service), ASSUME, role.arn, known)
    return decided(asked, role, Policies(EMPTY)).allowed


def decided(request: Request, role: Identity, policies: Policies) -> Decision:
    """The trust policy's answer together with the caller's own policies."""
    trust = PolicySet(compile_policy(role.trust, f"{role.arn} trust policy", "trust"))
    return evaluate_with_resource(request, policies, trust, owner=role.account, kind=TRUST)
