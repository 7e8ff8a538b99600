"""What is attached to a user, group or role: managed policies, and the permissions boundary of users and
roles."""

from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.platform.identity import managed
from hostreeve.platform.identity.model import ATTACHED_MAX, KINDS, PRINCIPAL_KINDS, Kind, ManagedPolicy
from hostreeve.platform.identity.operations.service import (
    error,
    iam,
    managed_policy,
    paged_here,
    refuse_protected,
    require_boundary,
    wanted,
)
from hostreeve.platform.identity.store import identities, policies


def _register(kind: Kind) -> None:
    word = kind.capitalize()
    member = f"{word}Name"

    @iam.writes(f"Attach{word}Policy", asks=True)
    def attach(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        """Attaching what is attached changes nothing."""
        arn = request["PolicyArn"]
        owner = wanted(call, kind, request[member], f"iam:Attach{word}Policy", {"iam:PolicyARN": [arn]})
        refuse_protected(owner)
        policy = managed_policy(call, arn)
        if policy is None:
            raise error.NoSuchEntity(f"Policy {arn} does not exist or is not attachable.")
        if managed.is_for_services(policy):
            raise error.PolicyNotAttachable(f"Cannot attach a Service Role Policy to a Customer {word}.")
        attached = policies.attached(call.tx, call.scope, owner.identity_id)
        if arn not in attached and len(attached) >= ATTACHED_MAX:
            raise error.LimitExceeded(f"Cannot exceed quota for PoliciesPer{word}: {ATTACHED_MAX}")
        policies.attach(call.tx, call.scope, owner.identity_id, arn)
        return {}

    @iam.writes(f"Detach{word}Policy", asks=True)
    def detach(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PolicyArn"]
        owner = wanted(call, kind, request[member], f"iam:Detach{word}Policy", {"iam:PolicyARN": [arn]})
        refuse_protected(owner)
        if not policies.detach(call.tx, call.scope, owner.identity_id, arn):
            raise error.NoSuchEntity(f"Policy {arn} was not found.")
        return {}

    @iam.reads(f"ListAttached{word}Policies", asks=True)
    def listed(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        owner = wanted(call, kind, request[member], f"iam:ListAttached{word}Policies")
        arns = policies.attached(call.tx, call.scope, owner.identity_id)
        prefix = request.get("PathPrefix", "/")
        found = [p for arn in arns if (p := managed_policy(call, arn)) and p.path.startswith(prefix)]
        return paged_here("AttachedPolicies", request, found, lambda policy: policy.arn, _shown)


def _register_boundary(kind: Kind) -> None:
    word = kind.capitalize()
    member = f"{word}Name"

    @iam.writes(f"Put{word}PermissionsBoundary", asks=True)
    def put_boundary(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PermissionsBoundary"]
        asked = {"iam:PermissionsBoundary": [arn]}
        owner = wanted(call, kind, request[member], f"iam:Put{word}PermissionsBoundary", asked)
        refuse_protected(owner)
        limited = msgspec.structs.replace(owner, boundary_arn=require_boundary(call, arn))
        identities.replace(call.tx, call.scope, owner, limited)
        return {}

    @iam.writes(f"Delete{word}PermissionsBoundary", asks=True)
    def delete_boundary(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        owner = wanted(call, kind, request[member], f"iam:Delete{word}PermissionsBoundary")
        refuse_protected(owner)
        if not owner.boundary_arn:
            raise error.NoSuchEntity(f"{word} {owner.name} has no permissions boundary.")
        identities.replace(call.tx, call.scope, owner, msgspec.structs.replace(owner, boundary_arn=""))
        return {}


def _shown(policy: ManagedPolicy) -> dict[str, Any]:
    return {"PolicyName": policy.name, "PolicyArn": policy.arn}


# Who may call is asked in `wanted` (call.require), for the user, group or role with its path.
for each in KINDS:
    _register(each)
for each in PRINCIPAL_KINDS:
    _register_boundary(each)
