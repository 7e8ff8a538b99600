"""Activations: what they promise, how long, and what is told of them."""

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.capabilities.nodes.operations import ssm
from tests.nodes import make

SCHEMAS = make.SCHEMAS
DAY = 86_400


@pytest.fixture
def call(database, world):
    return make.caller(database, world)


def described(call, **request):
    return call(ssm, "DescribeActivations", **request)


def test_an_activation_says_its_code_once(call):
    made = make.activation(call, Description="web servers", DefaultInstanceName="web")
    assert len(made["ActivationCode"]) == 20
    shown = described(call)["ActivationList"]
    assert made["ActivationCode"] not in str(shown)
    rows = call.database.read_sync(lambda tx: tx.all("SELECT * FROM activations"))
    assert made["ActivationCode"] not in str(rows)
    assert made["ActivationCode"].encode() not in bytes(rows[0]["code_hash"])


def test_an_activation_is_described_as_it_was_made(call):
    now = call.world.now_ms() / 1000
    tags = [{"Key": "Env", "Value": "prod"}]
    made = make.activation(
        call,
        Description="d",
        DefaultInstanceName="n",
        RegistrationLimit=7,
        ExpirationDate=now + DAY,
        Tags=tags,
    )
    assert described(call)["ActivationList"] == [
        {
            "ActivationId": made["ActivationId"],
            "Description": "d",
            "DefaultInstanceName": "n",
            "IamRole": make.ROLE,
            "RegistrationLimit": 7,
            "RegistrationsCount": 0,
            "ExpirationDate": now + DAY,
            "Expired": False,
            "CreatedDate": now,
            "Tags": tags,
        }
    ]


def test_an_activation_is_for_one_machine_and_one_day_unless_said_otherwise(call):
    make.activation(call)
    (shown,) = described(call)["ActivationList"]
    assert shown["RegistrationLimit"] == 1
    assert shown["ExpirationDate"] - shown["CreatedDate"] == DAY
    call.world.advance(DAY)
    assert described(call)["ActivationList"][0]["Expired"]


@pytest.mark.parametrize("ahead", [-1, 0, 30 * DAY + 1])
def test_an_activation_ends_within_thirty_days(call, ahead):
    with pytest.raises(AwsError) as refused:
        make.activation(call, ExpirationDate=call.world.now_ms() / 1000 + ahead)
    assert refused.value.code == "ValidationException"
    make.activation(call, ExpirationDate=call.world.now_ms() / 1000 + 30 * DAY)


def test_an_activation_needs_a_role_that_exists(call):
    with pytest.raises(AwsError) as refused:
        make.activation(call, IamRole="Nobody")
    assert refused.value.code == "ValidationException"
    assert "role/Nobody" in refused.value.message


def test_who_makes_an_activation_must_be_allowed_to_pass_the_role(call):
    make.activation(call)
    action, resources, context = call.required[-1]
    assert action == "iam:PassRole"
    assert resources[0].endswith(make.ROLE)
    assert context == {"iam:PassedToService": ["ssm.amazonaws.com"]}
    call.denied = {"iam:PassRole"}
    with pytest.raises(AwsError) as refused:
        make.activation(call)
    assert refused.value.code == "AccessDeniedException"


@pytest.mark.parametrize(
    "tags", [[{"Key": "aws:x", "Value": ""}], [{"Key": f"k{n}", "Value": ""} for n in range(51)]]
)
def test_tags_that_a_node_could_not_carry_are_refused(call, tags):
    with pytest.raises(AwsError) as refused:
        make.activation(call, Tags=tags)
    assert refused.value.code == "ValidationException"


def test_activations_are_filtered(call):
    first = make.activation(call, DefaultInstanceName="web")["ActivationId"]
    second = make.activation(call, DefaultInstanceName="db")["ActivationId"]

    def found(*filters):
        wanted = [{"FilterKey": key, "FilterValues": values} for key, values in filters]
        return {each["ActivationId"] for each in described(call, Filters=wanted)["ActivationList"]}

    assert found(("ActivationIds", [first])) == {first}
    assert found(("DefaultInstanceName", ["web", "db"])) == {first, second}
    assert found(("IamRole", [make.ROLE]), ("DefaultInstanceName", ["db"])) == {second}
    assert found(("IamRole", ["other"])) == set()


@pytest.mark.parametrize("wrong", [{"FilterKey": "IamRole"}, {"FilterValues": ["x"]}, {}])
def test_a_filter_without_key_or_values_is_refused(call, wrong):
    with pytest.raises(AwsError) as refused:
        described(call, Filters=[wrong])
    assert refused.value.code == "InvalidFilter"


def test_activations_come_in_pages(call):
    made = {make.activation(call)["ActivationId"] for _ in range(7)}
    seen, token = [], None
    while True:
        page = described(call, MaxResults=3, **({"NextToken": token} if token else {}))
        assert len(page["ActivationList"]) <= 3
        seen += [each["ActivationId"] for each in page["ActivationList"]]
        token = page["NextToken"]
        if token is None:
            break
    assert len(seen) == 7
    assert set(seen) == made


def test_a_token_that_nobody_gave_is_refused(call):
    with pytest.raises(AwsError) as refused:
        described(call, NextToken="nonsense")
    assert refused.value.code == "InvalidNextToken"


def test_a_deleted_activation_registers_nobody_and_its_nodes_remain(call):
    made = make.activation(call, RegistrationLimit=2)
    node_id = make.register(call, made)
    call(ssm, "DeleteActivation", ActivationId=made["ActivationId"])
    with pytest.raises(AwsError) as refused:
        make.register(call, made, machine=2)
    assert refused.value.code == "InvalidActivation"
    listed = call(ssm, "DescribeInstanceInformation")["InstanceInformationList"]
    assert [each["InstanceId"] for each in listed] == [node_id]
    with pytest.raises(AwsError) as refused:
        call(ssm, "DeleteActivation", ActivationId=made["ActivationId"])
    assert refused.value.code == "InvalidActivation"
