"""The fleet as a list: presence, filters, pages, and every way in which a filter is refused."""

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.capabilities import nodes
from hostreeve.capabilities.nodes.operations import ssm
from hostreeve.contract import jobs as wire
from hostreeve.messaging import store as link
from tests.calls import SCOPE
from tests.nodes import make

SCHEMAS = make.SCHEMAS


@pytest.fixture
def call(database, world):
    return make.caller(database, world)


def shown(call, **request):
    return call(ssm, "DescribeInstanceInformation", **request)["InstanceInformationList"]


def ids(call, *filters, **request):
    wanted = [{"Key": key, "Values": list(values)} for key, *values in filters]
    return [each["InstanceId"] for each in shown(call, MaxResults=50, Filters=wanted, **request)]


def legacy(call, *filters):
    wanted = [{"key": key, "valueSet": list(values)} for key, *values in filters]
    return [each["InstanceId"] for each in shown(call, InstanceInformationFilterList=wanted)]


def refusal(call, name="DescribeInstanceInformation", **request):
    with pytest.raises(AwsError) as refused:
        call(ssm, name, **request)
    return refused.value.code


# Presence


def status(call):
    (node,) = shown(call)
    return node["PingStatus"]


def test_a_node_that_was_never_seen_is_lost_and_shows_no_last_ping(call):
    make.node(call, 1)
    (node,) = shown(call)
    assert node["PingStatus"] == "ConnectionLost"
    assert "LastPingDateTime" not in node


def test_a_node_is_lost_after_two_missed_heartbeats(call):
    make.node(call, 1, agent_name="a")
    call.world.advance(599)
    assert status(call) == "Online"
    call.world.advance(1)
    assert status(call) == "ConnectionLost"


def test_how_long_a_node_may_be_silent_is_a_policy(call, monkeypatch):
    make.node(call, 1, agent_name="a")
    monkeypatch.setattr(nodes.PRESENCE, "lost_after_ms", 60_000)
    call.world.advance(61)
    assert status(call) == "ConnectionLost"
    assert ids(call, ("PingStatus", "Online")) == []


def test_a_node_whose_channel_is_open_is_online_without_heartbeats(call):
    node_id = make.node(call, 1, agent_name="a")
    _open(call, node_id)
    for _ in range(100):
        call.world.advance(30)
        _beat(call)
    assert status(call) == "Online"
    (node,) = shown(call)
    assert node["LastPingDateTime"] == call.world.now_ms() / 1000
    assert ids(call, ("PingStatus", "Online")) == [node_id]


def test_a_node_whose_server_died_is_online_until_its_heartbeats_are_missed(call):
    node_id = make.node(call, 1)
    _open(call, node_id)
    call.world.advance(300)
    assert status(call) == "Online"
    assert call(ssm, "GetConnectionStatus", Target=node_id)["Status"] == "notconnected"
    call.world.advance(301)
    assert status(call) == "ConnectionLost"
    assert ids(call, ("PingStatus", "ConnectionLost")) == [node_id]


def test_a_node_that_comes_back_is_online_at_once(call):
    node_id = make.node(call, 1, agent_name="a")
    call.world.advance(5000)
    assert status(call) == "ConnectionLost"
    _open(call, node_id)
    assert status(call) == "Online"


def test_a_connection_is_told_while_the_channel_is_open(call):
    node_id = make.node(call, 1)

    def connection(target=node_id):
        return call(ssm, "GetConnectionStatus", Target=target)

    assert connection() == {"Target": node_id, "Status": "notconnected"}
    _open(call, node_id)
    assert connection()["Status"] == "connected"
    call.database.write_sync(lambda tx: link.close_channels(tx, [(SCOPE, node_id, 1)], call.world.now_ms()))
    assert connection()["Status"] == "notconnected"
    assert connection("anything")["Status"] == "notconnected"


def test_the_link_tells_presence_and_is_told_of_strangers(call):
    node_id = make.node(call, 1)
    opening = wire.Opening("t", "r", "3.3.0.0", "linux")
    now_ms = call.world.now_ms()

    def opened(node):
        return call.database.write_sync(
            lambda tx: nodes.NodePresence().opened(tx, SCOPE, node, opening, now_ms)
        )

    assert opened(node_id)
    assert not opened("mi-00000000000000000")
    (node,) = shown(call)
    assert (node["PingStatus"], node["AgentVersion"], node["PlatformType"]) == ("Online", "3.3.0.0", "Linux")


