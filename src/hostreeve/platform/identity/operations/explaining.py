"""Our own operation that tells why somebody may or may not do something."""

import json
from typing import Any

from hostreeve.api.call import Call, Principal
from hostreeve.api.errors import common
from hostreeve.platform.identity.actions import above
from hostreeve.platform.identity.actions.explaining import Explanation, explained, principal_of
from hostreeve.platform.identity.actions.simulating import owner_of, verdict_of
from hostreeve.platform.identity.operations.service import hostreeve
from hostreeve.platform.identity.policy import CONTROL, Heard, Layer, MalformedPolicy, Who, refusal_text

error = hostreeve.errors

UNLIMITED = (
    "No service control policy limits this account: it manages its organization, it is in none, or they are "
    "not enabled."
)
HIDDEN = "The statements of service control policies are shown to the organization's management account."
NO_RESOURCE = "If the resource has a policy of its own, it was not asked: give it as ResourcePolicy."


@hostreeve.reads("ExplainAuthorization", asks=True)
def explain_authorization(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The decision and all that was heard for it. Of principals of other accounts, for those that manage
    them."""
    name = request.get("Principal") or call.principal.arn
    principal = principal_of(call, name)
    arn = principal.arn if isinstance(principal, Principal) else name
    call.require("hostreeve:ExplainAuthorization", [arn if arn.startswith("arn:") else "*"])
    account = owner_of(arn) or call.scope.account
    manages = above.above().manages(call.tx, call.principal.account, account)
    if account != call.principal.account and not manages:
        raise common.AccessDeniedException(
            f"Principals of account {account} are explained to the account that manages it."
        )
    if principal is None:
        raise error.PrincipalNotFound(f"There is no user, role or service {name}.")
    try:
        found = explained(
            call,
            principal,
            request["Action"],
            request["Resource"],
            context={entry["Key"]: entry["Values"] for entry in request.get("Context") or []},
            resource_policy=request.get("ResourcePolicy", ""),
            owner=request.get("ResourceOwner", ""),
        )
    except MalformedPolicy as malformed:
        raise error.InvalidPolicy(str(malformed)) from None
    return _shown(found, shows_control=manages, is_service=isinstance(principal, Who))


def _shown(found: Explanation, *, shows_control: bool, is_service: bool) -> dict[str, Any]:
    has_control = any(layer.kind == CONTROL for layer in found.layers)
    shows = [
        (UNLIMITED, not has_control and not is_service),
        (HIDDEN, has_control and not shows_control),
        (NO_RESOURCE, not any(layer.kind.startswith(("resource", "role trust")) for layer in found.layers)),
    ]
    is_hidden = has_control and not shows_control and "service control" in found.decision.reason
    return {
        "Principal": str(found.request.who),
        "Action": found.request.action,
        "Resource": found.request.resource,
        "Allowed": found.decision.allowed,
        "Decision": verdict_of(found.decision),
        "Message": "" if found.decision.allowed else refusal_text(found.request, found.decision),
        "DecidedBy": "" if is_hidden else found.decision.statement,
        "Layers": [_layer(layer, shows_control or layer.kind != CONTROL) for layer in found.layers],
        "Notes": [note for note, is_shown in shows if is_shown],
    }


def _layer(layer: Layer, shows_statements: bool) -> dict[str, Any]:
    return {
        "Kind": layer.kind,
        "Name": layer.name,
        "Verdict": layer.verdict,
        "Statements": [_heard(each) for each in layer.statements] if shows_statements else [],
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
