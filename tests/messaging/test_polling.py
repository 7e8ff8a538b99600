"""Message polling (ec2messages) and the creation of channels, as agents call them."""

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.messaging import mailbox, operations, store, tokens
from hostreeve.messaging.operations import ec2messages, ssmmessages
from tests.calls import SCOPE, Caller, node_principal
from tests.messaging.fake_agent import NODE, OTHER, Heard, job

SCHEMAS = ["hostreeve.messaging"]
ME = node_principal(NODE)


@pytest.fixture
def caller(database, world):
    return Caller(database, world)


@pytest.fixture
def heard():
    listener = Heard()
    operations.report_to(listener)
    yield listener
    operations._listeners.clear()


def post(caller, *jobs):
    def unit(tx):
        mailbox.keep_content(tx, "content", '{"CommandId":"c"}')
        mailbox.post(tx, SCOPE, jobs, caller.world.now_ms())

    caller.database.write_sync(unit)


def poll(caller, node_id=NODE, principal=ME, **more):
    return caller(ec2messages, "GetMessages", principal, Destination=node_id, MessagesRequestId="r", **more)


def test_a_message_has_all_the_members_without_which_the_agent_drops_it(caller):
    post(caller, job(1))
    answer = poll(caller)
    assert (answer["Destination"], answer["MessagesRequestId"]) == (NODE, "r")
    assert answer["Messages"] == [
        {
            "CreatedDate": "2027-01-15T08:00:00.000Z",
            "Destination": NODE,
            "MessageId": job(1).job_id,
            "Payload": '{"CommandId":"c"}',
            "Topic": "aws.ssm.sendCommand.us-east-1",
        }
    ]


def test_a_message_is_invisible_for_as_long_as_the_agent_asks(caller):
    post(caller, job(1))
    assert poll(caller, VisibilityTimeoutInSeconds=20)["Messages"]
    assert not poll(caller)["Messages"]
    caller.world.advance(19.9)
    assert not poll(caller)["Messages"]
    caller.world.advance(0.2)
    assert poll(caller)["Messages"]


def idle(caller, node_id=NODE, principal=ME):
    """What a poll finds by reading only: True for nothing."""

    def unit(tx):
        call = caller.call(tx, principal)
        found = operations.no_messages(call, {"Destination": node_id, "MessagesRequestId": "r"})
        assert found in (None, {"Destination": node_id, "MessagesRequestId": "r", "Messages": []})
        return found is not None

    return caller.database.read_sync(unit)


def test_a_poll_sees_by_reading_only_whether_there_is_something_to_claim(caller):
    assert idle(caller)
    post(caller, job(1))
    assert not idle(caller) and idle(caller, OTHER, node_principal(OTHER))
    poll(caller)
    assert idle(caller)
    caller.world.advance(10.1)
    assert not idle(caller) and poll(caller)["Messages"]
    with pytest.raises(AwsError, match="not authorized to act"):
        idle(caller, OTHER)


def test_jobs_for_an_open_channel_are_nothing_to_a_poll(caller):
    post(caller, job(1))
    now_ms = caller.world.now_ms()
    caller.database.write_sync(lambda tx: store.beat(tx, "r", now_ms))
    caller.database.write_sync(lambda tx: store.open_channel(tx, SCOPE, NODE, "r", now_ms))
    assert idle(caller)
    caller.database.write_sync(lambda tx: store.close_channels(tx, [(SCOPE, NODE, 1)], now_ms))
    assert not idle(caller)


def test_two_polls_that_see_a_message_at_once_get_it_once(caller):
    post(caller, job(1))
    assert not idle(caller) and not idle(caller)
    assert [len(poll(caller)["Messages"]), len(poll(caller)["Messages"])] == [1, 0]


def test_an_acknowledged_message_never_comes_again(caller, heard):
    post(caller, job(1))
    poll(caller)
    caller(ec2messages, "AcknowledgeMessage", ME, MessageId=job(1).job_id)
    caller(ec2messages, "AcknowledgeMessage", ME, MessageId=job(1).job_id)
    caller.world.advance(100)
    assert not poll(caller)["Messages"]
    assert heard.acknowledged_jobs == [job(1).job_id]


def test_an_acknowledged_cancel_says_nothing_of_a_command(caller, heard):
    cancel = job(2, topic="aws.ssm.cancelCommand.us-east-1")
    post(caller, cancel)
    caller(ec2messages, "AcknowledgeMessage", ME, MessageId=cancel.job_id)
    assert not heard.acknowledged_jobs
    assert not poll(caller)["Messages"]


def test_a_reply_to_a_cancel_says_nothing_of_a_command(caller, heard):
    cancel = job(2, topic="aws.ssm.cancelCommand.us-east-1")
    post(caller, cancel)
    reply = '{"documentStatus":"InProgress"}'
    caller(ec2messages, "SendReply", ME, MessageId=cancel.job_id, Payload=reply, ReplyId="r")
    assert not heard.replies
    caller(ec2messages, "SendReply", ME, MessageId=job(1).job_id, Payload=reply, ReplyId="r")
    assert [job_id for job_id, _ in heard.replies] == [job(1).job_id]


