"""The loop that tells when calendars open and close."""

import logging
from functools import partial

from hostreeve.capabilities.calendars import actions, store
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction
from hostreeve.persistence.leases import SKEW_MS
from hostreeve.scheduling.deeds import deeds, do_all
from hostreeve.scheduling.loop import Worker

log = logging.getLogger("hostreeve.calendars")

AT_ONCE = 50


def workers(database: Database, world: World) -> list[Worker]:
    """The workers of this capability, for `run_workers`."""
    step = partial(tick, database, world)
    next_due = partial(database.read, store.next_due_ms)
    return [Worker("calendars", step, wakes_on=(actions.CHANNEL,), next_due_ms=next_due)]


async def tick(database: Database, world: World) -> int:
    """Look at every calendar that is due, or was looked at under a clock that has jumped back since."""
    now_ms = world.now_ms()
    due = await database.read(lambda tx: _due(tx, now_ms))
    todo = deeds(due, ("scope", "name"), partial(actions.advance, now_ms=now_ms), store.put_off)
    return await do_all(database, todo, now_ms=now_ms, log=log, what="a calendar could not be looked at")


def _due(tx: Transaction, now_ms: int) -> list[tuple[Scope, str]]:
    # A clock that is set back a little is no reason to look again.
    early = store.noted_after(tx, now_ms + SKEW_MS, AT_ONCE)
    return list(dict.fromkeys([*early, *store.due(tx, now_ms, AT_ONCE)]))
