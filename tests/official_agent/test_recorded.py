"""What the official agent really sent, played back: the traps of its protocol, without the program.

`recorded.json` is what recorder.py wrote down. The ids of node and command are replaced by those of the test:
they are as long as the recorded ones, so that every frame stays as it was.
"""

import asyncio
import itertools
import json
import uuid
from contextlib import suppress
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState

from hostreeve.contract import jobs as wire
from hostreeve.contract.frames import AgentMessage, decode
from hostreeve.gateway.direct import DirectHttp
from hostreeve.kernel.world import SimulatedWorld
from tests.gateway.test_direct import Wire
from tests.house import house_at
from tests.messaging.fake_agent import Socket, opening_frame, until
from tests.nodes.official_agent import OfficialAgent

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
FRAMES = [(bytes.fromhex(each["head"]) + each["payload"].encode(), each) for each in RECORDED["frames"]]
STEPS = {
    "schemaVersion": "2.2",
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": ["echo one"]}},
        {
            "action": "aws:runShellScript",
            "name": "two",
            "inputs": {"runCommand": ["echo two"]},
            "precondition": {"StringEquals": ["platformType", "Windows"]},
        },
        {"action": "aws:runShellScript", "name": "three", "inputs": {"runCommand": ["exit 5"]}},
    ],
}


@pytest.fixture
def house(tmp_path):
    with house_at(f"sqlite:///{tmp_path}/house.db", SimulatedWorld(7, RECORDED["began_ms"])) as made:
        yield made


@pytest.fixture
def agent(house):
    made = OfficialAgent(house)
    made.register(house.client("ssm").create_activation(IamRole="service-role/SSMServiceRole"))
    made.refresh()
    made.ping()
    return made


def replies(name):
    """The recorded frames about a command: (its acknowledgement, its replies as they came)."""
    command_id = RECORDED["commands"][name]
    of_it = [frame for frame, each in FRAMES if f".{command_id}." in each["payload"]]
    return of_it[0], of_it[1:]


class Player:
    """Plays recorded frames on the channel of a node of the test."""

    def __init__(self, house, agent):
        self.house, self.agent, self.ssm = house, agent, house.client("ssm")

    def send(self, document="AWS-RunShellScript", **request):
        sent = self.ssm.send_command(DocumentName=document, InstanceIds=[self.agent.node_id], **request)
        return sent["Command"]["CommandId"]

    def shell(self):
        return self.send(Parameters={"commands": ["whatever was recorded"]})

    def steps(self):
        with suppress(self.ssm.exceptions.DocumentAlreadyExists):
            self.ssm.create_document(Name="Steps", Content=json.dumps(STEPS))
        return self.send("Steps")

    def play(self, scenario):
        """Run `scenario(socket)` on the node's open channel."""
        token = self.agent.token()

        async def run():
            running = asyncio.ensure_future(self.house.app.channels.run())
            socket = Socket(self.house.app.asgi, self.agent.node_id, scope=self.agent.upgrade())
            await socket.accepted()
            socket.text(opening_frame(token))
            await scenario(socket)
            socket.leave()
            await until(socket.app.done)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

        self.house.loop.run_until_complete(run())

    def as_recorded(self, name, command_id, order=None):
        """Play a command's frames, its replies in this order; True when every one was answered by its id."""
        acknowledgement, answered = replies(name)
        frames = [self.of(frame, name, command_id) for frame in answered]
        frames = [frames[place] for place in order or range(len(frames))]

        async def scenario(socket):
            await _frame(socket, wire.AGENT_JOB)
            socket.raw(self.of(acknowledgement, name, command_id))
            for frame in frames:
                socket.raw(frame)
                answer = await _frame(socket, wire.AGENT_JOB_REPLY_ACK)
                assert json.loads(answer.payload)["acknowledgedMessageId"] == decode(frame).message_id

        self.play(scenario)

    def shown(self, command_id, **more):
        return self.ssm.get_command_invocation(CommandId=command_id, InstanceId=self.agent.node_id, **more)

    def of(self, frame, name, command_id):
        changed = frame.replace(RECORDED["node_id"].encode(), self.agent.node_id.encode())
        changed = changed.replace(RECORDED["commands"][name].encode(), command_id.encode())
        # A message is known by its id: one about another command has another.
        message = decode(changed)
        message_id = str(uuid.uuid5(uuid.UUID(message.message_id), command_id))
        return message._replace(message_id=message_id).encode()


