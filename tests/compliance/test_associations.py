"""Compliance of associations: what State Manager finds out by itself, and what is left to callers."""

import json

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.capabilities.compliance import operations
from tests.associations.conftest import Estate as AssociationsEstate
from tests.associations.test_agents import INVENTORY, by, official, tell  # noqa: F401
from tests.commands import estate as commands_estate


class Estate(AssociationsEstate):
    tables = (*AssociationsEstate.tables, operations.ssm)

    def items(self, node_id):
        found = self.call("ListComplianceItems", ResourceIds=[node_id])["ComplianceItems"]
        return {each["Id"]: each["Status"] for each in found if each["ComplianceType"] == "Association"}

    def put(self, node_id, *items, **more):
        request = {
            "ResourceId": node_id,
            "ResourceType": "ManagedInstance",
            "ComplianceType": "Association",
            "ExecutionSummary": {"ExecutionTime": self.world.now_ms() / 1000},
            "Items": [{"Id": i, "Severity": "LOW", "Status": s, "Details": d} for i, s, d in items],
            **more,
        }
        return self.call("PutComplianceItems", **request)


@pytest.fixture
def estate(database_with, world):
    return Estate(database_with(commands_estate.SCHEMAS), world)


@pytest.fixture
def manual(estate):
    """A node, and an association in mode MANUAL that is for it."""
    node_id = estate.node()
    made = estate.associate(node_id, SyncCompliance="MANUAL")
    estate.work()
    return node_id, made


def test_a_run_is_the_nodes_compliance_with_the_associations_name_and_severity(estate):
    node_id = estate.node()
    made = estate.associate(node_id, AssociationName="hardening", ComplianceSeverity="HIGH")
    estate.work()
    assert estate.items(node_id) == {}
    estate.end("Failed")
    (shown,) = estate.call("ListComplianceItems", ResourceIds=[node_id])["ComplianceItems"]
    assert (shown["Id"], shown["Title"], shown["Severity"]) == (made, "hardening", "HIGH")
    assert shown["Status"] == "NON_COMPLIANT"
    assert shown["Details"] == {
        "AssociationId": made,
        "DocumentName": "AWS-RunShellScript",
        "DocumentVersion": "$DEFAULT",
        "DetailedStatus": "Failed",
    }
    assert shown["ExecutionSummary"] == {
        "ExecutionTime": estate.world.now_ms() / 1000,
        "ExecutionId": estate.commands()[0],
        "ExecutionType": "Command",
    }
    estate.call("StartAssociationsOnce", AssociationIds=[made])
    estate.work()
    estate.end()
    assert estate.items(node_id) == {made: "COMPLIANT"}


def test_associations_count_one_by_one_and_a_node_complies_if_all_do(estate):
    node_id = estate.node()
    good = estate.associate(node_id)
    estate.work()
    estate.end()
    bad = estate.associate(node_id)
    estate.work()
    estate.end("Failed")
    assert estate.items(node_id) == {good: "COMPLIANT", bad: "NON_COMPLIANT"}
    (shown,) = estate.call("ListResourceComplianceSummaries")["ResourceComplianceSummaryItems"]
    assert (shown["Status"], shown["CompliantSummary"]["CompliantCount"]) == ("NON_COMPLIANT", 1)
    estate.call("DeleteAssociation", AssociationId=bad)
    assert estate.items(node_id) == {good: "COMPLIANT"}


def test_nodes_that_rate_control_did_not_reach_stand_as_before(estate):
    one, other = estate.node(), estate.node()
    made = estate.associate(one, other, MaxConcurrency="1", MaxErrors="0")
    estate.work()
    estate.end("Failed")
    assert estate.items(one) | estate.items(other) == {made: "NON_COMPLIANT"}
    assert len([node for node in (one, other) if estate.items(node)]) == 1


