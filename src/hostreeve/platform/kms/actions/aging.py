"""What time does to keys: secrets are replaced, and keys whose window is over are deleted."""

import msgspec

from hostreeve.api.call import Sealer
from hostreeve.kernel.world import World
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups
from hostreeve.platform.kms.actions import material as secrets_of
from hostreeve.platform.kms.model.key import DAY_MS, Key
from hostreeve.platform.kms.store import keys as key_rows

AUTOMATIC, ON_DEMAND = "AUTOMATIC", "ON_DEMAND"


def rotate(tx: Transaction, keys: Sealer, world: World, key: Key, *, rotation_type: str, now_ms: int) -> Key:
    """Give the key a new secret. What older ones encrypted they still decrypt."""
    following = {"material": key.material + 1}
    if rotation_type == AUTOMATIC:
        following["next_rotation_ms"] = now_ms + key.rotation_days * DAY_MS
    rotated = msgspec.structs.replace(key, **following)
    made = secrets_of.made(world, key.kind)
    material = secrets_of.sealed(keys, world, rotated, made, rotation_type=rotation_type, now_ms=now_ms)
    key_rows.insert_material(tx, rotated, material)
    key_rows.replace(tx, rotated)
    _tell(tx, key, "KMS CMK Rotation", now_ms)
    return rotated


def delete(tx: Transaction, key: Key, now_ms: int) -> None:
    """Delete the key for good."""
    key_rows.delete(tx, key)
    groups.forget(tx, key.scope, key.arn)
    _tell(tx, key, "KMS CMK Deletion", now_ms)
    tx.after_commit(secrets_of.forget)


def _tell(tx: Transaction, key: Key, detail_type: str, now_ms: int) -> None:
    outbox.put(
        tx,
        key.scope,
        detail_type=detail_type,
        aggregate=f"key/{key.key_id}",
        detail={"key-id": key.key_id},
        now_ms=now_ms,
    )
