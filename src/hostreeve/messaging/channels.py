"""The control channel: one WebSocket per node, over which its jobs go out and its replies come in.

Meaning arrives by argument: who signed a request, what a reply means, which nodes exist.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Protocol

from hostreeve.api.call import Principal, Sealer
from hostreeve.api.errors import AwsError
from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.messaging import frames, store, tokens
from hostreeve.messaging.courier import Courier
from hostreeve.messaging.hub import Channel, Direct, Hub, keep
from hostreeve.messaging.intake import Arrival, Intake, attempt
from hostreeve.messaging.listener import Listener
from hostreeve.messaging.mailbox import CHANNEL, MAILBOX
from hostreeve.messaging.model import BEAT_S, FRAME_BYTES_MAX, OPENING_S_MAX, POLL_S, SWEEP_S, VERIFY_S
from hostreeve.persistence.database import Database, Transaction

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Authenticate = Callable[[Event], Awaitable[tuple[Principal, Scope]]]

DIRECT = "hostreeve.direct"
"""Where the scope's extensions name a `Direct`; not every server has one."""

FAULTS_MAX = 10
"""Messages that make no sense, per connection, before it is closed."""

log = logging.getLogger("hostreeve.messaging")


class Presence(Protocol):
    """What the link asks of, and tells, the registry of nodes."""

    def opened(self, tx: Transaction, scope: Scope, node_id: str, opening: wire.Opening, now_ms: int) -> bool:
        """The node opens its channel. False when no such node is registered: it is then refused."""
        ...


