"""DeleteInventory and what became different: what goes, when, and what stays known."""

import pytest

from hostreeve.capabilities.inventory import worker
from tests.inventory.conftest import APPLICATION, CAPTURED
from tests.inventory.test_putting import refused


def test_a_dry_run_tells_what_would_go_and_has_no_id(fleet):
    kind = "Custom:Dry"
    for version in ("1.0", "1.0", "2.0"):
        fleet.put(fleet.node(), kind, {"A": "1"}, version=version)
    answer = fleet.ssm.delete_inventory(TypeName=kind, DryRun=True)
    assert answer["DeletionSummary"] == {
        "TotalCount": 3,
        "RemainingCount": 3,
        "SummaryItems": [
            {"Version": "1.0", "Count": 2, "RemainingCount": 2},
            {"Version": "2.0", "Count": 1, "RemainingCount": 1},
        ],
    }
    assert "DeletionId" not in answer
    fleet.house.tick()
    assert fleet.find(("Custom:Dry.A", "Equal", "1")) != set()
    fleet.ssm.delete_inventory(TypeName=kind, SchemaDeleteOption="DeleteSchema")
    fleet.house.tick()


def test_a_deletion_is_done_by_a_worker_and_tells_how_far_it_is(fleet):
    kind = "Custom:Gone"
    nodes = [fleet.node(), fleet.node()]
    for node in nodes:
        fleet.put(node, kind, {"A": "1"})
    begun = fleet.ssm.delete_inventory(TypeName=kind)
    assert begun["DeletionSummary"]["RemainingCount"] == begun["DeletionSummary"]["TotalCount"] == 2

    def status():
        answer = fleet.ssm.describe_inventory_deletions(DeletionId=begun["DeletionId"])
        return answer["InventoryDeletions"][0]

    assert (status()["LastStatus"], status()["LastStatusMessage"]) == (
        "InProgress",
        "The Delete is in progress",
    )
    assert fleet.rows(nodes[0], kind) == [{"A": "1"}]
    fleet.house.tick()
    assert (status()["LastStatus"], status()["LastStatusMessage"]) == ("Complete", "Deletion is successful")
    assert status()["DeletionSummary"]["RemainingCount"] == 0
    assert fleet.rows(nodes[0], kind) == []
    told = [each for each in fleet.events("Inventory Resource State Change") if each["type-name"] == kind]
    assert {each["resource-id"] for each in told if each["action"] == "delete"} == set(nodes)
    fleet.put(nodes[0], kind, {"A": "2"})
    fleet.ssm.delete_inventory(TypeName=kind, SchemaDeleteOption="DeleteSchema")
    fleet.house.tick()


def test_a_disabled_schema_takes_greater_versions_only(fleet):
    kind, node = "Custom:Disabled", fleet.node()
    fleet.put(node, kind, {"A": "1"}, version="1.0")
    fleet.ssm.delete_inventory(TypeName=kind, SchemaDeleteOption="DisableSchema")
    fleet.house.tick()
    code = "UnsupportedInventorySchemaVersionException"
    assert refused(fleet.put, node, kind, {"A": "1"}, version="1.0") == code
    assert refused(fleet.put, node, kind, {"A": "1"}, version="0.9") == code
    beside = {
        "TypeName": "AWS:Service",
        "SchemaVersion": "1.0",
        "CaptureTime": CAPTURED,
        "Content": [{"Name": "s"}],
    }
    fleet.ssm.put_inventory(InstanceId=node, Items=[{**beside, "TypeName": kind}, beside])
    assert (fleet.rows(node, kind), len(fleet.rows(node, "AWS:Service"))) == ([], 1)
    told = [each for each in fleet.events("Inventory Resource State Change") if each["action"] == "put"]
    assert [(each["action-status"], each["type-name"]) for each in told] == [("failed", kind)]
    fleet.put(node, kind, {"A": "1"}, version="1.1")
    assert fleet.rows(node, kind) == [{"A": "1"}]
    fleet.ssm.delete_inventory(TypeName=kind, SchemaDeleteOption="DeleteSchema")
    fleet.house.tick()
    assert refused(fleet.ssm.get_inventory_schema, TypeName=kind) == "InvalidTypeNameException"
    fleet.put(node, kind, {"B": "1"}, version="1.0")
    fleet.ssm.delete_inventory(TypeName=kind, SchemaDeleteOption="DeleteSchema")
    fleet.house.tick()


def test_what_is_put_after_a_deletion_began_stays(fleet):
    kind, node = "Custom:Late", fleet.node()
    fleet.put(node, kind, {"A": "1"})
    fleet.ssm.delete_inventory(TypeName=kind)
    fleet.world.advance(1)
    fleet.put(node, kind, {"A": "2"})
    fleet.house.tick()
    assert fleet.rows(node, kind) == [{"A": "2"}]
    fleet.world.advance(1)
    fleet.ssm.delete_inventory(TypeName=kind, SchemaDeleteOption="DeleteSchema")
    fleet.house.tick()