def test_in_mode_manual_only_callers_say_how_it_complies(estate, manual):
    node_id, made = manual
    estate.end("Failed")
    assert estate.items(node_id) == {}
    estate.put(node_id, (made, "COMPLIANT", {}), UploadType="PARTIAL")
    assert estate.items(node_id) == {made: "COMPLIANT"}


def test_a_partial_put_takes_the_place_of_one_association_only(estate, manual):
    node_id, made = manual
    estate.end()
    other = estate.associate(node_id)
    estate.work()
    estate.end()
    estate.put(node_id, ("own", "COMPLIANT", {}))
    two = [(name, "COMPLIANT", {"AssociationId": made}) for name in ("p1", "p2")]
    estate.put(node_id, *two, UploadType="PARTIAL")
    assert set(estate.items(node_id)) == {"p1", "p2", other, "own"}
    estate.put(node_id, two[0], UploadType="PARTIAL")
    assert set(estate.items(node_id)) == {"p1", other, "own"}
    summary = {"ExecutionTime": 1.0, "ExecutionId": made}
    estate.put(node_id, UploadType="PARTIAL", ExecutionSummary=summary)
    assert set(estate.items(node_id)) == {other, "own"}


def test_a_partial_put_is_for_associations_in_mode_manual(estate, manual):
    node_id, made = manual
    automatic = estate.associate(node_id)
    for items in (
        [(automatic, "COMPLIANT", {})],
        [("none", "COMPLIANT", {})],
        [(made, "COMPLIANT", {}), ("x", "COMPLIANT", {})],
        [],
    ):
        with pytest.raises(AwsError, match="MANUAL") as caught:
            estate.put(node_id, *items, UploadType="PARTIAL")
        assert caught.value.code == "InvalidItemContentException"


def test_a_whole_put_leaves_alone_what_state_manager_knows_better(estate, manual):
    node_id, made = manual
    automatic = estate.associate(node_id)
    estate.work()
    estate.end()
    estate.put(node_id, (made, "COMPLIANT", {}), ("a", "COMPLIANT", {}), (automatic, "NON_COMPLIANT", {}))
    assert estate.items(node_id) == {made: "COMPLIANT", "a": "COMPLIANT", automatic: "COMPLIANT"}
    estate.put(node_id, ("b", "NON_COMPLIANT", {}))
    assert estate.items(node_id) == {"b": "NON_COMPLIANT", automatic: "COMPLIANT"}


def test_an_official_agents_own_report_of_a_run_takes_nothing_away(estate, manual):
    node_id, made = manual
    automatic = estate.associate(node_id)
    estate.work()
    estate.end("Failed")
    estate.put(node_id, (made, "COMPLIANT", {}), UploadType="PARTIAL")
    report = {
        "ResourceId": node_id,
        "ResourceType": "ManagedInstance",
        "ComplianceType": "Association",
        "ExecutionSummary": {"ExecutionTime": 1.0, "ExecutionId": "", "ExecutionType": ""},
        "ItemContentHash": "iGB0/0D60Q4i+Gt0nlkCqg==",
    }
    item = {"Id": automatic, "Title": "", "Severity": "UNSPECIFIED", "Status": "COMPLIANT", "Details": {}}
    for items in ([item], []):
        by(estate, node_id, "PutComplianceItems", **report, Items=items)
        assert estate.items(node_id) == {made: "COMPLIANT", automatic: "NON_COMPLIANT"}


def test_what_an_agent_applied_by_itself_is_its_compliance_too(estate, official):  # noqa: F811
    content = json.dumps(INVENTORY)
    estate.call(
        "CreateDocument", Name="gather", Content=content, DocumentType="Command", DocumentFormat="JSON"
    )
    made = estate.associate(official, Name="gather", Parameters={})
    estate.work()
    tell(estate, official, made, "InProgress")
    assert estate.items(official) == {}
    tell(estate, official, made, "Failed")
    assert estate.items(official) == {made: "NON_COMPLIANT"}
