"""Groups of users, as callers of IAM see them."""

from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.platform.identity.model import (
    GROUP_ID,
    GROUPS_PER_USER_MAX,
    Identity,
    identity_arn,
    new_id,
)
from hostreeve.platform.identity.operations.service import (
    below,
    error,
    iam,
    keep_new,
    page_of,
    paged,
    paged_here,
    refuse_with_policies,
    wanted,
)
from hostreeve.platform.identity.operations.users import listed as listed_user
from hostreeve.platform.identity.store import identities, memberships


@iam.writes("CreateGroup", asks=True)
def create_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    name, path = request["GroupName"], request.get("Path", "/")
    call.require("iam:CreateGroup", [identity_arn(call.scope.account, "group", path, name)])
    group = Identity(
        account=call.scope.account,
        kind="group",
        name=name,
        path=path,
        identity_id=new_id(call.world, GROUP_ID, call.scope.account),
        created_ms=call.now_ms,
    )
    keep_new(call, group)
    return {"Group": described(group)}


@iam.reads("GetGroup", asks=True)
def get_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The group and, by pages, the users in it."""
    group = wanted(call, "group", request["GroupName"], "iam:GetGroup")
    page = page_of(request)
    rows = memberships.users_in(
        call.tx, call.scope, group.identity_id, after=page.after, limit=page.limit + 1
    )
    return {"Group": described(group)} | paged(
        "Users", page, rows, lambda user: user.name.lower(), listed_user
    )


@iam.reads("ListGroups", on=below("group"))
def list_groups(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = page_of(request)
    rows = identities.listed(
        call.tx,
        call.scope,
        "group",
        path_prefix=request.get("PathPrefix", "/"),
        after=page.after,
        limit=page.limit + 1,
    )
    return paged("Groups", page, rows, lambda group: group.name.lower(), described)


@iam.reads("ListGroupsForUser", asks=True)
def list_groups_for_user(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    user = wanted(call, "user", request["UserName"], "iam:ListGroupsForUser")
    groups = memberships.groups_of(call.tx, call.scope, user.identity_id)
    return paged_here("Groups", request, groups, lambda group: group.name.lower(), described)


@iam.writes("UpdateGroup", asks=True)
def update_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Rename or move. Its id, users and policies stay."""
    group = wanted(call, "group", request["GroupName"], "iam:UpdateGroup")
    changed = msgspec.structs.replace(
        group, name=request.get("NewGroupName", group.name), path=request.get("NewPath", group.path)
    )
    call.require("iam:UpdateGroup", [changed.arn])
    if not identities.replace(call.tx, call.scope, group, changed):
        raise error.EntityAlreadyExists(f"Group with name {changed.name} already exists.")
    return {}


@iam.writes("DeleteGroup", asks=True)
def delete_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Only a group without users and policies."""
    group = wanted(call, "group", request["GroupName"], "iam:DeleteGroup")
    if not memberships.is_empty(call.tx, call.scope, group.identity_id):
        raise error.DeleteConflict("Cannot delete entity, must remove users from group first.")
    refuse_with_policies(call, group)
    identities.delete(call.tx, call.scope, group.identity_id)
    return {}


@iam.writes("AddUserToGroup", asks=True)
def add_user_to_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The group's policies count for the user with its next request. Adding twice changes nothing."""
    group, user = _both(call, request, "iam:AddUserToGroup")
    groups = memberships.groups_of(call.tx, call.scope, user.identity_id)
    is_new = group.identity_id not in {each.identity_id for each in groups}
    if is_new and len(groups) >= GROUPS_PER_USER_MAX:
        raise error.LimitExceeded(f"Cannot exceed quota for GroupsPerUser: {GROUPS_PER_USER_MAX}")
    memberships.add(call.tx, call.scope, user.identity_id, group.identity_id)
    return {}


@iam.writes("RemoveUserFromGroup", asks=True)
def remove_user_from_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Removing a user that is not in the group changes nothing, and is no error at AWS either."""
    group, user = _both(call, request, "iam:RemoveUserFromGroup")
    memberships.remove(call.tx, call.scope, user.identity_id, group.identity_id)
    return {}


def _both(call: Call, request: dict[str, Any], action: str) -> tuple[Identity, Identity]:
    """AWS authorises membership on the group alone."""
    group = wanted(call, "group", request["GroupName"], action)
    user = identities.find(call.tx, call.scope, "user", request["UserName"])
    if user is None:
        raise error.NoSuchEntity(f"The user with name {request['UserName']} cannot be found.")
    return group, user


def described(group: Identity) -> dict[str, Any]:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.identity_id,
        "Arn": group.arn,
        "CreateDate": group.created_ms / 1000,
    }
