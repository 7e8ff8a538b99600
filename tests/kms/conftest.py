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
        url = f"sqlite://{tmp_path_factory.mktemp('kms')}/house.db"
    else:
        url = request.getfixturevalue("postgres_stores").fresh()
    with house_at(url, SimulatedWorld(7, RealWorld().now_ms())) as made:
        yield made


@pytest.fixture
def kms(house: House) -> Any:
    """The administrator's client."""
    return house.client("kms")


@pytest.fixture
def account(house: House) -> str:
    return house.client("sts").get_caller_identity()["Account"]


@pytest.fixture
def key(kms: Any) -> str:
    """The ARN of a fresh symmetric key."""
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def stranger(house: House) -> Any:
    """The administrator of another account."""
    made = getattr(house, "stranger_key", None)
    if made is None:
        made = house.app.database.write_sync(
            lambda tx: identity.bootstrap(
                tx, house.keys, house.world, account=OTHER_ACCOUNT, now_ms=house.world.now_ms()
            )
        )
        house.stranger_key = made  # type: ignore[attr-defined]
    return house.client("kms", made)


@pytest.fixture
def limited(house: House) -> Callable[..., tuple[Any, str]]:
    """`limited({"Action": …})`: the client and the ARN of a user who may do that and nothing else."""

    def client(*statements: dict[str, Any]) -> tuple[Any, str]:
        iam = house.client("iam")
        name = f"user-{house.world.hex(8)}"
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            said = [{"Effect": "Allow", "Resource": "*", **each} for each in statements]
            document = json.dumps({"Version": "2012-10-17", "Statement": said})
            iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=document)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return house.client("kms", (made["AccessKeyId"], made["SecretAccessKey"])), arn

    return client


@pytest.fixture
def renewed(house: House, limited: Callable[..., tuple[Any, str]]) -> tuple[Any, str, Callable[[], Any]]:
    """The client and ARN of a user, and what makes another of that name in its place: the other's client."""
    client, arn = limited()
    iam, name = house.client("iam"), arn.rpartition("/")[2]

    def anew() -> Any:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)
        assert iam.create_user(UserName=name)["User"]["Arn"] == arn
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return house.client("kms", (made["AccessKeyId"], made["SecretAccessKey"]))

    return client, arn, anew


def policy(*statements: dict[str, Any]) -> str:
    """A key policy of these statements."""
    said = [{"Effect": "Allow", "Resource": "*", **each} for each in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": said})


def root(account: str) -> dict[str, Any]:
    """The statement by which an account's own policies decide."""
    return {"Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*"}


def refused(call: Any, **request: Any) -> str:
    """The error code of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return caught.value.response["Error"]["Code"]
