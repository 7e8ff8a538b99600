"""Users' passwords, as callers of IAM see them. Hashing is slow and done before the transaction."""

import json
from typing import Any

import msgspec

from hostreeve.api.call import Call, ResourcePolicy
from hostreeve.api.errors import common
from hostreeve.kernel.world import World
from hostreeve.platform.identity.actions import passwords
from hostreeve.platform.identity.actions.passwords import Hash
from hostreeve.platform.identity.model import USER_ID, Identity, Login, is_expired
from hostreeve.platform.identity.operations.service import error, iam, wanted
from hostreeve.platform.identity.store import identities, logins

_FOR_ALL = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "iam:ChangePassword",
            "Resource": "*",
        },
    }
)


def _hash_first(world: World, request: dict[str, Any]) -> dict[str, Any]:
    password = request.get("Password")
    return request | {"_new": passwords.new_hash(world, password)} if password else request


def _begin_create(call: Call, request: dict[str, Any]) -> None:
    wanted(call, "user", request.get("UserName"), "iam:CreateLoginProfile")


def _begin_update(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The stored login: its salt is needed to hash."""
    user = wanted(call, "user", request["UserName"], "iam:UpdateLoginProfile")
    return {"_login": logins.find(call.tx, call.scope, user.identity_id)}


def _begin_change(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    user = _changing(call)
    return {"_login": logins.find(call.tx, call.scope, user.identity_id)}


def _hash_alike(world: World, request: dict[str, Any]) -> dict[str, Any]:
    login: Login | None = request["_login"]
    given = {
        "_new": request.get("Password") or request.get("NewPassword"),
        "_old": request.get("OldPassword"),
    }
    if login is None:
        return request
    return request | {name: passwords.hash_for(login, text) for name, text in given.items() if text}


@iam.writes("CreateLoginProfile", asks=True, begins=_begin_create, prepares=_hash_first)
def create_login_profile(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    user = wanted(call, "user", request.get("UserName"), "iam:CreateLoginProfile")
    if logins.find(call.tx, call.scope, user.identity_id):
        raise error.EntityAlreadyExists(f"Login Profile for user {user.name} already exists.")
    if "_new" not in request:
        raise error.PasswordPolicyViolation("A login profile needs a password.")
    _refuse_weak(call, user, request["_new"], request["Password"])
    login = passwords.login_of(
        call.keys,
        user,
        request["_new"],
        must_change=bool(request.get("PasswordResetRequired")),
        now_ms=call.now_ms,
    )
    logins.insert(call.tx, call.scope, login)
    return {"LoginProfile": _described(user, login)}


@iam.reads("GetLoginProfile", asks=True)
def get_login_profile(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    user = wanted(call, "user", request.get("UserName"), "iam:GetLoginProfile")
    return {"LoginProfile": _described(user, _existing(call, user))}


@iam.writes("UpdateLoginProfile", asks=True, begins=_begin_update, prepares=_hash_alike)
def update_login_profile(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Another password, or that it must be changed with the next sign-in."""
    user = wanted(call, "user", request["UserName"], "iam:UpdateLoginProfile")
    login = _existing(call, user)
    must_change = bool(request.get("PasswordResetRequired", login.must_change))
    new: Hash | None = request.get("_new")
    if "Password" not in request:
        logins.replace(call.tx, call.scope, login, msgspec.structs.replace(login, must_change=must_change))
        return {}
    if new is None or new.salt != login.salt:
        raise _changed_meanwhile(user)
    _refuse_weak(call, user, new, request["Password"])
    passwords.put(call.tx, call.keys, call.scope, login, new, must_change=must_change, now_ms=call.now_ms)
    return {}


@iam.writes("DeleteLoginProfile", asks=True)
def delete_login_profile(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The user cannot sign in any more; its access keys work on."""
    user = wanted(call, "user", request.get("UserName"), "iam:DeleteLoginProfile")
    _existing(call, user)
    logins.delete(call.tx, call.scope, user.identity_id)
    return {}


@iam.writes("ChangePassword", asks=True, begins=_begin_change, prepares=_hash_alike)
def change_password(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """A user's own. The account's password policy may allow it to everybody, without any other policy."""
    user, policy = _changing(call), logins.policy(call.tx, call.scope)
    login = _existing(call, user)
    if policy and policy.hard_expiry and is_expired(login, policy, call.now_ms):
        raise common.AccessDeniedException("The password has expired; an administrator must set a new one.")
    new: Hash | None = request.get("_new")
    if new is None or new.salt != login.salt:
        raise _changed_meanwhile(user)
    if not passwords.is_password_of(call.keys, login, request["_old"]):
        raise common.AccessDeniedException("The old password was incorrect.")
    _refuse_weak(call, user, new, request["NewPassword"])
    passwords.put(call.tx, call.keys, call.scope, login, new, must_change=False, now_ms=call.now_ms)
    return {}


def _changing(call: Call) -> Identity:
    """The user that changes its own password, if it may."""
    if not call.principal.id.startswith(USER_ID):
        call.require("iam:ChangePassword", [call.principal.arn])
        raise error.InvalidUserType("Only IAM Users can change their own password.")
    user = identities.find_by_id(call.tx, call.scope, call.principal.id)
    assert user is not None, "who signed the request is there"
    policy = logins.policy(call.tx, call.scope)
    # Whoever is allowed it by the account's password policy can still be denied it by another.
    allowed = ResourcePolicy(user.account, _FOR_ALL) if policy and policy.users_may_change else None
    call.require("iam:ChangePassword", [user.arn], policy=allowed)
    return user


def _existing(call: Call, user: Identity) -> Login:
    login = logins.find(call.tx, call.scope, user.identity_id)
    if login is None:
        raise error.NoSuchEntity(f"Login Profile for User {user.name} cannot be found.")
    return login


def _refuse_weak(call: Call, user: Identity, new: Hash, password: str) -> None:
    wrong = passwords.why_not(call.tx, call.keys, call.scope, user, new, password)
    if wrong:
        raise error.PasswordPolicyViolation(wrong)


def _changed_meanwhile(user: Identity) -> Exception:
    """The login was made or made anew after it was looked at."""
    changed: Exception = error.EntityTemporarilyUnmodifiable(
        f"Login Profile for User {user.name} is being changed. Try again."
    )
    return changed


def _described(user: Identity, login: Login) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "CreateDate": login.created_ms / 1000,
        "PasswordResetRequired": login.must_change,
    }
