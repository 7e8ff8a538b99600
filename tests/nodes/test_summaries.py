"""ListNodes and ListNodesSummary over real nodes."""

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.capabilities.nodes.operations import ssm
from tests.calls import SCOPE
from tests.nodes import make

SCHEMAS = make.SCHEMAS


@pytest.fixture
def call(database, world):
    made = make.caller(database, world)
    for number, (name, platform, version) in enumerate(
        [
            ("Debian", "Linux", "11"),
            ("Debian", "Linux", "12"),
            ("Debian", "Linux", "12"),
            ("Server", "Windows", "10"),
        ]
    ):
        make.node(
            made,
            number,
            platform_name=name,
            platform_type=platform,
            platform_version=version,
            computer_name=f"host-{number}",
            agent_name="amazon-ssm-agent",
        )
    make.node(made, 9)
    return made


def listed(call, *filters, **request):
    wanted = [{"Key": key, "Type": operator, "Values": values} for key, operator, values in filters]
    more = {"Filters": wanted} if wanted else {}
    return [int(each["Id"][3:], 16) for each in call(ssm, "ListNodes", **more, **request)["Nodes"]]


def summary(call, *aggregators, **request):
    return call(ssm, "ListNodesSummary", Aggregators=list(aggregators), **request)["Summary"]


def by(name, *nested):
    aggregator = {"AggregatorType": "Count", "TypeName": "Instance", "AttributeName": name}
    return aggregator | ({"Aggregators": list(nested)} if nested else {})


def test_nodes_are_listed_with_their_owner_and_region(call):
    node = call(ssm, "ListNodes")["Nodes"][0]
    assert node["Owner"] == {"AccountId": SCOPE.account}
    assert node["Region"] == SCOPE.region
    instance = node["NodeType"]["Instance"]
    assert (instance["ComputerName"], instance["InstanceStatus"], instance["ManagedStatus"]) == (
        "host-0",
        "Online",
        "Managed",
    )


def test_nodes_are_filtered_with_operators(call):
    assert listed(call) == [0, 1, 2, 3, 9]
    assert listed(call, ("PlatformName", "Equal", ["Debian"])) == [0, 1, 2]
    assert listed(call, ("PlatformName", "NotEqual", ["Debian"])) == [3, 9]
    assert listed(call, ("ComputerName", "BeginWith", ["host-1", "host-3"])) == [1, 3]
    assert listed(call, ("InstanceStatus", "Equal", ["ConnectionLost"])) == [9]
    assert listed(call, ("AccountId", "Equal", [SCOPE.account]), ("Region", "Equal", [SCOPE.region])) == [
        0,
        1,
        2,
        3,
        9,
    ]
    assert listed(call, ("Region", "NotEqual", [SCOPE.region])) == []
    assert listed(call, ("ManagedStatus", "Equal", ["All"])) == [0, 1, 2, 3, 9]
    assert listed(call, ("ManagedStatus", "Equal", ["Unmanaged"])) == []
    assert listed(call, ("OrganizationalUnitId", "Equal", ["ou-1"])) == []
    assert listed(
        call, ("ResourceType", "Equal", ["ManagedInstance"]), ("PlatformVersion", "Equal", ["12"])
    ) == [1, 2]


def test_every_filter_and_aggregator_of_the_model_is_understood(call):
    shapes = ssm.model.shapes
    for key in shapes["NodeFilterKey"]["enum"]:
        for operator in shapes["NodeFilterOperatorType"]["enum"]:
            listed(call, (key, operator, ["x"]))
    for name in shapes["NodeAttributeName"]["enum"]:
        assert sum(int(entry["Count"]) for entry in summary(call, by(name))) == 5


def test_nodes_are_counted(call):
    assert summary(call, by("PlatformName")) == [
        {"PlatformName": "", "Count": "1"},
        {"PlatformName": "Debian", "Count": "3"},
        {"PlatformName": "Server", "Count": "1"},
    ]


def test_nodes_are_counted_by_two_attributes_and_in_several_ways(call):
    assert summary(
        call,
        by("PlatformName", by("PlatformVersion")),
        by("PlatformType"),
        Filters=[{"Key": "PlatformType", "Values": ["Linux"]}],
    ) == [
        {"PlatformName": "Debian", "PlatformVersion": "11", "Count": "1"},
        {"PlatformName": "Debian", "PlatformVersion": "12", "Count": "2"},
        {"PlatformType": "Linux", "Count": "3"},
    ]


def test_counts_come_in_pages(call):
    first = call(ssm, "ListNodesSummary", Aggregators=[by("PlatformName")], MaxResults=2)
    rest = call(
        ssm, "ListNodesSummary", Aggregators=[by("PlatformName")], MaxResults=2, NextToken=first["NextToken"]
    )
    assert [entry["PlatformName"] for entry in first["Summary"] + rest["Summary"]] == ["", "Debian", "Server"]
    assert rest["NextToken"] is None


@pytest.mark.parametrize(
    ("name", "request_", "code"),
    [
        ("ListNodes", {"SyncName": "x"}, "ResourceDataSyncNotFoundException"),
        ("ListNodes", {"NextToken": "x"}, "InvalidNextToken"),
        (
            "ListNodesSummary",
            {"Aggregators": [by("PlatformName", by("PlatformType", by("Region")))]},
            "InvalidAggregatorException",
        ),
        (
            "ListNodesSummary",
            {"Aggregators": [by("PlatformName", by("PlatformName"))]},
            "InvalidAggregatorException",
        ),
        (
            "ListNodesSummary",
            {"Aggregators": [by("Region")], "SyncName": "x"},
            "ResourceDataSyncNotFoundException",
        ),
        ("ListNodesSummary", {"Aggregators": [by("Region")], "NextToken": "x"}, "InvalidNextToken"),
    ],
)
def test_what_makes_no_sense_is_refused(call, name, request_, code):
    with pytest.raises(AwsError) as refused:
        call(ssm, name, **request_)
    assert refused.value.code == code
