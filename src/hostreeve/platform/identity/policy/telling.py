"""A decision taken apart as values for JSON, in the words of `ExplainAuthorization`."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hostreeve.platform.identity.policy.evaluation import CONTROL, Decision, Request, refusal_text
from hostreeve.platform.identity.policy.explanation import (
    ALLOWED,
    EXPLICIT_DENY,
    IMPLICIT_DENY,
    Heard,
    Layer,
)

HIDDEN = "The statements of service control policies are shown to the organization's management account."


def verdict_of(decision: Decision) -> str:
    if decision.allowed:
        return ALLOWED
    return EXPLICIT_DENY if decision.reason.startswith("with an explicit deny") else IMPLICIT_DENY


def told(request: Request, decision: Decision, layers: Iterable[Layer]) -> dict[str, Any]:
    """The members of ExplainAuthorization's answer, without its notes."""
    return {
        "Principal": str(request.who),
        "Action": request.action,
        "Resource": request.resource,
        "Allowed": decision.allowed,
        "Decision": verdict_of(decision),
        "Message": "" if decision.allowed else refusal_text(request, decision),
        "DecidedBy": decision.statement,
        "Layers": [_layer(layer) for layer in layers],
    }


def without_control(told: Mapping[str, Any]) -> dict[str, Any]:
    """The same for those who may not see what the organization's control policies say: only that they do."""
    layers = [{**each, "Statements": []} if each["Kind"] == CONTROL else each for each in told["Layers"]]
    is_hidden = "service control" in told.get("Message", "")
    return {**told, "Layers": layers, "DecidedBy": "" if is_hidden else told["DecidedBy"]}


def has_control(told: Mapping[str, Any]) -> bool:
    return any(each["Kind"] == CONTROL for each in told["Layers"])


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "Kind": layer.kind,
        "Name": layer.name,
        "Verdict": layer.verdict,
        "Statements": [_heard(each) for each in layer.statements],
    }


def _heard(heard: Heard) -> dict[str, Any]:
    return {
        "Policy": heard.statement.policy,
        "Sid": heard.statement.sid,
        "Effect": heard.effect,
        "Applies": not heard.unmet,
        "Unmet": heard.unmet,
        "Statement": json.dumps(heard.statement.raw, ensure_ascii=False),
    }
