"""A whole control plane on either engine, and a tree of names of one's own in it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostreeve.kernel.world import RealWorld, SimulatedWorld
from hostreeve.platform import identity
from tests.house import House, house_at

OTHER_ACCOUNT = "222233334444"


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("parameters")
    if request.param == "sqlite":
        url = f"sqlite://{folder}/house.db"
    else:
        url = request.getfixturevalue("postgres_stores").fresh()
    # Clients sign by the machine's clock; from there on the tests move it, by less than a signature lives.
    with house_at(url, SimulatedWorld(7, RealWorld().now_ms())) as made:
        made.folder = folder  # type: ignore[attr-defined]
        yield made


@pytest.fixture
def ssm(house: House) -> Any:
    return house.client("ssm")


@pytest.fixture
def root(house: House) -> str:
    """A path that no other test uses."""
    return f"/t{house.world.hex(10)}"


@pytest.fixture
def account(house: House) -> str:
    return house.client("sts").get_caller_identity()["Account"]


@pytest.fixture
def user(house: House) -> Any:
    """`user({"Action": …, "Resource": …}, …)`: an ssm client of a new user who may do just that."""

    def make(*statements: dict[str, Any], service: str = "ssm") -> Any:
        iam, name = house.client("iam"), f"u{house.world.hex(10)}"
        iam.create_user(UserName=name)
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", **statement} for statement in statements],
        }
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return house.client(service, (key["AccessKeyId"], key["SecretAccessKey"]))

    return make


@pytest.fixture
def stranger(house: House) -> Any:
    """An ssm client of the administrator of another account."""
    made = getattr(house, "stranger_key", None)
    if made is None:
        made = house.app.database.write_sync(
            lambda tx: identity.bootstrap(
                tx, house.keys, house.world, account=OTHER_ACCOUNT, now_ms=house.world.now_ms()
            )
        )
        house.stranger_key = made  # type: ignore[attr-defined]
    return house.client("ssm", made)


@pytest.fixture
def refused() -> Any:
    """`refused(ssm.get_parameter, Name=…)`: the code of the error that it must answer."""

    def ask(operation: Any, **request: Any) -> str:
        with pytest.raises(ClientError) as error:
            operation(**request)
        ask.message = error.value.response["Error"].get("Message", "")  # type: ignore[attr-defined]
        return str(error.value.response["Error"]["Code"])

    return ask
