"""Grants: permissions on one key for one principal, given, listed and taken back."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.kernel.scope import Scope
from hostreeve.platform import identity
from hostreeve.platform.kms.actions import finding
from hostreeve.platform.kms.actions.allowing import Use, allow_absent, require
from hostreeve.platform.kms.model.grants import (
    EQUALS,
    GRANTS_MAX,
    RETIRE_GRANT,
    SUBSET,
    Grant,
    is_narrower,
    names_of,
    possible,
    shown,
)
from hostreeve.platform.kms.model.key import Key, named
from hostreeve.platform.kms.model.refusals import dry_run, error, invalid, unknown_arn, unsupported
from hostreeve.platform.kms.operations.service import (
    check_common,
    kms,
    opened_token,
    page_of,
    paged,
    token_of,
)
from hostreeve.platform.kms.store import grants as grant_rows
from hostreeve.platform.kms.store import keys as key_rows

_PRINCIPAL = "arn:"


@kms.writes("CreateGrant", asks=True)
def create_grant(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    check_common(call, request)
    use = Use("kms:CreateGrant", facts=_facts(request))
    found = finding.managed(call, request["KeyId"], use, "usable", abroad=True)
    wanted = _asked(call, request, found.key)
    _refuse_wider(wanted, found.grant)
    known = _same(call, found.key, wanted) if wanted.name else None
    if known is None and grant_rows.count(call.tx, found.key) >= GRANTS_MAX:
        raise error.LimitExceededException(f"A key has at most {GRANTS_MAX} grants.")
    if request.get("DryRun"):
        raise dry_run()
    if known is None:
        grant_rows.insert(call.tx, wanted)
    grant = known or wanted
    return {"GrantToken": token_of(call, grant), "GrantId": grant.grant_id}


@kms.reads("ListGrants", asks=True)
def list_grants(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:ListGrants"), abroad=True).key
    _refuse_services(request)
    page = page_of(request, default=50)
    rows = grant_rows.listed(
        call.tx,
        key,
        grant_id=request.get("GrantId", ""),
        grantee=_looked_for(call, request.get("GranteePrincipal", "")),
        after=page.after,
        limit=page.limit + 1,
    )
    return paged("Grants", page, rows, lambda grant: grant.grant_id, partial(_shown, call))


@kms.reads("ListRetirableGrants", asks=True)
def list_retirable_grants(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    retiring = request.get("RetiringPrincipal", "")
    call.require("kms:ListRetirableGrants", [retiring or "*"])
    _refuse_services(request)
    if not retiring:
        raise invalid("RetiringPrincipal must be given.")
    _check_principal(retiring)
    if retiring.split(":")[4] != call.scope.account:
        raise error.AccessDeniedException("The retiring principal is not one of your account.")
    page = page_of(request, default=50)
    rows = grant_rows.retirable(
        call.tx, call.scope.region, _looked_for(call, retiring), after=page.after, limit=page.limit + 1
    )
    return paged("Grants", page, rows, lambda grant: grant.grant_id, partial(_shown, call))


@kms.writes("RevokeGrant", asks=True)
def revoke_grant(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:RevokeGrant"), abroad=True).key
    grant = grant_rows.find(call.tx, key.scope, key.key_id, request["GrantId"])
    if grant is None:
        raise error.InvalidGrantIdException(f"{key.arn} has no grant {request['GrantId']}.")
    if request.get("DryRun"):
        raise dry_run()
    grant_rows.delete(call.tx, grant)
    return {}


@kms.writes("RetireGrant", asks=True)
def retire_grant(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    scope, key_id, grant_id = _to_retire(call, request)
    grant = grant_rows.find(call.tx, scope, key_id, grant_id)
    stored = key_rows.find(call.tx, scope, key_id)
    if grant is None or stored is None:
        arn = scope.arn("kms", f"key/{key_id}")
        allow_absent(call, scope, "kms:RetireGrant", arn)
        if stored is None:
            raise error.NotFoundException(f"Key '{arn}' does not exist")
        raise error.InvalidGrantIdException(f"{arn} has no grant {grant_id}.")
    _allow_retiring(call, stored.key, grant)
    if request.get("DryRun"):
        raise dry_run()
    grant_rows.delete(call.tx, grant)
    return {}


def _to_retire(call: Call, request: Mapping[str, Any]) -> tuple[Scope, str, str]:
    """By its token, or by its key and id."""
    if ("GrantToken" in request) == ("GrantId" in request or "KeyId" in request):
        raise invalid("Give either GrantToken, or KeyId and GrantId.")
    if "GrantToken" in request:
        return opened_token(call, request["GrantToken"])
    if "GrantId" not in request or "KeyId" not in request:
        raise invalid("Give both KeyId and GrantId.")
    name = named(call.scope, request["KeyId"])
    if name is None or name.is_alias or name.scope.region != call.scope.region:
        raise unknown_arn("RetireGrant", request["KeyId"])
    return name.scope, name.resource.removeprefix("key/"), request["GrantId"]


def _allow_retiring(call: Call, key: Key, grant: Grant) -> None:
    """The retiring principal may, and the grantee if the grant says so; else whom the policies allow."""
    names = names_of(call.principal)
    use = Use("kms:RetireGrant")
    if grant.retiring in names:
        require(call, key, use, granted_to=grant.retiring)
    elif grant.grantee in names and RETIRE_GRANT in grant.operations:
        require(call, key, use, granted_to=grant.grantee)
    else:
        require(call, key, use)


def _asked(call: Call, request: Mapping[str, Any], key: Key) -> Grant:
    _refuse_services(request)
    if "GranteePrincipal" not in request:
        raise invalid("GranteePrincipal must be given.")
    grantee = _kept(call, request["GranteePrincipal"])
    retiring = _kept(call, request["RetiringPrincipal"]) if "RetiringPrincipal" in request else ""
    operations = tuple(dict.fromkeys(request["Operations"]))
    impossible = sorted(set(operations) - possible(key.spec, key.usage))
    if impossible or not operations:
        raise invalid(
            f"Operations {impossible} are not possible with {key.arn}: it is {key.spec}, {key.usage}."
        )
    constraints = request.get("Constraints", {})
    if "SourceArn" in constraints:
        raise unsupported("grants to services (Constraints.SourceArn)")
    if constraints and not key.is_symmetric:
        raise invalid("Constraints on the encryption context need a symmetric encryption key.")
    return Grant(
        account=key.account,
        region=key.region,
        key_id=key.key_id,
        grant_id=call.world.hex(64),
        grantee=grantee,
        issuing_account=call.principal.account,
        operations=operations,
        created_ms=call.now_ms,
        name=request.get("Name", ""),
        retiring=retiring,
        constraints={kind: dict(constraints[kind]) for kind in (EQUALS, SUBSET) if kind in constraints},
    )


def _refuse_wider(wanted: Grant, parent: Grant | None) -> None:
    """Who may create grants by a grant gives no more than it has."""
    if parent is None:
        return
    more = set(wanted.operations) - set(parent.operations)
    if more or not is_narrower(wanted.constraints, parent.constraints):
        raise error.AccessDeniedException(
            f"The grant {parent.grant_id} allows grants only of its own operations, under its constraints."
        )


def _same(call: Call, key: Key, wanted: Grant) -> Grant | None:
    """A grant with this name that says the same: asking again is asking once."""

    def said(grant: Grant) -> tuple[Any, ...]:
        return grant.name, grant.grantee, grant.retiring, set(grant.operations), grant.constraints

    known = grant_rows.to(call.tx, key, [wanted.grantee])
    return next((grant for grant in known if said(grant) == said(wanted)), None)


def _refuse_services(request: Mapping[str, Any]) -> None:
    for member in ("GranteeServicePrincipal", "RetiringServicePrincipal"):
        if member in request:
            raise unsupported(f"grants to services ({member})")


def _kept(call: Call, arn: str) -> str:
    """The principal as a grant keeps it. InvalidArnException when there is none."""
    _check_principal(arn)
    try:
        return identity.principal_id(call.tx, arn)
    except identity.UnknownPrincipal:
        raise error.InvalidArnException(f"ARN does not refer to a valid principal: {arn}") from None


def _looked_for(call: Call, name: str) -> str:
    """The principal whose grants are asked for, as they keep it; of who is no more, the id by itself."""
    try:
        return identity.principal_id(call.tx, name) if name else ""
    except identity.UnknownPrincipal:
        return name


def _shown(call: Call, grant: Grant) -> dict[str, Any]:
    named_again = msgspec.structs.replace(
        grant,
        grantee=identity.principal_arn(call.tx, grant.grantee),
        retiring=identity.principal_arn(call.tx, grant.retiring),
    )
    return shown(named_again)


def _check_principal(arn: str) -> None:
    pieces = arn.split(":", 5)
    is_principal = len(pieces) == 6 and pieces[2] in ("iam", "sts") and len(pieces[4]) == 12
    if not arn.startswith(_PRINCIPAL) or not is_principal:
        raise error.InvalidArnException(f"{arn} is not the ARN of a principal.")


def _facts(request: Mapping[str, Any]) -> dict[str, list[str]]:
    constraints = request.get("Constraints", {})
    facts = {
        "kms:GrantOperations": list(request["Operations"]),
        "kms:GranteePrincipal": [request.get("GranteePrincipal", "")],
        "kms:GrantIsForAWSResource": ["false"],
        "kms:GrantConstraintType": [kind for kind in (EQUALS, SUBSET) if kind in constraints],
    }
    if "RetiringPrincipal" in request:
        facts["kms:RetiringPrincipal"] = [request["RetiringPrincipal"]]
    return {name: values for name, values in facts.items() if values}
