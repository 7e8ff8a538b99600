"""The control channel in trouble: a store that refuses, nodes that flood, nodes that do not read."""

import asyncio
from contextlib import suppress

import pytest

from hostreeve.messaging import hub, intake
from hostreeve.persistence.errors import StorageFull
from tests.messaging.fake_agent import NODE, OTHER, Link, job, until

SCHEMAS = ["hostreeve.messaging"]


class Failing:
    """A database that refuses so many writes, and is otherwise the one below it."""

    def __init__(self, database) -> None:
        self._database = database
        self.refusals = 0

    def __getattr__(self, name):
        return getattr(self._database, name)

    async def write(self, unit):
        if self.refusals:
            self.refusals -= 1
            raise StorageFull("no room")
        return await self._database.write(unit)


def test_what_a_full_disk_refused_is_kept_and_answered_only_when_it_is_stored(database, world, monkeypatch):
    failing = Failing(database)
    link = Link(failing, world)

    async def scenario():
        async with link.running():
            socket = await link.connect()
            failing.refusals = 2
            for number in range(5):
                socket.reply(job(number).job_id)
            await socket.silence(0.3)
            for _ in range(5):
                assert (await socket.frame()).message_type == "agent_job_reply_ack"
            assert [job_id for job_id, _ in link.heard.replies] == [job(n).job_id for n in range(5)]

    asyncio.run(scenario())


def test_a_job_whose_claim_failed_is_sent_when_the_store_works_again(database, world):
    failing = Failing(database)
    link = Link(failing, world)

    async def scenario():
        async with link.running():
            socket = await link.connect()
            await socket.silence(0.05)
            failing.refusals = 1
            await Link(database, world).post(job(1))
            await until(lambda: failing.refusals == 0)
            await socket.silence(0.05)
            await link.channels.poll()
            await until(lambda: not socket._from_app.empty(), 3)
            assert (await socket.frame()).message_type == "agent_job"

    asyncio.run(scenario())


def test_a_flood_is_taken_in_as_fast_as_it_is_stored_and_nothing_is_lost(database, world, monkeypatch):
    monkeypatch.setattr(intake, "WAITING_MAX", 10)
    monkeypatch.setattr(intake, "BATCH_MAX", 7)
    link = Link(database, world)

    async def scenario():
        async with link.running():
            sockets = [await link.connect(NODE), await link.connect(OTHER)]
            for number in range(200):
                sockets[0].reply(job(number).job_id)
                sockets[1].reply(job(number, OTHER).job_id)
            for socket in sockets:
                for _ in range(200):
                    await socket.frame()
            assert len(link.heard.replies) == 400
            assert len(link.channels._intake._waiting) == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_node_that_never_reads_is_cut_off_and_its_jobs_wait(database, world, monkeypatch):
    monkeypatch.setattr(hub, "BACKLOG_MAX", 5)
    link = Link(database, world)

    async def scenario():
        async with link.running():
            socket = await link.connect()
            socket.writable.clear()
            await link.post(*(job(number) for number in range(9)))
            channel = link.channels.hub.get(NODE)
            await until(lambda: not channel.is_open)
            socket.writable.set()
            assert await socket.closed() == 1013
            await until(socket.app.done)
            assert len(await link.jobs_left()) == 9
            again = await link.connect()
            for _ in range(9):
                await again.frame()

    asyncio.run(scenario())


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_node_that_says_nothing_after_it_connected_is_cut_off(database, world, monkeypatch):
    from hostreeve.messaging import channels
    from tests.messaging.fake_agent import Socket

    monkeypatch.setattr(channels, "OPENING_S_MAX", 0.05)
    link = Link(database, world)

    async def scenario():
        socket = Socket(link.channels, NODE)
        await socket.accepted()
        assert await socket.closed() == 1008
        with suppress(asyncio.CancelledError):
            await socket.app

    asyncio.run(scenario())
