"""Hints arrive: in this process, between replicas over PostgreSQL, and over NATS."""

import asyncio
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostreeve.persistence.bus import Bus, InProcessBus, open_bus
from hostreeve.persistence.errors import StoreUnavailable
from hostreeve.persistence.nats_bus import NatsBus


@pytest.fixture(scope="module")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("nats-server") or shutil.which("/usr/sbin/nats-server")
    if program is None:
        pytest.skip("nats-server is not installed (Debian: nats-server)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [program, "-a", "127.0.0.1", "-p", str(port)],
        stderr=(tmp_path_factory.mktemp("nats") / "log").open("wb"),
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.02)
        yield f"nats://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture(params=["in process", "postgresql", "nats"])
def replicas(request: pytest.FixtureRequest) -> Iterator[tuple[Bus, Bus]]:
    """Two ends of one bus."""
    if request.param == "in process":
        one = InProcessBus()
        ends: tuple[Bus, Bus] = (one, one)
    else:
        url = (
            request.getfixturevalue("nats_url")
            if request.param == "nats"
            else request.getfixturevalue("postgres_stores").fresh()
        )
        ends = (open_bus(url), open_bus(url))
    yield ends
    for end in ends:
        end.close()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def test_a_hint_reaches_every_replica_and_only_its_channel(replicas: tuple[Bus, Bus]):
    here, there = replicas
    heard: list[tuple[str, str]] = []

    async def main() -> None:
        for name, bus in (("here", here), ("there", there)):
            bus.listen("mailbox", lambda key, name=name: heard.append((name, key)))
        here.publish("other", "mi-0")
        here.publish("mailbox", "mi-1 ä")
        await _until(lambda: len(heard) >= 2)
        await asyncio.sleep(0.05)

    asyncio.run(main())
    assert sorted(heard) == [("here", "mi-1 ä"), ("there", "mi-1 ä")]


def test_listeners_are_called_on_their_own_loop_from_whatever_thread(replicas: tuple[Bus, Bus]):
    here, there = replicas
    threads: list[int] = []

    async def main() -> None:
        there.listen("c", lambda key: threads.append(threading.get_ident()))
        await asyncio.to_thread(here.publish, "c", "k")
        await _until(lambda: bool(threads))

    asyncio.run(main())
    assert threads == [threading.get_ident()]


def test_who_ended_listening_hears_no_more(replicas: tuple[Bus, Bus]):
    here, there = replicas
    heard: list[str] = []
    kept: list[str] = []

    async def main() -> None:
        end = there.listen("c", heard.append)
        there.listen("c", kept.append)
        end()
        here.publish("c", "k")
        await _until(lambda: bool(kept))

    asyncio.run(main())
    assert heard == []


def test_many_hints_arrive_and_equal_ones_may_become_one(replicas: tuple[Bus, Bus]):
    here, there = replicas
    heard: list[str] = []

    async def main() -> None:
        there.listen("c", heard.append)
        for n in range(2000):
            here.publish("c", f"{n}")
            here.publish("c", "same")
        await _until(lambda: len(set(heard)) == 2001)

    asyncio.run(main())
    assert heard.count("same") < 2000


def test_a_closed_bus_says_nothing_and_does_not_hang(replicas: tuple[Bus, Bus]):
    here, there = replicas
    heard: list[str] = []
    there.listen("c", heard.append)
    there.close()
    here.publish("c", "k")
    here.close()
    here.publish("c", "k")
    assert heard == []


def test_a_nats_server_that_is_not_there_is_named():
    with pytest.raises(StoreUnavailable, match=r"nats://127\.0\.0\.1:1 .*--bus"):
        NatsBus("nats://127.0.0.1:1")


def test_a_postgresql_bus_comes_back_after_its_connections_died(postgres_stores):
    url = postgres_stores.fresh()
    bus = open_bus(url)
    heard: list[str] = []

    async def main() -> None:
        bus.listen("c", heard.append)
        postgres_stores._admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (Path(url).name,)
        )
        async with asyncio.timeout(10):
            while not heard:
                bus.publish("c", "again")
                await asyncio.sleep(0.1)

    asyncio.run(main())
    bus.close()
