"""The loop that moves commands on: resolve targets, send to who is next, expire, cancel, conclude."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from hostreeve.api.call import Principal
from hostreeve.capabilities.commands.actions import moving
from hostreeve.capabilities.commands.actions.advancing import Permitted, advance
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction
from hostreeve.platform import identity
from hostreeve.scheduling.loop import Worker

log = logging.getLogger("hostreeve.commands")

COMMANDS_AT_ONCE = 100


def workers(database: Database, world: World) -> list[Worker]:
    """The workers of this capability, for `run_workers`."""
    step = partial(tick, database, world, permitted(world))
    next_due = partial(database.read, command_rows.next_due_ms)
    return [Worker("commands", step, wakes_on=(moving.CHANNEL,), next_due_ms=next_due)]


async def tick(database: Database, world: World, permitted: Permitted) -> int:
    """Move every command about which something must be decided. Returns how many moved; 0 means sleep.

    One that fails does not keep the others from moving, and is tried again with the next tick.
    """
    now_ms = world.now_ms()
    due = await database.read(lambda tx: command_rows.stirred(tx, now_ms, COMMANDS_AT_ONCE))
    units = (
        partial(advance, scope=scope, command_id=command_id, world=world, now_ms=now_ms, permitted=permitted)
        for scope, command_id in due
    )
    outcomes: list[Any] = await asyncio.gather(*map(database.write, units), return_exceptions=True)
    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    moved = sum(int(outcome) for outcome in outcomes if not isinstance(outcome, BaseException))
    for failure in failed:
        log.error("a command could not be moved on", exc_info=failure)
    return moved


def permitted(world: World) -> Permitted:
    """Identity's answer about a caller who is not there any more, as of now."""

    def ask(
        tx: Transaction,
        scope: Scope,
        principal: Principal,
        action: str,
        resources: list[str],
        context: Mapping[str, list[str]],
    ) -> None:
        now = identity.request_context(
            principal, now_ms=world.now_ms(), source_ip="", region=scope.region, user_agent=""
        )
        identity.authorise(tx, principal, action, resources, {**now, **context})

    return ask
