"""What agents ask for and tell: the polling contract of official agents, for documents that only they run."""

import json

import pytest

from hostreeve.api.call import Principal
from hostreeve.api.errors import AwsError
from hostreeve.capabilities.associations.actions import running
from hostreeve.capabilities.nodes.store import nodes as node_rows

INVENTORY = {
    "schemaVersion": "2.0",
    "description": "inventory",
    "mainSteps": [
        {"action": "aws:softwareInventory", "name": "gather", "inputs": {"applications": "Enabled"}}
    ],
}


@pytest.fixture
def official(estate):
    """A node whose agent is the official one."""
    node_id = estate.node()
    reported = {"agent_name": "amazon-ssm-agent"}
    estate.database.write_sync(lambda tx: node_rows.report(tx, estate.scope, node_id, reported, 1))
    return node_id


@pytest.fixture
def association_id(estate, official):
    content = json.dumps(INVENTORY)
    estate.call(
        "CreateDocument", Name="gather", Content=content, DocumentType="Command", DocumentFormat="JSON"
    )
    made = estate.associate(official, Name="gather", Parameters={}, ScheduleExpression="rate(12 hours)")
    estate.work()
    return made


def by(estate, node_id, name, **request):
    """An operation called by a node."""
    before = estate.principal
    estate.principal = Principal(
        estate.scope.account, "arn:aws:sts::1:assumed-role/R/n", "AROA", "A", node_id=node_id
    )
    try:
        return estate.call(name, **request)
    finally:
        estate.principal = before


def tell(estate, node_id, association_id, status, **more):
    result = {
        "Status": status,
        "ExecutionDate": estate.world.now_ms() / 1000,
        "ErrorCode": "",
        "ExecutionSummary": "so",
        **more,
    }
    by(
        estate,
        node_id,
        "UpdateInstanceAssociationStatus",
        InstanceId=node_id,
        AssociationId=association_id,
        ExecutionResult=result,
    )
    estate.work()


def polled(estate, node_id):
    return by(estate, node_id, "ListInstanceAssociations", InstanceId=node_id, MaxResults=20)["Associations"]


def test_an_official_agent_finds_pending_what_only_it_can_run_with_all_that_it_dereferences(
    estate, official, association_id
):
    (one,) = polled(estate, official)
    assert (one["AssociationId"], one["DetailedStatus"], one["InstanceId"]) == (
        association_id,
        "Pending",
        official,
    )
    assert {"Name", "DocumentVersion", "Checksum", "AssociationVersion"} <= set(one)
    # The server keeps time: an agent that had the schedule would keep it too.
    assert "ScheduleExpression" not in one
    assert estate.commands() == []


def test_what_the_agent_tells_is_kept_and_ends_the_execution(estate, official, association_id):
    tell(estate, official, association_id, "InProgress")
    (one,) = polled(estate, official)
    assert (one["DetailedStatus"], "LastExecutionDate" in one) == ("InProgress", True)
    tell(estate, official, association_id, "Success")
    (execution,) = estate.executions(association_id)
    assert (execution["Status"], execution["ResourceCountByStatus"]) == ("Success", "{Success=1}")
    assert estate.standing(association_id)["Overview"]["Status"] == "Success"
    estate.later(12 * 3600)
    assert polled(estate, official)[0]["DetailedStatus"] == "Pending"


def test_an_agent_that_died_in_the_middle_does_not_block_what_comes_after(estate, official, association_id):
    """The official agent runs nothing behind an association that is InProgress for two hours."""
    tell(estate, official, association_id, "InProgress")
    estate.come_back(official)
    assert polled(estate, official)[0]["DetailedStatus"] == "Pending"


def test_an_edit_changes_the_checksum_by_which_agents_keep_documents(estate, official, association_id):
    (before,) = polled(estate, official)
    targets = [{"Key": "InstanceIds", "Values": [official]}]
    estate.call(
        "UpdateAssociation", AssociationId=association_id, Targets=targets, ScheduleExpression="rate(1 day)"
    )
    (after,) = polled(estate, official)
    assert before["Checksum"] != after["Checksum"]


@pytest.fixture
def ours(estate):
    """A node whose agent is ours."""
    node_id = estate.node()
    reported = {"agent_name": "hostreeve-agent"}
    estate.database.write_sync(lambda tx: node_rows.report(tx, estate.scope, node_id, reported, 1))
    return node_id


GATHER = {"Name": "AWS-GatherSoftwareInventory", "Parameters": {"applications": ["Enabled"]}}