def test_a_failed_message_is_told(caller, heard):
    post(caller, job(1))
    caller(ec2messages, "FailMessage", ME, MessageId=job(1).job_id, FailureType="InternalHandlerException")
    assert heard.refusals == [(job(1).job_id, "InternalHandlerException")]
    assert not poll(caller)["Messages"]


def test_a_deleted_message_is_gone(caller, heard):
    post(caller, job(1))
    caller(ec2messages, "DeleteMessage", ME, MessageId=job(1).job_id)
    assert not poll(caller)["Messages"]


def test_a_reply_is_heard(caller, heard):
    caller(
        ec2messages,
        "SendReply",
        ME,
        MessageId=job(1).job_id,
        Payload='{"documentStatus":"Success"}',
        ReplyId="x",
    )
    assert heard.replies == [(job(1).job_id, {"documentStatus": "Success"})]


@pytest.mark.parametrize("payload", ["", "[]", "nonsense", "[" * 90_000])
def test_a_reply_that_is_no_object_is_refused(caller, heard, payload):
    with pytest.raises(AwsError) as refused:
        caller(ec2messages, "SendReply", ME, MessageId=job(1).job_id, Payload=payload, ReplyId="x")
    assert refused.value.code == "InvalidMessage"


def test_a_node_with_an_open_channel_gets_nothing_by_polling(caller):
    post(caller, job(1))
    now_ms = caller.world.now_ms()
    caller.database.write_sync(lambda tx: store.beat(tx, "r", now_ms))
    caller.database.write_sync(lambda tx: store.open_channel(tx, SCOPE, NODE, "r", now_ms))
    assert not poll(caller)["Messages"]
    caller.database.write_sync(lambda tx: store.close_channels(tx, [(SCOPE, NODE, 1)], now_ms))
    assert poll(caller)["Messages"]


@pytest.mark.parametrize("principal", [node_principal(OTHER), None])
def test_nobody_polls_for_another(caller, heard, principal):
    post(caller, job(1))
    who = (principal,) if principal else ()
    for name, request in {
        "GetMessages": {"Destination": NODE, "MessagesRequestId": "r"},
        "AcknowledgeMessage": {"MessageId": job(1).job_id},
        "DeleteMessage": {"MessageId": job(1).job_id},
        "FailMessage": {"MessageId": job(1).job_id, "FailureType": "NoHandlerExists"},
        "SendReply": {"MessageId": job(1).job_id, "Payload": "{}", "ReplyId": "x"},
    }.items():
        with pytest.raises(AwsError) as refused:
            caller(ec2messages, name, *who, **request)
        assert refused.value.code == "AccessDeniedException", name
    assert poll(caller)["Messages"]
    assert heard.replies == []


def test_a_message_id_that_is_none_is_refused(caller):
    with pytest.raises(AwsError) as refused:
        caller(ec2messages, "AcknowledgeMessage", ME, MessageId="nonsense")
    assert refused.value.code == "InvalidMessage"


def test_a_long_poll_ends_before_the_agents_own_patience_does():
    """The official agent gives a call 20 seconds."""
    get_messages = next(each for each in ec2messages if each.name == "GetMessages")
    assert get_messages.waits.timeout_s <= 18
    assert get_messages.waits.empty({"Messages": []})
    assert not get_messages.waits.empty({"Messages": [{}]})
    assert get_messages.waits.key({"Destination": NODE}) == NODE


def test_a_created_channel_gives_a_token_for_this_node_and_scope(caller):
    answer = caller(
        ssmmessages, "CreateControlChannel", ME, InstanceId=NODE, MessageSchemaVersion="1.0", RequestId="r"
    )
    assert answer["MessageSchemaVersion"] == "1.0"
    now_ms = caller.world.now_ms()
    assert tokens.scope_of(caller.keys, answer["TokenValue"], NODE, now_ms) == SCOPE
    with pytest.raises(ValueError, match="another node"):
        tokens.scope_of(caller.keys, answer["TokenValue"], OTHER, now_ms)


def test_creating_a_channel_answers_201():
    """200 is an error to the official agent."""
    assert all(each.model.status == 201 for each in ssmmessages)


def test_nobody_creates_anothers_channel(caller):
    for principal in (node_principal(OTHER),):
        with pytest.raises(AwsError) as refused:
            caller(
                ssmmessages,
                "CreateControlChannel",
                principal,
                InstanceId=NODE,
                MessageSchemaVersion="1.0",
                RequestId="r",
            )
        assert (refused.value.code, refused.value.status) == ("AccessDeniedException", 403)


def test_a_forged_token_opens_nothing(caller):
    token = tokens.control_channel_token(caller.keys, SCOPE, NODE, caller.world.now_ms())
    for forged in (token[:-4] + "AAA=", token[:20], "", "*", "a" * 5000):
        with pytest.raises(ValueError):
            tokens.scope_of(caller.keys, forged, NODE, caller.world.now_ms())
