"""The polling contract as the official agent signs and writes it: times are numbers, as JSON has them."""

import json

import pytest

from hostreeve.kernel.world import SimulatedWorld
from tests.house import house_at
from tests.nodes.official_agent import OfficialAgent

BEGIN_MS = 1_795_361_000_000
GATHER = {
    "schemaVersion": "2.0",
    "mainSteps": [
        {"action": "aws:softwareInventory", "name": "gather", "inputs": {"applications": "Enabled"}}
    ],
}
OLD = {
    "schemaVersion": "1.2",
    "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["id"]}]}},
}


@pytest.fixture
def house(tmp_path):
    with house_at(f"sqlite:///{tmp_path}/house.db", SimulatedWorld(7, BEGIN_MS)) as made:
        yield made


@pytest.fixture
def ssm(house):
    return house.client("ssm")


@pytest.fixture
def agent(house, ssm):
    made = OfficialAgent(house)
    made.register(ssm.create_activation(IamRole="service-role/SSMServiceRole"))
    made.refresh()
    made.ping()
    return made


def gathering(house, ssm, agent):
    """An association that the agent applies by itself, due now; its id."""
    ssm.create_document(Name="gather", Content=json.dumps(GATHER), DocumentType="Command")
    targets = [{"Key": "InstanceIds", "Values": [agent.node_id]}]
    made = ssm.create_association(Name="gather", Targets=targets, ScheduleExpression="rate(12 hours)")
    house.tick()
    return made["AssociationDescription"]["AssociationId"]


def tell(agent, association_id, status, **more):
    """The request of the agent, member by member as it was recorded (agent-protocol.md §8)."""
    result = {"ErrorCode": "", "ExecutionSummary": f"It is {status}", "Status": status, **more}
    agent.ask(
        "UpdateInstanceAssociationStatus",
        AssociationId=association_id,
        ExecutionResult=result,
        InstanceId=agent.node_id,
    )


@pytest.mark.parametrize(
    ("date", "shown_ms"),
    [
        (1795361532.475, 1_795_361_532_475),
        (1795361532, 1_795_361_532_000),
        ("2026-11-22T15:32:12.475Z", 1_795_361_532_475),
        ("1795361532.475", 1_795_361_532_475),
    ],
)
def test_when_the_agent_ran_is_what_it_says_however_it_writes_the_time(house, ssm, agent, date, shown_ms):
    association_id = gathering(house, ssm, agent)
    tell(agent, association_id, "InProgress", ExecutionDate=date)
    (info,) = ssm.describe_instance_associations_status(InstanceId=agent.node_id)[
        "InstanceAssociationStatusInfos"
    ]
    assert round(info["ExecutionDate"].timestamp() * 1000) == shown_ms
    (polled,) = agent.ask("ListInstanceAssociations", InstanceId=agent.node_id, MaxResults=20)["Associations"]
    assert (polled["DetailedStatus"], polled["LastExecutionDate"]) == ("InProgress", shown_ms / 1000)


def test_without_a_time_it_is_now(house, ssm, agent):
    association_id = gathering(house, ssm, agent)
    tell(agent, association_id, "InProgress")
    (info,) = ssm.describe_instance_associations_status(InstanceId=agent.node_id)[
        "InstanceAssociationStatusInfos"
    ]
    assert round(info["ExecutionDate"].timestamp() * 1000) == BEGIN_MS


def test_a_whole_run_as_the_agent_tells_it_ends_the_execution(house, ssm, agent):
    association_id = gathering(house, ssm, agent)
    for status in ("Pending", "InProgress", "InProgress", "Success"):
        tell(agent, association_id, status, ExecutionDate=house.world.now_ms() / 1000)
    house.tick()
    standing = ssm.describe_association(AssociationId=association_id)["AssociationDescription"]
    assert standing["Overview"]["Status"] == "Success"
    (execution,) = ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]
    assert (execution["Status"], execution["ResourceCountByStatus"]) == ("Success", "{Success=1}")


def test_the_older_way_to_tell_has_a_time_too(house, ssm, agent):
    """UpdateAssociationStatus, of an association by InstanceId."""
    ssm.create_document(Name="old", Content=json.dumps(OLD), DocumentType="Command")
    ssm.create_association(Name="old", InstanceId=agent.node_id)
    said = {"Date": 1795361532.5, "Name": "Success", "Message": "done", "AdditionalInfo": "{}"}
    agent.ask("UpdateAssociationStatus", Name="old", InstanceId=agent.node_id, AssociationStatus=said)
    status = ssm.describe_association(Name="old", InstanceId=agent.node_id)["AssociationDescription"][
        "Status"
    ]
    assert (status["Name"], status["Date"].timestamp()) == ("Success", 1795361532.5)
