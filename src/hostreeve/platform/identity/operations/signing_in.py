"""Signing in with a user's name and password: our own operation, which nobody signs."""

from typing import Any, NamedTuple

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.kernel.world import World
from hostreeve.platform.identity.actions import attempts, authenticators, passwords
from hostreeve.platform.identity.actions.credentials import issue
from hostreeve.platform.identity.model import SIGN_IN_S, Identity, Login, is_expired
from hostreeve.platform.identity.operations.service import everywhere, hostreeve
from hostreeve.platform.identity.operations.session_requests import credentials
from hostreeve.platform.identity.store import aliases, identities, logins, mfa_devices, standing

error = hostreeve.errors

WRONG = "The account, the user name, the password or the MFA code is wrong."


class _Found(NamedTuple):
    """Who is meant to sign in; `login` is None also when there is no such user, or its account is closed."""

    account: str
    user: Identity | None = None
    login: Login | None = None


def _look_up(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"_found": _find(call, request), "_address": call.source_ip}


def _hash(world: World, request: dict[str, Any]) -> dict[str, Any]:
    """As slow for users that are not there as for others: nobody learns who is."""
    found: _Found = request["_found"]
    if not attempts.allow(_whom(request), request["_address"], world.monotonic()):
        raise error.TooManyAttemptsException("Too many attempts. Wait a moment, and try again.")
    given = {"_old": request["Password"], "_new": request.get("NewPassword")}
    texts = {name: text for name, text in given.items() if text}
    if found.login is None:
        for text in texts.values():
            passwords.new_hash(world, text)
        return request
    login = found.login
    return request | {name: passwords.hash_for(login, text) for name, text in texts.items()}


@hostreeve.writes("SignIn", signer="nobody", begins=_look_up, prepares=_hash)
def sign_in(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Temporary credentials of the user. With an MFA device, its code is asked for; a password that must be
    changed is changed on the way."""
    account, user, login = _find(call, request)
    if user is None or login is None or "_old" not in request:
        raise _failed()
    if not passwords.is_password_of(call.keys, login, request["_old"]):
        raise _failed()
    mfa_ms = _mfa_ms(call, request, user)
    _change(call, request, user, login)
    scope = everywhere(account)
    logins.record_sign_in(call.tx, scope, user.identity_id, call.now_ms)
    whom = _whom(request)
    call.tx.after_commit(lambda: attempts.forgive(whom))
    issued = issue(
        call.keys,
        call.world,
        user,
        user.name,
        now_ms=call.now_ms,
        duration_s=request.get("DurationSeconds", SIGN_IN_S),
        kind="sign-in",
        mfa_ms=mfa_ms,
    )
    return {"Credentials": credentials(issued), "AccountId": account, "Arn": user.arn}


def _find(call: Call, request: dict[str, Any]) -> _Found:
    given = request["Account"].lower()
    account = given if len(given) == 12 and given.isdigit() else aliases.owner(call.tx, given)
    if account is None or standing.is_closed(call.tx, account):
        return _Found(given)
    scope = everywhere(account)
    user = identities.find(call.tx, scope, "user", request["UserName"])
    return _Found(account, user, logins.find(call.tx, scope, user.identity_id) if user else None)


def _whom(request: dict[str, Any]) -> str:
    return f"{request['_found'].account} {request['UserName'].lower()}"


def _mfa_ms(call: Call, request: dict[str, Any], user: Identity) -> int:
    """When a code was given: now, or 0 when the user has no device."""
    scope = everywhere(user.account)
    devices = mfa_devices.of_user(call.tx, scope, user.identity_id)
    if not devices:
        return 0
    code = request.get("MfaCode")
    if not code:
        raise error.MfaCodeRequiredException("Give the code that the user's MFA device shows.")
    if not any(
        authenticators.use_code(call.tx, call.keys, scope, device, code, call.now_ms) for device in devices
    ):
        raise _failed()
    return call.now_ms


def _change(call: Call, request: dict[str, Any], user: Identity, login: Login) -> None:
    """The new password, if there must be one."""
    scope = everywhere(user.account)
    policy = logins.policy(call.tx, scope)
    has_expired = is_expired(login, policy, call.now_ms)
    if has_expired and policy and policy.hard_expiry:
        raise error.SignInFailedException(
            "The password has expired; an administrator of the account must set a new one."
        )
    if not (has_expired or login.must_change):
        if "NewPassword" in request:
            raise error.ValidationException("The password need not be changed; ChangePassword does it.")
        return
    if "_new" not in request:
        raise error.PasswordChangeRequiredException("Give a new password: this one must be changed.")
    wrong = passwords.why_not(call.tx, call.keys, scope, user, request["_new"], request["NewPassword"])
    if wrong:
        raise error.PasswordPolicyViolationException(wrong)
    passwords.put(call.tx, call.keys, scope, login, request["_new"], must_change=False, now_ms=call.now_ms)


def _failed() -> AwsError:
    refusal: AwsError = error.SignInFailedException(WRONG)
    return refusal