async def _frame(socket, message_type):
    """The next frame of that type."""
    while True:
        message = await socket.frame()
        if message.message_type == message_type:
            return message


@pytest.fixture
def player(house, agent):
    return Player(house, agent)


@pytest.mark.parametrize(
    ("frame", "told"), FRAMES, ids=[f"{n} {each['type']}" for n, (_, each) in enumerate(FRAMES)]
)
def test_frames_are_read_and_written_byte_for_byte(frame, told):
    """Trap 5: halves of the id swapped, names padded, milliseconds, a payload that is not empty."""
    message = decode(frame)
    assert (message.message_type, message.message_id) == (told["type"], told["id"])
    assert message.created_ms == told["created_ms"] > RECORDED["began_ms"] - 1000
    again = AgentMessage(
        message.message_type,
        message.payload,
        message.message_id,
        message.created_ms,
        message.sequence,
        message.flags,
        message.payload_type,
    )
    assert again.encode() == frame


def test_a_machine_proves_itself_by_a_request_in_chunks(house):
    """Trap 1: no Content-Length, and the signature of the machine's key under AWS's own label. Trap 9: the
    five members without which the agent falls over."""
    register, token = (RECORDED["requests"][name] for name in RECORDED["requests"])
    head, _, body = register.partition("\r\n\r\n")
    made = house.client("ssm").create_activation(IamRole="service-role/SSMServiceRole")
    asked = json.loads(body) | {key: made[key] for key in ("ActivationId", "ActivationCode")}
    body = json.dumps(asked)
    lines = [
        f"Content-Length: {len(body)}" if "Content-Length" in line else line for line in head.split("\r\n")
    ]
    status, answer = raw(house, "\r\n".join(lines) + "\r\n\r\n" + body)
    assert status == 200 and answer["InstanceId"].startswith("mi-")
    # The recorded signature is that of the recorded node.
    sql = "UPDATE nodes SET node_id = :recorded"
    house.app.database.write_sync(lambda tx: tx.run(sql, recorded=RECORDED["node_id"]))
    status, answer = raw(house, token)
    assert status == 200, answer
    members = {"AccessKeyId", "SecretAccessKey", "SessionToken", "TokenExpirationDate", "UpdateKeyPair"}
    assert set(answer) == members and all(value is not None for value in answer.values())
    status, answer = raw(house, token.replace("us-east-1/ssm", "us-east-2/ssm"))
    assert status == 400 and "Signature" in answer["__type"]


def test_a_script_is_seen_as_the_agent_told_it(player):
    """Trap 6: the job it was told of is the one it answers for. Trap 7: every reply is acknowledged."""
    command_id = player.shell()
    player.as_recorded("failing", command_id)
    found = player.shown(command_id)
    assert (found["StatusDetails"], found["ResponseCode"]) == ("Failed", 3)
    assert found["StandardOutputContent"] == "grüße\n"
    assert found["StandardErrorContent"].startswith("wrong\n")


def test_text_that_is_escaped_twice_comes_out_as_it_was_printed(player):
    """Trap 4: a quotation mark takes four bytes on the wire."""
    command_id = player.shell()
    player.as_recorded("quotes", command_id)
    assert player.shown(command_id)["StandardOutputContent"] == '"' * 3000


def test_steps_are_put_together_in_whatever_order_they_come(player):
    """Trap 7: the last reply overtakes others, and has no step in it. Traps 6 and 13 are in what is sent."""
    _, answered = replies("steps")
    told = [json.loads(json.loads(decode(frame).payload)["content"]) for frame in answered]
    assert [each["runtimeStatus"] for each in told if each["documentStatus"] == "Failed"] == [{}]
    for order in itertools.islice(itertools.permutations(range(len(answered))), 0, None, 11):
        command_id = player.steps()
        player.as_recorded("steps", command_id, order)
        listed = player.ssm.list_command_invocations(CommandId=command_id, Details=True)
        shown = listed["CommandInvocations"][0]["CommandPlugins"]
        assert [(each["Name"], each["Status"], each["ResponseCode"]) for each in shown] == [
            ("one", "Success", 0),
            ("two", "Success", 0),
            ("three", "Failed", 5),
        ], order
        assert "skipped due to unsatisfied preconditions" in shown[1]["Output"]
        assert player.shown(command_id)["StatusDetails"] == "Failed"


