"""What an account has once: its alias and its policy for passwords."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.platform.identity.model import PasswordPolicy
from hostreeve.platform.identity.operations.service import error, iam, paged_here
from hostreeve.platform.identity.store import aliases, logins

_POLICY_MEMBERS = {
    "MinimumPasswordLength": "minimum_length",
    "RequireSymbols": "symbols",
    "RequireNumbers": "numbers",
    "RequireUppercaseCharacters": "uppercase",
    "RequireLowercaseCharacters": "lowercase",
    "AllowUsersToChangePassword": "users_may_change",
    "MaxPasswordAge": "max_age_days",
    "PasswordReusePrevention": "reuse_prevention",
    "HardExpiry": "hard_expiry",
}


@iam.writes("CreateAccountAlias", on=anything)
def create_account_alias(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """In place of the one before; no two accounts of the installation have the same."""
    alias = request["AccountAlias"]
    owner = aliases.owner(call.tx, alias)
    if owner is not None and owner != call.scope.account:
        raise error.EntityAlreadyExists(f"The account alias {alias} already exists.")
    aliases.put(call.tx, call.scope, alias)
    return {}


@iam.reads("ListAccountAliases", on=anything)
def list_account_aliases(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    alias = aliases.find(call.tx, call.scope)
    return paged_here("AccountAliases", request, [alias] if alias else [], str, str)


@iam.writes("DeleteAccountAlias", on=anything)
def delete_account_alias(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    if not aliases.delete(call.tx, call.scope, request["AccountAlias"]):
        raise error.NoSuchEntity(f"The account alias {request['AccountAlias']} cannot be found.")
    return {}


@iam.writes("UpdateAccountPasswordPolicy", on=anything)
def update_account_password_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What is left out goes to its default, as at AWS."""
    given = {field: request[member] for member, field in _POLICY_MEMBERS.items() if member in request}
    logins.put_policy(call.tx, call.scope, PasswordPolicy(**given))
    return {}


@iam.reads("GetAccountPasswordPolicy", on=anything)
def get_account_password_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    policy = logins.policy(call.tx, call.scope)
    if policy is None:
        raise _no_policy(call)
    shown = {member: getattr(policy, field) for member, field in _POLICY_MEMBERS.items()}
    for member in ("MaxPasswordAge", "PasswordReusePrevention"):
        if not shown[member]:
            del shown[member]
    return {"PasswordPolicy": shown | {"ExpirePasswords": bool(policy.max_age_days)}}


@iam.writes("DeleteAccountPasswordPolicy", on=anything)
def delete_account_password_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    if not logins.delete_policy(call.tx, call.scope):
        raise _no_policy(call)
    return {}


def _no_policy(call: Call) -> Exception:
    missing: Exception = error.NoSuchEntity(
        f"The Password Policy with domain name {call.scope.account} cannot be found."
    )
    return missing
