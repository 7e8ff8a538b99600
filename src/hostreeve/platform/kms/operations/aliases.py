"""Aliases: names that can pass from one key to another."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.platform.kms.actions import finding
from hostreeve.platform.kms.actions.allowing import Use
from hostreeve.platform.kms.lifecycle import Need
from hostreeve.platform.kms.model.key import ALIAS, ALIASES_MAX, RESERVED_ALIAS, Alias, Key, is_alias_name
from hostreeve.platform.kms.model.refusals import error, invalid
from hostreeve.platform.kms.operations.service import kms, page_of, paged
from hostreeve.platform.kms.store import aliases as alias_rows


@kms.writes("CreateAlias", asks=True)
def create_alias(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    name = request["AliasName"]
    _check_name(name)
    call.require("kms:CreateAlias", [call.scope.arn("kms", name)])
    key = _target(call, request["TargetKeyId"], "kms:CreateAlias", "kept")
    if name.startswith(RESERVED_ALIAS):
        raise error.InvalidAliasNameException(f"Names that begin with {RESERVED_ALIAS} are reserved.")
    _refuse_too_many(call, key)
    alias = Alias(name=name, key_id=key.key_id, created_ms=call.now_ms, updated_ms=call.now_ms)
    if not alias_rows.insert(call.tx, call.scope, alias):
        raise error.AlreadyExistsException(
            f"An alias with the name {call.scope.arn('kms', name)} already exists"
        )
    return {}


@kms.writes("UpdateAlias", asks=True)
def update_alias(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    alias = _existing(call, request["AliasName"], "kms:UpdateAlias")
    old = _target(call, alias.key_id, "kms:UpdateAlias", "any")
    new = _target(call, request["TargetKeyId"], "kms:UpdateAlias", "kept")
    if (old.usage, old.is_symmetric) != (new.usage, new.is_symmetric):
        raise invalid("An alias cannot pass to a key of another type or usage.")
    if new.key_id != old.key_id:
        _refuse_too_many(call, new)
    alias_rows.point(call.tx, call.scope, alias.name, key_id=new.key_id, now_ms=call.now_ms)
    return {}


@kms.writes("DeleteAlias", asks=True)
def delete_alias(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    alias = _existing(call, request["AliasName"], "kms:DeleteAlias")
    _target(call, alias.key_id, "kms:DeleteAlias", "any")
    alias_rows.delete(call.tx, call.scope, alias.name)
    return {}


@kms.reads("ListAliases", on=anything)
def list_aliases(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = page_of(request)
    key_id = ""
    if "KeyId" in request:
        key_id = _target(call, request["KeyId"], "kms:ListAliases", "any").key_id
    rows = alias_rows.listed(call.tx, call.scope, key_id=key_id, after=page.after, limit=page.limit + 1)
    return paged("Aliases", page, rows, lambda alias: alias.name, lambda alias: _shown(call, alias))


def _target(call: Call, key_id: str, action: str, need: Need) -> Key:
    """A key of the caller's own account: an alias names no other."""
    key = finding.managed(call, key_id, Use(action), need).key
    if key.account != call.scope.account:
        raise error.NotFoundException(f"Key '{key.arn}' does not exist")
    return key


def _existing(call: Call, name: str, action: str) -> Alias:
    _check_name(name)
    arn = call.scope.arn("kms", name)
    call.require(action, [arn])
    alias = alias_rows.find(call.tx, call.scope, name)
    if alias is None:
        raise error.NotFoundException(f"Alias {arn} is not found.")
    return alias


def _check_name(name: str) -> None:
    if not name.startswith(ALIAS):
        raise invalid("Invalid identifier")
    if not is_alias_name(name):
        raise error.InvalidAliasNameException(f"{name} contains characters that an alias cannot have.")


def _refuse_too_many(call: Call, key: Key) -> None:
    if len(alias_rows.listed(call.tx, key.scope, key_id=key.key_id, limit=ALIASES_MAX)) >= ALIASES_MAX:
        raise error.LimitExceededException(f"A key has at most {ALIASES_MAX} aliases.")


def _shown(call: Call, alias: Alias) -> dict[str, Any]:
    return {
        "AliasName": alias.name,
        "AliasArn": call.scope.arn("kms", alias.name),
        "TargetKeyId": alias.key_id,
        "CreationDate": alias.created_ms / 1000,
        "LastUpdatedDate": alias.updated_ms / 1000,
    }