class Refused(Exception):
    """The connection is closed with this WebSocket code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Channels:
    """ASGI application for `/v1/control-channel/<node id>`. `run()` must be running beside it.

    `authenticate` answers who signed an upgrade request, given its ASGI scope, or raises an AwsError.
    """

    def __init__(
        self,
        *,
        database: Database,
        world: World,
        keys: Sealer,
        replica: str,
        listener: Listener,
        presence: Presence,
        authenticate: Authenticate,
    ) -> None:
        self.counts: Counter[str] = Counter()
        """What happened since the start, by name; for metrics."""
        self.hub = Hub()
        self._database = database
        self._world = world
        self._keys = keys
        self._replica = replica
        self._presence = presence
        self._authenticate = authenticate
        self._courier = Courier(database, world, self.hub, self.counts)
        self._intake = Intake(database, world, listener, self.counts, self._courier.wake)
        self._closed: list[tuple[Scope, str, int]] = []
        self._stops = False

    async def poll(self) -> None:
        """Look now for jobs whose hint was lost or whose time to be sent again has come."""
        await self._courier.poll()

    async def verify(self) -> None:
        """Look now whether the channels that are open here still have their right."""
        await self._courier.verify()

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        node_id = scope["path"].removeprefix(wire.CONTROL_CHANNEL_PATH)
        await receive()
        try:
            await self._admit(scope, node_id)
        except AwsError as error:
            self.counts["connections refused"] += 1
            await _deny(send, error)
            return
        await send({"type": "websocket.accept"})
        direct: Direct | None = scope.get("extensions", {}).get(DIRECT)
        # The server keeps this for as long as the connection lives, and nobody needs it any more.
        scope.clear()
        try:
            channel = await self._open(node_id, receive, (send, direct))
        except Refused as refusal:
            self.counts["connections refused"] += 1
            log.warning("control channel of %s refused: %s", node_id, refusal)
            await _close(send, refusal)
            return
        if channel is not None:
            await self._serve(channel, receive, direct)

    async def run(self) -> None:
        """Everything that goes on beside the connections, until cancelled."""
        bus = self._database.bus
        self._stops = False
        ends = [bus.listen(MAILBOX, self._courier.wake), bus.listen(CHANNEL, self._courier.wake)]
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._intake.run())
                tasks.create_task(self._courier.run())
                tasks.create_task(self._every(BEAT_S, self._beat))
                tasks.create_task(self._every(POLL_S, self.poll))
                tasks.create_task(self._every(SWEEP_S, self._sweep))
                tasks.create_task(self._every(VERIFY_S, self.verify))
                tasks.create_task(self._every(0.2, self._write_closed))
        finally:
            for end in ends:
                end()
            for channel in self.hub:
                channel.close(1012, "the server stops")
            await attempt(self._beat(stopped=True))

    async def _admit(self, scope: Event, node_id: str) -> None:
        """Only the node itself opens its channel."""
        principal, _ = await self._authenticate(scope)
        if principal.node_id != node_id:
            raise _AccessDenied(f"{principal.arn} may not open the control channel of {node_id}")

    async def _open(self, node_id: str, receive: Receive, ways: tuple[Send, Direct | None]) -> Channel | None:
        """Read the opening frame and take the node's channel over. None when the node went away meanwhile."""
        try:
            async with asyncio.timeout(OPENING_S_MAX):
                event = await receive()
        except TimeoutError:
            raise Refused(1008, "no opening frame in time") from None
        if event["type"] == "websocket.disconnect":
            return None
        opening, scope = self._opening(event, node_id)
        epoch = await attempt(self._database.write(lambda tx: self._take(tx, scope, node_id, opening)))
        if isinstance(epoch, BaseException):
            log.error("control channel of %s cannot be opened", node_id, exc_info=epoch)
            raise Refused(1013, "try again later")
        if not epoch:
            raise Refused(1008, "no such node is registered")
        extended = wire.EXTENSION_OUTPUT in opening.extensions
        channel = Channel(scope, node_id, epoch, ways, extended=extended)
        self.hub.add(channel)
        self._courier.wake(node_id)
        return channel

    def _opening(self, event: Event, node_id: str) -> tuple[wire.Opening, Scope]:
        text = event.get("text")
        if text is None:
            raise Refused(1003, "the first frame opens the channel and is text")
        try:
            opening = wire.read_opening(text)
            return opening, tokens.scope_of(self._keys, opening.token, node_id, self._world.now_ms())
        except ValueError as wrong:
            raise Refused(1008, f"opening frame: {wrong}") from None

    def _take(self, tx: Transaction, scope: Scope, node_id: str, opening: wire.Opening) -> int:
        now_ms = self._world.now_ms()
        if not self._presence.opened(tx, scope, node_id, opening, now_ms):
            return 0
        tx.wake(CHANNEL, node_id)
        return store.open_channel(tx, scope, node_id, self._replica, now_ms)

    async def _serve(self, channel: Channel, receive: Receive, direct: Direct | None) -> None:
        self.counts["connections"] += 1
        try:
            if direct is not None:
                direct.take(partial(self._take_frame, channel, direct))
            while True:
                event = await receive()
                if event["type"] == "websocket.disconnect":
                    return
                self._receive(channel, event.get("bytes"))
                if self._intake.is_full:
                    await self._intake.room()
        finally:
            self.hub.remove(channel)
            self._closed.append((channel.scope, channel.node_id, channel.epoch))

    def _take_frame(self, channel: Channel, direct: Direct, frame: bytes | None) -> None:
        self._receive(channel, frame)
        if self._intake.is_full and direct.pause():
            keep(asyncio.ensure_future(self._resume(direct)))

    async def _resume(self, direct: Direct) -> None:
        await self._intake.room()
        direct.resume()

    def _receive(self, channel: Channel, frame: bytes | None) -> None:
        if not channel.is_open:
            return
        if frame is None:
            self._end(channel, Refused(1003, "frames are binary after the opening"))
            return
        if len(frame) > FRAME_BYTES_MAX:
            self._end(channel, Refused(1009, f"frames have at most {FRAME_BYTES_MAX} bytes"))
            return
        try:
            message_type, message = frames.read(frame)
        except frames.NoFrame as garbage:
            self._end(channel, Refused(1007, str(garbage)))
            return
        except ValueError as wrong:
            self._fault(channel, str(wrong))
            return
        if message is None:
            self.counts["messages ignored"] += 1
            log.debug("%s sent %s, which nobody reads", channel.node_id, message_type)
        elif message.node_id != channel.node_id:
            self._end(channel, Refused(1008, "a node speaks only for itself"))
        else:
            self.counts["messages received"] += 1
            self._intake.put(Arrival(channel, message, len(frame)))

    def _fault(self, channel: Channel, reason: str) -> None:
        """A message of a known type that makes no sense: ignored, until there are too many."""
        self.counts["messages refused"] += 1
        channel.faults += 1
        log.warning("%s sent a message that makes no sense: %s", channel.node_id, reason)
        if channel.faults >= FAULTS_MAX:
            self._end(channel, Refused(1008, "too many messages that make no sense"))

    def _end(self, channel: Channel, refusal: Refused) -> None:
        self.counts["connections ended"] += 1
        log.warning("control channel of %s closed: %s", channel.node_id, refusal)
        channel.close(refusal.code, str(refusal))

    async def _every(self, interval_s: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            outcome = await attempt(work())
            if isinstance(outcome, BaseException):
                log.error("the node link could not do its regular work", exc_info=outcome)
            await asyncio.sleep(interval_s)

    async def _beat(self, *, stopped: bool = False) -> None:
        now_ms = self._world.now_ms()
        self._stops = self._stops or stopped

        def unit(tx: Transaction) -> None:
            # A beat that is under way when the server stops may be run again after the last one.
            if stopped or not self._stops:
                store.beat(tx, self._replica, now_ms, stopped=stopped)

        await self._database.write(unit)

    async def _sweep(self) -> None:
        now_ms = self._world.now_ms()
        await self._database.write(lambda tx: store.sweep(tx, now_ms))

    async def _write_closed(self) -> None:
        """Connections that ended, written together: who loses the network loses them all at once."""
        if self._closed:
            closed = self._closed[:500]
            now_ms = self._world.now_ms()
            await self._database.write(lambda tx: store.close_channels(tx, closed, now_ms))
            del self._closed[: len(closed)]


class _AccessDenied(AwsError):
    code = "AccessDeniedException"
    status = 403


async def _deny(send: Send, error: AwsError) -> None:
    """Refuse the upgrade. The official agent looks for the code as an element in the body."""
    body = f"<Error><{error.code}>{error.code}</{error.code}></Error>".encode()
    headers = [(b"content-type", b"application/xml")]
    status = error.status if error.status >= 403 else 403
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


async def _close(send: Send, refusal: Refused) -> None:
    await attempt(
        _sent(send, {"type": "websocket.close", "code": refusal.code, "reason": str(refusal)[:100]})
    )


async def _sent(send: Send, event: Event) -> None:
    await send(event)
