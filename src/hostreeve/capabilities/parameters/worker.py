"""The loops that execute parameter policies when their time has come, and look up images."""

import logging
from functools import partial

from hostreeve.capabilities.parameters.actions import expiring, images
from hostreeve.capabilities.parameters.store import candidates
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database
from hostreeve.scheduling.deeds import deeds, do_all
from hostreeve.scheduling.loop import Worker

log = logging.getLogger("hostreeve.parameters")

AT_ONCE = 100
IDLE_S = 5.0
"""Policies count in hours and days; a deadline that is set while the loop sleeps waits no longer than so."""


def workers(database: Database, world: World) -> list[Worker]:
    """The workers of this capability, for `run_workers`."""
    step = partial(tick, database, world)
    return [
        Worker(
            "parameter policies",
            step,
            idle_s=IDLE_S,
            next_due_ms=partial(database.read, store.next_due_ms),
        ),
        Worker(
            "parameter images",
            partial(look_up, database, world),
            idle_s=IDLE_S,
            next_due_ms=partial(database.read, candidates.next_due_ms),
        ),
    ]


async def tick(database: Database, world: World) -> int:
    """Execute what is due; how many parameters it concerned."""
    now_ms = world.now_ms()
    due = await database.read(lambda tx: store.due(tx, now_ms, AT_ONCE))
    todo = deeds(due, ("scope", "path"), partial(expiring.execute, now_ms=now_ms), store.put_off)
    what = "the policies of a parameter could not be executed"
    return await do_all(database, todo, now_ms=now_ms, log=log, what=what)


async def look_up(database: Database, world: World) -> int:
    """Decide about the versions that wait for their images, one after another; how many."""
    waiting = await database.read(lambda tx: candidates.oldest(tx, AT_ONCE))
    for candidate in waiting:
        await database.write(partial(images.decide, candidate=candidate, now_ms=world.now_ms()))
    return len(waiting)
