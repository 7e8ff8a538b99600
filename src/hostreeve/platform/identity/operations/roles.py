"""Roles, as callers of IAM see them."""

from functools import partial
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.actions import principals
from hostreeve.platform.identity.model import (
    ROLE_ID,
    SERVICE_LINKED_PATH,
    SESSION_S,
    TRUST_CHARS_MAX,
    Identity,
    identity_arn,
    new_id,
)
from hostreeve.platform.identity.operations.service import (
    asked_tags,
    below,
    boundary_shown,
    checked,
    encoded,
    error,
    iam,
    keep_new,
    page_of,
    paged,
    refuse_beyond,
    refuse_protected,
    refuse_with_policies,
    require_boundary,
    shown_tags,
    wanted,
)
from hostreeve.platform.identity.store import identities, instance_profiles, policies, role_uses


@iam.writes("CreateRole", asks=True)
def create_role(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    name, path = request["RoleName"], request.get("Path", "/")
    tags, context = asked_tags(request)
    boundary = request.get("PermissionsBoundary")
    context |= {"iam:PermissionsBoundary": [boundary]} if boundary else {}
    if path.startswith(SERVICE_LINKED_PATH):
        raise error.InvalidInput(f"Roles below {SERVICE_LINKED_PATH} are made by CreateServiceLinkedRole.")
    call.require("iam:CreateRole", [identity_arn(call.scope.account, "role", path, name)], context)
    role = Identity(
        account=call.scope.account,
        kind="role",
        name=name,
        path=path,
        identity_id=new_id(call.world, ROLE_ID, call.scope.account),
        created_ms=call.now_ms,
        boundary_arn=require_boundary(call, boundary),
        tags=tags,
        trust=_checked_trust(call, request["AssumeRolePolicyDocument"], name),
        description=request.get("Description", ""),
        max_session_s=request.get("MaxSessionDuration", SESSION_S),
    )
    keep_new(call, role)
    return {"Role": described(call.tx, role)}


@iam.reads("GetRole", asks=True)
def get_role(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    role = wanted(call, "role", request["RoleName"], "iam:GetRole")
    used = role_uses.find(call.tx, call.scope, role.identity_id)
    last = {"LastUsedDate": used[0] / 1000, "Region": used[1]} if used else {}
    return {"Role": described(call.tx, role) | {"RoleLastUsed": last}}


@iam.reads("ListRoles", on=below("role"))
def list_roles(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = page_of(request)
    rows = identities.listed(
        call.tx,
        call.scope,
        "role",
        path_prefix=request.get("PathPrefix", "/"),
        after=page.after,
        limit=page.limit + 1,
    )
    return paged("Roles", page, rows, lambda role: role.name.lower(), partial(listed, call.tx))


@iam.writes("UpdateRole", asks=True)
def update_role(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """A duration that is left out goes back to its default, as AWS says; a description stays, as Terraform
    expects, which sends the two one after the other. Of service-linked roles only the description is open."""
    role = wanted(call, "role", request["RoleName"], "iam:UpdateRole")
    if "MaxSessionDuration" in request or "Description" not in request:
        refuse_protected(role)
    changed = msgspec.structs.replace(
        role,
        description=request.get("Description", role.description),
        max_session_s=request.get("MaxSessionDuration", SESSION_S),
    )
    identities.replace(call.tx, call.scope, role, changed)
    return {}


@iam.writes("UpdateRoleDescription", asks=True)
def update_role_description(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The one thing that can be changed of service-linked roles too."""
    role = wanted(call, "role", request["RoleName"], "iam:UpdateRoleDescription")
    changed = msgspec.structs.replace(role, description=request["Description"])
    identities.replace(call.tx, call.scope, role, changed)
    return {"Role": described(call.tx, changed)}


@iam.writes("UpdateAssumeRolePolicy", asks=True)
def update_assume_role_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    role = wanted(call, "role", request["RoleName"], "iam:UpdateAssumeRolePolicy")
    refuse_protected(role)
    trust = _checked_trust(call, request["PolicyDocument"], role.name)
    identities.replace(call.tx, call.scope, role, msgspec.structs.replace(role, trust=trust))
    return {}


@iam.writes("DeleteRole", asks=True)
def delete_role(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Its sessions are over with it, even if a role of that name is made again."""
    role = wanted(call, "role", request["RoleName"], "iam:DeleteRole")
    refuse_protected(role)
    if instance_profiles.holding(call.tx, call.scope, role.identity_id):
        raise error.DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    refuse_with_policies(call, role)
    remove(call, role)
    return {}


def remove(call: Call, role: Identity) -> None:
    """The role with what it has."""
    for arn in policies.attached(call.tx, call.scope, role.identity_id):
        policies.detach(call.tx, call.scope, role.identity_id, arn)
    role_uses.forget(call.tx, call.scope, role.identity_id)
    identities.delete(call.tx, call.scope, role.identity_id)


def _checked_trust(call: Call, document: str, role_name: str) -> str:
    """The document as it is kept, if it is a trust policy and speaks of users and roles that exist."""
    statements = checked(document, f"{role_name} trust policy", "trust")
    refuse_beyond(TRUST_CHARS_MAX, [document], f"role {role_name}")
    for statement in statements:
        for name in sorted(statement.principals.names if statement.principals else ()):
            if ":federated-user/" in name:
                raise _invalid_principal(name)
    try:
        return principals.kept(call.tx, document)
    except principals.UnknownPrincipal as unknown:
        raise _invalid_principal(str(unknown)) from None


def _invalid_principal(name: str) -> AwsError:
    return error.MalformedPolicyDocument(f'Invalid principal in policy: "AWS":"{name}"')


def described(tx: Transaction, role: Identity) -> dict[str, Any]:
    shown = listed(tx, role) | boundary_shown(role)
    return shown | {"Tags": shown_tags(role.tags)} if role.tags else shown


def listed(tx: Transaction, role: Identity) -> dict[str, Any]:
    """Lists show neither tags nor boundary, as at AWS."""
    shown = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.identity_id,
        "Arn": role.arn,
        "CreateDate": role.created_ms / 1000,
        "AssumeRolePolicyDocument": encoded(principals.shown(tx, role.trust)),
        "MaxSessionDuration": role.max_session_s,
    }
    return shown | {"Description": role.description} if role.description else shown
