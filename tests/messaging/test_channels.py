"""The control channel without a network: what a node may do, is sent, and what is kept of its words."""

import asyncio
import json

import pytest

from hostreeve.contract import jobs as wire
from hostreeve.contract.frames import AgentMessage, decode
from hostreeve.messaging import mailbox, store
from hostreeve.messaging.model import FRAME_BYTES_MAX
from tests.messaging.fake_agent import NODE, OTHER, SCOPE, Link, Socket, job, opening_frame, until

SCHEMAS = ["hostreeve.messaging"]


@pytest.fixture
def link(database, world):
    return Link(database, world)


def running(scenario):
    """Run an async test with the link's own tasks beside it."""

    def test(link):
        async def whole():
            async with link.running():
                await scenario(link)

        asyncio.run(whole())

    test.__name__ = scenario.__name__
    test.__doc__ = scenario.__doc__
    return test


# Opening


@running
async def test_only_the_node_itself_opens_its_channel(link):
    socket = Socket(link.channels, NODE, signer=OTHER)
    event = await socket.event()
    assert (event["type"], event["status"]) == ("websocket.http.response.start", 403)
    assert b"<AccessDeniedException>" in (await socket.event())["body"]


@running
async def test_an_unsigned_upgrade_is_refused(link):
    socket = Socket(link.channels, NODE, signer="")
    assert (await socket.event())["status"] == 403
    assert len(link.channels.hub) == 0


@running
async def test_the_first_frame_must_be_text(link):
    socket = Socket(link.channels, NODE)
    await socket.accepted()
    socket.raw(b"\0" * 200)
    assert await socket.closed() == 1003


@running
async def test_an_opening_frame_that_is_garbage_is_refused(link):
    for text in ("", "[]", "{}", '{"TokenValue": 7}', "[" * 100_000, opening_frame("x"), opening_frame("é")):
        socket = Socket(link.channels, NODE)
        await socket.accepted()
        socket.text(text)
        assert await socket.closed() == 1008, text[:50]


@running
async def test_a_token_opens_only_the_channel_it_was_made_for(link):
    socket = Socket(link.channels, NODE)
    await socket.accepted()
    socket.text(opening_frame(link.token(OTHER)))
    assert await socket.closed() == 1008


@running
async def test_a_token_is_good_for_minutes_only(link):
    token = link.token()
    link.world.advance(301)
    socket = Socket(link.channels, NODE)
    await socket.accepted()
    socket.text(opening_frame(token))
    assert await socket.closed() == 1008


@running
async def test_a_token_survives_a_restart_and_holds_on_another_replica(link):
    token = link.token()
    other = Link(link.database, link.world, replica="two")
    async with other.running():
        socket = Socket(other.channels, NODE)
        await socket.accepted()
        socket.text(opening_frame(token))
        await until(lambda: other.channels.hub.get(NODE))


@running
async def test_a_node_that_is_not_registered_is_refused(link):
    socket = Socket(link.channels, "mi-00000000000000000")
    await socket.accepted()
    socket.text(opening_frame(link.token("mi-00000000000000000")))
    assert await socket.closed() == 1008


@running
async def test_a_node_that_leaves_before_it_opened_leaves_nothing(link):
    socket = Socket(link.channels, NODE)
    await socket.accepted()
    socket.leave()
    await until(socket.app.done)
    assert len(link.channels.hub) == 0


# Jobs out


@running
async def test_a_job_reaches_a_connected_node_as_the_official_agent_expects_it(link):
    socket = await link.connect()
    await link.post(job(1), content='{"CommandId":"x","Text":"é\\n"}')
    message = await socket.frame()
    assert message.message_type == "agent_job"
    assert message.created_ms == link.world.now_ms()
    assert json.loads(message.payload) == {
        "SchemaVersion": 1,
        "JobId": job(1).job_id,
        "Topic": "aws.ssm.sendCommand.us-east-1",
        "Content": '{"CommandId":"x","Text":"é\\n"}',
    }


@running
async def test_our_agent_is_told_more_than_the_official_one(link):
    socket = await link.connect(hostreeve_version="1", extensions=("output",))
    await link.post(job(1, extra='{"StreamOutput":true}', expires_ms=1_900_000_000_000))
    received = wire.read_agent_job((await socket.frame()).payload)
    assert received.stream_output
    assert received.expires_ms == 1_900_000_000_000


