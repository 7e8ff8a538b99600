"""The short way of a request and the long one give the same answers, in the order of the requests."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from hostreeve.gateway.asgi import Asgi
from hostreeve.gateway.direct import DirectHttp
from hostreeve.gateway.http import HttpRequest, HttpResponse


class Echo:
    """A pipeline that answers with the body; one that says "wait" is answered after a while."""

    async def answer(self, http: HttpRequest) -> HttpResponse:
        if http.body == b"wait":
            await asyncio.sleep(0.01)
        if http.body == b"break":
            return HttpResponse(200, [("x-note", "a\r\nset-cookie: b")])
        return HttpResponse(200, [("x-path", http.path)], b"<" + http.body + b">")


class Wire(asyncio.Transport):
    """A connection without a network: what was written, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """Nothing arrives by itself."""

    def resume_reading(self) -> None:
        """Nothing arrives by itself."""

    @property
    def bodies(self) -> list[bytes]:
        whole = b"".join(self.written)
        return [part.split(b">")[0] for part in whole.split(b"<")[1:]]


def post(body: bytes, *headers: str) -> bytes:
    lines = ["POST /a%20b?c=d HTTP/1.1", "Host: here", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def exchange(*pieces: bytes, answers: int = 1) -> Wire:
    """What comes back for these pieces of a connection's bytes."""

    async def run() -> Wire:
        config = uvicorn.Config(Asgi(Echo(), {}, {}), log_config=None, lifespan="off", proxy_headers=False)
        config.load()
        protocol, wire = DirectHttp(config=config, server_state=ServerState(), app_state={}), Wire()
        protocol.connection_made(wire)
        for piece in pieces:
            protocol.data_received(piece)
            await asyncio.sleep(0)
        for _ in range(100):
            if len(wire.bodies) >= answers:
                break
            await asyncio.sleep(0.005)
        protocol._unset_keepalive_if_required()
        return wire

    return asyncio.run(run())


def test_a_request_in_one_piece_is_answered_with_one_write():
    wire = exchange(post(b"one"))
    assert wire.bodies == [b"one"]
    assert len(wire.written) == 1
    assert wire.written[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"x-path: /a%20b\r\ncontent-length: 5\r\n\r\n" in wire.written[0]


@pytest.mark.parametrize("cut", [5, 40, -1])
def test_a_request_in_two_pieces_is_answered_alike(cut):
    whole = post(b"two")
    assert exchange(whole[:cut], whole[cut:]).bodies == [b"two"]


def test_requests_behind_one_that_waits_are_answered_in_order():
    wire = exchange(post(b"wait") + post(b"b") + post(b"c"), post(b"d"), answers=4)
    assert wire.bodies == [b"wait", b"b", b"c", b"d"]
    assert not wire.closed


def test_a_client_that_wants_the_connection_closed_gets_that():
    wire = exchange(post(b"last", "Connection: close"))
    assert wire.bodies == [b"last"]
    assert wire.closed


def test_a_post_that_asks_for_a_websocket_is_refused():
    words = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: eA==",
    )
    wire = exchange(post(b"three", *words), answers=0)
    assert b"".join(wire.written).startswith(b"HTTP/1.1 400") and wire.closed


def test_no_answer_carries_a_line_break_in_a_header():
    wire = exchange(post(b"break"), answers=0)
    assert b"".join(wire.written).startswith(b"HTTP/1.1 500")
    assert b"set-cookie" not in b"".join(wire.written)
