"""The loops behind inventory: deletions, what syncs have to write, what is kept no longer."""

import asyncio
import logging
from functools import partial
from typing import Any

from hostreeve.capabilities.inventory.actions import changes, deleting, syncing
from hostreeve.capabilities.inventory.model.items import CHANGES_MAX, HISTORY_KEPT_MS, KEPT_MS
from hostreeve.capabilities.inventory.store import items as store
from hostreeve.capabilities.inventory.store import rows, syncs, types
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction
from hostreeve.scheduling.loop import Worker

log = logging.getLogger("hostreeve.inventory")

DELETIONS_AT_ONCE = 10
FORGOTTEN_AT_ONCE = 200
FORGETS_IDLE_S = 600.0
SWEEPS_IDLE_S = 6 * 3_600.0


def workers(database: Database, world: World) -> list[Worker]:
    """The workers of this capability, for `run_workers`."""
    return [
        Worker("inventory deletions", partial(delete, database, world), wakes_on=(deleting.CHANNEL,)),
        Worker("history of inventory", partial(forget, database, world), idle_s=FORGETS_IDLE_S),
        Worker("entries of inventory", partial(sweep, database), idle_s=SWEEPS_IDLE_S),
    ]


def syncing_workers(database: Database, world: World) -> list[Worker]:
    """Those that need a store of objects."""
    return [
        Worker(
            "resource data syncs",
            partial(synchronise, database, world),
            wakes_on=(syncing.CHANNEL,),
            next_due_ms=partial(database.read, syncs.next_due_ms),
        )
    ]


async def delete(database: Database, world: World) -> int:
    """A part of every deletion that goes on."""
    now_ms = world.now_ms()
    open_ones = await database.read(lambda tx: types.open_deletions(tx, DELETIONS_AT_ONCE))
    for one in open_ones:
        await database.write(partial(deleting.advance, one=one, now_ms=now_ms))
    return len(open_ones)


async def synchronise(database: Database, world: World) -> int:
    """A part of what every sync that is due has to write. One that fails does not keep the others waiting."""
    due = await database.read(lambda tx: syncs.due(tx, world.now_ms(), syncing.SYNCS_MAX))
    outcomes: list[Any] = await asyncio.gather(
        *(syncing.advance(database, world, one) for one in due), return_exceptions=True
    )
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for failure in failures:
        log.error("a resource data sync could not be written", exc_info=failure)
    if failures:
        raise failures[0]
    return sum(outcomes)


async def forget(database: Database, world: World) -> int:
    """A batch of what is too old."""
    now_ms = world.now_ms()

    def unit(tx: Transaction) -> int:
        return (
            store.forget_changes(tx, now_ms - HISTORY_KEPT_MS, FORGOTTEN_AT_ONCE)
            + changes.forget_nodes(tx, now_ms - KEPT_MS, FORGOTTEN_AT_ONCE)
            + types.forget_deletions(tx, now_ms - KEPT_MS)
        )

    return await database.write(unit)


async def sweep(database: Database) -> int:
    """Histories that are too long, and entries that no node has any more. One pass is enough for hours."""
    crowded = await database.read_long(lambda tx: store.crowded(tx, CHANGES_MAX))
    for scope, node_id, before_ms in crowded:
        await database.write_long(
            partial(store.forget_before, scope=scope, node_id=node_id, before_ms=before_ms)
        )
    for scope, type_name in await database.read_long(rows.kinds):
        await database.write_long(partial(rows.sweep, scope=scope, type_name=type_name))
    return 0