def _open(call, node_id):
    _beat(call)
    now_ms = call.world.now_ms()
    call.database.write_sync(lambda tx: link.open_channel(tx, SCOPE, node_id, "replica", now_ms))


def _beat(call):
    call.database.write_sync(lambda tx: link.beat(tx, "replica", call.world.now_ms()))


# Filters


@pytest.fixture
def fleet(call):
    make.node(call, 1, platform_type="Linux", agent_version="3.3.1.0", name="a", activation_id="a" * 36)
    make.node(call, 2, platform_type="Linux", agent_version="3.2.0.0", iam_role="Other")
    make.node(call, 3, platform_type="Windows", agent_version="3.3.1.0")
    make.node(call, 4)
    return [f"mi-{number:017x}" for number in range(1, 5)]


def test_nodes_are_filtered_by_what_they_are(call, fleet):
    one, two, three, four = fleet
    assert ids(call) == fleet
    assert ids(call, ("PlatformTypes", "Linux")) == [one, two]
    assert ids(call, ("PlatformType", "Linux", "Windows")) == [one, two, three]
    assert ids(call, ("AgentVersion", "3.3.1.0")) == [one, three]
    assert ids(call, ("IamRole", "Other")) == [two]
    assert ids(call, ("ActivationIds", "a" * 36)) == [one]
    assert ids(call, ("InstanceIds", two, four)) == [two, four]
    assert ids(call, ("SourceIds", three)) == [three]
    assert ids(call, ("SourceTypes", "AWS::SSM::ManagedInstance")) == fleet
    assert ids(call, ("SourceTypes", "AWS::EC2::Instance")) == []
    assert ids(call, ("ResourceType", "ManagedInstance")) == fleet
    assert ids(call, ("ResourceType", "EC2Instance")) == []
    assert ids(call, ("PingStatus", "Online")) == [one, two, three]
    assert ids(call, ("PingStatus", "Online", "ConnectionLost")) == fleet
    assert ids(call, ("PingStatus", "Inactive")) == []
    assert ids(call, ("AssociationStatus", "Success")) == []
    assert ids(call, ("PlatformTypes", "Linux"), ("AgentVersion", "3.3.1.0")) == [one]


def test_the_older_filter_list_agrees(call, fleet):
    one, two, *_ = fleet
    assert legacy(call, ("PlatformTypes", "Linux")) == ids(call, ("PlatformType", "Linux")) == [one, two]
    assert legacy(call, ("InstanceIds", one)) == [one]


