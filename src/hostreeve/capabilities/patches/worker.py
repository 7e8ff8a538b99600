"""The loop behind patching: old snapshots, and versions that nobody has any more, are forgotten."""

from functools import partial

from hostreeve.capabilities.patches.actions import offering, snapshots
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database
from hostreeve.scheduling.loop import Worker

AT_ONCE = 100
IDLE_S = 3600.0


def workers(database: Database, world: World) -> list[Worker]:
    """The workers of this capability, for `run_workers`."""
    return [Worker("old patches", partial(forget, database, world), idle_s=IDLE_S)]


async def forget(database: Database, world: World) -> int:
    """Forget a batch of what nobody can ask for any more; how much it was."""
    now_ms = world.now_ms()
    return await database.write(
        lambda tx: snapshots.forget(tx, now_ms, AT_ONCE) + offering.forget(tx, now_ms, AT_ONCE)
    )
