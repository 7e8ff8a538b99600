"""Policies that stand in a user, group or role: the same four operations for all kinds."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.identity.model import INLINE_CHARS_MAX, KINDS, Kind
from hostreeve.platform.identity.operations.service import (
    checked,
    encoded,
    error,
    iam,
    paged_here,
    refuse_beyond,
    refuse_protected,
    wanted,
)
from hostreeve.platform.identity.store import policies


def _register(kind: Kind) -> None:
    word = kind.capitalize()
    member = f"{word}Name"

    @iam.writes(f"Put{word}Policy", asks=True)
    def put(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        """Add a policy, or replace the one of that name."""
        owner = wanted(call, kind, request[member], f"iam:Put{word}Policy")
        refuse_protected(owner)
        name, document = request["PolicyName"], request["PolicyDocument"]
        checked(document, name)
        others = policies.inline(call.tx, call.scope, owner.identity_id) | {name: document}
        refuse_beyond(INLINE_CHARS_MAX[kind], list(others.values()), f"{kind} {owner.name}")
        policies.put_inline(call.tx, call.scope, owner.identity_id, name, document)
        return {}

    @iam.reads(f"Get{word}Policy", asks=True)
    def get(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        owner = wanted(call, kind, request[member], f"iam:Get{word}Policy")
        name = request["PolicyName"]
        document = policies.inline(call.tx, call.scope, owner.identity_id).get(name)
        if document is None:
            raise _no_policy(kind, name)
        return {member: owner.name, "PolicyName": name, "PolicyDocument": encoded(document)}

    @iam.reads(f"List{word}Policies", asks=True)
    def listed(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        owner = wanted(call, kind, request[member], f"iam:List{word}Policies")
        names = list(policies.inline(call.tx, call.scope, owner.identity_id))
        return paged_here("PolicyNames", request, names, str, str)

    @iam.writes(f"Delete{word}Policy", asks=True)
    def delete(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        owner = wanted(call, kind, request[member], f"iam:Delete{word}Policy")
        refuse_protected(owner)
        if not policies.delete_inline(call.tx, call.scope, owner.identity_id, request["PolicyName"]):
            raise _no_policy(kind, request["PolicyName"])
        return {}


def _no_policy(kind: Kind, name: str) -> Exception:
    missing: Exception = error.NoSuchEntity(f"The {kind} policy with name {name} cannot be found.")
    return missing


# Who may call is asked in `wanted` (call.require), for the user, group or role with its path.
for each in KINDS:
    _register(each)
