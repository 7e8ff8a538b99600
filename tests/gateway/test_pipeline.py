"""The order of things: what is answered before anything runs, and what the pipeline itself guarantees."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostreeve.api.operations import Operations
from hostreeve.gateway.http import HttpRequest
from hostreeve.kernel.world import SimulatedWorld
from tests.house import house_at

JSON = "application/x-amz-json-1.1"


@pytest.fixture
def house(tmp_path):
    with house_at(f"sqlite:///{tmp_path}/house.db") as made:
        yield made


def code_of(call, **request):
    with pytest.raises(ClientError) as raised:
        call(**request)
    return raised.value.response["Error"]["Code"], raised.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_signed_caller_learns_who_it_is(house):
    answer = house.client("sts").get_caller_identity()
    assert answer["Arn"].endswith(":user/administrator") and len(answer["Account"]) == 12
    assert answer["ResponseMetadata"]["RequestId"]


def test_an_operation_that_is_not_there_yet_names_itself(house):
    with pytest.raises(ClientError, match="CreateOpsMetadata") as raised:
        house.client("ssm").create_ops_metadata(ResourceId="arn:aws:x")
    assert raised.value.response["Error"]["Code"] == "NotImplemented"


def test_who_is_not_known_does_not_learn_what_is_missing(house):
    stranger = house.client("ssm", key=("AKIAAAAAAAAAAAAAAAAA", "wrong"))
    assert code_of(stranger.describe_patch_baselines) == ("UnrecognizedClientException", 400)


def test_a_wrong_secret_is_told_from_an_unknown_key(house):
    forger = house.client("ssm", key=(house.key[0], "wrong"))
    assert code_of(forger.describe_instance_information) == ("InvalidSignatureException", 400)


def test_a_request_signed_long_ago_is_refused(house):
    client = house.client("ssm")
    house.signed_ago_s = 3600
    assert code_of(client.describe_instance_information)[0] == "InvalidSignatureException"


def test_a_region_that_is_not_served_is_refused_by_name(house):
    with pytest.raises(ClientError, match="moon-base-1"):
        house.client("ssm", region="moon-base-1").describe_instance_information()


def test_a_validation_error_reads_as_at_aws(house):
    with pytest.raises(ClientError) as raised:
        house.client("ssm", parameter_validation=False).describe_instance_information(MaxResults=4)
    assert raised.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "1 validation error detected: Value '4' at 'maxResults' failed to satisfy constraint: "
        "Member must have value greater than or equal to 5",
    }


def test_an_unsigned_request_is_refused(house):
    answer = house.request(
        HttpRequest(
            "POST", "/", "", [("x-amz-target", "AmazonSSM.ListCommands"), ("content-type", JSON)], b"{}"
        )
    )
    assert answer.status == 400 and json.loads(answer.body)["__type"] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("AmazonSSM.NoSuchThing", b"{}"),
        ("Nobody.NoSuchThing", b"{}"),
        ("", b""),
        ("AmazonSSM.", b"{}"),
        ("AmazonSSM.ListCommands", b"\xff\xfe"),
    ],
)
def test_what_makes_no_sense_gets_an_error_and_a_request_id(house, target, body):
    headers = [("content-type", JSON), ("host", "127.0.0.1"), *([("x-amz-target", target)] if target else [])]
    answer = house.request(HttpRequest("POST", "/", "", headers, body))
    assert 400 <= answer.status < 500
    assert any(name.startswith("x-amz") and "request" in name for name, _ in answer.headers)


def test_an_operation_that_says_it_asks_and_does_not_keeps_nothing(house):
    careless = Operations("ssm")

    @careless.writes("DeleteActivation", asks=True)
    def delete_activation(call: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        call.tx.run("DELETE FROM activations")
        return {}

    ssm = house.client("ssm")
    ssm.create_activation(IamRole="service-role/SSMServiceRole")
    operations = house.app.pipeline._operations
    real = operations[("ssm", "DeleteActivation")]
    operations[("ssm", "DeleteActivation")] = next(iter(careless))
    try:
        assert code_of(ssm.delete_activation, ActivationId="0" * 8 + "-0000-0000-0000-" + "0" * 12)[1] == 500
    finally:
        operations[("ssm", "DeleteActivation")] = real
    assert len(ssm.describe_activations()["ActivationList"]) == 1


def test_the_access_log_names_caller_and_operation_and_no_content(tmp_path):
    from hostreeve.app.compose import Config, build
    from hostreeve.app.regions import aws_regions
    from hostreeve.platform.keys import Keyring

    world = SimulatedWorld(3)
    path = tmp_path / "access.log"
    with path.open("ab") as log:
        config = Config(
            database=f"sqlite:///{tmp_path}/a.db", regions=aws_regions(), replica="r", access_log=log
        )
        app = build(config, world, Keyring(b"k" * 32, world))
        import asyncio

        request = HttpRequest(
            "POST", "/", "", [("x-amz-target", "AmazonSSM.PutParameter")], b'{"Value":"s3cr3t"}'
        )
        asyncio.run(app.pipeline.answer(request))
        app.record.flush()
        app.database.close()
    (line,) = path.read_text().splitlines()
    told = json.loads(line)
    assert (told["service"], told["operation"], told["status"]) == ("ssm", "PutParameter", 403) or told[
        "status"
    ] == 400
    assert "s3cr3t" not in line and told["request_id"]