@running
async def test_jobs_posted_while_the_node_was_away_wait_for_it(link):
    await link.post(job(1), job(2))
    socket = await link.connect()
    assert {json.loads((await socket.frame()).payload)["JobId"] for _ in range(2)} == {
        job(1).job_id,
        job(2).job_id,
    }


@running
async def test_a_job_that_was_not_acknowledged_comes_again_after_a_reconnect(link):
    socket = await link.connect()
    await link.post(job(1))
    await socket.frame()
    socket.leave()
    await until(lambda: link.channels.hub.get(NODE) is None)
    again = await link.connect()
    assert json.loads((await again.frame()).payload)["JobId"] == job(1).job_id


@running
async def test_a_job_that_was_not_acknowledged_comes_again_on_the_same_channel(link):
    """The official agent drops jobs without a word in its first seconds."""
    socket = await link.connect()
    await link.post(job(1))
    first = await socket.frame()
    link.world.advance(5)
    await link.channels.poll()
    await socket.silence()
    link.world.advance(6)
    await link.channels.poll()
    second = await socket.frame()
    assert second.payload == first.payload
    assert second.message_id != first.message_id


@pytest.mark.parametrize("code", ["200", "51405"])
def test_an_acknowledged_job_never_comes_again(link, code):
    async def scenario():
        async with link.running():
            socket = await link.connect()
            await link.post(job(1))
            await socket.frame()
            socket.ack(job(1).job_id, code)
            socket.ack(job(1).job_id, code)
            await until(lambda: link.heard.acknowledged_jobs)
            assert await link.jobs_left() == []
            socket.leave()
            again = await link.connect()
            link.world.advance(100)
            await link.channels.poll()
            await again.silence()
            assert link.heard.acknowledged_jobs == [job(1).job_id]

    asyncio.run(scenario())


@running
async def test_a_job_that_a_full_or_closing_agent_cannot_take_comes_again_a_little_later(link):
    socket = await link.connect()
    await link.post(job(1))
    await socket.frame()
    for code, rest_s in (("51402", 3.1), ("51401", 6.1)):
        socket.ack(job(1).job_id, code)
        await until(lambda: _state(link, job(1).job_id, "waiting"))
        await link.channels.poll()
        await socket.silence()
        link.world.advance(rest_s)
        await link.channels.poll()
        assert json.loads((await socket.frame()).payload)["JobId"] == job(1).job_id
    assert link.heard.acknowledged_jobs == []
    assert link.heard.refusals == []


async def _frames(socket, count):
    return [json.loads((await socket.frame()).payload)["JobId"] for _ in range(count)]


@running
async def test_a_node_of_ours_that_took_its_jobs_gets_the_next_at_once(link):
    """Without a look into the mailbox in between: `poll` is what would have found them."""
    socket = await link.connect(hostreeve_version="1", extensions=("output",))
    await link.post(*(job(n) for n in range(23)))
    got = await _frames(socket, 10)
    for _ in range(2):
        await socket.silence(0.05)
        for job_id in got[-10:]:
            socket.ack(job_id)
        got += await _frames(socket, min(10, 23 - len(got)))
    assert got == [job(n).job_id for n in range(23)]


@running
async def test_an_official_node_gets_the_next_job_as_soon_as_one_has_ended(link):
    """It holds ten, acknowledged or not, and says of more that it has no room (51402)."""
    socket = await link.connect()
    await link.post(*(job(n) for n in range(14)))
    held = await _frames(socket, 10)
    for job_id in held:
        socket.ack(job_id)
    await socket.silence(0.1)
    waiting = [job(n).job_id for n in range(10, 14)]
    while waiting:
        socket.reply(held.pop(0))
        assert (await socket.frame()).message_type == "agent_job_reply_ack"
        # Whatever comes beyond the one place that became free is refused for lack of room.
        came = [await socket.job()]
        while (more := await socket.job(0.05)) is not None:
            came.append(more)
        assert waiting[0] in came
        held.append(waiting.pop(0))
        for job_id in came:
            socket.ack(job_id, "200" if job_id == held[-1] else "51402")
        await until(lambda: link.heard.acknowledged_jobs[-1] == held[-1])
    assert len(link.heard.acknowledged_jobs) == 14


@running
async def test_a_job_the_node_refuses_is_told_and_not_sent_again(link):
    socket = await link.connect()
    await link.post(job(1))
    await socket.frame()
    socket.ack(job(1).job_id, "51406")
    await until(lambda: link.heard.refusals)
    assert link.heard.refusals == [(job(1).job_id, "51406")]
    assert await link.jobs_left() == []


