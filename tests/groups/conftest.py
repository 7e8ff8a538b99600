"""A whole control plane on either engine, with users who may do little and an account next door."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostreeve.kernel.world import RealWorld, SimulatedWorld
from hostreeve.platform import identity
from tests.house import House, house_at

OTHER_ACCOUNT = "222233334444"


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    if request.param == "sqlite":
        url = f"sqlite://{tmp_path_factory.mktemp('groups')}/house.db"
    else:
        url = request.getfixturevalue("postgres_stores").fresh()
    with house_at(url, SimulatedWorld(7, RealWorld().now_ms())) as made:
        yield made


@pytest.fixture
def rg(house: House) -> Any:
    """Resource Groups, as the administrator."""
    return house.client("resource-groups")


@pytest.fixture
def tagging(house: House) -> Any:
    """The tagging API, as the administrator."""
    return house.client("resourcegroupstaggingapi")


@pytest.fixture
def ssm(house: House) -> Any:
    return house.client("ssm")


@pytest.fixture
def account(house: House) -> str:
    return house.client("sts").get_caller_identity()["Account"]


@pytest.fixture
def mark(house: House) -> str:
    """A text that no other test uses, for names and tags."""
    return f"t{house.world.hex(10)}"


@pytest.fixture
def limited(house: House) -> Callable[..., Any]:
    """`limited("tagging service", {"Action": …})`: a client of a user who may do that and nothing else."""

    def client(service: str, *statements: dict[str, Any]) -> Any:
        iam, name = house.client("iam"), f"user-{house.world.hex(8)}"
        iam.create_user(UserName=name)
        said = [{"Effect": "Allow", "Resource": "*", **each} for each in statements]
        if said:
            document = json.dumps({"Version": "2012-10-17", "Statement": said})
            iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return house.client(service, (key["AccessKeyId"], key["SecretAccessKey"]))

    return client


@pytest.fixture
def stranger(house: House) -> Callable[[str], Any]:
    """`stranger("resource-groups")`: a client of the administrator of another account."""
    made = getattr(house, "stranger_key", None)
    if made is None:
        made = house.app.database.write_sync(
            lambda tx: identity.bootstrap(
                tx, house.keys, house.world, account=OTHER_ACCOUNT, now_ms=house.world.now_ms()
            )
        )
        house.stranger_key = made  # type: ignore[attr-defined]
    return lambda service: house.client(service, made)


def refused(call: Any, **request: Any) -> str:
    """The error code of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


def tag_query(*filters: tuple[str, list[str]], types: tuple[str, ...] = ("AWS::AllSupported",)) -> Any:
    """A ResourceQuery: `tag_query(("Env", ["prod"]))`; no values means any."""
    asked = [{"Key": key, "Values": values} if values else {"Key": key} for key, values in filters]
    query = {"ResourceTypeFilters": list(types), "TagFilters": asked}
    return {"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)}


def parameter(ssm: Any, name: str, **tags: str) -> str:
    """The ARN of a new parameter with these tags."""
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    ssm.put_parameter(Name=name, Type="String", Value="v", Tags=given)
    return str(ssm.get_parameter(Name=name)["Parameter"]["ARN"])
