"""Inventory of real nodes: the published command, custom files, and what became different."""

import json

import pytest

pytestmark = pytest.mark.slow


def associate(site, *parameters):
    """The published command; the association's id."""
    made = site.aws(
        *("ssm", "create-association", "--name", "AWS-GatherSoftwareInventory"),
        *("--targets", "Key=InstanceIds,Values=*", "--schedule-expression", "rate(30 minutes)"),
        *("--parameters", ",".join(parameters)),
    )
    return made["AssociationDescription"]["AssociationId"]


def ended(site, association_id, after=0):
    """The newest execution once more than `after` have ended."""

    def found():
        shown = site.client("ssm").describe_association_executions(AssociationId=association_id)
        done = [
            each for each in shown["AssociationExecutions"] if each["Status"] not in ("Pending", "InProgress")
        ]
        return done if len(done) > after else None

    return site.until(found, 60)[0]


def entries(site, node, kind):
    return site.aws("ssm", "list-inventory-entries", "--instance-id", node, "--type-name", kind)


def test_the_published_association_gathers_what_the_node_has(site):
    node = site.enrol()
    association_id = associate(site, "networkConfig=Enabled", "applications=Enabled", "services=Disabled")
    assert ended(site, association_id)["Status"] == "Success"
    found = entries(site, node, "AWS:Application")
    assert found["SchemaVersion"] == "1.1" and found["Entries"]
    assert all("Name" in each for each in found["Entries"])
    assert entries(site, node, "AWS:Service")["Entries"] == []
    counted = site.aws(
        *("ssm", "get-inventory", "--aggregators", "Expression=AWS:InstanceInformation.PlatformType")
    )
    content = counted["Entities"][0]["Data"]["AWS:InstanceInformation"]["Content"]
    assert content == [{"Count": "1", "PlatformType": "linux"}]
    (item,) = site.aws("ssm", "list-compliance-items", "--resource-ids", node)["ComplianceItems"]
    assert (item["Id"], item["Status"]) == (association_id, "COMPLIANT")


def test_custom_files_are_gathered_with_the_next_run_and_changes_are_told(site):
    node = site.enrol()
    association_id = associate(site, "applications=Disabled", "customInventory=Enabled")
    assert ended(site, association_id)["Status"] == "Success"
    folder = site.folder / "one" / "inventory" / "custom"
    folder.mkdir(parents=True)

    def drop(name, location, kind="Custom:RackInformation"):
        said = {"SchemaVersion": "1.0", "TypeName": kind, "Content": {"Name": "rack", "Location": location}}
        (folder / name).write_text(json.dumps(said))

    def again(after):
        site.aws("ssm", "start-associations-once", "--association-ids", association_id)
        return ended(site, association_id, after)

    drop("RackInformation.json", "a1")
    assert again(1)["Status"] == "Success"
    assert entries(site, node, "Custom:RackInformation")["Entries"] == [{"Name": "rack", "Location": "a1"}]
    drop("RackInformation.json", "b2")
    drop("wrong.json", "c3", "Custom:rack")
    assert again(2)["Status"] == "Failed"
    (command, *_) = site.client("ssm").list_commands()["Commands"]
    output = site.finished(command["CommandId"], node)
    assert "capital letter" in output["StandardErrorContent"]
    assert entries(site, node, "Custom:RackInformation")["Entries"][0]["Location"] == "b2"
    told = json.loads(site.hostreeve("inventory", "changes", node, "--since", "1h", "--json"))
    changed = [each for each in told["Changes"] if each["Changed"]]
    assert [each["Changed"][0]["After"]["Location"] for each in changed] == ["b2"]
    assert "Location: a1 -> b2" in site.hostreeve("inventory", "changes", node, "--since", "1h")