@running
async def test_a_job_that_expired_while_the_node_was_away_is_not_delivered(link):
    await link.post(job(1, expires_ms=link.world.now_ms() + 1_000), job(2))
    link.world.advance(2)
    socket = await link.connect()
    assert json.loads((await socket.frame()).payload)["JobId"] == job(2).job_id
    await socket.silence()


@running
async def test_a_lost_hint_costs_a_poll_and_nothing_else(link):
    socket = await link.connect()
    now_ms = link.world.now_ms()

    def unit(tx):
        mailbox.keep_content(tx, "content", "{}")
        store.insert_jobs(tx, SCOPE, [job(1)], now_ms)

    await link.database.write(unit)
    await link.channels.poll()
    assert (await socket.frame()).message_type == "agent_job"


@running
async def test_many_nodes_are_served_in_one_go(link):
    nodes = [f"mi-{n:017x}" for n in range(60)]
    link.registered.node_ids.update(nodes)
    sockets = [await link.connect(node_id) for node_id in nodes]
    await link.post(*(job(1, node_id) for node_id in nodes))
    for node_id, socket in zip(nodes, sockets, strict=True):
        assert json.loads((await socket.frame()).payload)["JobId"] == job(1, node_id).job_id


@running
async def test_a_node_that_does_not_read_holds_nobody_up_and_gets_its_jobs_in_order(link):
    slow, quick = await link.connect(NODE), await link.connect(OTHER)
    slow.writable.clear()
    for number in range(3):
        await link.post(job(number))
        link.world.advance(0.001)
    await link.post(job(7, OTHER))
    assert (await quick.frame()).message_type == "agent_job"
    slow.writable.set()
    got = [json.loads((await slow.frame()).payload)["JobId"] for _ in range(3)]
    assert got == [job(number).job_id for number in range(3)]


# Replies in


@running
async def test_a_reply_is_answered_after_it_is_durable(link):
    socket = await link.connect()
    message_id = socket.reply(job(1).job_id)
    answer = await socket.frame()
    assert answer.message_type == "agent_job_reply_ack"
    assert json.loads(answer.payload) == {"jobId": job(1).job_id, "acknowledgedMessageId": message_id}
    assert link.heard.replies[0][1]["documentStatus"] == "Success"


@running
async def test_replies_of_a_node_are_heard_in_the_order_they_were_sent(link):
    socket = await link.connect()
    for number in range(300):
        socket.reply(job(number).job_id)
    for _ in range(300):
        await socket.frame()
    assert [job_id for job_id, _ in link.heard.replies] == [job(number).job_id for number in range(300)]


@running
async def test_a_reply_that_comes_again_is_answered_again_and_heard_once(link):
    socket = await link.connect()
    message_id = socket.reply(job(1).job_id)
    await socket.frame()
    socket.reply(job(1).job_id, message_id=message_id)
    answer = await socket.frame()
    assert json.loads(answer.payload)["acknowledgedMessageId"] == message_id
    assert len(link.heard.replies) == 1


@running
async def test_a_node_that_takes_the_message_id_of_another_hides_nothing_of_it(link):
    thief, socket = await link.connect(OTHER), await link.connect(NODE)
    message_id = thief.reply(job(1, OTHER).job_id)
    await thief.frame()
    socket.reply(job(1).job_id, message_id=message_id)
    assert (await socket.frame()).message_type == "agent_job_reply_ack"
    assert [job_id for job_id, _ in link.heard.replies] == [job(1, OTHER).job_id, job(1).job_id]


@running
async def test_an_acknowledged_cancel_says_nothing_of_a_command(link):
    socket = await link.connect()
    cancel = job(1, topic="aws.ssm.cancelCommand.us-east-1")
    await link.post(cancel)
    await socket.frame()
    socket.ack(cancel.job_id)
    socket.reply(job(2).job_id)
    await until(lambda: link.heard.replies)
    assert await link.jobs_left() == []
    assert not link.heard.acknowledged_jobs


@running
async def test_a_reply_to_a_cancel_is_answered_and_says_nothing_of_a_command(link):
    socket = await link.connect()
    socket.reply(job(1).job_id, "InProgress", topic=wire.TOPIC_CANCEL)
    assert (await socket.frame()).message_type == "agent_job_reply_ack"
    assert link.heard.replies == []


