"""The loop that every background worker runs in: tick until nothing moves, then sleep until something may
have.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from hostreeve.kernel.world import World
from hostreeve.persistence.bus import Bus

log = logging.getLogger("hostreeve.worker")

BACK_OFF_FIRST_S = 0.5
BACK_OFF_LONGEST_S = 60.0
STUCK_FIRST_S, STUCK_LONGEST_S = 0.01, 1.0
"""How long a worker rests, doubling, that could move nothing of what is due: otherwise it would spin."""
JITTER = 0.2
"""Sleeps are up to a fifth shorter or longer, so that replicas do not look at the same rows at the same
moment.
"""


IS_DUE = -1.0


@dataclass(frozen=True, slots=True)
class Worker:
    """Something that moves rows which are due.

    `tick` does a bounded piece of work and answers how many rows it moved; it is called again at once until
    that is 0. It is also called when the bus hints at one of `wakes_on`, and at the latest after `idle_s`.
    `next_due_ms`, where given, answers when the next row is due, so that the sleep can be shorter.
    """

    name: str
    tick: Callable[[], Awaitable[int]]
    wakes_on: Sequence[str] = ()
    idle_s: float = 15.0
    next_due_ms: Callable[[], Awaitable[int | None]] | None = None


@dataclass(slots=True)
class _Bell:
    """Rings at most once however often it is struck."""

    rung: asyncio.Event = field(default_factory=asyncio.Event)

    def strike(self, key: str = "") -> None:
        self.rung.set()


async def run_workers(workers: Sequence[Worker], bus: Bus, world: World, stop: asyncio.Event) -> None:
    """Run them all until `stop` is set; a tick under way is finished first."""
    assert len({worker.name for worker in workers}) == len(workers), "two workers have the same name"
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(_run(worker, bus, world, stop), name=f"worker-{worker.name}")


async def _run(worker: Worker, bus: Bus, world: World, stop: asyncio.Event) -> None:
    bell = _Bell()
    ends = [bus.listen(channel, bell.strike) for channel in worker.wakes_on]
    failures = stuck = 0
    try:
        while not stop.is_set():
            bell.rung.clear()
            rest_s = await _tick(worker, world, failures)
            if rest_s is None:
                failures += 1
                await _sleep(_back_off_s(failures, world), stop)
                continue
            failures = 0
            stuck = stuck + 1 if rest_s == IS_DUE else 0
            await _sleep(_stuck_s(stuck) if stuck else rest_s, stop, bell.rung)
    finally:
        for end in ends:
            end()


async def _tick(worker: Worker, world: World, failures: int) -> float | None:
    """How long it may rest now, in seconds; IS_DUE when it moved nothing of what is due; None when it failed.

    The one place where any error is caught: a worker outlives its ticks.
    """
    try:
        return 0.0 if await worker.tick() else await _idle_s(worker, world)
    except Exception as error:
        line = {"worker": worker.name, "event": "tick failed", "error": repr(error), "in_a_row": failures + 1}
        log.error(json.dumps(line), exc_info=failures == 0)
        return None


async def _idle_s(worker: Worker, world: World) -> float:
    idle_s = worker.idle_s * (1 + JITTER * (2 * world.fraction() - 1))
    due_ms = await worker.next_due_ms() if worker.next_due_ms else None
    if due_ms is None:
        return idle_s
    wait_s = (due_ms - world.now_ms()) / 1000
    return IS_DUE if wait_s <= 0 else min(idle_s, wait_s)


def _stuck_s(times: int) -> float:
    """Nothing at first: it may have become due a moment ago."""
    return 0.0 if times == 1 else min(STUCK_LONGEST_S, STUCK_FIRST_S * 2.0 ** min(times - 2, 16))


def _back_off_s(failures: int, world: World) -> float:
    """Doubling, anywhere in the upper half, so that replicas that failed together do not return together."""
    longest = min(BACK_OFF_LONGEST_S, BACK_OFF_FIRST_S * 2.0 ** min(failures - 1, 16))
    return longest * (0.5 + 0.5 * world.fraction())


async def _sleep(seconds: float, stop: asyncio.Event, bell: asyncio.Event | None = None) -> None:
    """Until the time is over, the bell has rung, or everything stops. Others get their turn in any case."""
    await asyncio.sleep(0)
    if not seconds:
        return
    events = [stop] if bell is None else [stop, bell]
    if any(event.is_set() for event in events):
        return
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def run_until_idle(workers: Sequence[Worker], *, ticks_max: int = 10_000) -> int:
    """For simulations and tests: tick them in turn, without sleeping, until a whole round moves nothing.

    Answers how many rows were moved. Errors come out as they are. AssertionError when it never comes to rest.
    """
    total = 0
    for _ in range(ticks_max):
        moved = 0
        for worker in workers:
            moved += await worker.tick()
        if not moved:
            return total
        total += moved
    raise AssertionError(f"the workers did not come to rest: {', '.join(worker.name for worker in workers)}")
