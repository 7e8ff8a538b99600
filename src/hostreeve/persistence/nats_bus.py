"""Hints between replicas over NATS core: no streams, no acknowledgements, nothing kept."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

from hostreeve.persistence.bus import InProcessBus, Listener
from hostreeve.persistence.errors import StoreUnavailable

SUBJECT = "hostreeve.hint."
CONNECT_S = 3.0


class NatsBus:
    """Keeps its connection on an event loop of its own, and reconnects for as long as it lives."""

    def __init__(self, url: str) -> None:
        try:
            import nats
        except ImportError as error:
            raise StoreUnavailable(
                "the bus nats:// needs the package nats-py: install hostreeve[nats]"
            ) from error
        self._nats = nats
        self._url = url
        self._here = InProcessBus()
        self._lock = threading.Lock()
        self._outgoing: dict[tuple[str, str], None] = {}
        self._channels: dict[str, None] = {}
        self._loop = asyncio.new_event_loop()
        self._client: Any = None
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats-bus", daemon=True)
        self._thread.start()
        try:
            self._do(self._connect())
        except Exception as error:
            self.close()
            raise StoreUnavailable(f"NATS at {url} cannot be reached. Start it, or correct --bus.") from error

    def publish(self, channel: str, key: str = "") -> None:
        with self._lock:
            first = not self._outgoing
            self._outgoing[channel, key] = None
        if first and not self._closed:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._send()))

    def listen(self, channel: str, callback: Listener) -> Callable[[], None]:
        end = self._here.listen(channel, callback)
        with self._lock:
            new = channel not in self._channels
            self._channels[channel] = None
        if new:
            self._do(self._subscribe(channel))
        return end

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._here.close()
        with contextlib.suppress(Exception):
            self._do(self._disconnect())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(2 * CONNECT_S)

    async def _connect(self) -> None:
        async with asyncio.timeout(CONNECT_S):
            self._client = await self._nats.connect(
                self._url, allow_reconnect=True, max_reconnect_attempts=-1, error_cb=_be_silent
            )

    async def _disconnect(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _subscribe(self, channel: str) -> None:
        async def receive(message: Any) -> None:
            self._here.publish(channel, message.data.decode(errors="replace"))

        await self._client.subscribe(SUBJECT + channel, cb=receive)
        await self._client.flush()

    async def _send(self) -> None:
        with self._lock:
            waiting, self._outgoing = self._outgoing, {}
        # While NATS is away the client queues up to its bound and then refuses: such hints are lost, as they
        # may be.
        with contextlib.suppress(Exception):
            for channel, key in waiting:
                await self._client.publish(SUBJECT + channel, key.encode())


async def _be_silent(error: Exception) -> None:
    """Reconnecting is the client's affair; who listens looks from time to time anyway."""
