"""Who has a managed policy."""

from collections.abc import Callable
from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.identity.model import KINDS, Identity
from hostreeve.platform.identity.operations.managed_policies import wanted_policy
from hostreeve.platform.identity.operations.service import iam, page_of
from hostreeve.platform.identity.store import identities

_KIND_OF_FILTER = {each.capitalize(): each for each in KINDS}


@iam.reads("ListEntitiesForPolicy", asks=True)
def list_entities_for_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Users, groups and roles that have it attached, or as their permissions boundary."""
    policy = wanted_policy(call, request["PolicyArn"], "iam:ListEntitiesForPolicy")
    how = request.get("PolicyUsageFilter")
    page = page_of(request)
    after = page.parts(str, str)
    rows = [
        each
        for each in identities.using(
            call.tx,
            call.scope,
            policy.arn,
            as_policy=how != "PermissionsBoundary",
            as_boundary=how != "PermissionsPolicy",
        )
        if _place(each) > after and _is_chosen(request)(each)
    ]
    shown = rows[: page.limit]
    token = page.token(rows, _place)
    answer: dict[str, Any] = {
        f"Policy{kind.capitalize()}s": [_named(each) for each in shown if each.kind == kind] for kind in KINDS
    }
    answer["IsTruncated"] = bool(token)
    return answer | {"Marker": token} if token else answer


def _is_chosen(request: dict[str, Any]) -> Callable[[Identity], bool]:
    """Filters for policies, not for entities (`LocalManagedPolicy`), choose nothing here."""
    prefix, kind = request.get("PathPrefix", "/"), request.get("EntityFilter")
    return lambda each: (
        each.path.startswith(prefix) and (kind is None or each.kind == _KIND_OF_FILTER.get(kind))
    )


def _place(identity: Identity) -> tuple[str, str]:
    return identity.kind, identity.name.lower()


def _named(identity: Identity) -> dict[str, Any]:
    word = identity.kind.capitalize()
    return {f"{word}Name": identity.name, f"{word}Id": identity.identity_id}
