"""Places are counted: what comes without one is turned away; who leaves, however it does, gives his back."""

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState
from websockets.asyncio.client import connect

from hostreeve.app.port import places
from hostreeve.gateway import certificates, tls
from hostreeve.gateway.asgi import Asgi
from hostreeve.gateway.direct import DirectHttp
from hostreeve.gateway.guests import Guests, counted_as
from hostreeve.gateway.tls import Tls
from hostreeve.kernel.world import RealWorld, SimulatedWorld
from tests.gateway.test_direct import Echo, post


async def listens(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


class Served:
    """A port as `serve` has it, with an application that echoes."""

    def __init__(self, folder: Path) -> None:
        made = certificates.ensure(folder, ["127.0.0.1"], RealWorld())
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(made.cert_path, made.key_path)
        self.trust = ssl.create_default_context(cafile=str(made.ca_pem_path))

    def run(self, scene: Any, most: int = 1000) -> None:
        self.guests = Guests(most, most, RealWorld().monotonic)
        app = Asgi(Echo(), {}, {"/socket/": listens})
        config = uvicorn.Config(app, lifespan="off", log_config=None, ws="websockets-sansio")
        config.load()
        http = partial(DirectHttp, config=config, server_state=ServerState(), app_state={})

        async def main() -> None:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(
                lambda: Tls(self.context, http, self.guests), "127.0.0.1", 0, backlog=200
            )
            self.port = server.sockets[0].getsockname()[1]
            async with asyncio.timeout(20):
                await scene(self)
                await self.here(0)
            server.close()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())

    async def plain(self) -> asyncio.StreamWriter:
        return (await asyncio.open_connection("127.0.0.1", self.port))[1]

    async def answered(self) -> asyncio.StreamWriter | None:
        """A connection on which a request was answered; None when there is none to be had."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.trust)
            writer.write(post(b"hello"))
            await reader.readuntil(b"<hello>")
            return writer
        return None

    async def here(self, count: int) -> None:
        while self.guests.here != count:
            await asyncio.sleep(0.005)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return Served(tmp_path_factory.mktemp("guests"))


def test_who_finds_no_place_is_turned_away_and_the_others_notice_nothing(served):
    async def scene(served: Served) -> None:
        first, second = await served.answered(), await served.answered()
        assert first and second
        assert await served.answered() is None and served.guests.refused == 1
        first.close()
        await served.here(1)
        third = await served.answered()
        assert third
        second.close()
        third.close()

    served.run(scene, most=2)


def test_a_place_is_given_back_by_who_never_speaks_tls(served):
    async def scene(served: Served) -> None:
        garbage, silent = await served.plain(), await served.plain()
        await served.here(2)
        garbage.write(b"GET / HTTP/1.1\r\n\r\n" * 10)
        await served.here(1)
        silent.close()

    served.run(scene)


def test_who_begins_no_tls_has_a_place_for_a_while_only(served, monkeypatch):
    monkeypatch.setattr(tls, "HANDSHAKE_S", 0.1)

    async def scene(served: Served) -> None:
        silent = await served.plain()
        await served.here(1)
        await served.here(0)
        silent.close()

    served.run(scene)


def test_a_reset_gives_the_place_back(served):
    async def scene(served: Served) -> None:
        writer = await served.answered()
        assert writer
        at_once = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        writer.transport.abort()

    served.run(scene)


def test_a_websocket_has_one_place_from_its_beginning_to_its_end(served):
    async def scene(served: Served) -> None:
        url = f"wss://127.0.0.1:{served.port}/socket/x"
        async with connect(url, ssl=served.trust, compression=None, proxy=None):
            assert served.guests.here == 1

    served.run(scene)


def test_many_come_at_once_and_each_is_counted_once(served):
    async def scene(served: Served) -> None:
        writers = [await served.plain() for _ in range(150)]
        await served.here(150)
        for writer in writers:
            writer.close()

    served.run(scene)


def test_an_address_has_its_share_of_the_places():
    guests = Guests(100, 3, SimulatedWorld(1).monotonic)
    assert [guests.admit("192.0.2.1") for _ in range(4)] == ["192.0.2.1"] * 3 + [None]
    assert guests.admit("192.0.2.2") is not None
    guests.leave("192.0.2.1")
    assert guests.here == 3
    assert guests.admit("192.0.2.1") is not None and guests.admit("192.0.2.1") is None
    assert guests.refused == 2


def test_the_machine_itself_has_all_the_places_that_there_are():
    guests = Guests(10, 3, SimulatedWorld(1).monotonic)
    assert [guests.admit("127.0.0.1") is not None for _ in range(11)] == [True] * 10 + [False]


def test_those_that_are_turned_away_do_not_fill_the_log(caplog):
    world = SimulatedWorld(1)
    guests = Guests(1, 1, world.monotonic)
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            guests.admit("192.0.2.7")
        world.advance(61)
        guests.admit("192.0.2.8")
    assert [record.args[0] for record in caplog.records] == ["192.0.2.7", "192.0.2.8"]


def test_there_are_no_more_places_than_open_files():
    assert places(5) == 5 and 5 < places(1 << 40) < 1 << 40


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("127.0.0.2", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("somewhere", "somewhere"),
    ],
)
def test_an_address_counts_as_what_one_client_has(client, counted):
    assert counted_as(client) == counted
