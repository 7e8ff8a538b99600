"""Instance profiles: the way in which an instance is given a role."""

from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import (
    PROFILE_ID,
    PROFILES_MAX,
    Identity,
    InstanceProfile,
    instance_profile_arn,
    new_id,
)
from hostreeve.platform.identity.operations import roles
from hostreeve.platform.identity.operations.service import (
    Context,
    asked_tags,
    below,
    error,
    iam,
    page_of,
    paged,
    paged_here,
    refuse_protected,
    refuse_unruly,
    shown_tags,
    tag_context,
    wanted,
)
from hostreeve.platform.identity.operations.tags import serve_tags
from hostreeve.platform.identity.store import identities, instance_profiles

PASSED_TO = "ec2.amazonaws.com"


@iam.writes("CreateInstanceProfile", asks=True)
def create_instance_profile(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    tags, context = asked_tags(request)
    profile = InstanceProfile(
        account=call.scope.account,
        name=request["InstanceProfileName"],
        path=request.get("Path", "/"),
        profile_id=new_id(call.world, PROFILE_ID, call.scope.account),
        created_ms=call.now_ms,
        tags=tags,
    )
    call.require("iam:CreateInstanceProfile", [profile.arn], context)
    refuse_unruly(call, "instance-profile", tags)
    if instance_profiles.count(call.tx, call.scope) >= PROFILES_MAX:
        raise error.LimitExceeded(f"Cannot exceed quota for InstanceProfilesPerAccount: {PROFILES_MAX}")
    if not instance_profiles.insert(call.tx, call.scope, profile):
        raise error.EntityAlreadyExists(f"Instance Profile {profile.name} already exists.")
    return {"InstanceProfile": _described(call, profile)}


@iam.reads("GetInstanceProfile", asks=True)
def get_instance_profile(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    profile = _wanted(call, request, "iam:GetInstanceProfile")
    return {"InstanceProfile": _described(call, profile)}


@iam.reads("ListInstanceProfiles", on=below("instance-profile"))
def list_instance_profiles(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = page_of(request)
    rows = instance_profiles.listed(
        call.tx,
        call.scope,
        path_prefix=request.get("PathPrefix", "/"),
        after=page.after,
        limit=page.limit + 1,
    )
    return paged("InstanceProfiles", page, rows, _name_key, lambda profile: _listed(call, profile))


@iam.reads("ListInstanceProfilesForRole", asks=True)
def list_instance_profiles_for_role(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    role = wanted(call, "role", request["RoleName"], "iam:ListInstanceProfilesForRole")
    found = instance_profiles.holding(call.tx, call.scope, role.identity_id)
    return paged_here("InstanceProfiles", request, found, _name_key, lambda profile: _listed(call, profile))


@iam.writes("DeleteInstanceProfile", asks=True)
def delete_instance_profile(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    profile = _wanted(call, request, "iam:DeleteInstanceProfile")
    if profile.role_id:
        raise error.DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    instance_profiles.delete(call.tx, call.scope, profile.profile_id)
    return {}


@iam.writes("AddRoleToInstanceProfile", asks=True)
def add_role_to_instance_profile(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """A profile holds one role. Who puts it there must be allowed to pass it to instances."""
    profile = _wanted(call, request, "iam:AddRoleToInstanceProfile")
    role = _role(call, request)
    call.require("iam:PassRole", [role.arn], {**tag_context(role.tags), "iam:PassedToService": [PASSED_TO]})
    refuse_protected(role)
    if profile.role_id:
        raise error.LimitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    instance_profiles.update(call.tx, call.scope, msgspec.structs.replace(profile, role_id=role.identity_id))
    return {}


@iam.writes("RemoveRoleFromInstanceProfile", asks=True)
def remove_role_from_instance_profile(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    profile = _wanted(call, request, "iam:RemoveRoleFromInstanceProfile")
    role = _role(call, request)
    refuse_protected(role)
    if profile.role_id != role.identity_id:
        raise error.NoSuchEntity(f"Role {role.name} in Instance Profile {profile.name} cannot be found.")
    instance_profiles.update(call.tx, call.scope, msgspec.structs.replace(profile, role_id=""))
    return {}


def _wanted(
    call: Call, request: dict[str, Any], action: str, context: Context | None = None
) -> InstanceProfile:
    """The profile that a request names, if the caller may do that with it."""
    name = request["InstanceProfileName"]
    found = instance_profiles.find(call.tx, call.scope, name)
    arn = found.arn if found else instance_profile_arn(call.scope.account, "/", name)
    call.require(action, [arn], {**(tag_context(found.tags) if found else {}), **(context or {})})
    if found is None:
        raise error.NoSuchEntity(f"Instance Profile {name} cannot be found.")
    return found


def _role(call: Call, request: dict[str, Any]) -> Identity:
    role = identities.find(call.tx, call.scope, "role", request["RoleName"])
    if role is None:
        raise error.NoSuchEntity(f"The role with name {request['RoleName']} cannot be found.")
    return role


def _name_key(profile: InstanceProfile) -> str:
    return profile.name.lower()


def _described(call: Call, profile: InstanceProfile) -> dict[str, Any]:
    return _listed(call, profile) | ({"Tags": shown_tags(profile.tags)} if profile.tags else {})


def _listed(call: Call, profile: InstanceProfile) -> dict[str, Any]:
    role = identities.find_by_id(call.tx, call.scope, profile.role_id) if profile.role_id else None
    return listed(call.tx, profile, role)


def listed(tx: Transaction, profile: InstanceProfile, role: Identity | None) -> dict[str, Any]:
    """Lists show no tags, as at AWS."""
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.profile_id,
        "Arn": profile.arn,
        "CreateDate": profile.created_ms / 1000,
        "Roles": [roles.listed(tx, role)] if role else [],
    }


def _keep(call: Call, profile: InstanceProfile, tags: dict[str, str]) -> None:
    instance_profiles.update(call.tx, call.scope, msgspec.structs.replace(profile, tags=tags))


serve_tags("InstanceProfile", _wanted, _keep, "instance-profile")
