"""Users, as callers of IAM see them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.platform.identity.model import USER_ID, Identity, identity_arn, new_id
from hostreeve.platform.identity.operations.service import (
    asked_tags,
    below,
    boundary_shown,
    error,
    iam,
    keep_new,
    page_of,
    paged,
    refuse_with_policies,
    require_boundary,
    shown_tags,
    wanted,
)
from hostreeve.platform.identity.store import access_keys, identities, logins, memberships, mfa_devices


@iam.writes("CreateUser", asks=True)
def create_user(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    name, path = request["UserName"], request.get("Path", "/")
    tags, context = asked_tags(request)
    boundary = request.get("PermissionsBoundary")
    context |= {"iam:PermissionsBoundary": [boundary]} if boundary else {}
    call.require("iam:CreateUser", [identity_arn(call.scope.account, "user", path, name)], context)
    user = Identity(
        account=call.scope.account,
        kind="user",
        name=name,
        path=path,
        identity_id=new_id(call.world, USER_ID, call.scope.account),
        created_ms=call.now_ms,
        boundary_arn=require_boundary(call, boundary),
        tags=tags,
    )
    keep_new(call, user)
    return {"User": described(user)}


@iam.reads("GetUser", asks=True)
def get_user(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Without a name, the caller itself."""
    user = wanted(call, "user", request.get("UserName"), "iam:GetUser")
    used = logins.signed_in(call.tx, call.scope, user.identity_id)
    return {"User": described(user) | _last_use(user, used)}


@iam.reads("ListUsers", on=below("user"))
def list_users(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = page_of(request)
    rows = identities.listed(
        call.tx,
        call.scope,
        "user",
        path_prefix=request.get("PathPrefix", "/"),
        after=page.after,
        limit=page.limit + 1,
    )
    used = logins.signed_in(call.tx, call.scope)
    return paged(
        "Users", page, rows, lambda user: user.name.lower(), lambda user: listed(user) | _last_use(user, used)
    )


@iam.writes("UpdateUser", asks=True)
def update_user(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Rename or move. Its id, keys and policies stay."""
    user = wanted(call, "user", request["UserName"], "iam:UpdateUser")
    changed = msgspec.structs.replace(
        user, name=request.get("NewUserName", user.name), path=request.get("NewPath", user.path)
    )
    call.require("iam:UpdateUser", [changed.arn])
    if not identities.replace(call.tx, call.scope, user, changed):
        raise error.EntityAlreadyExists(f"User with name {changed.name} already exists.")
    return {}


@iam.writes("DeleteUser", asks=True)
def delete_user(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Only a user that has nothing left."""
    user = wanted(call, "user", request["UserName"], "iam:DeleteUser")
    if access_keys.listed(call.tx, call.scope, user.identity_id):
        raise error.DeleteConflict("Cannot delete entity, must delete access keys first.")
    if logins.find(call.tx, call.scope, user.identity_id):
        raise error.DeleteConflict("Cannot delete entity, must delete login profile first.")
    if mfa_devices.of_user(call.tx, call.scope, user.identity_id):
        raise error.DeleteConflict("Cannot delete entity, must deactivate MFA devices first.")
    refuse_with_policies(call, user)
    if memberships.groups_of(call.tx, call.scope, user.identity_id):
        raise error.DeleteConflict("Cannot delete entity, must remove users from group first.")
    logins.forget_sign_in(call.tx, call.scope, user.identity_id)
    identities.delete(call.tx, call.scope, user.identity_id)
    return {}


def _last_use(user: Identity, used: Mapping[str, int]) -> dict[str, Any]:
    """When the user last signed in with its password, if it ever did."""
    used_ms = used.get(user.identity_id)
    return {"PasswordLastUsed": used_ms / 1000} if used_ms else {}


def described(user: Identity) -> dict[str, Any]:
    shown = listed(user) | boundary_shown(user)
    return shown | {"Tags": shown_tags(user.tags)} if user.tags else shown


def listed(user: Identity) -> dict[str, Any]:
    """Lists show neither tags nor boundary, as at AWS."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.identity_id,
        "Arn": user.arn,
        "CreateDate": user.created_ms / 1000,
    }
