"""The loop that rotates keys whose period is over and deletes those whose waiting window is."""

from functools import partial

from hostreeve.api.call import Sealer
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction
from hostreeve.platform.kms.actions import aging
from hostreeve.platform.kms.store import keys as key_rows
from hostreeve.scheduling.loop import Worker

AT_ONCE = 50
IDLE_S = 300.0


def workers(database: Database, world: World, keys: Sealer) -> list[Worker]:
    """The workers of this slice, for `run_workers`."""
    step = partial(tick, database, world, keys)
    return [Worker("keys", step, idle_s=IDLE_S, next_due_ms=partial(database.read, key_rows.next_due_ms))]


async def tick(database: Database, world: World, keys: Sealer) -> int:
    """Rotate and delete what is due. Returns how many keys it moved."""
    now_ms = world.now_ms()
    next_ms = await database.read(key_rows.next_due_ms)
    if next_ms is None or next_ms > now_ms:
        return 0
    return await database.write(lambda tx: age(tx, keys, world, now_ms))


def age(tx: Transaction, keys: Sealer, world: World, now_ms: int) -> int:
    """One bounded piece of it. Replicas that do it at the same time conflict, and one of them does it."""
    deleted = key_rows.due_for_deletion(tx, now_ms, AT_ONCE)
    for key in deleted:
        aging.delete(tx, key, now_ms)
    rotated = key_rows.due_for_rotation(tx, now_ms, AT_ONCE)
    for key in rotated:
        aging.rotate(tx, keys, world, key, rotation_type=aging.AUTOMATIC, now_ms=now_ms)
    return len(deleted) + len(rotated)
