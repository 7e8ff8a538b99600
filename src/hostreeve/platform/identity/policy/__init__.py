"""Policies, decided without any input or output: documents in, a decision with its reason out."""

from hostreeve.platform.identity.policy.document import (
    MalformedPolicy,
    Statement,
    check_policy,
    compile_policy,
)
from hostreeve.platform.identity.policy.evaluation import (
    EMPTY,
    RESOURCE,
    TRUST,
    Decision,
    Policies,
    PolicySet,
    Request,
    evaluate,
    evaluate_granted,
    evaluate_with_resource,
    refusal_text,
)
from hostreeve.platform.identity.policy.globs import Context
from hostreeve.platform.identity.policy.principals import Named, Who

__all__ = [
    "EMPTY",
    "RESOURCE",
    "TRUST",
    "Context",
    "Decision",
    "MalformedPolicy",
    "Named",
    "Policies",
    "PolicySet",
    "Request",
    "Statement",
    "Who",
    "check_policy",
    "compile_policy",
    "evaluate",
    "evaluate_granted",
    "evaluate_with_resource",
    "refusal_text",
]
