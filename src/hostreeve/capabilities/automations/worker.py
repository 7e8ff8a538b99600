"""The loops behind Automation: executions moved on, errands run outside the database, the old forgotten."""

import asyncio
import logging
from functools import partial
from typing import Any

from hostreeve.capabilities.automations.actions import advancing, ending, forgetting
from hostreeve.capabilities.automations.actions.doing import Errand, Stumble, Turned
from hostreeve.capabilities.automations.actions.house import House
from hostreeve.capabilities.automations.actions.steps import registry
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model.outcome import Broken, Succeeded
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Database
from hostreeve.scheduling.loop import Worker

log = logging.getLogger("hostreeve.automations")

AT_ONCE = 100
ERRANDS_AT_ONCE = 16
FORGOTTEN_AT_ONCE = 50
HISTORY_IDLE_S = 600.0
RETRY_MS = 5_000
FAILURES_MAX = 3
"""Unforeseen errors in a row, after which the step has failed."""
STUMBLES_MAX = 5
HEARTBEAT_S = 5.0


def workers(database: Database, house: House) -> list[Worker]:
    """The workers of this capability, for `run_workers`."""
    engine = Engine(database, house)
    return [
        Worker(
            "automations",
            engine.tick,
            wakes_on=(ending.CHANNEL,),
            next_due_ms=partial(database.read, rows.next_due_ms),
        ),
        Worker("errands of automations", engine.errands, wakes_on=(ERRANDS,)),
        Worker("history of automations", engine.forget, idle_s=HISTORY_IDLE_S),
    ]


ERRANDS = "automation-errands"
"""The bus channel on which this process tells itself that there is something to do outside."""


class Engine:
    """What one process does for executions. All that matters is in the database; this may be lost."""

    def __init__(self, database: Database, house: House) -> None:
        self._database = database
        self._house = house
        self._waiting: list[Errand] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._failures: dict[str, int] = {}

    async def tick(self) -> int:
        """Move what is due. One that fails does not keep the others from moving."""
        now_ms = self._house.world.now_ms()
        due = await self._database.read(lambda tx: rows.due(tx, now_ms, AT_ONCE))
        turns = [self._turn(scope, execution_id, now_ms) for scope, execution_id in due]
        turned = await asyncio.gather(*turns)
        self._waiting += [each.errand for each in turned if each.errand is not None]
        if self._waiting:
            self._database.bus.publish(ERRANDS, "")
        return sum(each.moved for each in turned)

    async def errands(self) -> int:
        """Begin what is to be done outside, and hear of what has been. Never more than so many at once."""
        begun = 0
        while self._waiting and len(self._under_way) < ERRANDS_AT_ONCE:
            task = asyncio.ensure_future(self._run(self._waiting.pop(0)))
            self._under_way.add(task)
            begun += 1
        if not self._under_way:
            return begun
        done, self._under_way = await asyncio.wait(
            self._under_way, timeout=0.2, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()
        return begun + len(done) + len(self._under_way)

    async def forget(self) -> int:
        """Forget a batch of executions that ended longer ago than history is kept."""
        now_ms = self._house.world.now_ms()
        return await self._database.write(
            lambda tx: forgetting.forget(tx, now_ms=now_ms, limit=FORGOTTEN_AT_ONCE)
        )

    async def _turn(self, scope: Scope, execution_id: str, now_ms: int) -> Turned:
        how: dict[str, Any] = {
            "scope": scope,
            "execution_id": execution_id,
            "house": self._house,
            "now_ms": now_ms,
        }
        try:
            turned = await self._stumbling(how)
        except Exception as wrong:  # noqa: BLE001 - an execution's trouble is no other's
            return await self._put_off(scope, execution_id, now_ms, wrong)
        self._failures.pop(execution_id, None)
        return turned

    async def _stumbling(self, how: dict[str, Any]) -> Turned:
        stumble: Stumble | None = None
        for _ in range(STUMBLES_MAX):
            try:
                return await self._database.write(partial(advancing.advance, **how, stumble=stumble))
            except Stumble as again:
                # Nothing of that transaction stayed. The next one writes that the step failed; should another
                # step fail on the way there this time, that one.
                stumble = again
        assert stumble is not None, "it stumbled"
        raise stumble

    async def _put_off(self, scope: Scope, execution_id: str, now_ms: int, wrong: Exception) -> Turned:
        """Try again in a while. What fails again and again is a failure of the step: nothing is stuck."""
        if isinstance(wrong, Stumble):
            # The way there was another one; it is looked at with the next tick.
            return Turned(True)
        log.error("an execution could not be moved on", exc_info=wrong)
        failed = self._failures.get(execution_id, 0) + 1
        self._failures[execution_id] = failed
        if failed < FAILURES_MAX:
            later_ms = now_ms + RETRY_MS
            await self._database.write(lambda tx: rows.make_due(tx, scope, execution_id, later_ms))
            return Turned(False)
        del self._failures[execution_id]
        await self._database.write(
            lambda tx: advancing.break_off(tx, scope, execution_id, house=self._house, now_ms=now_ms)
        )
        return Turned(True)

    async def _run(self, errand: Errand) -> None:
        """Do it, say from time to time that it is being done, and write what came of it."""
        action = registry.action_of(errand.action)
        assert action is not None, f"nobody does {errand.action}"
        work = asyncio.ensure_future(action.run(errand.what, self._house))
        beat = asyncio.ensure_future(self._beat(errand, work))
        try:
            came_to = await asyncio.wait_for(work, errand.timeout_s)
        except asyncio.CancelledError:
            # Its step was stopped, or has taken too long.
            return
        except TimeoutError:
            failure = outcomes.timed_out(round(errand.timeout_s))
            came_to = Broken(failure=failure, status=Status.TIMED_OUT)
        except Exception as wrong:
            log.error("an errand of an execution failed", exc_info=wrong)
            came_to = Broken(failure=outcomes.failed(outcomes.FAULT, type=outcomes.INTERNAL))
        finally:
            beat.cancel()
        await self._settle(errand, came_to)

    async def _settle(self, errand: Errand, came_to: Succeeded | Broken) -> None:
        now_ms = self._house.world.now_ms()
        await self._database.write(
            lambda tx: advancing.settle(tx, errand, came_to, house=self._house, now_ms=now_ms)
        )
        self._database.bus.publish(ending.CHANNEL, errand.execution_id)

    async def _beat(self, errand: Errand, work: "asyncio.Future[Succeeded | Broken]") -> None:
        is_wanted = True
        while is_wanted:
            await asyncio.sleep(HEARTBEAT_S)
            now_ms = self._house.world.now_ms()
            is_wanted = await self._database.write(
                partial(advancing.keep_alive, errand=errand, now_ms=now_ms)
            )
        work.cancel()
