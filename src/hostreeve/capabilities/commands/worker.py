"""The loops behind commands: one moves them on (resolve targets, send to who is next, expire, cancel,
conclude), one puts output into S3, one forgets what is old, one counts what has not ended."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from hostreeve.api.call import Principal
from hostreeve.capabilities.commands.actions import forgetting, moving, uploading
from hostreeve.capabilities.commands.actions.advancing import advance
from hostreeve.capabilities.commands.actions.moving import Permitted
from hostreeve.capabilities.commands.lifecycle import LIMITS
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.capabilities.commands.store import history, uploads
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Database, Transaction
from hostreeve.platform import identity
from hostreeve.scheduling.loop import Worker

log = logging.getLogger("hostreeve.commands")

COMMANDS_AT_ONCE = 100
OUTPUTS_AT_ONCE = 4
FORGOTTEN_AT_ONCE = 20
EVENTS_AT_ONCE = 500
HISTORY_IDLE_S = 60.0
LOAD_IDLE_S = 30.0


def workers(database: Database, world: World) -> list[Worker]:
    """The workers of this capability, for `run_workers`."""
    step = partial(tick, database, world, permitted(world))
    next_due = partial(database.read, command_rows.next_due_ms)
    outputs = partial(put_outputs, database, world, permitted(world))
    next_output = partial(database.read, uploads.next_due_ms)
    return [
        Worker("commands", step, wakes_on=(moving.CHANNEL,), next_due_ms=next_due),
        Worker("outputs of commands", outputs, wakes_on=(moving.OUTPUTS,), next_due_ms=next_output),
        Worker("history of commands", partial(forget, database, world), idle_s=HISTORY_IDLE_S),
        Worker("load of commands", partial(count_open, database), idle_s=LOAD_IDLE_S),
    ]


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


async def put_outputs(database: Database, world: World, permitted: Permitted) -> int:
    """Put the output of some invocations that have ended into S3. One that fails waits for the next tick."""
    now_ms = world.now_ms()
    due = await database.read(lambda tx: uploads.due(tx, now_ms, OUTPUTS_AT_ONCE))
    attempts = (uploading.upload(database, world, permitted, one) for one in due)
    outcomes: list[Any] = await asyncio.gather(*attempts, return_exceptions=True)
    for one, outcome in zip(due, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            log.error("the output of a command cannot be put into S3", exc_info=outcome)
            later_ms = now_ms + uploading.REST_MS_MAX
            await database.write(partial(uploads.postpone, upload=one, due_ms=later_ms))
    return len(due)


async def forget(database: Database, world: World) -> int:
    """Delete a batch of what is older than the retention, and of events that nobody came for."""
    now_ms = world.now_ms()
    before_ms = now_ms - LIMITS.retention_ms
    old = await database.read(lambda tx: history.ended_before(tx, before_ms, FORGOTTEN_AT_ONCE))
    for scope, command_id in old:
        await database.write(partial(forgetting.forget, scope=scope, command_id=command_id))
    oldest_ms = await database.read(outbox.next_due_ms)
    if oldest_ms is None or oldest_ms > now_ms - outbox.UNCLAIMED_KEPT_MS:
        return len(old)
    dropped = await database.write(
        lambda tx: outbox.drop_unclaimed(tx, now_ms=now_ms, at_most=EVENTS_AT_ONCE)
    )
    return len(old) + dropped


async def count_open(database: Database) -> int:
    """Bring up to date what `LimitExceeded` is decided by. Nothing is written while nothing changes."""
    noted, counted = await database.read_long(lambda tx: (history.noted(tx), history.counted(tx)))
    if noted != counted:
        await database.write(partial(history.note, loads=counted))
    return 0


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
        identity.authorise(tx, principal, action, resources, lambda: {**now, **context})

    return ask
