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
ASSUME_FEDERATED = "sts:AssumeRoleWithWebIdentity"
NOT_TRUSTED = Decision(False, f"because no {TRUST} allows the {ASSUME} action")


def trusts(role: Identity, service: str, context: Mapping[str, Sequence[str]] | None = None) -> bool:
    """Whether an AWS service (`ssm.amazonaws.com`) may act as the role, on behalf of the role's account."""
    known = {"aws:sourceaccount": [role.account], **(context or {})}
    asked = Request(Who(service=service), ASSUME, role.arn, known)
    return decided(asked, role, Policies(EMPTY)).allowed


def trusts_federated(
    role: Identity, provider_arn: str, action: str, context: Mapping[str, Sequence[str]]
) -> bool:
    """Whether whom the identity provider vouches for may become the role: the trust policy alone decides."""
    trust = PolicySet(compile_policy(role.trust, f"{role.arn} trust policy", "trust"))
    found = trust.find_naming(Request(Who(federated=provider_arn), action, role.arn, context))
    return found.denies is None and found.allows is not None


def decided(request: Request, role: Identity, policies: Policies) -> Decision:
    """The trust policy's answer together with the caller's own policies."""
    return evaluate_with_resource(request, policies, policy_of(role), owner=role.account, kind=TRUST)


def policy_of(role: Identity) -> PolicySet:
    """The role's trust policy."""
    return PolicySet(compile_policy(role.trust, f"{role.arn} trust policy", "trust"))
