"""A node's life on the wire, signed and parsed as in production: the official agent's traps, each a test."""

import asyncio
import json
import time
from contextlib import suppress

import pytest

from hostreeve.app.compose import Config, build
from hostreeve.app.regions import aws_regions
from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import RealWorld, SimulatedWorld
from hostreeve.messaging import mailbox
from tests.house import house_at
from tests.messaging.fake_agent import Socket, opening_frame, until
from tests.nodes.official_agent import OfficialAgent, Refused

ROLE = "service-role/SSMServiceRole"


@pytest.fixture
def house(tmp_path):
    with house_at(f"sqlite:///{tmp_path}/house.db", world_now()) as made:
        yield made


def world_now():
    """boto3 signs by the machine's clock; from there on the test moves it."""
    return SimulatedWorld(7, RealWorld().now_ms())


@pytest.fixture
def ssm(house):
    return house.client("ssm")


def activation(ssm, **request):
    return ssm.create_activation(**({"IamRole": ROLE} | request))


@pytest.fixture
def agent(house, ssm):
    machine = OfficialAgent(house)
    machine.register(activation(ssm, RegistrationLimit=1, Tags=[{"Key": "Env", "Value": "prod"}]))
    machine.refresh()
    return machine


def test_a_machine_registers_without_a_signature_and_comes_online(agent, ssm):
    agent.ping()
    (shown,) = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [agent.node_id]}])[
        "InstanceInformationList"
    ]
    assert (shown["PingStatus"], shown["AgentVersion"], shown["IamRole"]) == ("Online", "3.3.0.0", ROLE)
    assert shown["ActivationId"]
    tags = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=agent.node_id)["TagList"]
    assert tags == [{"Key": "Env", "Value": "prod"}]


def test_a_second_machine_on_a_used_up_activation_is_refused(house, ssm):
    made = activation(ssm)
    OfficialAgent(house).register(made)
    with pytest.raises(Refused) as refused:
        OfficialAgent(house).register(made)
    assert (refused.value.status, refused.value.code) == (400, "InvalidActivation")


def test_a_role_token_is_given_for_the_machines_signature_only(house, agent):
    stranger = OfficialAgent(house)
    stranger.node_id, stranger.fingerprint = agent.node_id, agent.fingerprint
    with pytest.raises(Refused) as refused:
        stranger.refresh()
    assert refused.value.status in (400, 403)
    assert refused.value.code != "AccessDeniedException", "that would silence the agent for half an hour"


def test_another_machines_fingerprint_is_refused(agent):
    with pytest.raises(Refused) as refused:
        agent.refresh(Fingerprint="00000000-0000-4000-8000-000000000000")
    assert refused.value.code == "MachineFingerprintDoesNotMatch"


def test_keys_rotate_and_the_old_one_is_dead_at_once(agent):
    old = agent.key
    agent.rotate()
    agent.refresh()
    agent.key, new = old, agent.key
    with pytest.raises(Refused):
        agent.refresh()
    agent.key = new
    agent.refresh()


def test_credentials_outlive_the_servers_restart(tmp_path):
    """Agents reuse what they have until it expires."""
    url, world = f"sqlite:///{tmp_path}/house.db", world_now()
    with house_at(url, world) as house:
        machine = OfficialAgent(house)
        machine.register(activation(house.client("ssm")))
        machine.refresh()
        house.app.database.close()
        house.app = build(Config(url, regions=aws_regions(), replica="again"), world, house.keys)
        machine.ping()
        world.advance(3601)
        with pytest.raises(Refused) as refused:
            machine.ping()
        assert refused.value.code == "ExpiredTokenException"
        machine.refresh()
        machine.ping()


def test_a_node_reports_about_itself_only(house, ssm, agent):
    other = OfficialAgent(house)
    other.register(activation(ssm))
    with pytest.raises(Refused) as refused:
        agent.ask("UpdateInstanceInformation", InstanceId=other.node_id, PlatformType="Linux")
    assert refused.value.code == "AccessDeniedException"


def test_associations_are_an_empty_list(agent):
    assert agent.ask("ListInstanceAssociations", InstanceId=agent.node_id, MaxResults=20) == {
        "Associations": []
    }


def test_a_deregistered_node_is_refused_at_once(house, ssm, agent):
    agent.ping()
    ssm.deregister_managed_instance(InstanceId=agent.node_id)
    with pytest.raises(Refused):
        agent.ping()
    with pytest.raises(Refused) as refused:
        agent.refresh()
    assert refused.value.code == "AccessDeniedException"
    assert agent.create_control_channel().status in (400, 401, 403)
    with pytest.raises(ssm.exceptions.InvalidInstanceId):
        ssm.deregister_managed_instance(InstanceId=agent.node_id)


def test_polling_gives_a_waiting_job_and_takes_its_reply(house, agent):
    job = _post(house, agent)
    answer = agent.poll(
        "GetMessages", Destination=agent.node_id, MessagesRequestId="r", VisibilityTimeoutInSeconds=10
    )
    assert [message["MessageId"] for message in answer["Messages"]] == [job.job_id]
    reply = json.dumps({"documentStatus": "InProgress", "runtimeStatus": None})
    assert agent.poll("SendReply", MessageId=job.job_id, Payload=reply, ReplyId="r") == {}
    assert agent.poll("AcknowledgeMessage", MessageId=job.job_id) == {}
    rows = house.app.database.read_sync(lambda tx: tx.all("SELECT * FROM mailbox_jobs"))
    assert rows == []


def test_a_poll_that_finds_nothing_writes_nothing(house, agent, monkeypatch):
    agent.refresh()
    writes = []
    monkeypatch.setattr(house.app.database, "write", writes.append)
    house.loop.call_later(2.5, house.world.advance, 60)
    answer = agent.poll("GetMessages", Destination=agent.node_id, MessagesRequestId="r")
    assert answer["Messages"] == [] and writes == []