def test_our_agent_is_sent_it_as_a_command_and_the_official_one_finds_it(estate, official, ours):
    made = estate.associate(official, ours, **GATHER)
    estate.work()
    assert [one["DetailedStatus"] for one in polled(estate, official)] == ["Pending"]
    assert polled(estate, ours) == []
    (command_id,) = estate.commands()
    assert estate.statuses(command_id) == {ours: "Pending"}
    estate.finish(command_id, ours)
    tell(estate, official, made, "Success")
    assert estate.standing(made)["Overview"] == {
        "Status": "Success",
        "DetailedStatus": "Success",
        "AssociationStatusAggregatedCount": {"Success": 2},
    }
    counts = [each["ResourceCountByStatus"] for each in estate.executions(made)]
    assert counts == ["{Success=1}", "{Success=1}"]


def test_a_node_of_ours_alone_has_one_execution_with_its_command(estate, ours):
    made = estate.associate(ours, **GATHER)
    estate.work()
    estate.end()
    (execution,) = estate.executions(made)
    assert (execution["Status"], execution["ResourceCountByStatus"]) == ("Success", "{Success=1}")


def test_a_large_fleet_of_ours_is_sent_it_by_its_targets(estate, monkeypatch):
    monkeypatch.setattr(running, "NODES_AT_ONCE", 2)
    nodes = [estate.node() for _ in range(3)]
    told = {"agent_name": "hostreeve-agent"}
    for node_id in nodes:
        estate.database.write_sync(lambda tx, n=node_id: node_rows.report(tx, estate.scope, n, told, 1))
    made = estate.associate("*", **GATHER)
    estate.work()
    estate.end()
    assert estate.standing(made)["Overview"]["AssociationStatusAggregatedCount"] == {"Success": 3}
    (command,) = estate.call("ListCommands")["Commands"]
    assert command["Targets"] == [{"Key": "InstanceIds", "Values": ["*"]}]


def test_a_node_whose_agent_is_not_known_yet_has_it_when_it_comes(estate):
    node_id = estate.node()
    made = estate.associate(node_id, **GATHER)
    estate.work()
    assert estate.commands() == []
    reported = {"agent_name": "hostreeve-agent"}
    estate.database.write_sync(lambda tx: node_rows.report(tx, estate.scope, node_id, reported, 1))
    estate.come_back(node_id)
    estate.work()
    estate.end()
    assert estate.standing(made)["Overview"]["AssociationStatusAggregatedCount"] == {"Success": 1}


@pytest.mark.parametrize("kind", ["official", "ours"])
def test_a_node_that_two_inventories_are_for_has_neither_and_says_which(estate, request, kind):
    node_id, other = request.getfixturevalue(kind), estate.node()
    first = estate.associate(node_id, **GATHER)
    estate.work()
    estate.end()
    second = estate.associate(node_id, other, **GATHER)
    estate.work()
    (info,) = (
        each
        for each in estate.call("DescribeInstanceAssociationsStatus", InstanceId=node_id)[
            "InstanceAssociationStatusInfos"
        ]
        if each["AssociationId"] == second
    )
    assert (info["Status"], info["DetailedStatus"]) == ("Failed", "InventoryConflict")
    assert first in info["ExecutionSummary"] and second in info["ExecutionSummary"]
    assert estate.standing(second)["Overview"]["Status"] == "Failed"
    items = estate.call("ListComplianceItems", ResourceIds=[node_id])["ComplianceItems"]
    assert [each["Status"] for each in items if each["Id"] == second] == ["NON_COMPLIANT"]
    estate.call("DeleteAssociation", AssociationId=first)
    estate.call("StartAssociationsOnce", AssociationIds=[second])
    estate.work()
    if kind == "ours":
        estate.end()
        assert estate.standing(second)["Overview"]["Status"] == "Success"
    else:
        assert [one["DetailedStatus"] for one in polled(estate, node_id)] == ["Pending"]


def test_a_node_speaks_for_itself_only(estate, official, association_id):
    other = estate.node()
    for name, more in (
        ("ListInstanceAssociations", {}),
        ("UpdateInstanceAssociationStatus", {"AssociationId": association_id, "ExecutionResult": {}}),
        (
            "UpdateAssociationStatus",
            {"Name": "gather", "AssociationStatus": {"Name": "Success", "Message": "m"}},
        ),
    ):
        with pytest.raises(AwsError, match="not authorized"):
            by(estate, other, name, InstanceId=official, **more)


def test_what_others_run_is_no_business_of_the_agents(estate, official):
    estate.associate(official)
    estate.work()
    assert polled(estate, official) == []
