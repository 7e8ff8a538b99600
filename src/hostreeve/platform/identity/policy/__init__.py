"""Policies, decided without any input or output: documents in, a decision with its reason out."""

from hostreeve.platform.identity.policy.document import (
    MalformedPolicy,
    Statement,
    check_policy,
    compile_policy,
)
from hostreeve.platform.identity.policy.evaluation import (
    BOUNDARY,
    CONTROL,
    EMPTY,
    IDENTITY,
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
from hostreeve.platform.identity.policy.explanation import (
    ALLOWED,
    EXPLICIT_DENY,
    IMPLICIT_DENY,
    Heard,
    Layer,
    layers,
)
from hostreeve.platform.identity.policy.globs import Context
from hostreeve.platform.identity.policy.keys import Span, context_keys, spans
from hostreeve.platform.identity.policy.principals import Named, Who
from hostreeve.platform.identity.policy.telling import HIDDEN, has_control, told, verdict_of, without_control

__all__ = [
    "ALLOWED",
    "BOUNDARY",
    "CONTROL",
    "EMPTY",
    "EXPLICIT_DENY",
    "HIDDEN",
    "IDENTITY",
    "IMPLICIT_DENY",
    "RESOURCE",
    "TRUST",
    "Context",
    "Decision",
    "Heard",
    "Layer",
    "MalformedPolicy",
    "Named",
    "Policies",
    "PolicySet",
    "Request",
    "Span",
    "Statement",
    "Who",
    "check_policy",
    "compile_policy",
    "context_keys",
    "evaluate",
    "evaluate_granted",
    "evaluate_with_resource",
    "has_control",
    "layers",
    "refusal_text",
    "spans",
    "told",
    "verdict_of",
    "without_control",
]
