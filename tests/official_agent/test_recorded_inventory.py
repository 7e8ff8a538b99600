"""What an official agent sent when it gathered inventory, played back: it is answered as it needs to be.

Of each type the first three entries are kept; ids and addresses are others.
"""

import json
from pathlib import Path

import pytest

from hostreeve.kernel.world import SimulatedWorld
from tests.fleet import Fleet
from tests.house import house_at

CALLS = json.loads((Path(__file__).parent / "recorded_inventory.json").read_text())
BEGAN_MS = 1_795_950_000_000
METHODS = {
    "PutInventory": "put_inventory",
    "PutComplianceItems": "put_compliance_items",
}


@pytest.fixture
def house(tmp_path):
    with house_at(f"sqlite://{tmp_path}/house.db", SimulatedWorld(7, BEGAN_MS)) as made:
        yield made


@pytest.fixture
def fleet(house):
    return Fleet(house)


@pytest.fixture
def node_id(fleet):
    return fleet.node(agent_name="amazon-ssm-agent")


@pytest.fixture
def association_id(fleet, node_id):
    made = fleet.ssm.create_association(
        Name="AWS-GatherSoftwareInventory",
        Targets=[{"Key": "InstanceIds", "Values": [node_id]}],
        ScheduleExpression="rate(30 minutes)",
    )
    fleet.house.tick()
    return made["AssociationDescription"]["AssociationId"]


def requests(operation, node_id, association_id):
    text = json.dumps([each["request"] for each in CALLS if each["operation"] == operation])
    return json.loads(text.replace("ASSOCIATION", association_id).replace("NODE", node_id))


def test_what_it_gathered_is_shown_and_a_second_run_by_hashes_alone_changes_nothing(
    fleet, node_id, association_id
):
    agent = fleet.by(node_id)
    (told,) = requests("PutInventory", node_id, association_id)
    agent.put_inventory(**told)
    for item in told["Items"]:
        shown = fleet.ssm.list_inventory_entries(InstanceId=node_id, TypeName=item["TypeName"])
        assert (shown["Entries"], shown["SchemaVersion"]) == (item["Content"], item["SchemaVersion"])
    assert {"AWS:Application", "AWS:Network", "Custom:RackInformation"} <= {
        item["TypeName"] for item in told["Items"]
    }
    hashes = [{name: value for name, value in item.items() if name != "Content"} for item in told["Items"]]
    agent.put_inventory(InstanceId=node_id, Items=hashes)
    shown = fleet.ssm.list_inventory_entries(InstanceId=node_id, TypeName="AWS:Network")
    assert shown["Entries"] == next(i["Content"] for i in told["Items"] if i["TypeName"] == "AWS:Network")


def test_its_compliance_report_does_not_overrule_what_state_manager_knows(fleet, node_id, association_id):
    (told,) = requests("PutComplianceItems", node_id, association_id)
    told["ExecutionSummary"] = {"ExecutionTime": told["ExecutionSummary"]["ExecutionTime"], "ExecutionId": ""}
    told["ExecutionSummary"]["ExecutionTime"] = str(told["ExecutionSummary"]["ExecutionTime"])
    fleet.by(node_id).put_compliance_items(**told)
    assert fleet.ssm.list_compliance_items(ResourceIds=[node_id])["ComplianceItems"] == []
