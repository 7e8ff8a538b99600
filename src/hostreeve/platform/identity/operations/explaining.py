"""Our own operation that tells why somebody may or may not do something."""

from typing import Any

from hostreeve.api.call import Call, Principal
from hostreeve.api.errors import common
from hostreeve.platform.identity.actions import above
from hostreeve.platform.identity.actions.explaining import Explanation, explained, principal_of
from hostreeve.platform.identity.actions.simulating import owner_of
from hostreeve.platform.identity.operations.service import hostreeve
from hostreeve.platform.identity.policy import (
    HIDDEN,
    MalformedPolicy,
    Who,
    has_control,
    told,
    without_control,
)

error = hostreeve.errors

UNLIMITED = (
    "No service control policy limits this account: it manages its organization, it is in none, or they are "
    "not enabled."
)
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
        raise error.PrincipalNotFound(
            f"There is no user, role or service {name[:256]}. Say user/NAME, role/NAME or its ARN."
        )
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
    shown = told(found.request, found.decision, found.layers)
    limited = has_control(shown)
    notes = [
        (UNLIMITED, not limited and not is_service),
        (HIDDEN, limited and not shows_control),
        (NO_RESOURCE, not any(layer.kind.startswith(("resource", "role trust")) for layer in found.layers)),
    ]
    notes_shown = [note for note, is_shown in notes if is_shown]
    return (shown if shows_control else without_control(shown)) | {"Notes": notes_shown}
