"""Whole binary messages take a short way through a WebSocket, all else the library's; no one can tell."""

import asyncio
from itertools import pairwise

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from hostreeve.gateway.sockets import EXTENSION, DirectSocket
from tests.gateway.test_direct import Wire

SIZE_MAX = 100_000


class Ended(Wire):
    """A connection without a network whose reading can be stopped."""

    is_paused = False

    def pause_reading(self):
        self.is_paused = True

    def resume_reading(self):
        self.is_paused = False


class Scene:
    """A client of the library's, and our side of the connection with an application that keeps messages."""

    def __init__(self, *, takes=True):
        self.got: list[bytes | None] = []
        self.events: list[str] = []
        self.takes = takes
        self.go_on = asyncio.Event()
        config = uvicorn.Config(
            self.application,
            interface="asgi3",
            ws=DirectSocket,
            ws_max_size=SIZE_MAX,
            log_config=None,
            lifespan="off",
        )
        config.load()
        self.ours = DirectSocket(config=config, server_state=ServerState(), app_state={})
        self.wire = Ended()
        self.ours.connection_made(self.wire)
        self.client = ClientProtocol(parse_uri("ws://here/"), max_size=None)

    async def application(self, scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        self.direct = scope["extensions"][EXTENSION]
        if self.takes:
            self.direct.take(self.got.append)
        else:
            await self.go_on.wait()
            self.direct.take(self.got.append)
        self.events.append((await receive())["type"])

    async def open(self):
        self.client.send_request(self.client.connect())
        self.move()
        await asyncio.sleep(0.001)
        self.move()
        assert self.client.state.name == "OPEN"

    def move(self, *cuts):
        """Bring across what either side has sent, ours cut at these places."""
        whole = b"".join(self.client.data_to_send())
        places = [0, *sorted(cut % (len(whole) + 1) for cut in cuts), len(whole)]
        for start, end in pairwise(places):
            if start < end:
                self.ours.data_received(whole[start:end])
        for data in self.wire.written:
            self.client.receive_data(data)
        self.wire.written.clear()

    def told(self):
        """The frames that the client got since the last time."""
        return [event for event in self.client.events_received() if isinstance(event, Frame)]


def play(scene_of, **how):
    async def main():
        scene = Scene(**how)
        await scene.open()
        await scene_of(scene)
        scene.ours.stop_keepalive()
        return scene

    return asyncio.run(main())


binary = st.binary(max_size=300) | st.sampled_from([b"x" * 125, b"y" * 126, b"z" * 65_535, b"w" * 65_536])
messages = st.lists(
    st.tuples(st.just("whole"), binary)
    | st.tuples(st.just("parts"), st.lists(st.binary(max_size=200), min_size=2, max_size=4))
    | st.tuples(st.just("text"), st.text(max_size=30))
    | st.tuples(st.just("ping"), st.binary(max_size=10)),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(messages, st.lists(st.integers(0, 300_000), max_size=6))
def test_messages_arrive_as_they_were_sent_however_they_are_cut(sent, cuts):
    async def scene_of(scene):
        wanted, pings = [], []
        for kind, content in sent:
            if kind == "whole":
                scene.client.send_binary(content)
                wanted.append(content)
            elif kind == "parts":
                scene.client.send_binary(content[0], fin=False)
                for part in content[1:-1]:
                    scene.client.send_continuation(part, fin=False)
                    scene.client.send_ping(b"between")
                    pings.append(b"between")
                scene.client.send_continuation(content[-1], fin=True)
                wanted.append(b"".join(content))
            elif kind == "text":
                scene.client.send_text(content.encode())
                wanted.append(None)
            else:
                scene.client.send_ping(content)
                pings.append(content)
        scene.move(*cuts)
        assert scene.got == wanted
        assert [bytes(frame.data) for frame in scene.told() if frame.opcode is Opcode.PONG] == pings

    play(scene_of)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 300_000])
def test_what_we_write_is_read_by_others(size):
    async def scene_of(scene):
        assert scene.direct.write(b"r" * size)
        assert len(scene.wire.written) == 1
        scene.move()
        (frame,) = scene.told()
        assert frame.opcode is Opcode.BINARY and frame.data == b"r" * size

    play(scene_of)


def test_what_came_before_the_taker_is_handed_over_first():
    async def scene_of(scene):
        scene.client.send_binary(b"first")
        scene.client.send_text(b"second")
        scene.move()
        assert scene.wire.is_paused
        scene.go_on.set()
        await asyncio.sleep(0.001)
        assert not scene.wire.is_paused
        scene.client.send_binary(b"third")
        scene.move()
        assert scene.got == [b"first", None, b"third"]

    play(scene_of, takes=False)


def test_reading_stops_and_goes_on():
    async def scene_of(scene):
        assert scene.direct.pause() and scene.wire.is_paused
        assert not scene.direct.pause()
        scene.direct.resume()
        assert not scene.wire.is_paused

    play(scene_of)


def test_nothing_is_written_while_the_buffer_is_full_or_after_the_end():
    async def scene_of(scene):
        scene.ours.pause_writing()
        assert not scene.direct.write(b"no")
        scene.ours.resume_writing()
        assert scene.direct.write(b"yes")
        scene.client.send_close(1000)
        scene.move()
        assert not scene.direct.write(b"no")
        await asyncio.sleep(0.001)
        assert scene.events == ["websocket.disconnect"]

    play(scene_of)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x82\x01a", 1002),
        (b"\xc2\x81\x00\x00\x00\x00a", 1002),
        (b"\x83\x81\x00\x00\x00\x00a", 1002),
        (b"\x80\x81\x00\x00\x00\x00a", 1002),
        (b"\x02\x81\x00\x00\x00\x00a\x82\x81\x00\x00\x00\x00b", 1002),
        (b"\x82\xff" + (SIZE_MAX + 1).to_bytes(8, "big") + b"\0\0\0\0", 1009),
    ],
    ids=["unmasked", "reserved bit", "reserved opcode", "no beginning", "inside a message", "too large"],
)
def test_what_breaks_the_protocol_ends_the_connection(sent, code):
    async def scene_of(scene):
        scene.client.send_binary(b"before")
        scene.move()
        scene.ours.data_received(sent)
        scene.ours.data_received(b"\x82\x81\x00\x00\x00\x00z")
        scene.move()
        closing = [frame for frame in scene.told() if frame.opcode is Opcode.CLOSE]
        assert [int.from_bytes(frame.data[:2], "big") for frame in closing] == [code]
        assert b"z" not in scene.got and scene.got[0] == b"before"
        assert not scene.direct.write(b"no")

    play(scene_of)