def test_a_poll_gets_what_comes_while_it_waits(house, agent):
    agent.refresh()
    job, unit = _posting(house, agent)
    database = house.app.database
    posts = []
    house.loop.call_later(0.1, lambda: posts.append(asyncio.ensure_future(database.write(unit))))
    started = time.monotonic()
    answer = agent.poll("GetMessages", Destination=agent.node_id, MessagesRequestId="r")
    assert [message["MessageId"] for message in answer["Messages"]] == [job.job_id]
    assert time.monotonic() - started < 3


def test_a_poll_is_answered_when_the_server_stops(house, agent):
    house.loop.call_later(0.05, house.app.pipeline.drain)
    house.loop.call_later(5, house.world.advance, 60)
    started = time.monotonic()
    answer = agent.poll("GetMessages", Destination=agent.node_id, MessagesRequestId="r")
    assert answer["Messages"] == []
    assert time.monotonic() - started < 3


def test_a_channel_is_created_with_201_and_xml(agent):
    response = agent.create_control_channel()
    assert response.status == 201
    assert b"<TokenValue>" in response.body
    assert response.body.lstrip().startswith(b"<")


def test_nobody_creates_anothers_channel(agent):
    response = agent.create_control_channel("mi-00000000000000000")
    assert response.status == 403
    assert b"AccessDeniedException" in response.body


def test_data_channels_are_said_not_to_be_there_yet(house, agent):
    from tests.nodes.official_agent import HOST, Outgoing, _http

    path, body = "/v1/data-channel/session-1", b'{"MessageSchemaVersion":"1.0","RequestId":"r","ClientId":""}'
    headers = {"Host": HOST, "Content-Type": "application/json"}
    signed = agent._signed(Outgoing("POST", path, "", headers, body), "ssmmessages")
    response = house.request(_http("POST", path, "", signed, body))
    assert response.status == 501
    assert b"CreateDataChannel" in response.body


def test_a_job_goes_over_the_signed_channel_and_comes_back(house, agent):
    token = agent.token()
    job = _post(house, agent)

    async def scenario():
        running = asyncio.ensure_future(house.app.channels.run())
        socket = Socket(house.app.asgi, agent.node_id, scope=agent.upgrade())
        await socket.accepted()
        socket.text(opening_frame(token))
        message = await socket.frame()
        assert wire.read_agent_job(message.payload).job_id == job.job_id
        socket.ack(job.job_id)
        socket.reply(job.job_id)
        assert (await socket.frame()).message_type == "agent_job_reply_ack"
        socket.leave()
        await until(socket.app.done)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    house.loop.run_until_complete(scenario())
    assert house.app.database.read_sync(lambda tx: tx.all("SELECT * FROM mailbox_jobs")) == []


def test_an_upgrade_signed_for_another_node_is_refused(house, agent):
    async def scenario():
        socket = Socket(house.app.asgi, agent.node_id, scope=agent.upgrade("mi-00000000000000000"))
        assert (await socket.event())["status"] == 403
        tampered = agent.upgrade()
        tampered["query_string"] = b"role=subscribe&stream=other"
        socket = Socket(house.app.asgi, agent.node_id, scope=tampered)
        assert (await socket.event())["status"] == 403

    house.loop.run_until_complete(scenario())


def test_a_package_that_only_a_document_can_be_is_looked_for_among_documents(agent):
    """Trap 15: any answer but this error, and the official agent gives up or crashes."""
    with pytest.raises(Refused) as refused:
        agent.ask("GetManifest", PackageName="Tool", PackageVersion="latest")
    assert refused.value.code == "ResourceNotFoundException"


def test_callers_get_awss_words_for_what_they_got_wrong(house):
    ssm = house.client("ssm", parameter_validation=False)
    for call, request, code in (
        (
            ssm.describe_instance_information,
            {"Filters": [{"Key": "Bogus", "Values": ["x"]}]},
            "InvalidFilterKey",
        ),
        (ssm.describe_instance_information, {"MaxResults": 4}, "ValidationException"),
        (ssm.create_activation, {"IamRole": "Nobody"}, "ValidationException"),
        (ssm.create_activation, {"IamRole": ROLE, "RegistrationLimit": 1001}, "ValidationException"),
        (
            ssm.delete_activation,
            {"ActivationId": "00000000-0000-4000-8000-000000000000"},
            "InvalidActivation",
        ),
        (
            ssm.update_managed_instance_role,
            {"InstanceId": "mi-" + "0" * 17, "IamRole": ROLE},
            "InvalidInstanceId",
        ),
        (
            ssm.add_tags_to_resource,
            {"ResourceType": "ManagedInstance", "ResourceId": "mi-x", "Tags": [{"Key": "a", "Value": "b"}]},
            "InvalidResourceId",
        ),
        (ssm.list_nodes_summary, {"Aggregators": []}, "ValidationException"),
    ):
        with pytest.raises(ssm.exceptions.ClientError) as refused:
            call(**request)
        assert refused.value.response["Error"]["Code"] == code


def _post(house, agent):
    job, unit = _posting(house, agent)
    house.app.database.write_sync(unit)
    return job


def _posting(house, agent):
    """A job, and the unit of work that posts it."""
    job = mailbox.Job(wire.job_id("c", agent.node_id), agent.node_id, wire.TOPIC_SEND, "c", 4_000_000_000_000)
    account = house.client("sts").get_caller_identity()["Account"]

    def unit(tx):
        mailbox.keep_content(tx, "c", '{"CommandId":"c"}')
        mailbox.post(tx, Scope(account, agent.region), [job], house.world.now_ms())

    return job, unit