@running
async def test_a_reply_that_cannot_be_applied_harms_no_other(link):
    socket, other = await link.connect(NODE), await link.connect(OTHER)
    for number in range(20):
        socket.reply(job(number).job_id, trace="poison" if number == 7 else "")
        other.reply(job(number, OTHER).job_id)
    for _ in range(19):
        await socket.frame()
    for _ in range(20):
        await other.frame()
    await socket.silence()
    heard = {job_id for job_id, _ in link.heard.replies}
    assert job(7).job_id not in heard
    assert len(heard) == 39
    assert link.channels.counts["messages failed"] == 1


@running
async def test_live_output_is_answered_with_what_is_stored(link):
    socket = await link.connect(hostreeve_version="1", extensions=("output",))
    chunk = wire.OutputChunk(job(1).job_id, "step", "stdout", 10, b"hello")
    socket.message(wire.AGENT_JOB_OUTPUT, chunk.encode())
    assert wire.read_output_ack((await socket.frame()).payload).offset == 15
    link.heard.stored = 4
    socket.message(wire.AGENT_JOB_OUTPUT, chunk.encode())
    assert wire.read_output_ack((await socket.frame()).payload).offset == 4
    assert [each.chunk for each in link.heard.chunks] == [b"hello", b"hello"]


# Misbehaviour


@running
async def test_text_where_a_frame_is_due_ends_the_channel(link):
    socket, other = await link.connect(NODE), await link.connect(OTHER)
    socket.text("{}")
    assert await socket.closed() == 1003
    other.reply(job(1, OTHER).job_id)
    assert (await other.frame()).message_type == "agent_job_reply_ack"


@running
async def test_garbage_frames_end_the_channel(link):
    whole = AgentMessage("agent_job_ack", b"{}", "00000000-0000-4000-8000-000000000000", 1).encode()
    for frame in (
        b"",
        b"\0",
        whole[:100],
        b"\xff" * 500,
        b"\0\0\0\x10" + whole[4:],
        b"\0\0\0t" + b"\xff" * 300,
    ):
        socket = await link.connect()
        socket.raw(frame)
        assert await socket.closed() == 1007
        await until(lambda: link.channels.hub.get(NODE) is None)


@running
async def test_a_frame_over_the_limit_ends_the_channel(link):
    socket = await link.connect()
    socket.raw(b"\0" * (FRAME_BYTES_MAX + 1))
    assert await socket.closed() == 1009


@running
async def test_messages_of_unknown_types_are_ignored(link):
    socket = await link.connect()
    for message_type in ("agent_telemetry", "agent_update_result", "agent_task_complete", "x"):
        socket.message(message_type, b"not even JSON")
    socket.reply(job(1).job_id)
    assert (await socket.frame()).message_type == "agent_job_reply_ack"
    assert link.channels.counts["messages ignored"] == 4


@running
async def test_a_node_that_speaks_for_another_is_cut_off(link):
    socket = await link.connect()
    await link.post(job(1, OTHER))
    socket.reply(job(1, OTHER).job_id)
    assert await socket.closed() == 1008
    assert link.heard.replies == []
    socket = await link.connect()
    socket.ack(job(1, OTHER).job_id)
    assert await socket.closed() == 1008
    assert await link.jobs_left() == [job(1, OTHER).job_id]


@running
async def test_an_acknowledgement_of_an_unknown_job_changes_nothing(link):
    socket = await link.connect()
    for code in ("200", "51402", "51405", "51406"):
        socket.ack(job(1).job_id, code)
    socket.reply(job(2).job_id)
    await socket.frame()
    assert link.heard.acknowledged_jobs == []
    assert link.heard.refusals == []


@running
async def test_messages_that_make_no_sense_are_ignored_until_there_are_too_many(link):
    senseless = [
        ("agent_job_ack", b"\xff"),
        ("agent_job_ack", b"[]"),
        ("agent_job_ack", b'{"jobId": 7, "statusCode": "200"}'),
        ("agent_job_ack", b'{"jobId": "nonsense", "statusCode": "200"}'),
        ("agent_job_reply", b'{"jobId": "aws.ssm.c.mi-0a1b2c3d4e5f60718", "content": "no JSON"}'),
        (
            "agent_job_reply",
            b'{"jobId": "aws.ssm.c.mi-0a1b2c3d4e5f60718", "content": "' + b"[" * 90_000 + b'"}',
        ),
        ("agent_job_reply", b"[" * 90_000),
        ("agent_job_reply", b'{"jobId": "aws.ssm.\\u0000.mi-0a1b2c3d4e5f60718", "content": "{}"}'),
        ("agent_job_output", b'{"jobId": "aws.ssm.c.mi-0a1b2c3d4e5f60718", "offset": -1}'),
    ]
    socket = await link.connect()
    for message_type, payload in senseless:
        socket.message(message_type, payload)
    socket.reply(job(1).job_id)
    assert (await socket.frame()).message_type == "agent_job_reply_ack"
    socket.message("agent_job_ack", b"once more")
    assert await socket.closed() == 1008


