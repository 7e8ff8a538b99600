"""Nodes found by what they have, counted, and what they have; the schemas of it."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.inventory.conftest import APPLICATION, CAPTURED, RACK
from tests.inventory.test_putting import refused


@pytest.fixture
def three(fleet):
    """Nodes with nginx 1.2, with nginx 1.10 beside others, and one that has told nothing."""
    one = fleet.node(platform_name="Debian", tags={"Env": "prod"})
    two = fleet.node("Windows", platform_name="Windows Server", computer_name="w")
    silent = fleet.node(platform_name="Alpine")
    fleet.apps(one, "nginx=1.2", "bash=5")
    fleet.apps(two, "nginx=1.10", "vim=9", "BASH=5")
    fleet.put(one, RACK, {"Location": "a1", "Slot": "3"})
    return one, two, silent


def test_every_node_is_there_with_what_is_known_of_it(fleet):
    node = fleet.node(platform_name="Debian", platform_version="12", ip_address="10.0.0.1", agent_version="1")
    filters = [{"Key": "AWS:InstanceInformation.InstanceId", "Values": [node]}]
    (entity,) = fleet.ssm.get_inventory(Filters=filters)["Entities"]
    found = entity["Data"]["AWS:InstanceInformation"]
    assert (found["TypeName"], found["SchemaVersion"]) == ("AWS:InstanceInformation", "1.0")
    assert found["Content"] == [
        {
            "AgentVersion": "1",
            "IamRole": "SSMServiceRole",
            "InstanceId": node,
            "InstanceStatus": "Active",
            "IpAddress": "10.0.0.1",
            "PlatformName": "Debian",
            "PlatformType": "Linux",
            "PlatformVersion": "12",
            "ResourceType": "ManagedInstance",
        }
    ]
    assert fleet.rows(node, "AWS:InstanceInformation") == found["Content"]


def test_nodes_are_found_with_every_operator(fleet, three):
    one, two, silent = three
    name, version = "AWS:Application.Name", "AWS:Application.Version"
    assert fleet.find((name, "Equal", "nginx")) == {one, two}
    assert fleet.find((name, "BeginWith", "ngi", "zzz")) == {one, two}
    assert fleet.find((name, "NotEqual", "vim")) == {one, silent}
    assert fleet.find((version, "GreaterThan", "8")) == {two}
    assert fleet.find((version, "LessThan", "1.9")) == {one}
    assert fleet.find(("AWS:InstanceInformation.PlatformType", "Equal", "Windows")) == {two}
    assert fleet.find(("AWS:InstanceInformation.PlatformName", "NotEqual", "Debian")) == {two, silent}
    assert fleet.find(("Custom:RackInformation.Location", "BeginWith", "a")) == {one}
    assert fleet.find(("AWS:Tag.Key", "Equal", "Env"), ("AWS:Tag.Value", "BeginWith", "pr")) == {one}


def test_filters_of_one_type_are_about_the_same_entry(fleet, three):
    one, *_ = three
    name, version = "AWS:Application.Name", "AWS:Application.Version"
    assert fleet.find((name, "Equal", "nginx"), (version, "Equal", "1.2")) == {one}
    assert fleet.find((name, "Equal", "nginx"), (version, "Equal", "5")) == set()
    assert fleet.find((name, "Equal", "nginx"), (name, "NotEqual", "vim")) == {one}
    assert fleet.find(
        (name, "Equal", "nginx"), ("AWS:InstanceInformation.PlatformName", "Equal", "Debian")
    ) == {one}


def test_times_are_found_though_every_node_has_its_own(fleet):
    one, two = fleet.node(), fleet.node()
    for node, time in ((one, "2026-01-01T00:00:00Z"), (two, "2026-02-01T00:00:00Z")):
        fleet.put(node, APPLICATION, {"Name": "a", "InstalledTime": time})
    assert fleet.find(("AWS:Application.InstalledTime", "LessThan", "2026-01-15")) == {one}


def test_nodes_are_found_by_their_resource_group(fleet):
    node, _ = fleet.node(tags={"Team": "blue"}), fleet.node()
    groups = fleet.house.client("resource-groups")
    types, filters = ["AWS::SSM::ManagedInstance"], [{"Key": "Team", "Values": ["blue"]}]
    query = json.dumps({"ResourceTypeFilters": types, "TagFilters": filters})
    made = groups.create_group(Name="blue", ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": query})
    assert fleet.find(("AWS:ResourceGroup.Name", "Equal", "blue")) == {node}
    assert fleet.find(("AWS:ResourceGroup.Arn", "Equal", made["Group"]["GroupArn"])) == {node}
    assert refused(fleet.find, ("AWS:ResourceGroup.Name", "BeginWith", "b")) == "InvalidFilter"
    groups.delete_group(Group="blue")


def test_nodes_are_found_by_how_they_comply(fleet):
    node, _ = fleet.node(), fleet.node()
    item = {"Id": "a", "Severity": "HIGH", "Status": "NON_COMPLIANT"}
    fleet.ssm.put_compliance_items(
        ResourceId=node,
        ResourceType="ManagedInstance",
        ComplianceType="Patch",
        ExecutionSummary={"ExecutionTime": 1_800_000_000},
        Items=[item],
    )
    assert fleet.find(("AWS:ComplianceSummary.Status", "Equal", "NON_COMPLIANT")) == {node}
    (row,) = fleet.rows(node, "AWS:ComplianceSummary")
    assert (row["OverallSeverity"], row["NonCompliantHighCount"]) == ("HIGH", "1")
    (entry,) = fleet.rows(node, "AWS:ComplianceItem")
    assert (entry["Id"], entry["ComplianceType"]) == ("a", "Patch")
    assert refused(fleet.find, ("AWS:ComplianceItem.Status", "Equal", "x")) == "InvalidFilter"


def test_the_wanted_type_is_shown_of_each_node(fleet, three):
    one, *_ = three
    found = fleet.ssm.get_inventory(ResultAttributes=[{"TypeName": RACK}], Filters=[fleet.own()])["Entities"]
    assert [each["Id"] for each in found] == sorted(three)
    by_id = {each["Id"]: each["Data"] for each in found}
    assert by_id[one][RACK]["Content"] == [{"Location": "a1", "Slot": "3"}]
    assert [data for node, data in by_id.items() if node != one] == [{}, {}]


def test_what_is_no_filter_type_or_attribute_is_refused(fleet):
    for wrong in (
        "Colour",
        "AWS:Toaster.Name",
        "AWS:Application.Colour",
        "AWS:Application",
        "Custom:No.Name",
    ):
        assert refused(fleet.find, (wrong, "Equal", "x")) == "InvalidFilter"
    assert refused(fleet.find, ("AWS:Application.Name", "Exists", "x")) == "InvalidFilter"
    code = refused(fleet.ssm.get_inventory, ResultAttributes=[{"TypeName": "AWS:Toaster"}])
    assert code == "InvalidResultAttributeException"
    assert refused(fleet.ssm.get_inventory, NextToken="nonsense") == "InvalidNextToken"


def test_nodes_are_counted_by_value_as_texts(fleet, three):
    assert fleet.counts("AWS:InstanceInformation.PlatformType", filters=[fleet.own()]) == [
        {"Count": "2", "PlatformType": "linux"},
        {"Count": "1", "PlatformType": "windows"},
    ]
    assert fleet.counts("AWS:Application.Name", filters=[fleet.own()]) == [
        {"Count": "2", "Name": "bash"},
        {"Count": "2", "Name": "nginx"},
        {"Count": "1", "Name": "vim"},
    ]


def test_a_node_with_two_entries_of_a_value_counts_once(fleet):
    node = fleet.node()
    rows = [{"Name": "libc", "Version": "1", "Architecture": each} for each in ("amd64", "i386")]
    fleet.put(node, APPLICATION, *rows, rows[0])
    assert fleet.counts("AWS:Application.Name", filters=[fleet.own()]) == [{"Count": "1", "Name": "libc"}]


def test_counts_are_nested_within_and_across_types(fleet, three):
    found = fleet.counts("AWS:Application.Name", "AWS:Application.Version", filters=[fleet.own()])
    assert {"Count": "1", "Name": "nginx", "Version": "1.10"} in found
    found = fleet.counts(
        "AWS:Application.Name",
        "AWS:Application.Version",
        "AWS:InstanceInformation.PlatformType",
        filters=[fleet.own()],
    )
    assert {"Count": "1", "Name": "nginx", "Version": "1.2", "PlatformType": "linux"} in found
    assert len(found) == 5


def test_groups_count_who_has_a_type_and_who_has_not(fleet, three):
    def exists(*types):
        return {"Key": "TypeName", "Values": list(types), "Type": "Exists"}

    def groups(**named):
        asked = [{"Name": name, "Filters": filters} for name, filters in named.items()]
        (entity,) = fleet.ssm.get_inventory(Aggregators=[{"Groups": asked}], Filters=[fleet.own()])[
            "Entities"
        ]
        return {name: each["Content"] for name, each in entity["Data"].items()}

    found = groups(
        Both=[exists(APPLICATION), exists(RACK)],
        Either=[exists(APPLICATION, RACK)],
        Nginx=[{"Key": "AWS:Application.Name", "Values": ["nginx"], "Type": "Equal"}],
    )
    assert found == {
        "Both": [{"notMatchingCount": "2"}, {"matchingCount": "1"}],
        "Either": [{"notMatchingCount": "1"}, {"matchingCount": "2"}],
        "Nginx": [{"notMatchingCount": "1"}, {"matchingCount": "2"}],
    }
    assert refused(groups, Wrong=[{"Key": "Colour", "Values": ["x"]}]) == "InvalidInventoryGroupException"


def test_aggregators_that_are_none_are_refused(fleet):
    def aggregate(*aggregators):
        return fleet.ssm.get_inventory(Aggregators=list(aggregators))

    deep = {"Expression": "AWS:Application.Name"}
    for _ in range(5):
        deep = {"Expression": "AWS:Application.Name", "Aggregators": [deep]}
    wrong = (
        {},
        {"Expression": "AWS:Application.InstalledTime"},
        {"Expression": "AWS:Toaster.Name"},
        {"Expression": "nonsense"},
        deep,
    )
    for each in wrong:
        assert refused(aggregate, each) == "InvalidAggregatorException"


def test_counts_come_in_pages(fleet, three):
    asked = {"Aggregators": [{"Expression": "AWS:Application.Name"}], "Filters": [fleet.own()]}
    first = fleet.ssm.get_inventory(**asked, MaxResults=2)
    second = fleet.ssm.get_inventory(**asked, MaxResults=2, NextToken=first["NextToken"])
    names = [
        row["Name"] for page in (first, second) for row in page["Entities"][0]["Data"][APPLICATION]["Content"]
    ]
    assert (names, "NextToken" in second) == (["bash", "nginx", "vim"], False)


def test_nodes_come_in_pages(fleet):
    nodes = {fleet.node() for _ in range(5)}
    assert fleet.find(PaginationConfig={"PageSize": 2}) == nodes


def test_entries_come_in_pages_and_are_filtered(fleet):
    node = fleet.node()
    fleet.apps(node, *(f"p{n}={n}" for n in range(7)))
    first = fleet.entries(node, APPLICATION, MaxResults=5)
    second = fleet.entries(node, APPLICATION, MaxResults=5, NextToken=first["NextToken"])
    assert len(first["Entries"] + second["Entries"]) == 7 and "NextToken" not in second

    def names(key, operator, *values):
        rows = fleet.rows(node, APPLICATION, Filters=[{"Key": key, "Type": operator, "Values": list(values)}])
        return [row["Name"] for row in rows]

    assert names("Name", "Equal", "p1", "p3") == ["p1", "p3"]
    assert names("Version", "GreaterThan", "4") == ["p5", "p6"]
    assert names("AWS:Application.Name", "NotEqual", *(f"p{n}" for n in range(6))) == ["p6"]
    with pytest.raises(ClientError, match="aggregators"):
        names("Name", "Exists", "x")


def test_a_node_that_told_nothing_of_a_type_has_no_entries(fleet):
    node = fleet.node()
    assert fleet.rows(node, APPLICATION) == []
    assert refused(fleet.entries, node, "AWS:Toaster") == "InvalidTypeNameException"
    assert refused(fleet.entries, "mi-00000000000000fff", APPLICATION) == "InvalidInstanceId"


def test_schemas_are_awss_and_the_accounts_own(fleet):
    node = fleet.node()
    fleet.put(node, RACK, {"Location": "a1", "Slot": "3"}, version="2.0")
    names = {each["TypeName"] for each in fleet.ssm.get_inventory_schema()["Schemas"]}
    assert {"AWS:WindowsRegistry", "AWS:WindowsRole", "AWS:WindowsUpdate", "AWS:BillingInfo", RACK} <= names
    (rack,) = fleet.ssm.get_inventory_schema(TypeName=RACK)["Schemas"]
    assert (rack["Version"], rack["DisplayName"]) == ("2.0", "RackInformation")
    assert [each["Name"] for each in rack["Attributes"]] == ["Location", "Slot"]
    (application,) = fleet.ssm.get_inventory_schema(TypeName=APPLICATION)["Schemas"]
    assert len(application["Attributes"]) == 11
    (counted,) = fleet.ssm.get_inventory_schema(TypeName=APPLICATION, Aggregator=True)["Schemas"]
    assert {"Name", "Version"} <= {each["Name"] for each in counted["Attributes"]}
    assert refused(fleet.ssm.get_inventory_schema, TypeName="AWS:Toaster") == "InvalidTypeNameException"
    assert fleet.ssm.get_inventory_schema(TypeName=APPLICATION, SubType=True)["Schemas"] == []


def test_a_node_that_is_away_is_shown_as_lost_and_found_so(fleet):
    away = fleet.node()
    fleet.world.advance(700)
    here = fleet.node()
    status = "AWS:InstanceInformation.InstanceStatus"
    assert fleet.find((status, "Equal", "ConnectionLost")) == {away}
    assert fleet.find((status, "BeginWith", "Act")) == {here}
    assert fleet.counts(status, filters=[fleet.own()]) == [
        {"Count": "1", "InstanceStatus": "active"},
        {"Count": "1", "InstanceStatus": "connectionlost"},
    ]
    everybody = {row["InstanceStatus"]: int(row["Count"]) for row in fleet.counts(status)}
    assert everybody["active"] == everybody["connectionlost"] == 1


def test_what_patching_found_is_inventory_too(fleet):
    node, _ = fleet.node(), fleet.node()
    times = dict.fromkeys(("OperationStartTime", "OperationEndTime"), CAPTURED)
    row = {"BaselineId": "pb-0123456789abcdef0", "PatchGroup": "Prod", "OperationType": "Scan", **times}
    fleet.put(node, "AWS:PatchSummary", row)
    assert fleet.find(("AWS:PatchSummary.PatchGroup", "Equal", "Prod")) == {node}
    assert fleet.rows(node, "AWS:PatchSummary") == [row]


def test_a_node_that_left_is_shown_as_terminated_for_thirty_days(fleet):
    node = fleet.node(platform_name="Debian")
    fleet.apps(node, "nginx")
    fleet.leave(node)
    assert fleet.entries(node, "AWS:InstanceInformation")["Entries"][0]["InstanceStatus"] == "Terminated"
    assert [row["Name"] for row in fleet.rows(node, APPLICATION)] == ["nginx"]
    fleet.world.advance(31 * 86_400)
    fleet.house.tick()
    assert refused(fleet.entries, node, APPLICATION) == "InvalidInstanceId"