def test_replies_that_come_again_are_answered_again_and_change_nothing(player):
    """Trap 7: for two hours the agent repeats what was not acknowledged, with the same id."""
    command_id = player.shell()
    player.as_recorded("failing", command_id)
    before = player.shown(command_id)
    _, answered = replies("failing")
    frames = [player.of(frame, "failing", command_id) for frame in (*answered, *reversed(answered))]

    async def again(socket):
        for frame in frames:
            socket.raw(frame)
            answer = await _frame(socket, wire.AGENT_JOB_REPLY_ACK)
            assert json.loads(answer.payload)["acknowledgedMessageId"] == decode(frame).message_id

    player.play(again)
    assert (
        player.shown(command_id).items()
        >= {k: v for k, v in before.items() if k != "ResponseMetadata"}.items()
    )


def test_a_job_for_which_there_was_no_room_comes_again(house, player):
    """Trap 8: 51402 is no refusal; after 200 it must never come again."""
    (full,) = (frame for frame, each in FRAMES if '"51402"' in each["payload"])
    flood = json.loads(decode(full).payload)["jobId"].split(".")[-2]
    command_id = player.shell()

    async def scenario(socket):
        first = await _frame(socket, wire.AGENT_JOB)
        socket.raw(player.of(full, "failing", "").replace(flood.encode(), command_id.encode()))
        await asyncio.sleep(0.05)
        house.world.advance(60)
        again = await _frame(socket, wire.AGENT_JOB)
        assert json.loads(again.payload)["JobId"] == json.loads(first.payload)["JobId"]
        acknowledgement, _ = replies("failing")
        socket.raw(player.of(acknowledgement, "failing", command_id))
        await asyncio.sleep(0.05)
        house.world.advance(60)
        await socket.silence()

    player.play(scenario)
    assert player.shown(command_id)["Status"] == "InProgress"


def test_what_the_agent_says_of_a_cancel_is_not_taken_for_the_command(player):
    """Trap 8 of cancels: its own acknowledgement, its own reply, and then the end of what it cancelled."""
    command_id = player.shell()
    acknowledgement, answered = replies("cancelled")
    about_it = [player.of(frame, "cancelled", command_id) for frame in (acknowledgement, *answered)]
    cancels = [
        (frame, each)
        for frame, each in FRAMES
        if not any(one in each["payload"] for one in RECORDED["commands"].values())
        and '"51402"' not in each["payload"]
    ]
    assert [each["type"] for _, each in cancels] == [wire.AGENT_JOB_ACK, wire.AGENT_JOB_REPLY]
    recorded_cancel = json.loads(cancels[0][1]["payload"])["jobId"].split(".")[-2]

    async def scenario(socket):
        await _frame(socket, wire.AGENT_JOB)
        for frame in about_it[:2]:
            socket.raw(frame)
        await asyncio.sleep(0.05)
        await asyncio.to_thread(lambda: None)

    player.play(scenario)
    player.ssm.cancel_command(CommandId=command_id)
    player.house.tick()

    async def cancelled(socket):
        asked = json.loads((await _frame(socket, wire.AGENT_JOB)).payload)
        assert asked["Topic"].startswith(wire.TOPIC_CANCEL)
        cancel_id = asked["JobId"].split(".")[-2]
        for frame, _ in cancels:
            changed = frame.replace(RECORDED["node_id"].encode(), player.agent.node_id.encode())
            socket.raw(changed.replace(recorded_cancel.encode(), cancel_id.encode()))
        await _frame(socket, wire.AGENT_JOB_REPLY_ACK)
        for frame in about_it[2:]:
            socket.raw(frame)
            await _frame(socket, wire.AGENT_JOB_REPLY_ACK)

    player.play(cancelled)
    found = player.shown(command_id)
    assert (found["StatusDetails"], found["ResponseCode"]) == ("Cancelled", 137)


def raw(house, request):
    """The bytes of a request on a connection; (status, answer)."""

    async def run():
        config = uvicorn.Config(house.app.asgi, log_config=None, lifespan="off", proxy_headers=False)
        config.load()
        protocol, connection = DirectHttp(config=config, server_state=ServerState(), app_state={}), Wire()
        protocol.connection_made(connection)
        protocol.data_received(request.encode("latin-1"))
        await until(lambda: connection.written)
        await asyncio.sleep(0.01)
        protocol._unset_keepalive_if_required()
        return b"".join(connection.written)

    answer = house.loop.run_until_complete(run())
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)
