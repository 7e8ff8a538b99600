"""The worker loop: it wakes when told, looks when not told, survives its ticks and stops when asked."""

import asyncio
import logging

import pytest

from hostreeve.kernel.world import SimulatedWorld
from hostreeve.persistence.bus import InProcessBus
from hostreeve.scheduling.loop import Worker, run_until_idle, run_workers


class Rows:
    """Rows to move, and a note of every tick."""

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self.ticks = 0

    async def tick(self) -> int:
        self.ticks += 1
        moved, self.count = min(2, self.count), max(0, self.count - 2)
        return moved


async def _until(condition, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def _running(scenario, *workers: Worker) -> None:
    async def main() -> None:
        bus, stop = InProcessBus(), asyncio.Event()
        running = asyncio.ensure_future(run_workers(workers, bus, SimulatedWorld(), stop))
        await scenario(bus)
        stop.set()
        await asyncio.wait_for(running, 2)

    asyncio.run(main())


def test_a_worker_ticks_until_nothing_moves_and_then_rests():
    rows = Rows(7)

    async def scenario(bus):
        await _until(lambda: rows.count == 0)
        await asyncio.sleep(0.05)
        assert rows.ticks == 5

    _running(scenario, Worker("w", rows.tick))


def test_a_hint_wakes_it_at_once():
    rows = Rows()

    async def scenario(bus):
        await _until(lambda: rows.ticks == 1)
        rows.count = 2
        bus.publish("other")
        await asyncio.sleep(0.03)
        assert rows.count == 2
        bus.publish("commands", "i-1")
        await _until(lambda: rows.count == 0)

    _running(scenario, Worker("w", rows.tick, wakes_on=("commands",)))


def test_a_hint_during_a_tick_is_not_lost():
    class Slow(Rows):
        async def tick(self) -> int:
            moved = await super().tick()
            await asyncio.sleep(0.05)
            return moved

    rows = Slow()

    async def scenario(bus):
        await _until(lambda: rows.ticks == 1)
        rows.count = 2
        bus.publish("commands")
        await _until(lambda: rows.count == 0)

    _running(scenario, Worker("w", rows.tick, wakes_on=("commands",)))


def test_without_a_hint_it_looks_after_its_idle_time():
    rows = Rows()

    async def scenario(bus):
        await _until(lambda: rows.ticks == 1)
        rows.count = 2
        await _until(lambda: rows.count == 0)

    _running(scenario, Worker("w", rows.tick, idle_s=0.05))


def test_it_wakes_when_the_next_row_is_due():
    rows, world = Rows(), SimulatedWorld()

    async def next_due_ms() -> int:
        return world.now_ms() + 50

    async def scenario(bus):
        await _until(lambda: rows.ticks >= 3, 2)

    _running(scenario, Worker("w", rows.tick, idle_s=3600, next_due_ms=next_due_ms))


def test_a_worker_that_can_move_nothing_of_what_is_due_does_not_spin():
    """A row that is due and cannot be moved would otherwise take a whole processor."""
    rows, world = Rows(), SimulatedWorld()

    async def next_due_ms() -> int:
        return world.now_ms()

    async def scenario(bus):
        await asyncio.sleep(0.5)
        assert 3 <= rows.ticks < 12
        before = rows.ticks
        bus.publish("rows")
        await _until(lambda: rows.ticks > before, 0.2)

    _running(scenario, Worker("w", rows.tick, wakes_on=("rows",), next_due_ms=next_due_ms))


def test_a_failing_tick_is_logged_and_tried_again_and_harms_no_other_worker(caplog):
    healthy = Rows(4)
    failures = 0

    async def failing() -> int:
        nonlocal failures
        failures += 1
        raise KeyError("no such thing")

    async def scenario(bus):
        await _until(lambda: failures >= 2 and healthy.count == 0)

    with caplog.at_level(logging.ERROR, "hostreeve.worker"):
        _running(scenario, Worker("bad", failing), Worker("good", healthy.tick))
    assert '"worker": "bad"' in caplog.text and "no such thing" in caplog.text


def test_a_stop_lets_the_tick_under_way_finish():
    finished = asyncio.Event()
    begun = asyncio.Event()

    async def slow() -> int:
        begun.set()
        await asyncio.sleep(0.1)
        finished.set()
        return 0

    async def scenario(bus):
        await begun.wait()

    _running(scenario, Worker("w", slow))
    assert finished.is_set()


def test_a_simulation_runs_workers_to_rest_without_sleeping():
    one, two = Rows(5), Rows(2)
    workers = [Worker("one", one.tick), Worker("two", two.tick)]
    assert asyncio.run(run_until_idle(workers)) == 7

    async def never() -> int:
        return 1

    with pytest.raises(AssertionError, match="did not come to rest: endless"):
        asyncio.run(run_until_idle([Worker("endless", never)], ticks_max=5))
