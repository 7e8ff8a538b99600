"""The control channel: opened with a token, kept alive with pings, opened again in seconds when it breaks."""

from __future__ import annotations

from base64 import b64encode
from typing import Callable, Optional, Union

from hostreeve.agent import websocket
from hostreeve.agent.http import Head
from hostreeve.agent.log import Log
from hostreeve.agent.loop import Timer
from hostreeve.agent.machine import AGENT_VERSION, PLATFORM_TYPE
from hostreeve.agent.server import Denied, Server
from hostreeve.agent.stream import Stream, Unreachable
from hostreeve.contract import frames, jobs

PING_S = 50.0
"""Servers drop a channel that was silent for a minute."""

WAIT_FIRST_S, WAIT_MAX_S = 0.2, 10.0
REFUSED_WAIT_S = 30.0

CREDENTIALS_ERRORS = (
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
)


class Link:
    """One control channel at a time. `on_message` gets every sound frame; broken ones are skipped."""

    takes_output = True

    def __init__(
        self,
        server: Server,
        node_id: str,
        log: Log,
        *,
        on_open: Callable[[], None],
        on_message: Callable[[frames.AgentMessage], None],
        on_trouble: Callable[[Optional[Denied]], None],
    ) -> None:
        self._server, self._node_id, self._log = server, node_id, log
        self._on_open, self._on_message, self._on_trouble = on_open, on_message, on_trouble
        self._world = server.loop.world
        self._stream: Optional[Stream] = None
        self._receiver = websocket.Receiver()
        self._head: Optional[Head] = None
        self._key = self._token = ""
        self._wait_s = WAIT_FIRST_S
        self._timer: Optional[Timer] = None
        self._has_pong = True
        self.is_open = False
        self.trouble = ""

    @property
    def unsent_bytes(self) -> int:
        return self._stream.unsent_bytes if self._stream is not None else 0

    def open(self) -> None:
        self._server.create_control_channel(self._node_id, self._created)

    def close(self) -> None:
        """Leave for good, with a word."""
        if self._timer is not None:
            self._timer.cancel()
        if self._stream is not None:
            if self.is_open:
                self._stream.write(websocket.close_frame(1000, self._mask()))
            self._stream.close()
        self._stream, self.is_open = None, False

    def send(self, message_type: str, payload: bytes, message_id: str = "") -> None:
        message = frames.AgentMessage(
            message_type=message_type,
            payload=payload,
            message_id=message_id or self._world.uuid(),
            created_ms=self._world.now_ms(),
        )
        self._write(websocket.BINARY, message.encode())

    def send_reply(self, job_id: str, message_id: str, content: str) -> None:
        self.send(jobs.AGENT_JOB_REPLY, jobs.JobReply(job_id, content).encode(), message_id)

    def send_output(self, chunk: jobs.OutputChunk) -> None:
        self.send(jobs.AGENT_JOB_OUTPUT, chunk.encode())

    def _created(self, outcome: Union[str, Denied, Unreachable]) -> None:
        if not isinstance(outcome, str):
            self._broken(outcome)
            return
        self._token = outcome
        self._key = b64encode(self._world.token(16)).decode("ascii")
        self._head, self._receiver = Head(), websocket.Receiver()
        target, headers = self._server.channel_headers(self._node_id)
        request = websocket.opening(target, headers, self._key)
        self._stream = stream = Stream(
            self._server.loop,
            self._server.endpoint,
            on_open=lambda: stream.write(request),
            on_bytes=self._received,
            on_close=self._broken,
        )
        self._schedule(15.0, lambda: self._broken(Unreachable("the control channel did not open in time")))

    def _received(self, received: bytes) -> None:
        try:
            if self._head is not None:
                rest = self._head.feed(received)
                if rest is None:
                    return
                self._upgraded(self._head)
                self._head, received = None, rest
            for message in self._receiver.feed(received):
                self._take(message)
                if not self.is_open:
                    return
        except websocket.BrokenProtocol as wrong:
            self._write(websocket.CLOSE, wrong.code.to_bytes(2, "big"))
            self._broken(Unreachable(f"the server broke the channel's protocol: {wrong}"))
        except ValueError as wrong:
            self._broken(Unreachable(str(wrong)))

    def _upgraded(self, head: Head) -> None:
        if head.status != 101:
            raise ValueError(f"the control channel was answered with HTTP {head.status}")
        if head.headers.get("sec-websocket-accept") != websocket.accept_for(self._key):
            raise ValueError("the server's WebSocket answer does not fit the question")
        opening = jobs.Opening(
            token=self._token,
            request_id=self._world.uuid(),
            agent_version=AGENT_VERSION,
            platform_type=PLATFORM_TYPE.lower(),
            hostreeve_version=AGENT_VERSION,
            extensions=(jobs.EXTENSION_OUTPUT,),
        )
        self.is_open, self._has_pong = True, True
        self._wait_s, self.trouble = WAIT_FIRST_S, ""
        self._write(websocket.TEXT, opening.encode().encode("ascii"))
        self._schedule(PING_S, self._ping)
        self._log.info("control channel open")
        self._on_open()

    def _take(self, message: websocket.Message) -> None:
        if message.kind == websocket.PING:
            self._write(websocket.PONG, message.payload)
        elif message.kind == websocket.PONG:
            self._has_pong = True
        elif message.kind == websocket.CLOSE:
            self._write(websocket.CLOSE, message.payload[:2])
            self._broken(Unreachable("the server closed the control channel"))
        else:
            try:
                decoded = frames.decode(message.payload)
            except ValueError as wrong:
                self._log.warning(f"skipped a frame that is no message: {wrong}")
                return
            self._on_message(decoded)

    def _ping(self) -> None:
        if not self._has_pong:
            self._broken(Unreachable("the control channel is dead: no answer to a ping"))
            return
        self._has_pong = False
        self._write(websocket.PING, b"keepalive")
        self._schedule(PING_S, self._ping)

    def _broken(self, why: Union[Denied, Unreachable]) -> None:
        if self._stream is not None:
            self._stream.close()
        was_open, self._stream, self.is_open = self.is_open, None, False
        if str(why) != self.trouble:
            self._log.warning(f"control channel: {why}")
        self.trouble = str(why)
        wait_s = self._wait_s
        if isinstance(why, Denied) and not why.is_temporary:
            wait_s = max(wait_s, REFUSED_WAIT_S) if why.code not in CREDENTIALS_ERRORS else max(wait_s, 1.0)
        elif was_open:
            wait_s = WAIT_FIRST_S
        self._wait_s = min(WAIT_MAX_S, self._wait_s * 2)
        # Spread, so that a server that comes back is not met by every node at once.
        self._schedule(wait_s * (0.5 + self._world.fraction()), self.open)
        self._on_trouble(why if isinstance(why, Denied) else None)

    def _write(self, kind: int, payload: bytes) -> None:
        if self._stream is not None:
            self._stream.write(websocket.frame(kind, payload, self._mask()))

    def _mask(self) -> bytes:
        return self._world.token(4)

    def _schedule(self, delay_s: float, callback: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._server.loop.after(delay_s, callback)
