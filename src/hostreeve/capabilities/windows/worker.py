"""The loop behind maintenance windows: open those that are due, move executions on, forget the old."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from hostreeve.api.call import Sealer
from hostreeve.capabilities.windows.actions import advancing, changing, forgetting, opening
from hostreeve.capabilities.windows.store import executions
from hostreeve.capabilities.windows.store import windows as store
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction
from hostreeve.persistence.leases import SKEW_MS
from hostreeve.scheduling.deeds import deeds, do_all
from hostreeve.scheduling.loop import Worker

log = logging.getLogger("hostreeve.windows")

AT_ONCE = 100
FORGOTTEN_AT_ONCE = 50
HISTORY_IDLE_S = 600.0


def workers(database: Database, world: World, keys: Sealer) -> list[Worker]:
    """The workers of this capability, for `run_workers`."""
    return [
        Worker(
            "maintenance windows",
            partial(tick, database, world, keys),
            wakes_on=(changing.CHANNEL,),
            next_due_ms=partial(database.read, _next_due_ms),
        ),
        Worker("history of windows", partial(forget, database, world), idle_s=HISTORY_IDLE_S),
    ]


def _next_due_ms(tx: Transaction) -> int | None:
    found = (store.next_due_ms(tx), executions.next_due_ms(tx))
    return min((due_ms for due_ms in found if due_ms is not None), default=None)


def _due(tx: Transaction, now_ms: int) -> tuple[Sequence[tuple[Scope, str]], ...]:
    return (
        # A clock that is set back a little is no reason to reckon anew.
        store.reckoned_after(tx, now_ms + SKEW_MS, AT_ONCE),
        store.due(tx, now_ms, AT_ONCE),
        executions.due(tx, now_ms, AT_ONCE),
    )


async def tick(database: Database, world: World, keys: Sealer) -> int:
    """Do a bounded part of what is due; how much was done, 0 means sleep."""
    now_ms = world.now_ms()
    early, due, moving = await database.read(lambda tx: _due(tx, now_ms))
    how: dict[str, Any] = {"world": world, "now_ms": now_ms}
    window, execution = ("scope", "window_id"), ("scope", "execution_id")
    todo = [
        *deeds(early, window, partial(opening.reckon_anew, now_ms=now_ms)),
        *deeds(due, window, partial(opening.open_window, **how), store.put_off),
        *deeds(moving, execution, partial(advancing.advance, keys=keys, **how), executions.put_off),
    ]
    what = "a maintenance window could not be moved on"
    return await do_all(database, todo, now_ms=now_ms, log=log, what=what)


async def forget(database: Database, world: World) -> int:
    """Forget a batch of executions that are older than the retention."""
    now_ms = world.now_ms()
    return await database.write(partial(forgetting.forget, now_ms=now_ms, limit=FORGOTTEN_AT_ONCE))