def test_nodes_are_filtered_by_tag(call, fleet):
    make.node(call, 5, tags={"Env": "prod", "Role": "web"})
    make.node(call, 6, tags={"Env": "prod"})
    make.node(call, 7, tags={"Env": "test"})
    five, six, seven = (f"mi-{number:017x}" for number in (5, 6, 7))
    assert ids(call, ("tag:Env", "prod")) == [five, six]
    assert ids(call, ("tag:Env", "prod", "test")) == [five, six, seven]
    assert ids(call, ("tag-key", "Role", "nothing")) == [five]
    assert ids(call, ("tag:Env", "prod"), ("tag-key", "Role")) == [five]
    assert ids(call, ("tag:env", "prod")) == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"Filters": [{"Key": "Bogus", "Values": ["x"]}]}, "InvalidFilterKey"),
        ({"Filters": [{"Key": "DocumentName", "Values": ["x"]}]}, "InvalidFilterKey"),
        ({"Filters": [{"Key": "PingStatus", "Values": ["online"]}]}, "InvalidInstanceInformationFilterValue"),
        (
            {"Filters": [{"Key": "PlatformTypes", "Values": ["BeOS"]}]},
            "InvalidInstanceInformationFilterValue",
        ),
        ({"Filters": [{"Key": "AgentVersion", "Values": ["new"]}]}, "InvalidInstanceInformationFilterValue"),
        ({"Filters": [{"Key": "ResourceType", "Values": ["Pod"]}]}, "InvalidInstanceInformationFilterValue"),
        (
            {"Filters": [{"Key": "AssociationStatus", "Values": ["x"]}]},
            "InvalidInstanceInformationFilterValue",
        ),
        ({"Filters": [{"Key": "InstanceIds", "Values": ["mi-" + "9" * 17]}]}, "InvalidInstanceId"),
        ({"Filters": [{"Key": "InstanceIds", "Values": ["nonsense"]}]}, "InvalidInstanceId"),
        (
            {"InstanceInformationFilterList": [{"key": "InstanceIds", "valueSet": ["i-1"]}]},
            "InvalidInstanceId",
        ),
        ({"NextToken": "nonsense"}, "InvalidNextToken"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(call, fleet, request_, code):
    assert refusal(call, **request_) == code


def test_tag_filters_stand_alone(call, fleet):
    both = [{"Key": "tag:Env", "Values": ["prod"]}, {"Key": "PingStatus", "Values": ["Online"]}]
    assert refusal(call, Filters=both) == "InvalidFilterKey"


def test_the_two_filter_lists_are_not_mixed(call, fleet):
    assert (
        refusal(
            call,
            Filters=[{"Key": "PlatformTypes", "Values": ["Linux"]}],
            InstanceInformationFilterList=[{"key": "PlatformTypes", "valueSet": ["Linux"]}],
        )
        == "ValidationException"
    )


@pytest.mark.parametrize("filters", [[], [{"Key": "tag:Env", "Values": ["prod"]}]])
def test_nodes_come_in_pages_without_gap_or_repetition(call, filters):
    made = [make.node(call, number, tags={"Env": "prod"}) for number in range(23)]
    seen, token, pages = [], None, 0
    while pages == 0 or token:
        more = {"NextToken": token} if token else {}
        page = call(ssm, "DescribeInstanceInformation", Filters=filters, MaxResults=5, **more)
        seen += [each["InstanceId"] for each in page["InstanceInformationList"]]
        token, pages = page["NextToken"], pages + 1
    assert seen == made
    assert pages == 5


def test_a_page_has_ten_nodes_unless_asked_otherwise(call):
    for number in range(12):
        make.node(call, number)
    assert len(shown(call)) == 10


def test_a_node_is_described_in_awss_words(call):
    node_id = make.node(
        call,
        1,
        name="web",
        agent_version="3.3.0.0",
        platform_type="Linux",
        platform_name="Debian GNU/Linux",
        platform_version="12",
        computer_name="web-1",
        ip_address="10.0.0.7",
    )
    now = call.world.now_ms() / 1000
    assert shown(call) == [
        {
            "InstanceId": node_id,
            "PingStatus": "Online",
            "LastPingDateTime": now,
            "AgentVersion": "3.3.0.0",
            "IsLatestVersion": True,
            "PlatformType": "Linux",
            "PlatformName": "Debian GNU/Linux",
            "PlatformVersion": "12",
            "ActivationId": "00000000-0000-4000-8000-000000000000",
            "IamRole": make.ROLE,
            "RegistrationDate": now,
            "ResourceType": "ManagedInstance",
            "Name": "web",
            "IPAddress": "10.0.0.7",
            "ComputerName": "web-1",
            "SourceId": node_id,
            "SourceType": "AWS::SSM::ManagedInstance",
        }
    ]


# Properties


def properties(call, *filters):
    wanted = [{"Key": key, "Operator": operator, "Values": values} for key, operator, values in filters]
    more = {"FiltersWithOperator": wanted} if wanted else {}
    answer = call(ssm, "DescribeInstanceProperties", **more)
    return [each["InstanceId"] for each in answer["InstanceProperties"]]


def test_properties_are_filtered_with_operators(call, fleet):
    one, two, three, four = fleet
    assert properties(call) == fleet
    assert properties(call, ("PlatformTypes", "Equal", ["Linux"])) == [one, two]
    assert properties(call, ("PlatformTypes", "NotEqual", ["Linux"])) == [three, four]
    assert properties(call, ("AgentVersion", "BeginWith", ["3.3", "9"])) == [one, three]
    assert properties(call, ("InstanceIds", "GreaterThan", [two])) == [three, four]
    assert properties(call, ("InstanceIds", "LessThan", [two])) == [one]
    assert properties(call, ("DocumentName", "Equal", ["x"])) == []


def test_property_filters_that_make_no_sense_are_refused(call, fleet):
    name = "DescribeInstanceProperties"
    one = {"Key": "Bogus", "Values": ["x"]}
    two = {"Key": "PingStatus", "Values": ["x"]}
    assert refusal(call, name, FiltersWithOperator=[one]) == "InvalidFilterKey"
    assert refusal(call, name, FiltersWithOperator=[two]) == "InvalidInstancePropertyFilterValue"
    assert refusal(call, name, NextToken="x") == "InvalidNextToken"