# Epochs and replicas


@running
async def test_a_second_connection_takes_the_channel_over(link):
    first = await link.connect()
    second = await link.connect()
    assert await first.closed() == 1000
    await link.post(job(1))
    assert (await second.frame()).message_type == "agent_job"
    await until(first.app.done)
    assert await link.database.read(lambda tx: store.is_open(tx, SCOPE, NODE, link.world.now_ms())), (
        "the end of the older connection must not close the newer one"
    )


@running
async def test_a_replica_that_lost_a_node_to_another_does_not_deliver(link):
    stale = await link.connect()
    other = Link(link.database, link.world, replica="two")
    async with other.running():
        socket = await other.connect()
        assert await stale.closed() == 1008
        await link.post(job(1))
        assert (await socket.frame()).message_type == "agent_job"
        await until(stale.app.done)
        assert [event for event in stale.events if event["type"] == "websocket.send"] == []


@running
async def test_a_forgotten_node_is_cut_off(link):
    socket = await link.connect()
    await link.database.write(lambda tx: mailbox.forget_node(tx, SCOPE, NODE))
    assert await socket.closed() == 1008


@running
async def test_a_node_is_connected_until_it_leaves(link):
    def is_open(tx):
        return store.is_open(tx, SCOPE, NODE, link.world.now_ms())

    socket = await link.connect()
    assert await link.database.read(is_open)
    socket.leave()

    async def gone():
        return not await link.database.read(is_open)

    await until(gone)


def test_a_server_that_stops_closes_its_channels_and_says_so(link):
    async def scenario():
        async with link.running():
            socket = await link.connect()
        assert await socket.closed() == 1012
        assert not await link.database.read(lambda tx: store.is_open(tx, SCOPE, NODE, link.world.now_ms()))

    asyncio.run(scenario())


def test_the_observed_frames_of_the_official_agent_are_understood(link):
    """An acknowledgement and a reply as the official agent wrote them, byte for byte in their structure."""
    ack = (
        b'{"jobId":"aws.ssm.f09b5da1-a970-4835-866d-2fe7fa87b356.mi-0a1b2c3d4e5f60718","acknowledgedMessageId":'
        b'"b9b67174-fdae-4d0a-a6bb-21a2f664ecf6","createdDate":"2026-11-22T15:28:30.986Z","statusCode":"200",'
        b'"errorMessage":"Successful"}'
    )
    reply = (
        b'{"schemaVersion":1,"jobId":"aws.ssm.f09b5da1-a970-4835-866d-2fe7fa87b356.mi-0a1b2c3d4e5f60718","content":'
        b'"{\\"additionalInfo\\":{\\"agent\\":{\\"lang\\":\\"en-US\\"}},\\"documentStatus\\":\\"InProgress\\",'
        b'\\"documentTraceOutput\\":\\"\\",\\"runtimeStatus\\":null}","topic":"aws.ssm.sendCommand"}'
    )

    async def scenario():
        async with link.running():
            socket = await link.connect()
            command = "f09b5da1-a970-4835-866d-2fe7fa87b356"
            await link.post(
                mailbox.Job(wire.job_id(command, NODE), NODE, wire.TOPIC_SEND, "c", 4_000_000_000_000)
            )
            await socket.frame()
            socket.message("agent_job_ack", ack)
            message_id = socket.message("agent_job_reply", reply)
            answer = decode((await socket.event())["bytes"])
            assert json.loads(answer.payload)["acknowledgedMessageId"] == message_id
            assert link.heard.acknowledged_jobs == [wire.job_id(command, NODE)]
            assert link.heard.replies[0][1]["documentStatus"] == "InProgress"

    asyncio.run(scenario())


async def _state(link, job_id, state):
    sql = "SELECT 1 AS found FROM mailbox_jobs WHERE job_id = :job_id AND state = :state"
    return await link.database.read(lambda tx: tx.one(sql, job_id=job_id, state=state)) is not None
