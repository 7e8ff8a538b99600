"""Hints between the parts of the program: "look at your rows again". A hint may be lost, doubled or late,
never wrong.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Protocol

Listener = Callable[[str], None]


class Bus(Protocol):
    """Level-triggered wake-ups. Who listens must also look from time to time without being told."""

    def publish(self, channel: str, key: str = "") -> None:
        """Tell every listener of the channel. Callable from any thread; never waits, never raises."""
        ...

    def listen(self, channel: str, callback: Listener) -> Callable[[], None]:
        """Have `callback(key)` called on this event loop (without one: on the publisher's thread).

        Answers the function that ends it.
        """
        ...

    def close(self) -> None:
        """Stop telling."""
        ...


class InProcessBus:
    """Listeners in this process. Equal hints that are not delivered yet become one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, list[_Post]] = {}
        self._posts: dict[asyncio.AbstractEventLoop | None, _Post] = {}

    def publish(self, channel: str, key: str = "") -> None:
        for post in self._listeners.get(channel, ()):
            post.put(channel, key)

    def listen(self, channel: str, callback: Listener) -> Callable[[], None]:
        post = _Post(callback, _running_loop())
        with self._lock:
            self._listeners[channel] = [*self._listeners.get(channel, ()), post]

        def end() -> None:
            with self._lock:
                self._listeners[channel] = [each for each in self._listeners[channel] if each is not post]

        return end

    def close(self) -> None:
        with self._lock:
            self._listeners.clear()


def open_bus(url: str) -> Bus:
    """The bus at `nats://…` or `postgresql://…`; with "" the one inside this process."""
    if url.startswith(("nats://", "tls://")):
        from hostreeve.persistence.nats_bus import NatsBus

        return NatsBus(url)
    if url.startswith(("postgresql://", "postgres://")):
        from hostreeve.persistence.postgresql_bus import PostgresBus

        return PostgresBus(url)
    if url:
        raise ValueError(f"{url!r} is neither nats://… nor postgresql://…")
    return InProcessBus()


class _Post:
    """One listener's letter box: many hints from any thread cost its event loop one callback."""

    def __init__(self, callback: Listener, loop: asyncio.AbstractEventLoop | None) -> None:
        self._callback = callback
        self._loop = loop
        self._lock = threading.Lock()
        self._keys: dict[str, None] = {}

    def put(self, channel: str, key: str) -> None:
        if self._loop is None:
            self._callback(key)
            return
        with self._lock:
            first = not self._keys
            self._keys[key] = None
        if first and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._empty)

    def _empty(self) -> None:
        with self._lock:
            keys, self._keys = self._keys, {}
        for key in keys:
            self._callback(key)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
