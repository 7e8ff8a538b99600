"""The loop that tells when calendars open and close."""

import asyncio
import logging
from functools import partial
from typing import Any

from hostreeve.capabilities.calendars import actions, store
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database
from hostreeve.scheduling.loop import Worker

log = logging.getLogger("hostreeve.calendars")

AT_ONCE = 50


def workers(database: Database, world: World) -> list[Worker]:
    """The workers of this capability, for `run_workers`."""
    step = partial(tick, database, world)
    next_due = partial(database.read, store.next_due_ms)
    return [Worker("calendars", step, wakes_on=(actions.CHANNEL,), next_due_ms=next_due)]


async def tick(database: Database, world: World) -> int:
    """Look at every calendar that is due. One that fails does not keep the others from being told about."""
    now_ms = world.now_ms()
    due = await database.read(lambda tx: store.due(tx, now_ms, AT_ONCE))
    units = (partial(actions.advance, scope=scope, name=name, now_ms=now_ms) for scope, name in due)
    outcomes: list[Any] = await asyncio.gather(*map(database.write, units), return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if failures and len(failures) == len(outcomes):
        # Nothing went well: the loop tries again later, and later each time.
        raise failures[0]
    for failure in failures:
        log.error("a calendar could not be looked at", exc_info=failure)
    return len(outcomes) - len(failures)
