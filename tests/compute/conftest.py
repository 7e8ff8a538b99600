"""A whole control plane on either engine, and machines that enrol as EC2 instances."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.gateway.callers import Callers
from tests.groups.conftest import account, house, limited, mark, refused, stranger
from tests.house import House
from tests.nodes.make import public_key

__all__ = ["account", "house", "limited", "mark", "refused", "stranger"]


@pytest.fixture
def ec2(house: House) -> Any:
    return house.client("ec2")


@pytest.fixture
def ssm(house: House) -> Any:
    return house.client("ssm")


@pytest.fixture
def enrolled(house: House) -> Callable[..., str]:
    """`enrolled(Name="web")`: the id of a machine that enrolled as an instance, with these tags."""

    def enrol(resource_type: str = "EC2Instance", name: str = "", **tags: str) -> str:
        house.machines = getattr(house, "machines", 0) + 1  # type: ignore[attr-defined]
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        asked = {"IamRole": "service-role/SSMServiceRole", "Tags": given}
        if name:
            asked["DefaultInstanceName"] = name
        activation = house.client("ssm").create_activation(**asked)
        request = {
            "Fingerprint": f"f{house.machines}",  # type: ignore[attr-defined]
            "PublicKey": public_key(1),
            "PublicKeyType": "Rsa",
            "ResourceType": resource_type,
            "Architecture": "arm64",
            "ActivationId": activation["ActivationId"],
            "ActivationCode": activation["ActivationCode"],
        }
        answer = house.request(Callers(house).http("ssm", "RegisterManagedInstance", request))
        return str(json.loads(answer.body)["InstanceId"])

    return enrol


def report(house: House, node_id: str, **said: str) -> None:
    """What the machine's agent says of itself."""
    from hostreeve.capabilities.nodes import find
    from hostreeve.capabilities.nodes.actions import joining
    from hostreeve.kernel.scope import Scope
    from tests.calls import node_principal

    account = house.client("sts").get_caller_identity()["Account"]
    scope = Scope(account, "us-east-1")

    class Said:
        def __init__(self, tx: Any) -> None:
            self.tx, self.scope = tx, scope
            self.principal = node_principal(node_id, account)
            self.now_ms = house.world.now_ms()

    house.app.database.write_sync(lambda tx: joining.report(Said(tx), {"InstanceId": node_id, **said}))  # type: ignore[arg-type]
    assert house.app.database.read_sync(lambda tx: find(tx, scope, node_id))
