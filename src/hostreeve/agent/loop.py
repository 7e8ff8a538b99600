"""The agent's one thread: it waits for descriptors, timers, signals and children, and sleeps in between.

The standard library's asyncio would do the same for 2 MB more resident memory, on every machine.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import selectors
import signal
from typing import Callable, Dict, List, Optional, Tuple

from hostreeve.kernel.world import World

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE


class Timer:
    """A call in the future. `cancel` is enough to forget it."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Optional[Callable[[], None]] = callback

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    @property
    def pending(self) -> bool:
        return self._callback is not None


class Loop:
    """Watches descriptors and the clock of its World. Callbacks run one after the other, never nested."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._selector = selectors.DefaultSelector()
        self._timers: List[Tuple[float, int, Timer]] = []
        self._count = 0
        self._exits: Dict[int, Callable[[int], None]] = {}
        self._signals: Dict[int, Callable[[], None]] = {}
        self._bell: Optional[int] = None

    def watch(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """Call back with the ready events, from now on; watching again replaces what was watched."""
        try:
            self._selector.modify(fd, events, callback)
        except KeyError:
            self._selector.register(fd, events, callback)

    def unwatch(self, fd: int) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(fd)

    def after(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        self._count += 1
        heapq.heappush(self._timers, (self.world.monotonic() + delay_s, self._count, timer))
        return timer

    def on_exit(self, pid: int, callback: Callable[[int], None]) -> None:
        """Call back with the wait status of a child. Needs `listen_to_signals`."""
        self._exits[pid] = callback

    def on_signal(self, number: int, callback: Callable[[], None]) -> None:
        self._signals[number] = callback
        signal.signal(number, _ignored)
        signal.siginterrupt(number, False)

    def listen_to_signals(self) -> None:
        """Let signals and the ends of children wake this loop."""
        heard, self._bell = os.pipe()
        for fd in (heard, self._bell):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._bell, warn_on_full_buffer=False)
        self.on_signal(signal.SIGCHLD, self._reap)
        self.watch(heard, READ, lambda _: self._signalled(heard))

    def run_until(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            self._once()

    def _once(self) -> None:
        for key, events in self._selector.select(self._wait_s()):
            # An earlier callback of this round may have closed this descriptor.
            if self._selector.get_map().get(key.fd) is key:
                key.data(events)
        now = self.world.monotonic()
        while self._timers and (self._timers[0][0] <= now or not self._timers[0][2].pending):
            heapq.heappop(self._timers)[2].fire()

    def _wait_s(self) -> Optional[float]:
        while self._timers and not self._timers[0][2].pending:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - self.world.monotonic())

    def _signalled(self, heard: int) -> None:
        try:
            numbers = os.read(heard, 256)
        except BlockingIOError:
            return
        for number in sorted(set(numbers)):
            callback = self._signals.get(number)
            if callback is not None:
                callback()

    def _reap(self) -> None:
        # As process 1 of a container the agent also inherits children that are not its own.
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            callback = self._exits.pop(pid, None)
            if callback is not None:
                callback(status)


def _ignored(number: int, frame: object) -> None:
    """The wake-up descriptor carries the signal into the loop; nothing is done where it strikes."""
