"""An account is closed: its nodes' connections are cut, those of others stay."""

import asyncio

import pytest

from hostreeve.messaging import mailbox, store
from tests.messaging.fake_agent import NODE, OTHER, SCOPE, Link, job, until

SCHEMAS = ["hostreeve.messaging"]
ELSEWHERE = "999999999999"


@pytest.fixture
def link(database, world):
    return Link(database, world)


def test_the_channels_of_a_closed_account_are_cut_and_no_others(link):
    async def whole():
        async with link.running():
            first, second = await link.connect(NODE), await link.connect(OTHER)
            await link.database.write(lambda tx: mailbox.hang_up(tx, ELSEWHERE))
            await link.post(job(1))
            assert (await first.frame()).message_type == "agent_job"
            await link.database.write(lambda tx: mailbox.hang_up(tx, SCOPE.account))
            assert await first.closed() == await second.closed() == 1008
            await until(lambda: len(link.channels.hub) == 0)
            assert not await link.database.read(
                lambda tx: store.is_open(tx, SCOPE, NODE, link.world.now_ms())
            )

    asyncio.run(whole())


def test_a_channel_is_cut_even_if_the_hint_was_lost(link):
    async def whole():
        async with link.running():
            socket = await link.connect(NODE)
            await link.channels.verify()
            assert len(link.channels.hub) == 1
            await link.database.write(lambda tx: store.close_account(tx, SCOPE.account) and None)
            assert len(link.channels.hub) == 1
            await link.channels.verify()
            assert await socket.closed() == 1008

    asyncio.run(whole())
