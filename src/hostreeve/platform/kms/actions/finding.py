"""From what callers call a key to the key: found, allowed, and in the state that the use needs."""

from dataclasses import replace
from typing import NamedTuple

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.platform.kms.actions.allowing import Use, allow, allow_absent
from hostreeve.platform.kms.lifecycle import Need, objection
from hostreeve.platform.kms.model.grants import Grant
from hostreeve.platform.kms.model.key import Key, Material, Name, named
from hostreeve.platform.kms.model.refusals import error, unknown_arn
from hostreeve.platform.kms.store import aliases as alias_rows
from hostreeve.platform.kms.store import keys as key_rows
from hostreeve.platform.kms.store.keys import Stored


class Found(NamedTuple):
    """A key that the caller may use so; `alias` is the name it was asked for by, `grant` what allowed it."""

    key: Key
    material: Material
    alias: str = ""
    grant: Grant | None = None


def managed(call: Call, key_id: str, use: Use, need: Need = "any", *, abroad: bool = False) -> Found:
    """For what is done to a key: it goes by its id or ARN only, and by other accounts only `abroad`."""
    name = _named(call, key_id, use)
    if not abroad and name.scope.account != call.scope.account:
        allow_absent(call, name.scope, use.action, name.arn)
    if name.is_alias:
        raise error.NotFoundException(f"Invalid keyId '{key_id}'")
    return _allowed(call, name, use, need)


def usable(call: Call, key_id: str, use: Use, need: Need = "usable") -> Found:
    """For what is done with a key: aliases will do."""
    return _allowed(call, _named(call, key_id, use), use, need)


def allowed(call: Call, stored: Stored, use: Use, need: Need = "usable") -> Found:
    """The same for a key that has been looked up."""
    grant = allow(call, stored.key, use)
    refuse_state(stored.key, need)
    return Found(stored.key, stored.material, use.alias, grant)


def identified(call: Call, key_id: str) -> str:
    """The id that a name stands for, in nobody's name and for comparing only; the text itself where none."""
    name = named(call.scope, key_id)
    if name is None or not name.is_alias:
        return key_id if name is None else name.resource.removeprefix("key/")
    alias = alias_rows.find(call.tx, name.scope, name.resource)
    return alias.key_id if alias else key_id


def refuse_state(key: Key, need: Need) -> None:
    """Raises DisabledException or KMSInvalidStateException when the key's state stands against it."""
    against = objection(key.state, need)
    if against:
        code, rest = against
        raise getattr(error, code)(f"{key.arn} {rest}")


def _named(call: Call, key_id: str, use: Use) -> Name:
    name = named(call.scope, key_id)
    if name is None:
        raise unknown_arn(use.action.removeprefix("kms:"), key_id)
    if name.scope.region != call.scope.region:
        raise error.NotFoundException(f"Invalid arn {name.scope.region}")
    return name


def _allowed(call: Call, name: Name, use: Use, need: Need) -> Found:
    stored, alias = _stored(call, name)
    if stored is None:
        raise _absent(call, name, use)
    return allowed(call, stored, replace(use, alias=alias) if alias else use, need)


def _stored(call: Call, name: Name) -> tuple[Stored | None, str]:
    if not name.is_alias:
        return key_rows.find(call.tx, name.scope, name.resource.removeprefix("key/")), ""
    alias = alias_rows.find(call.tx, name.scope, name.resource)
    if alias is None:
        return None, name.resource
    return key_rows.find(call.tx, name.scope, alias.key_id), name.resource


def _absent(call: Call, name: Name, use: Use) -> AwsError:
    allow_absent(call, name.scope, use.action, name.arn)
    said = f"Alias {name.arn} is not found." if name.is_alias else f"Key '{name.arn}' does not exist"
    refused: AwsError = error.NotFoundException(said)
    return refused
