"""The loop behind associations: apply what is due, take over what ended, welcome nodes, forget the old."""

import logging
from collections import defaultdict
from functools import partial
from typing import Any, NamedTuple

from hostreeve.api.call import Sealer
from hostreeve.capabilities.associations.actions import changing, running, welcoming
from hostreeve.capabilities.associations.model.association import EXECUTIONS_KEPT_MS
from hostreeve.capabilities.associations.store import associations as store
from hostreeve.capabilities.associations.store import executions
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction
from hostreeve.persistence.leases import SKEW_MS
from hostreeve.scheduling.deeds import Deed, deeds, do_all
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
    """Do a bounded part of what is due; how much was done, 0 means sleep."""
    now_ms = world.now_ms()
    due = await database.read(lambda tx: _due(tx, now_ms))
    how: dict[str, Any] = {"world": world, "keys": keys, "now_ms": now_ms}
    what = "an association could not be moved on"
    return await do_all(database, _deeds(due, how), now_ms=now_ms, log=log, what=what)


class _Due(NamedTuple):
    """What there is to do, a bounded part of each. `jumped`: reckoned under a clock that has jumped back."""

    jumped: list[tuple[Scope, str]]
    ended: list[tuple[Scope, str, str]]
    due: list[tuple[Scope, str]]
    came: dict[Scope, list[str]]


def _due(tx: Transaction, now_ms: int) -> _Due:
    came: dict[Scope, list[str]] = defaultdict(list)
    for scope, node_id in executions.newcomers(tx, now_ms, NEWCOMERS_AT_ONCE):
        came[scope].append(node_id)
    return _Due(
        # A clock that is set back a little is no reason to reckon anew.
        store.reckoned_after(tx, now_ms + SKEW_MS, AT_ONCE),
        executions.due(tx, now_ms, AT_ONCE),
        store.due(tx, now_ms, AT_ONCE),
        came,
    )


def _deeds(found: _Due, how: dict[str, Any]) -> list[Deed]:
    one, execution = ("scope", "association_id"), ("scope", "association_id", "execution_id")
    now = {"now_ms": how["now_ms"]}
    return [
        *deeds(found.jumped, one, partial(running.reckon_anew, **now)),
        *deeds(found.ended, execution, partial(running.take_over, **now), executions.put_off),
        *deeds(found.due, one, partial(running.advance, **how), store.put_off),
        *deeds(
            found.came.items(),
            ("scope", "node_ids"),
            partial(welcoming.welcome, **how),
            executions.put_off_newcomers,
        ),
    ]


async def forget(database: Database, world: World) -> int:
    """Forget a batch of executions that are older than 30 days."""
    before_ms = world.now_ms() - EXECUTIONS_KEPT_MS
    return await database.write(lambda tx: executions.drop_before(tx, before_ms, FORGOTTEN_AT_ONCE))
