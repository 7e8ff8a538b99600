"""What nodes do is recorded like all else: registration, polls, channels."""

import json

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.gateway.http import HttpRequest
from hostreeve.platform.audit.model.redaction import HIDDEN
from tests.audit.written import everything, exported
from tests.nodes.official_agent import OfficialAgent


@pytest.fixture
def made(audited):
    return audited.ssm.create_activation(IamRole="service-role/SSMServiceRole")


@pytest.fixture
def agent(audited, made):
    machine = OfficialAgent(audited.house)
    machine.register(made)
    machine.refresh()
    return machine


def records(audited, name):
    return exported(audited.house, attributes=(("EventName", name),))


def test_a_registration_is_recorded_without_its_code(audited, made, agent, settled):
    settled()
    (record,) = records(audited, "RegisterManagedInstance")
    assert record["userIdentity"]["type"] == "AWSAccount" and not record["readOnly"]
    assert record["requestParameters"]["activationCode"] == HIDDEN
    assert made["ActivationCode"] not in everything(audited.house)
    (record,) = records(audited, "CreateActivation")
    assert record["responseElements"]["activationCode"] == HIDDEN


def test_a_node_is_the_session_of_its_role(audited, agent, settled):
    agent.ping()
    settled()
    events = audited.by("EventName", "UpdateInstanceInformation")
    event = events[0]
    assert len({each["EventId"] for each in events}) == len(events)
    identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert identity["type"] == "AssumedRole" and event["Username"] == agent.node_id
    assert identity["sessionContext"]["sessionIssuer"]["userName"] == "SSMServiceRole"


def test_a_poll_that_waits_and_finds_nothing_is_one_call(audited, agent, settled):
    audited.house.loop.call_later(1.5, audited.world.advance, 60)
    answer = agent.poll("GetMessages", Destination=agent.node_id, MessagesRequestId="r")
    assert answer["Messages"] == []
    settled()
    (record,) = records(audited, "GetMessages")
    assert (record["eventCategory"], record["managementEvent"]) == ("Data", False)
    assert audited.by("EventName", "GetMessages") == []


def test_a_poll_that_takes_a_job_is_one_call(audited, agent, settled):
    agent.ping()
    audited.ssm.send_command(
        DocumentName="AWS-RunShellScript",
        InstanceIds=[agent.node_id],
        Parameters={"commands": ["echo s3cret-of-command"]},
    )
    answer = agent.poll("GetMessages", Destination=agent.node_id, MessagesRequestId="r")
    assert len(answer["Messages"]) == 1
    settled()
    (record,) = records(audited, "GetMessages")
    assert "errorCode" not in record
    (record,) = records(audited, "SendCommand")
    assert record["requestParameters"]["parameters"] == HIDDEN
    assert "s3cret-of-command" not in everything(audited.house)


def test_a_channel_that_is_refused_is_recorded(audited, settled):
    refused = audited.house.app.pipeline.authenticate(
        HttpRequest("GET", "/v1/control-channel/mi-1", "", []), "ssmmessages", "OpenControlChannel"
    )
    with pytest.raises(AwsError):
        audited.house.loop.run_until_complete(refused)
    settled()
    (record,) = records(audited, "OpenControlChannel")
    assert record["errorCode"] and record["eventSource"] == "ssmmessages.amazonaws.com"
