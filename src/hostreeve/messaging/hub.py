"""The live control channels of this process: who is here, and writing to each without waiting for it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

from hostreeve.kernel.begun import Begun
from hostreeve.kernel.scope import Scope

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Direct(Protocol):
    """A short way to and from the connection, past events and tasks (`gateway.sockets.DirectSocket`)."""

    def take(self, receiver: Callable[[bytes | None], None]) -> None:
        """From now on messages go to `receiver`, which gets None for a text."""
        ...

    def write(self, message: bytes) -> bool:
        """False when the connection does not take it now."""
        ...

    def pause(self) -> bool:
        """Read no more for now. False when that is so already."""
        ...

    def resume(self) -> None: ...


BACKLOG_MAX = 256
"""Frames that may wait for a node that reads slowly; beyond that its channel is closed, and the rows wait."""


class Channel:
    """One node's open control channel. Ten thousand of them sit idle: it holds no task, queue or buffer."""

    __slots__ = (
        "_backlog",
        "_direct",
        "_send",
        "crowded",
        "epoch",
        "extended",
        "faults",
        "is_open",
        "node_id",
        "scope",
    )

    def __init__(
        self,
        scope: Scope,
        node_id: str,
        epoch: int,
        ways: tuple[Send, Direct | None],
        *,
        extended: bool,
    ) -> None:
        self.scope = scope
        self.node_id = node_id
        self.epoch = epoch
        self.extended = extended
        self.faults = 0
        self.crowded = False
        """More is waiting for the node than it has room for: room that it gets is filled at once."""
        self.is_open = True
        self._send, self._direct = ways
        self._backlog: list[dict[str, Any]] | None = None

    def write(self, frame: bytes) -> None:
        """Send a frame, now if the connection takes it, later in order if not."""
        if self._direct is not None and self._backlog is None and self._direct.write(frame):
            return
        self._put({"type": "websocket.send", "bytes": frame})

    def close(self, code: int, reason: str) -> None:
        """End the channel; what the connection has not taken yet is not sent."""
        if self.is_open:
            self.is_open = False
            if self._backlog:
                self._backlog.clear()
            self._put({"type": "websocket.close", "code": code, "reason": reason})

    def _put(self, event: dict[str, Any]) -> None:
        if self._backlog is not None:
            self._backlog.append(event)
            if len(self._backlog) > BACKLOG_MAX and self.is_open:
                self.close(1013, "the node does not read")
            return
        writing = self._write(event)
        try:
            waits_for = writing.send(None)
        except StopIteration:
            return
        # The connection's buffer is full: the rest of this write, and those after it, get a task.
        self._backlog = []
        keep(asyncio.ensure_future(self._drain(Begun(writing, waits_for))))

    async def _write(self, event: dict[str, Any]) -> None:
        try:
            await self._send(event)
        except (OSError, RuntimeError):
            # Gone meanwhile: uvicorn says so with an OSError, or after the close with a RuntimeError.
            self.is_open = False

    async def _drain(self, begun: Begun) -> None:
        await begun
        assert self._backlog is not None
        while self._backlog:
            await self._write(self._backlog.pop(0))
        self._backlog = None


class Hub:
    """Channels by node id. A node has one: a newer connection takes the place of the older."""

    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}

    def __len__(self) -> int:
        return len(self._channels)

    def __iter__(self) -> Iterator[Channel]:
        return iter(list(self._channels.values()))

    def get(self, node_id: str) -> Channel | None:
        return self._channels.get(node_id)

    def add(self, channel: Channel) -> None:
        older = self._channels.get(channel.node_id)
        self._channels[channel.node_id] = channel
        if older is not None:
            older.close(1000, "a newer connection of this node took over")

    def remove(self, channel: Channel) -> None:
        channel.is_open = False
        if self._channels.get(channel.node_id) is channel:
            del self._channels[channel.node_id]


_tasks: set[asyncio.Future[None]] = set()


def keep(task: asyncio.Future[None]) -> None:
    # The loop holds tasks only weakly.
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
