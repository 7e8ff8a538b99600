"""New keys: the caller's, and those that AWS manages for a service."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.kernel.world import World
from hostreeve.platform import groups
from hostreeve.platform.kms.actions import material as secrets_of
from hostreeve.platform.kms.actions.material import Made
from hostreeve.platform.kms.model import policies
from hostreeve.platform.kms.model.key import (
    AWS,
    CUSTOMER,
    DAY_MS,
    ENABLED,
    KEYS_MAX,
    ROTATION_DAYS,
    Alias,
    Key,
    Material,
    named,
)
from hostreeve.platform.kms.model.refusals import error, invalid, unsupported
from hostreeve.platform.kms.model.specs import ENCRYPT, SPECS, SYMMETRIC, Spec
from hostreeve.platform.kms.store import aliases as alias_rows
from hostreeve.platform.kms.store import keys as key_rows
from hostreeve.platform.kms.store.keys import Stored

PREPARED = "PreparedSecret"
"""Where `prepare` leaves the secret in a request; no member of AWS's model is called so."""

_ORIGINS = {
    "EXTERNAL": "imported key material",
    "AWS_CLOUDHSM": "custom key stores",
    "EXTERNAL_KEY_STORE": "custom key stores",
}


def prepare(world: World, request: dict[str, Any]) -> dict[str, Any]:
    """Make the secret of a CreateKey request if that takes long."""
    spec, _ = chosen(request)
    return request | {PREPARED: secrets_of.made(world, spec)} if spec.form == "rsa" else request


def chosen(request: Mapping[str, Any]) -> tuple[Spec, str]:
    """The spec and usage of a CreateKey request. Refuses what AWS has and we have not."""
    if request.get("MultiRegion"):
        raise unsupported("multi-Region keys (MultiRegion)")
    origin = request.get("Origin", "AWS_KMS")
    if origin in _ORIGINS:
        raise unsupported(f"{_ORIGINS[origin]} (Origin {origin})")
    for member in ("CustomKeyStoreId", "XksKeyId"):
        if member in request:
            raise unsupported(f"custom key stores ({member})")
    given = {request[member] for member in ("KeySpec", "CustomerMasterKeySpec") if member in request}
    if len(given) > 1:
        raise invalid("KeySpec and CustomerMasterKeySpec do not say the same.")
    name = given.pop() if given else SYMMETRIC
    spec = SPECS.get(name)
    if spec is None:
        raise unsupported(f"keys of the spec {name}")
    return spec, _usage(spec, request.get("KeyUsage"))


def _usage(spec: Spec, asked: str | None) -> str:
    if asked is None:
        if spec.name != SYMMETRIC:
            raise invalid("KeyUsage must be given for every key but a symmetric encryption key.")
        return ENCRYPT
    if asked in spec.usages:
        return asked
    if asked == "KEY_AGREEMENT" and spec.form == "ec":
        raise unsupported("keys for key agreement (KeyUsage KEY_AGREEMENT)")
    raise invalid(f"KeyUsage {asked} is not compatible with KeySpec {spec.name}.")


def create(call: Call, request: Mapping[str, Any], policy: str, key_id: str) -> Stored:
    """A key of the caller's."""
    if key_rows.count(call.tx, call.scope) >= KEYS_MAX:
        raise error.LimitExceededException(f"An account has at most {KEYS_MAX} keys in a Region.")
    spec, usage = chosen(request)
    key = Key(
        account=call.scope.account,
        region=call.scope.region,
        key_id=key_id,
        description=request.get("Description", ""),
        usage=usage,
        spec=spec.name,
        manager=CUSTOMER,
        state=ENABLED,
        policy=policy,
        material=1,
        created_ms=call.now_ms,
    )
    return _kept(call, key, request.get(PREPARED) or secrets_of.made(call.world, spec))


def aws_managed(call: Call, alias: str) -> Stored:
    """The key behind `alias/aws/…`, made on first use (in a transaction that writes)."""
    known = alias_rows.find(call.tx, call.scope, alias)
    stored = key_rows.find(call.tx, call.scope, known.key_id) if known else None
    if stored is not None:
        return stored
    if not policies.is_managed(alias):
        raise error.NotFoundException(f"Alias {call.scope.arn('kms', alias)} is not found.")
    key = Key(
        account=call.scope.account,
        region=call.scope.region,
        key_id=call.world.uuid(),
        description=policies.description(alias),
        usage=ENCRYPT,
        spec=SYMMETRIC,
        manager=AWS,
        state=ENABLED,
        policy=policies.managed(alias, call.scope),
        material=1,
        created_ms=call.now_ms,
        rotation_days=ROTATION_DAYS,
        next_rotation_ms=call.now_ms + ROTATION_DAYS * DAY_MS,
    )
    alias_rows.insert(
        call.tx,
        call.scope,
        Alias(name=alias, key_id=key.key_id, created_ms=call.now_ms, updated_ms=call.now_ms),
    )
    return _kept(call, key, secrets_of.made(call.world, SPECS[SYMMETRIC]))


def aws_managed_of(call: Call, key_id: str) -> None:
    """Make the key behind an alias that AWS manages, if that is what the caller calls the key by."""
    name = named(call.scope, key_id)
    if name is not None and name.scope == call.scope and policies.is_managed(name.resource):
        aws_managed(call, name.resource)


def tag(call: Call, key: Key, tags: Mapping[str, str]) -> None:
    """Give a key tags beside those that it has. LimitExceededException when they are too many."""
    if len(groups.tags_of(call.tx, key.scope, key.arn) | dict(tags)) > groups.TAGS_MAX:
        raise error.LimitExceededException(f"A key has at most {groups.TAGS_MAX} tags.")
    groups.set_tags(call.tx, key.scope, key.arn, tags)


def _kept(call: Call, key: Key, made: Made) -> Stored:
    material: Material = secrets_of.sealed(
        call.keys, call.world, key, made, rotation_type="", now_ms=call.now_ms
    )
    key_rows.insert(call.tx, key)
    key_rows.insert_material(call.tx, key, material)
    return Stored(key, material)