def test_only_types_of_ones_own_are_deleted(fleet):
    code = refused(fleet.ssm.delete_inventory, TypeName=APPLICATION)
    assert code == "InvalidDeleteInventoryParametersException"
    assert refused(fleet.ssm.delete_inventory, TypeName="Custom:Nothing") == "InvalidTypeNameException"
    code = refused(fleet.ssm.describe_inventory_deletions, DeletionId="11111111-2222-4333-8444-555555555555")
    assert code == "InvalidDeletionIdException"


def test_a_client_that_asks_again_gets_the_same_deletion(fleet):
    kind, token = "Custom:Again", "11111111-2222-4333-8444-555555555556"
    fleet.put(fleet.node(), kind, {"A": "1"})
    first = fleet.ssm.delete_inventory(TypeName=kind, ClientToken=token, SchemaDeleteOption="DeleteSchema")
    second = fleet.ssm.delete_inventory(TypeName=kind, ClientToken=token, SchemaDeleteOption="DeleteSchema")
    assert first["DeletionId"] == second["DeletionId"]
    fleet.house.tick()


def test_deletions_are_listed_the_newest_first_in_pages(fleet):
    kind = "Custom:Listed"
    for _ in range(3):
        fleet.put(fleet.node(), kind, {"A": "1"})
        fleet.world.advance(1)
        fleet.ssm.delete_inventory(TypeName=kind)
        fleet.house.tick()
    pages = fleet.ssm.get_paginator("describe_inventory_deletions").paginate(PaginationConfig={"PageSize": 2})
    times = [each["DeletionStartTime"] for page in pages for each in page["InventoryDeletions"]]
    assert times == sorted(times, reverse=True) and len(times) >= 3
    fleet.ssm.delete_inventory(TypeName=kind, SchemaDeleteOption="DeleteSchema")
    fleet.house.tick()


def test_what_became_different_is_told_entry_by_entry(fleet):
    node = fleet.node()
    fleet.apps(node, "nginx=1.2", "bash=5", "vim=9")
    fleet.world.advance(60)
    since = fleet.world.now_ms() / 1000
    fleet.apps(node, "nginx=1.3", "bash=5", "curl=8")
    fleet.world.advance(60)
    fleet.apps(node, "nginx=1.3", "bash=5", "curl=8", ContentHash="other")
    (first, then) = fleet.changes(node)["Changes"]
    assert (first["First"], first["Added"], first["Removed"]) == (True, [], [])
    (change,) = fleet.changes(node, Since=since)["Changes"]
    assert change["Time"] == since and change["TypeName"] == APPLICATION == then["TypeName"]
    assert [row["Name"] for row in change["Added"]] == ["curl"]
    assert [row["Name"] for row in change["Removed"]] == ["vim"]
    assert [(each["Before"]["Version"], each["After"]["Version"]) for each in change["Changed"]] == [
        ("1.2", "1.3")
    ]


def test_changes_are_chosen_by_type_and_time_and_come_in_pages(fleet):
    node = fleet.node()
    for number in range(4):
        fleet.apps(node, f"a={number}")
        fleet.put(node, "AWS:Service", {"Name": "s", "Status": f"{number}"})
        fleet.world.advance(60)
    assert len(fleet.changes(node, TypeName="AWS:Service")["Changes"]) == 4
    first = fleet.changes(node, MaxResults=5)
    second = fleet.changes(node, MaxResults=5, NextToken=first["NextToken"])
    assert len(first["Changes"] + second["Changes"]) == 8 and "NextToken" not in second
    assert fleet.changes(node, Until=1_790_000_000)["Changes"] == []
    with pytest.raises(AssertionError, match="InvalidInstanceId"):
        fleet.changes("mi-00000000000000fff")


def test_the_history_of_a_node_is_bounded(fleet, monkeypatch):
    monkeypatch.setattr(worker, "CHANGES_MAX", 3)
    node, other = fleet.node(), fleet.node()
    for number in range(5):
        fleet.world.advance(60)
        fleet.apps(node, f"a={number}")
    fleet.apps(other, "a")
    fleet.house.loop.run_until_complete(worker.sweep(fleet.database))
    changed = [each["Changed"][0]["After"]["Version"] for each in fleet.changes(node)["Changes"]]
    assert changed == ["2", "3", "4"]
    assert len(fleet.changes(other)["Changes"]) == 1


def test_entries_that_nobody_has_any_more_are_swept(fleet):
    node = fleet.node()
    fleet.apps(node, "kept")
    fleet.put(node, "Custom:Swept", {"A": "unique"})
    fleet.ssm.delete_inventory(TypeName="Custom:Swept", SchemaDeleteOption="DeleteSchema")
    fleet.house.tick()

    def known():
        sql = "SELECT content FROM inventory_rows WHERE content LIKE '%unique%' OR content LIKE '%kept%'"
        return [row["content"] for row in fleet.database.read_sync(lambda tx: tx.all(sql))]

    fleet.house.loop.run_until_complete(worker.sweep(fleet.database))
    assert len(known()) == 1 and "kept" in known()[0]
