"""How a unit's outcome travels back to who asked: over its event loop, or to a waiting thread."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future as ThreadFuture
from typing import Any

from hostreeve.persistence.bus import Bus
from hostreeve.persistence.database import Transaction


class Ask:
    """A unit on its way: run by the engine, then answered exactly once."""

    __slots__ = ("callbacks", "error", "future", "loop", "unit", "value", "wakes")

    def __init__(self, unit: Callable[[Transaction], Any], loop: asyncio.AbstractEventLoop | None) -> None:
        self.unit = unit
        self.loop = loop
        self.future: Any = ThreadFuture() if loop is None else loop.create_future()
        self.value: Any = None
        self.error: BaseException | None = None
        self.callbacks: list[Callable[[], None]] = []
        self.wakes: dict[tuple[str, str], None] = {}

    def failed(self, error: BaseException) -> None:
        """Note why it came to nothing. A future refuses StopIteration, and its waiter would hang."""
        if isinstance(error, StopIteration):
            wrapped = RuntimeError("the unit raised StopIteration")
            wrapped.__cause__ = error
            error = wrapped
        self.error, self.value = error, None
        self.callbacks, self.wakes = [], {}

    def settle(self, bus: Bus) -> None:
        """Hand over, on the waiter's own loop or thread: first what was to happen after the commit, then the
        result.
        """
        for channel, key in self.wakes:
            bus.publish(channel, key)
        failure = self.error
        for callback in self.callbacks:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - the commit stands; its waiter learns of it
                failure = error
        if self.future.done():
            return
        if failure is not None:
            self.future.set_exception(failure)
        else:
            self.future.set_result(self.value)


def settle_all(asks: Iterable[Ask], bus: Bus) -> None:
    """Answer many units with one call per event loop; waiting threads settle their own."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Ask]] = {}
    for ask in asks:
        if ask.loop is None:
            ask.future.set_result(None)
        else:
            by_loop.setdefault(ask.loop, []).append(ask)
    for loop, theirs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle_here, theirs, bus)


def wait_for(ask: Ask, bus: Bus) -> Any:
    """The waiting thread's side: block until the engine is done, then settle here."""
    ask.future.result()
    ask.future = ThreadFuture()
    ask.settle(bus)
    return ask.future.result()


def _settle_here(asks: list[Ask], bus: Bus) -> None:
    for ask in asks:
        ask.settle(bus)


_inside = threading.local()


def refuse_nesting() -> None:
    """A unit that waits for another unit may wait for itself; it is refused instead of hanging."""
    if getattr(_inside, "unit", False):
        raise RuntimeError("a unit of work must not start another one: pass it the transaction")


def enter_unit_thread() -> None:
    """Mark this thread as one that runs units."""
    _inside.unit = True
