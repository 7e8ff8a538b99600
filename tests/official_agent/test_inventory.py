"""Inventory by the unmodified official agent: found by its own poll, told by its own calls."""

import json
from pathlib import Path

import pytest

from tests.official_agent.official import STATE, wait_for

pytestmark = pytest.mark.slow

PATIENCE_S = 120
"""The agent looks for associations within half a minute of its start, and waits as long before it tells."""


@pytest.fixture
def gathered(site, node_id):
    """The association that gathers what the node has, once it has ended on it."""
    ssm = site.client("ssm")
    folder = STATE / node_id / "inventory" / "custom"
    folder.mkdir(parents=True, exist_ok=True)
    rack = {"SchemaVersion": "1.0", "TypeName": "Custom:RackInformation", "Content": {"Location": "a1"}}
    (folder / "rack.json").write_text(json.dumps(rack))
    made = ssm.create_association(
        Name="AWS-GatherSoftwareInventory",
        Targets=[{"Key": "InstanceIds", "Values": [node_id]}],
        ScheduleExpression="rate(30 minutes)",
        Parameters={
            "applications": ["Enabled"],
            "networkConfig": ["Enabled"],
            "customInventory": ["Enabled"],
        },
    )
    association_id = made["AssociationDescription"]["AssociationId"]

    def status():
        shown = ssm.describe_association(AssociationId=association_id)["AssociationDescription"]
        return shown["Overview"]["Status"]

    try:
        wait_for(lambda: status() in ("Success", "Failed"), PATIENCE_S)
        yield association_id
    finally:
        ssm.delete_association(AssociationId=association_id)


def test_the_official_agent_gathers_what_its_node_has(site, server, node_id, gathered):
    ssm = site.client("ssm")
    shown = ssm.describe_association(AssociationId=gathered)["AssociationDescription"]
    assert shown["Overview"]["Status"] == "Success", shown
    network = ssm.list_inventory_entries(InstanceId=node_id, TypeName="AWS:Network")
    assert network["SchemaVersion"] == "1.0" and network["Entries"]
    applications = ssm.list_inventory_entries(InstanceId=node_id, TypeName="AWS:Application")
    if Path("/usr/bin/dpkg-query").exists():
        assert applications["SchemaVersion"] == "1.1" and applications["Entries"]
    rack = ssm.list_inventory_entries(InstanceId=node_id, TypeName="Custom:RackInformation")["Entries"]
    assert rack == [{"Location": "a1"}]
    filters = [{"Key": "AWS:InstanceInformation.AgentType", "Values": ["amazon-ssm-agent"]}]
    found = {each["Id"] for each in ssm.get_inventory(Filters=filters)["Entities"]}
    assert node_id in found
    (item,) = (
        each
        for each in ssm.list_compliance_items(ResourceIds=[node_id])["ComplianceItems"]
        if each["Id"] == gathered
    )
    assert (item["ComplianceType"], item["Status"]) == ("Association", "COMPLIANT")
    assert server.complaints() == []
