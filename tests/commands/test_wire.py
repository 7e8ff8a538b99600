"""What the gateway and a real client add: limits of the model, and policies as identity reads them."""

import json

import pytest
from botocore.exceptions import ClientError

from hostreeve.kernel.world import RealWorld, SimulatedWorld
from tests.house import house_at

COMMANDS = {"commands": ["id"]}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    with house_at(f"sqlite://{folder}/house.db", SimulatedWorld(7, RealWorld().now_ms())) as made:
        yield made


def send(ssm, targets):
    answer = ssm.send_command(DocumentName="AWS-RunShellScript", Parameters=COMMANDS, Targets=targets)
    return answer["Command"]


def keys(number, values):
    return [{"Key": f"tag:k{n}", "Values": [f"v{v}" for v in range(values)]} for n in range(number)]


def test_five_keys_of_fifty_values_are_targets_and_more_are_not(house):
    ssm = house.client("ssm")
    assert send(ssm, keys(5, 50))["Targets"] == keys(5, 50)
    for targets in (keys(6, 1), keys(1, 51)):
        with pytest.raises(ClientError) as refused:
            send(ssm, targets)
        assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_user_may_send_only_with_the_right_to_read_what_is_referred_to(house):
    ssm, iam = house.client("ssm"), house.client("iam")
    ssm.put_parameter(Name="open", Value="o", Type="String")
    ssm.put_parameter(Name="closed", Value="c", Type="String")
    ssm.put_parameter(Name="secret", Value="s", Type="SecureString")
    iam.create_user(UserName="sender")
    allowed = [
        {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"},
        {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "arn:aws:ssm:*:*:parameter/open"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName="sender", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="sender")["AccessKey"]
    sender = house.client("ssm", (key["AccessKeyId"], key["SecretAccessKey"]))

    def code(client, name):
        try:
            client.send_command(
                DocumentName="AWS-RunShellScript",
                Parameters={"commands": [f"echo {{{{ssm:{name}}}}}"]},
                Targets=keys(1, 1),
            )
        except ClientError as refused:
            return refused.response["Error"]["Code"]
        return ""

    assert [code(sender, name) for name in ("open", "closed")] == ["", "AccessDeniedException"]
    assert [code(ssm, name) for name in ("closed", "secret", "none")] == [
        "",
        "InvalidParameters",
        "InvalidParameters",
    ]
