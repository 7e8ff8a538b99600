"""A small HTTP/1.1 client on the loop: one request, one answer, one connection."""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Union

from hostreeve.agent.loop import Loop, Timer
from hostreeve.agent.stream import Endpoint, Stream, Unreachable

HEAD_BYTES_MAX = 65_536
BODY_BYTES_MAX = 8_000_000


class Request(NamedTuple):
    """What to send; `headers` hold everything but the length (Host included)."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    def encode(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(self.body)}", "Connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


class Response(NamedTuple):
    """An answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Done = Callable[[Union[Response, Unreachable]], None]


class Head:
    """The first lines of an answer, as far as they have come."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.status = 0
        self.headers: Dict[str, str] = {}

    def feed(self, received: bytes) -> Optional[bytes]:
        """What follows the head, once the head is complete. ValueError when it is none."""
        self.received += received
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            if len(self.received) > HEAD_BYTES_MAX:
                raise ValueError("the answer's headers do not end")
            return None
        lines = self.received[:end].decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise ValueError("the answer is not HTTP")
        self.status = int(rest[:3])
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        return bytes(self.received[end + 4 :])


class Exchange:
    """A request under way. `done` is called once, with the answer or with why there is none."""

    def __init__(
        self, loop: Loop, server: Endpoint, request: Request, done: Done, *, timeout_s: float = 30.0
    ) -> None:
        self._request, self._done = request, done
        self._head, self._body = Head(), bytearray()
        self._in_body = False
        self._patience: Timer = loop.after(timeout_s, self._late)
        self._stream = Stream(
            loop,
            server,
            on_open=self._send,
            on_bytes=self._receive,
            on_close=self._closed,
            timeout_s=timeout_s,
        )

    def cancel(self) -> None:
        """Forget it: `done` is not called."""
        self._patience.cancel()
        self._stream.close()

    def _send(self) -> None:
        self._stream.write(self._request.encode())

    def _receive(self, received: bytes) -> None:
        try:
            if self._in_body:
                self._body += received
            else:
                rest = self._head.feed(received)
                if rest is None:
                    return
                self._in_body = True
                self._body += rest
            if len(self._body) > BODY_BYTES_MAX:
                raise ValueError(f"the answer is longer than {BODY_BYTES_MAX} bytes")
            body = self._complete()
        except ValueError as wrong:
            self._finish(Unreachable(str(wrong)))
            return
        if body is not None:
            self._finish(Response(self._head.status, self._head.headers, body))

    def _complete(self) -> Optional[bytes]:
        headers = self._head.headers
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return unchunked(self._body)
        if "content-length" in headers:
            length = int(headers["content-length"])
            return bytes(self._body[:length]) if len(self._body) >= length else None
        return None

    def _closed(self, why: Unreachable) -> None:
        # Without a length the end of the connection is the end of the answer.
        delimited = {"content-length", "transfer-encoding"} & set(self._head.headers)
        if self._in_body and not delimited:
            self._finish(Response(self._head.status, self._head.headers, bytes(self._body)))
        else:
            self._finish(why)

    def _late(self) -> None:
        self._finish(Unreachable("the server did not answer in time"))

    def _finish(self, outcome: Union[Response, Unreachable]) -> None:
        self.cancel()
        self._done(outcome)


def unchunked(body: bytearray) -> Optional[bytes]:
    """The content of a chunked body, None while it is incomplete. ValueError when it is malformed."""
    parts: List[bytes] = []
    at = 0
    while True:
        end = body.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(body[at:end].split(b";")[0], 16)
        start = end + 2
        if size == 0:
            return b"".join(parts)
        if len(body) < start + size + 2:
            return None
        parts.append(bytes(body[start : start + size]))
        at = start + size + 2
