"""How a unit's outcome travels back to who asked: over its event loop, or to a waiting thread."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future as ThreadFuture
from typing import Any, Protocol

from hostreeve.persistence.bus import Bus
from hostreeve.persistence.database import Transaction
from hostreeve.persistence.errors import UnitFailed


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
        # A loop that is closed has nobody waiting on it.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle_here, theirs, bus)


def answer(ask: Ask, bus: Bus) -> Any:
    """The waiting thread's side: once the engine is done, what follows happens here."""
    ask.future.result()
    ask.future = ThreadFuture()
    ask.settle(bus)
    return ask.future.result()


def _settle_here(asks: list[Ask], bus: Bus) -> None:
    for ask in asks:
        ask.settle(bus)


_inside = threading.local()


class EngineTransaction(Transaction, Protocol):
    """What an engine's transaction shows to the one who runs the unit."""

    callbacks: list[Callable[[], None]]
    wakes: dict[tuple[str, str], None]
    failure: BaseException | None
    gathered: dict[Callable[[Transaction, list[Any]], None], list[Any]]

    def end(self) -> None:
        """Refuse everything from now on."""
        ...


def run_unit(ask: Ask, tx: EngineTransaction) -> None:
    """Run the unit and keep its answer. Raises what it raised; UnitFailed when it hid a failed statement."""
    _inside.unit = True
    try:
        ask.value, ask.error = ask.unit(tx), None
        for write, items in tx.gathered.items():
            write(tx, items)
    finally:
        _inside.unit = False
        tx.end()
    if tx.failure is not None:
        raise UnitFailed("the unit went on after a failed statement; nothing of it was kept") from tx.failure
    ask.callbacks, ask.wakes = tx.callbacks, tx.wakes


def refuse_nesting() -> None:
    """A unit that waits for another unit may wait for itself; it is refused instead of hanging."""
    if getattr(_inside, "unit", False):
        raise RuntimeError("a unit of work must not start another one: pass it the transaction")
