"""Slow clients, and those that never come to the point, hold nothing for long."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from hostreeve.gateway.asgi import Asgi
from hostreeve.gateway.direct import DirectHttp
from hostreeve.gateway.patience import Patience
from hostreeve.kernel import limits
from tests.gateway.test_direct import Echo, Wire, post


class Connection(Wire):
    """A connection that can also be torn down."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True


def watched(*pieces: bytes, between: bytes = b"") -> Connection:
    """A connection after these pieces, looked at until patience is over; `between` comes with each look."""

    async def run() -> Connection:
        config = uvicorn.Config(Asgi(Echo(), {}, {}), log_config=None, lifespan="off", proxy_headers=False)
        config.load()
        protocol, wire = DirectHttp(config=config, server_state=ServerState(), app_state={}), Connection()
        protocol.connection_made(wire)
        now = [0.0]
        patience = Patience(lambda: [protocol, object()], lambda: now[0])
        for piece in pieces:
            protocol.data_received(piece)
        await asyncio.sleep(0.05)
        for _ in range(10):
            patience.look()
            now[0] += limits.REQUEST_HEAD_S / 4
            if between and not wire.aborted:
                protocol.data_received(between)
                await asyncio.sleep(0.01)
        return wire

    return asyncio.run(run())


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"POST / HT",),
        (b"POST / HTTP/1.1\r\nHost: here\r\n",),
        (post(b"1"), b"POST /"),
        (post(b"1"), b"\r\n"),
    ],
    ids=["nothing", "a method", "half a head", "half a second head", "an empty line"],
)
def test_a_connection_without_a_whole_head_is_ended(pieces):
    assert watched(*pieces).aborted


def test_a_head_that_comes_line_by_line_is_not_waited_for_longer():
    assert watched(b"POST / HTTP/1.1\r\n", between=b"X-More: 1\r\n").aborted


def test_a_connection_between_two_requests_has_its_own_time(monkeypatch):
    assert not watched(post(b"1")).aborted
    monkeypatch.setattr(limits, "KEEP_ALIVE_S", limits.REQUEST_HEAD_S * 2)
    assert watched(post(b"1")).aborted


def test_a_connection_with_one_request_after_the_other_stays():
    wire = watched(post(b"1"), between=post(b"2"))
    assert not wire.aborted and wire.bodies == [b"1"] + [b"2"] * 10


def test_a_body_that_never_begins_is_given_up(monkeypatch):
    monkeypatch.setattr(limits, "REQUEST_BODY_IDLE_S", 0.01)
    wire = watched(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\n")
    assert wire.written[0].startswith(b"HTTP/1.1 408 ") and wire.closed


def test_a_body_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(limits, "REQUEST_BODY_S_MAX", 0.02)

    async def drip() -> dict[str, Any]:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"a", "more_body": True}

    sent: list[dict[str, Any]] = []

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {"type": "http", "raw_path": b"/", "query_string": b"", "headers": [], "client": ("here", 1)}
    app = Asgi(Echo(), {}, {})
    asyncio.run(app(scope, drip, send))
    assert sent[0]["status"] == 408 and (b"connection", b"close") in sent[0]["headers"]
    assert app.bodies.held_bytes == 0


@pytest.mark.parametrize("line", [b"X-Long: " + b"a" * 5000, b"X: 1\r\n" * 700])
def test_a_head_without_end_is_refused_before_it_fills_the_memory(line):
    wire = watched(b"GET / HTTP/1.1\r\n", *[line] * 20)
    assert b"".join(wire.written).startswith(b"HTTP/1.1 431 ") and wire.closed


def test_a_large_head_is_read():
    head = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\nX-Token: "
    assert watched(head, *[b"a" * 1000] * 30, b"\r\n\r\n9").bodies == [b"9"]
