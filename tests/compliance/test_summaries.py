"""Compliance read: items by filters, nodes by type, nodes one by one."""

import pytest
from botocore.exceptions import ClientError

from tests.compliance.conftest import item
from tests.compliance.test_putting import refused


@pytest.fixture
def three(fleet):
    """Nodes: critically wrong, slightly wrong beside something critical that is right, all right."""
    bad, middling, good = fleet.node(), fleet.node("Windows"), fleet.node()
    fleet.put(bad, ("a", "NON_COMPLIANT", "CRITICAL"), ("b", "NON_COMPLIANT", "LOW"), ("c",))
    fleet.put(middling, ("a", "COMPLIANT", "CRITICAL"), ("b", "NON_COMPLIANT", "LOW"))
    fleet.put(good, ("a", "COMPLIANT", "HIGH"), ("b", "COMPLIANT", "LOW"))
    return bad, middling, good


def test_a_node_is_as_severe_as_the_worst_of_what_decides_its_status(fleet, three):
    shown = [fleet.resources(InstanceId=node)[node, "Custom:Software"] for node in three]
    assert [(each["Status"], each["OverallSeverity"]) for each in shown] == [
        ("NON_COMPLIANT", "CRITICAL"),
        ("NON_COMPLIANT", "LOW"),
        ("COMPLIANT", "HIGH"),
    ]
    assert shown[0]["CompliantSummary"]["CompliantCount"] == 1
    assert shown[0]["NonCompliantSummary"] == {
        "NonCompliantCount": 2,
        "SeveritySummary": {
            "CriticalCount": 1,
            "HighCount": 0,
            "MediumCount": 0,
            "LowCount": 1,
            "InformationalCount": 0,
            "UnspecifiedCount": 0,
        },
    }


def test_types_count_nodes_not_items(fleet, three):
    (shown,) = fleet.ssm.list_compliance_summaries()["ComplianceSummaryItems"]
    assert shown["ComplianceType"] == "Custom:Software"
    assert shown["CompliantSummary"]["CompliantCount"] == 1
    assert shown["CompliantSummary"]["SeveritySummary"]["HighCount"] == 1
    severities = shown["NonCompliantSummary"]["SeveritySummary"]
    assert (shown["NonCompliantSummary"]["NonCompliantCount"], severities["CriticalCount"]) == (2, 1)
    assert severities["LowCount"] == 1


def test_summaries_are_filtered_by_how_nodes_stand(fleet, three):
    bad, middling, good = three
    assert {node for node, _ in fleet.resources(Status="NON_COMPLIANT")} == {bad, middling}
    assert {node for node, _ in fleet.resources(OverallSeverity="LOW")} == {middling}
    assert {node for node, _ in fleet.resources(OverallSeverity=("GREATER_THAN", "MEDIUM"))} == {bad, good}
    assert {node for node, _ in fleet.resources(OverallSeverity=("LESS_THAN", "HIGH"))} == {middling}
    assert {n for n, _ in fleet.resources(Status=("NOT_EQUAL", "COMPLIANT"), OverallSeverity="CRITICAL")} == {
        bad
    }
    assert fleet.summary(OverallSeverity="CRITICAL") == (0, 1)


def test_summaries_are_filtered_by_what_nodes_are(fleet, three):
    bad, middling, good = three
    assert {n for n, _ in fleet.resources(**{"AWS:InstanceInformation.PlatformType": "Windows"})} == {
        middling
    }
    assert fleet.summary(**{"AWS:InstanceInformation.PlatformType": "Linux"}) == (1, 1)
    assert {node for node, _ in fleet.resources(InstanceId=("NOT_EQUAL", bad))} == {middling, good}
    assert {node for node, _ in fleet.resources(ResourceId=("BEGIN_WITH", good))} == {good}


def test_summaries_are_filtered_by_what_ran(fleet):
    early, late = fleet.node(), fleet.node()
    fleet.put(early, ("a",), ExecutionSummary={"ExecutionTime": 1_790_000_000, "ExecutionType": "Command"})
    fleet.put(late, ("a",), ExecutionSummary={"ExecutionTime": 1_790_000_100.25, "ExecutionId": "e2"})
    at = "2026-09-21T14:15:00Z"
    assert {node for node, _ in fleet.resources(ExecutionType="Command")} == {early}
    assert {node for node, _ in fleet.resources(ExecutionId="e2")} == {late}
    assert {node for node, _ in fleet.resources(ExecutionTime=("GREATER_THAN", "2026-09-21T14:14:59Z"))} == {
        late
    }
    assert {node for node, _ in fleet.resources(ExecutionTime=("LESS_THAN", at))} == {early}
    assert {node for node, _ in fleet.resources(ExecutionTime=at)} == {late}
    assert {node for node, _ in fleet.resources(ExecutionTime=("NOT_EQUAL", at))} == {early}


def test_summaries_are_filtered_by_the_patch_group_and_other_details_that_items_name(fleet):
    prod, test = fleet.node(), fleet.node()
    fleet.put(prod, item("a", "NON_COMPLIANT", PatchGroup="Prod", PatchBaselineId="pb-1"), kind="Patch")
    fleet.put(test, item("a", "COMPLIANT", PatchGroup="Test"), kind="Patch")
    assert fleet.summary("Patch", PatchGroup="Prod") == (0, 1)
    assert fleet.summary("Patch", PatchGroup=("BEGIN_WITH", "T")) == (1, 0)
    assert fleet.summary("Patch", PatchBaselineId=("NOT_EQUAL", "pb-1")) == (1, 0)


