"""Virtual time: a clock that is moved, a world on it, and a loop that runs one callback when told to."""

import asyncio
import heapq
from collections.abc import Callable
from typing import Any

from hostreeve.kernel.world import SimulatedWorld

START_MS = 1_800_000_000_000


class Clock:
    """`elapsed_s` never steps back; the wall clock beside it is `skew_ms` away from where it should be."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self.skew_ms = 0
        self.latest_ms = 0
        """The latest that the wall clock has ever shown to somebody."""

    def wall_ms(self) -> int:
        now_ms = START_MS + round(self.elapsed_s * 1000) + self.skew_ms
        self.latest_ms = max(self.latest_ms, now_ms)
        return now_ms


class WorldOn(SimulatedWorld):
    """A simulated world whose time is a clock shared with others."""

    def __init__(self, clock: Clock, seed: int) -> None:
        super().__init__(seed)
        self.clock = clock

    def now_ms(self) -> int:
        return self.clock.wall_ms()

    def monotonic(self) -> float:
        return self.clock.elapsed_s


class VirtualLoop(asyncio.BaseEventLoop):
    """`step()` runs the oldest callback that is due. What other loops give to threads runs at once."""

    def __init__(self, clock: Clock) -> None:
        self._is_over = False
        super().__init__()
        self._clock = clock
        self._clock_resolution = 0.0
        self.failures: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.failures.append(context))

    def time(self) -> float:
        return self._clock.elapsed_s

    def is_running(self) -> bool:
        return not self._is_over

    def _write_to_self(self) -> None:
        """Nobody sleeps who could be woken."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - as an executor would hand it over
            future.set_exception(error)
        return future

    def next_s(self) -> float | None:
        """When the next timer is due."""
        while self._scheduled and self._scheduled[0]._cancelled:
            heapq.heappop(self._scheduled)._scheduled = False
            self._timer_cancelled_count -= 1
        return self._scheduled[0].when() if self._scheduled else None

    def has_ready(self) -> bool:
        while (due_s := self.next_s()) is not None and due_s <= self._clock.elapsed_s:
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False
            self._ready.append(timer)
        while self._ready and self._ready[0]._cancelled:
            self._ready.popleft()
        return bool(self._ready)

    def step(self) -> None:
        handle = self._ready.popleft()
        asyncio._set_running_loop(self)
        try:
            handle._run()
        finally:
            asyncio._set_running_loop(None)

    def bury(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Let tasks of a program that is dead already come to an end, unseen."""
        self.set_exception_handler(lambda *_: None)
        for task in tasks:
            task.cancel()
        for _ in range(100_000):
            if not self.has_ready():
                break
            self.step()
        self._ready.clear()
        self._scheduled.clear()
        self._is_over = True
        self.close()
