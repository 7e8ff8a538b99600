"""The short way of an API request: bytes in, the pipeline, bytes out in one write.

uvicorn's own way (a task, a scope, events to and fro) costs as much as everything that the pipeline does. It
stays the way of whatever is not an ordinary request that arrived in one piece: uploads, pipelining, upgrades,
clients that do not read their answers.
"""

import logging
from collections.abc import Coroutine
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hostreeve.gateway.asgi import send_response
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.kernel import limits
from hostreeve.kernel.begun import Begun

log = logging.getLogger("hostreeve.gateway")

_BROKEN = HttpResponse(500, [("content-type", "text/plain; charset=utf-8")], b"Internal Server Error")
_TOO_LARGE = HttpResponse(
    431, [("content-type", "text/plain; charset=utf-8")], b"The request's headers are too large.\n"
)


class _Turn:
    """What uvicorn asks of the request under way; one per connection serves all its short requests."""

    __slots__ = ("disconnected", "keep_alive", "message_event", "response_complete")

    def __init__(self) -> None:
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = True
        self.message_event = self

    def set(self) -> None:
        """As an event nobody waits for."""


class DirectHttp(HttpToolsProtocol):
    """uvicorn's HTTP protocol with the short way built in. Its application must be an `Asgi`."""

    _turn: Any = None
    _whole: bytes | None = None
    """The body so far of a request that may go the short way; None for one that does not."""
    _head_bytes: int | None = None
    """How much has arrived of a head that is not complete."""
    is_idle = False
    """Between two requests: `Patience` ends connections that stay so, without a timer for each answer."""
    _standing: ClassVar[tuple[Any, bytes]] = (None, b"")
    """The headers of all answers, which uvicorn makes anew each second, and the bytes that they are."""

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a request whose end is not in these bytes goes the long way."""
        self.is_idle = False
        super().data_received(data)
        if self._whole is not None and not self.transport.is_closing():
            self._take_the_long_way()
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > limits.REQUEST_HEAD_BYTES_MAX:
                self._refuse_the_head()

    def on_message_begin(self) -> None:
        """Nothing is made that only the long way needs."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """Choose the way."""
        self._head_bytes = None
        if self._is_ordinary():
            self._whole = b""
        else:
            self._take_the_long_way()

    def on_body(self, body: bytes) -> None:
        if self._whole is None:
            super().on_body(body)
        else:
            self._whole += body

    def on_message_complete(self) -> None:
        if self._whole is None:
            super().on_message_complete()
            return
        body, self._whole = self._whole, None
        path, _, query = self.url.decode("ascii").partition("?")
        headers = [(name.decode("latin-1"), value.decode("latin-1").strip()) for name, value in self.headers]
        client = self.client[0] if self.client else ""
        self._answer(HttpRequest("POST", path, query, headers, body, client))

    def handle_websocket_upgrade(self) -> None:
        """WebSockets begin with a GET; anything else would leave a connection that nobody answers or ends."""
        if self.parser.get_method() == b"GET":
            super().handle_websocket_upgrade()
        else:
            self.send_400_response("A WebSocket is opened with GET.")

    def _is_ordinary(self) -> bool:
        cycle: Any = self.cycle
        return (
            (cycle is None or cycle.response_complete)
            and not self.pipeline
            and not self.expect_100_continue
            and not self.flow.write_paused
            and self.url.startswith(b"/")
            and b"#" not in self.url
            and self.url.isascii()
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
        )

    def _refuse_the_head(self) -> None:
        self._head_bytes = None
        if not self.transport.is_closing():
            self.transport.write(self._encoded(_TOO_LARGE, keep_alive=False))
            self.transport.close()

    def _take_the_long_way(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        body, self._whole = self._whole, None
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()
        if body:
            super().on_body(body)

    def _answer(self, request: HttpRequest) -> None:
        """Answer now what needs no waiting, the rest from a task."""
        turn = self._turn
        if turn is None:
            turn = self._turn = _Turn()
        turn.response_complete = False
        self.cycle = turn
        answering = self.config.app.respond(request)  # type: ignore[union-attr]
        try:
            waits_for = answering.send(None)
        except StopIteration as done:
            self._written(done.value)
        except Exception:
            log.exception("unforeseen error")
            self._written(_BROKEN)
        else:
            self._go_on(self._later(Begun(answering, waits_for)))

    async def _later(self, begun: Begun) -> None:
        try:
            response = await begun
        except Exception:
            log.exception("unforeseen error")
            response = _BROKEN
        self._written(response)

    def _written(self, response: HttpResponse) -> None:
        turn = self._turn
        if turn.disconnected or self.transport.is_closing():
            turn.response_complete = True
            return
        if response.files:
            self._go_on(self._stream(response))
            return
        try:
            wire = self._encoded(response, keep_alive=turn.keep_alive)
        except (ValueError, LookupError):
            log.exception("an answer cannot be written")
            wire = self._encoded(_BROKEN, keep_alive=turn.keep_alive)
        self.transport.write(wire)
        self._complete()

    async def _stream(self, response: HttpResponse) -> None:
        """An answer that lies in files goes out piece by piece, as fast as the client reads."""

        async def send(event: dict[str, Any]) -> None:
            if self.flow.write_paused:
                await self.flow.drain()
            if self._turn.disconnected:
                raise ConnectionResetError
            if event["type"] == "http.response.start":
                headers = [
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in event["headers"]
                ]
                head = HttpResponse(event["status"], headers)
                self.transport.write(self._encoded(head, keep_alive=self._turn.keep_alive))
            else:
                self.transport.write(event["body"])

        try:
            await send_response(send, response)
        except Exception as error:
            if not isinstance(error, ConnectionResetError):
                log.exception("an answer broke off")
            self._turn.keep_alive = False
        self._complete()

    def on_response_complete(self) -> None:
        """As uvicorn's, but for the timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.is_idle = True

    def _complete(self) -> None:
        turn = self._turn
        turn.response_complete = True
        if not turn.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _encoded(self, response: HttpResponse, *, keep_alive: bool) -> bytes:
        text = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
        if not text.count("\r") == text.count("\n") == len(response.headers):
            raise ValueError("a header of an answer holds a line break")
        if "content-length: " not in text or not any(n == "content-length" for n, _ in response.headers):
            text += f"content-length: {response.size_bytes}\r\n"
        end = b"\r\n" if keep_alive else b"connection: close\r\n\r\n"
        headers, standing = self._standing
        if headers is not self.server_state.default_headers:
            headers = self.server_state.default_headers
            standing = b"".join([b"%b: %b\r\n" % pair for pair in headers])
            DirectHttp._standing = (headers, standing)
        return b"".join((STATUS_LINE[response.status], standing, text.encode("latin-1"), end, response.body))

    def _go_on(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(coroutine)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
