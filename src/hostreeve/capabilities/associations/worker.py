"""The loop behind associations: apply what is due, take over what ended, welcome nodes, forget the old."""

import asyncio
import logging
from collections import defaultdict
from functools import partial
from typing import Any

from hostreeve.api.call import Sealer
from hostreeve.capabilities.associations.actions import changing, running, welcoming
from hostreeve.capabilities.associations.model.association import EXECUTIONS_KEPT_MS
from hostreeve.capabilities.associations.store import associations as store
from hostreeve.capabilities.associations.store import executions
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction
from hostreeve.scheduling.loop import Worker

log = logging.getLogger("hostreeve.associations")

AT_ONCE = 100
NEWCOMERS_AT_ONCE = 200
FORGOTTEN_AT_ONCE = 500
HISTORY_IDLE_S = 600.0


def workers(database: Database, world: World, keys: Sealer) -> list[Worker]:
    """The workers of this capability, for `run_workers`."""
    return [
        Worker(
            "associations",
            partial(tick, database, world, keys),
            wakes_on=(changing.CHANNEL,),
            next_due_ms=partial(database.read, _next_due_ms),
        ),
        Worker("history of associations", partial(forget, database, world), idle_s=HISTORY_IDLE_S),
    ]


def _next_due_ms(tx: Transaction) -> int | None:
    found = (store.next_due_ms(tx), executions.next_due_ms(tx), executions.next_newcomer_ms(tx))
    return min((due_ms for due_ms in found if due_ms is not None), default=None)


async def tick(database: Database, world: World, keys: Sealer) -> int:
    """Do a bounded part of what is due; how much was done, 0 means sleep.

    One that fails does not keep the others from going on, and is tried again with the next tick.
    """
    now_ms = world.now_ms()
    ended = await database.read(lambda tx: executions.due(tx, now_ms, AT_ONCE))
    due = await database.read(lambda tx: store.due(tx, now_ms, AT_ONCE))
    came = await database.read(lambda tx: executions.newcomers(tx, now_ms, NEWCOMERS_AT_ONCE))
    by_scope: dict[Scope, list[str]] = defaultdict(list)
    for scope, node_id in came:
        by_scope[scope].append(node_id)
    how: dict[str, Any] = {"world": world, "keys": keys, "now_ms": now_ms}
    units: list[Any] = [
        partial(running.take_over, scope=scope, association_id=one, execution_id=execution, now_ms=now_ms)
        for scope, one, execution in ended
    ]
    units += [partial(running.advance, scope=scope, association_id=one, **how) for scope, one in due]
    units += [partial(welcoming.welcome, scope=scope, node_ids=ids, **how) for scope, ids in by_scope.items()]
    outcomes: list[Any] = await asyncio.gather(*map(database.write, units), return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for failure in failures:
        log.error("an association could not be moved on", exc_info=failure)
    return len(outcomes) - len(failures)


async def forget(database: Database, world: World) -> int:
    """Forget a batch of executions that are older than 30 days."""
    before_ms = world.now_ms() - EXECUTIONS_KEPT_MS
    return await database.write(lambda tx: executions.drop_before(tx, before_ms, FORGOTTEN_AT_ONCE))