def test_items_are_filtered_with_every_operator(fleet):
    node = fleet.node()
    fleet.put(
        node,
        item("kb1", "NON_COMPLIANT", "CRITICAL", PatchState="Missing", DocumentName="AWS-RunPatchBaseline"),
        item("kb2", "COMPLIANT", "LOW", PatchState="Installed", DocumentName="AWS-RunPatchBaseline"),
        item("x", "COMPLIANT", "MEDIUM"),
        kind="Patch",
    )
    fleet.put(node, ("own",))
    assert fleet.items(node, ComplianceType="Patch", Status=("NOT_EQUAL", "NON_COMPLIANT")) == ["kb2", "x"]
    assert fleet.items(node, DocumentName="AWS-RunPatchBaseline") == ["kb1", "kb2"]
    assert fleet.items(node, PatchState="Missing") == ["kb1"]
    assert fleet.items(node, Id=("BEGIN_WITH", "kb")) == ["kb1", "kb2"]
    assert fleet.items(node, Title="x!") == ["x"]
    assert fleet.items(node, Severity=("GREATER_THAN", "LOW")) == ["kb1", "x"]
    assert fleet.items(node, Severity=("LESS_THAN", "MEDIUM"), ComplianceType="Patch") == ["kb2"]
    assert fleet.items(node, Id=("EQUAL", "kb1", "own")) == ["own", "kb1"]
    assert fleet.items(node, Id=("LESS_THAN", "kb2")) == ["kb1"]


def test_what_is_no_filter_is_refused_and_says_what_is(fleet):
    node = fleet.node()
    fleet.put(node, ("a",))
    for call in (
        fleet.ssm.list_compliance_items,
        fleet.ssm.list_compliance_summaries,
        fleet.ssm.list_resource_compliance_summaries,
    ):
        with pytest.raises(ClientError, match="ComplianceType") as caught:
            call(Filters=[{"Key": "Colour", "Values": ["red"]}])
        assert caught.value.response["Error"]["Code"] == "InvalidFilter"
    assert refused(fleet.resources, OverallSeverity="TERRIBLE") == "InvalidFilter"
    for text in ("yesterday", "2026-13-01", "99999-01-01"):
        assert refused(fleet.resources, ExecutionTime=text) == "InvalidFilter"
    assert refused(fleet.resources, ExecutionTime=("BEGIN_WITH", "2026")) == "InvalidFilter"
    assert refused(fleet.ssm.list_compliance_summaries, NextToken="nonsense") == "InvalidNextToken"


def test_items_of_one_node_per_call_or_of_all(fleet):
    one, other = fleet.node(), fleet.node()
    fleet.put(one, ("a",))
    fleet.put(other, ("b", "NON_COMPLIANT"))
    assert refused(fleet.ssm.list_compliance_items, ResourceIds=[one, other]) == "InvalidResourceId"
    assert refused(fleet.ssm.list_compliance_items, ResourceTypes=["EC2"]) == "InvalidResourceType"
    found = fleet.ssm.list_compliance_items(Filters=[{"Key": "Status", "Values": ["NON_COMPLIANT"]}])
    assert [each["Id"] for each in found["ComplianceItems"]] == ["b"]


def test_lists_come_in_pages_that_neither_repeat_nor_leave_out(fleet):
    nodes = [fleet.node() for _ in range(5)]
    for node in nodes:
        fleet.put(node, ("a",), ("b",), ("c",))
        fleet.put(node, ("d",), kind="Custom:Other")
    pages = fleet.ssm.get_paginator("list_compliance_items").paginate(
        PaginationConfig={"PageSize": 2}, Filters=[{"Key": "Id", "Values": ["b"], "Type": "NOT_EQUAL"}]
    )
    found = [(each["ResourceId"], each["Id"]) for page in pages for each in page["ComplianceItems"]]
    assert sorted(found) == sorted((node, name) for node in nodes for name in "acd")
    pages = fleet.ssm.get_paginator("list_resource_compliance_summaries").paginate(
        PaginationConfig={"PageSize": 3}
    )
    listed = [each["ResourceId"] for page in pages for each in page["ResourceComplianceSummaryItems"]]
    assert sorted(listed) == sorted(nodes * 2)
    first = fleet.ssm.list_compliance_summaries(MaxResults=1)
    second = fleet.ssm.list_compliance_summaries(MaxResults=1, NextToken=first["NextToken"])
    kinds = [page["ComplianceSummaryItems"][0]["ComplianceType"] for page in (first, second)]
    assert (kinds, "NextToken" in second) == (["Custom:Other", "Custom:Software"], False)


def test_a_search_that_finds_little_says_where_to_go_on(fleet, monkeypatch):
    from hostreeve.capabilities.compliance.actions import summing

    monkeypatch.setattr(summing, "PARTS_AT_ONCE", 2)
    monkeypatch.setattr(summing, "PARTS_LOOKED_AT_MAX", 2)
    nodes = [fleet.node() for _ in range(5)]
    for node in nodes:
        fleet.put(node, ("a",), ("b" if node == nodes[-1] else "c",))
    asked = [{"Key": "Id", "Values": ["b"]}]
    first = fleet.ssm.list_compliance_items(Filters=asked)
    assert (first["ComplianceItems"], "NextToken" in first) == ([], True)
    pages = fleet.ssm.get_paginator("list_compliance_items").paginate(Filters=asked)
    assert [each["ResourceId"] for page in pages for each in page["ComplianceItems"]] == [nodes[-1]]
