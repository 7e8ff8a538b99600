"""TLS as the port has it: what goes in comes out, and connections end as they should."""

import asyncio
import contextlib
import socket
import ssl
import threading

import pytest
import uvloop

from hostreeve.gateway import certificates, tls
from hostreeve.gateway.tls import Tls
from hostreeve.kernel.world import RealWorld

MANY = 16_000_000


class Behind(asyncio.Protocol):
    """A protocol that tells what happens to it, and does what the first byte it gets says."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.got = 0

    def connection_made(self, transport):
        self.transport = transport
        self.told.append("made")

    def data_received(self, data):
        self.got += len(data)
        if data[:1] == b"e":
            self.transport.write(data)
        elif data[:1] == b"b":
            self.transport.close()
        elif data[:1] == b"m":
            self.transport.write(b"x" * MANY)
        elif data[:1] == b"c":
            self.transport.write(b"last" + b"." * MANY)
            self.transport.close()
        elif data[:1] == b"p":
            self.transport.pause_reading()
        elif data[:1] == b"a":
            self.transport.abort()

    def connection_lost(self, exc):
        self.told.append("lost")

    def pause_writing(self):
        self.told.append("full")

    def resume_writing(self):
        self.told.append("empty")


class Served:
    """A port with that protocol behind TLS; `made` are its connections' protocols."""

    def __init__(self, folder):
        found = certificates.ensure(folder, ["127.0.0.1"], RealWorld())
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(found.cert_path, found.key_path)
        self.trust = ssl.create_default_context(cafile=found.ca_pem_path)
        self.made: list[Behind] = []

    def make(self):
        self.made.append(Behind())
        return self.made[-1]

    def run(self, scene):
        async def main():
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: Tls(self.context, self.make), "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            async with asyncio.timeout(20):
                found = await scene(self)
            server.close()
            return found

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main())

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.trust)

    async def lost(self):
        while not self.made or self.made[-1].told[-1] != "lost":
            await asyncio.sleep(0.005)


@pytest.fixture
def served(tmp_path):
    return Served(tmp_path)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", [1, 16_384, 16_385, 500_000])
def test_what_goes_in_comes_out(served, version, size):
    served.trust.maximum_version = version

    async def scene(served):
        reader, writer = await served.connect()
        sent = b"e" * size
        writer.write(sent)
        return await reader.readexactly(size) == sent

    assert served.run(scene)


def test_bytes_that_come_one_by_one_are_put_together(served):
    """Records cut anywhere by the network."""

    async def scene(served):
        ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = served.trust.wrap_bio(ours, theirs, server_hostname="127.0.0.1")
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)

        async def through(act):
            while True:
                try:
                    return act()
                except ssl.SSLWantReadError:
                    writer.write(theirs.read())
                    ours.write(await reader.read(65536))

        await through(client.do_handshake)
        client.write(b"e" * 200)
        for byte in theirs.read():
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        found = b""
        while len(found) < 200:
            found += await through(lambda: client.read(200))
        return found

    assert served.run(scene) == b"e" * 200


def test_a_client_that_does_not_read_stops_the_writer(served):
    async def scene(served):
        reader, writer = await served.connect()
        writer.write(b"m")
        while "full" not in (served.made[0].told if served.made else ()):
            await asyncio.sleep(0.005)
        told = list(served.made[0].told)
        assert len(await reader.readexactly(MANY)) == MANY
        return told, served.made[0].told

    before, after = served.run(scene)
    assert before == ["made", "full"] and after[:3] == [*before, "empty"]


def test_the_last_answer_reaches_a_client_that_sends_on(served):
    def client() -> bytes:
        # Not uvloop's streams: they lose what lies before the end of a connection whose reader is behind.
        raw = socket.create_connection(("127.0.0.1", served.port))
        with served.trust.wrap_socket(raw, server_hostname="127.0.0.1") as connection:
            connection.sendall(b"c")
            threading.Thread(target=connection.sendall, args=(b"more" * 500_000,)).start()
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    async def scene(served):
        answer = await asyncio.to_thread(client)
        await served.lost()
        return answer

    answer = served.run(scene)
    assert answer.startswith(b"last") and len(answer) == MANY + 4


def test_a_client_that_never_hangs_up_is_left_behind(served, monkeypatch):
    monkeypatch.setattr(tls, "LINGER_S", 0.02)

    async def scene(served):
        reader, writer = await served.connect()
        writer.write(b"b")
        await served.lost()
        return await reader.read()

    assert served.run(scene) == b""


def test_a_client_that_reads_nothing_of_a_last_answer_is_given_up(served, monkeypatch):
    monkeypatch.setattr(tls, "LINGER_S", 0.02)
    monkeypatch.setattr(tls, "STALLED_MAX", 3)

    async def scene(served):
        _, writer = await served.connect()
        writer.transport.pause_reading()
        writer.write(b"c")
        await served.lost()

    served.run(scene)


@pytest.mark.parametrize("act", ["farewell", "hang up", "b", "a"])
def test_every_end_of_a_connection_is_told(served, act):
    async def scene(served):
        _, writer = await served.connect()
        writer.write(b"x" if len(act) > 1 else act.encode())
        while not served.made or not served.made[0].got:
            await asyncio.sleep(0.005)
        if act == "farewell":
            writer.close()
        elif act == "hang up":
            writer.transport.abort()
        else:
            with contextlib.suppress(OSError):
                await asyncio.wait_for(asyncio.shield(writer.wait_closed()), 0.05)
                writer.close()
        await served.lost()
        return served.made[0].told

    assert served.run(scene) == ["made", "lost"]


def test_reading_goes_on_where_it_was_stopped(served):
    async def scene(served):
        _, writer = await served.connect()
        # Two records in one go: the second waits within TLS, where nothing announces it.
        writer.transport.write(b"p" + b"." * 9)
        writer.transport.write(b"x" * 10)
        while not served.made or not served.made[0].got:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        stopped = served.made[0].got
        served.made[0].transport.resume_reading()
        while served.made[0].got < 20:
            await asyncio.sleep(0.005)
        return stopped

    assert served.run(scene) == 10


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\x00" * 300])
def test_who_speaks_no_tls_is_sent_away(served, sent):
    async def scene(served):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(sent)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        return served.made

    assert served.run(scene) == []


def test_who_breaks_tls_later_is_cut_off(served):
    async def scene(served):
        _, writer = await served.connect()
        writer.write(b"x")
        while not served.made:
            await asyncio.sleep(0.005)
        raw = socket.fromfd(writer.get_extra_info("socket").fileno(), socket.AF_INET, socket.SOCK_STREAM)
        raw.setblocking(True)
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"!" * 32)
        raw.close()
        await served.lost()

    served.run(scene)


def test_who_never_finishes_the_handshake_is_cut_off(served, monkeypatch):
    monkeypatch.setattr(tls, "HANDSHAKE_S", 0.05)

    async def scene(served):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"\x16\x03\x01")
        with contextlib.suppress(ConnectionError):
            await reader.read()
        return served.made

    assert served.run(scene) == []
