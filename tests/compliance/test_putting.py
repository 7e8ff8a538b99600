"""PutComplianceItems: what is taken, what takes the place of what, what is refused, what is told."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from tests.compliance.conftest import item

CHANGED = "Configuration Compliance State Change"


def refused(call, *arguments, **more):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **more)
    return caught.value.response["Error"]["Code"]


def test_an_item_is_shown_as_it_was_put_with_what_found_it(fleet):
    node = fleet.node()
    summary = {"ExecutionTime": 1_790_000_000.5, "ExecutionId": "c-1", "ExecutionType": "Command"}
    fleet.put(node, item("a", "NON_COMPLIANT", "HIGH", Version="1"), ExecutionSummary=summary)
    (shown,) = fleet.full(node)
    moment = shown.pop("ExecutionSummary")
    assert (moment.pop("ExecutionTime").timestamp(), moment) == (
        1_790_000_000.5,
        {"ExecutionId": "c-1", "ExecutionType": "Command"},
    )
    assert shown == {
        "ComplianceType": "Custom:Software",
        "ResourceType": "ManagedInstance",
        "ResourceId": node,
        "Id": "a",
        "Title": "a!",
        "Severity": "HIGH",
        "Status": "NON_COMPLIANT",
        "Details": {"Version": "1"},
    }


def test_a_put_takes_the_place_of_all_items_of_the_type_and_of_no_other(fleet):
    node = fleet.node()
    fleet.put(node, ("a",), ("b",))
    fleet.put(node, ("c",), kind="Custom:Other")
    fleet.put(node, ("d",))
    assert sorted(fleet.items(node)) == ["c", "d"]


def test_no_items_are_the_end_of_the_type_on_the_node(fleet):
    node = fleet.node()
    fleet.put(node, ("a",))
    fleet.put(node)
    assert (fleet.items(node), fleet.resources(InstanceId=node)) == ([], {})


def test_the_same_content_hash_changes_nothing(fleet):
    node = fleet.node()
    fleet.put(node, ("a",), ItemContentHash="h1")
    fleet.put(node, ("b",), ItemContentHash="h1")
    assert fleet.items(node) == ["a"]
    fleet.put(node, ("b",), ItemContentHash="h2")
    assert fleet.items(node) == ["b"]


def test_a_node_has_ten_types_of_its_own_beside_those_of_systems_manager(fleet):
    node = fleet.node()
    for number in range(10):
        fleet.put(node, ("a",), kind=f"Custom:Type{number}")
    fleet.put(node, ("p",), kind="Patch")
    fleet.put(node, ("a",), kind="Association")
    assert refused(fleet.put, node, ("a",), kind="Custom:Type10") == (
        "ComplianceTypeCountLimitExceededException"
    )
    fleet.put(node, kind="Custom:Type0")
    fleet.put(node, ("a",), kind="Custom:Type10")
    fleet.put(fleet.node(), ("a",), kind="Custom:Type11")


def test_what_is_no_managed_instance_or_none_that_is_there_is_refused(fleet):
    node = fleet.node()
    assert refused(fleet.put, node, ("a",), ResourceType="EC2") == "InvalidResourceType"
    assert refused(fleet.put, "mi-00000000000000fff", ("a",)) == "InvalidResourceId"


def test_items_that_are_too_large_are_refused_by_name(fleet):
    node = fleet.node()
    large = {f"k{n}": "x" * 4096 for n in range(17)}
    assert refused(fleet.put, node, item("a", **large)) == "ItemSizeLimitExceededException"
    medium = {f"k{n}": "x" * 4096 for n in range(15)}
    assert refused(fleet.put, node, *(item(f"a{n}", **medium) for n in range(140))) == (
        "TotalSizeLimitExceededException"
    )
    assert fleet.items(node) == []


def test_what_the_model_forbids_is_refused(fleet):
    node = fleet.node()
    for wrong in ({"kind": "Custom:!"}, {"UploadType": "SOME"}):
        assert refused(fleet.put, node, ("a",), **wrong) == "ValidationException"
    assert refused(fleet.put, node, ("a",), ("b", "MAYBE")) == "ValidationException"
    assert refused(fleet.put, node, ("a",), UploadType="PARTIAL") == "ValidationException"


def test_a_node_speaks_for_itself_only(fleet):
    one, other = fleet.node(), fleet.node()
    fleet.put(one, ("a",), client=fleet.by(one))
    assert refused(fleet.put, other, ("a",), client=fleet.by(one)) == "AccessDeniedException"


def test_a_node_that_leaves_takes_its_compliance_with_it(fleet):
    node, stays = fleet.node(), fleet.node()
    fleet.put(node, ("a", "NON_COMPLIANT"))
    fleet.put(stays, ("a", "NON_COMPLIANT"))
    assert fleet.summary() == (0, 2)
    fleet.leave(node)
    assert (fleet.summary(), fleet.items(node)) == ((0, 1), [])


def test_the_world_is_told_when_a_node_stands_otherwise_and_only_then(fleet):
    node = fleet.node()
    moment = datetime.fromtimestamp(fleet.world.now_ms() // 1000, UTC)
    began = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    fleet.put(node, item("a", "NON_COMPLIANT", "CRITICAL", PatchBaselineId="pb-1"), kind="Patch")
    fleet.world.advance(1)
    fleet.put(node, item("a", "NON_COMPLIANT", "LOW", PatchBaselineId="pb-1"), kind="Patch")
    fleet.world.advance(1)
    fleet.put(node, item("a", "COMPLIANT", "CRITICAL", PatchBaselineId="pb-1"), kind="Patch")
    fleet.world.advance(1)
    fleet.put(node, item("a", "COMPLIANT"), item("b"), kind="Patch")
    first, second = fleet.events(CHANGED)
    assert first == {
        "resource-type": "managed-instance",
        "resource-id": node,
        "compliance-status": "non_compliant",
        "compliance-type": "Patch",
        "severity": "critical",
        "patch-baseline-id": "pb-1",
        "last-runtime": began,
    }
    assert (second["compliance-status"], "severity" in second) == ("compliant", False)


def test_ten_thousand_items_are_taken_and_paged(fleet):
    node = fleet.node()
    fleet.put(node, *((f"i{n:05}",) for n in range(10_000)))
    first = fleet.ssm.list_compliance_items(ResourceIds=[node], MaxResults=50)
    assert [each["Id"] for each in first["ComplianceItems"]] == [f"i{n:05}" for n in range(50)]
    chosen = fleet.items(node, Id=("BEGIN_WITH", "i0999"))
    assert chosen == [f"i{n:05}" for n in range(9990, 10_000)]
    assert refused(fleet.put, node, *((f"i{n}",) for n in range(10_001))) == "ValidationException"
