"""A whole control plane on either engine, and a bucket of one's own in it."""

import json
from collections.abc import Iterator
from pathlib import Path
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
        url = f"sqlite://{tmp_path_factory.mktemp('objects')}/house.db"
    else:
        url = request.getfixturevalue("postgres_stores").fresh()
    # Clients sign by the machine's clock; from there on the tests move it.
    with house_at(url, SimulatedWorld(7, RealWorld().now_ms())) as made:
        yield made


@pytest.fixture
def s3(house: House) -> Any:
    return house.client("s3", s3={"addressing_style": "path"})


@pytest.fixture
def presigned(house: House) -> Any:
    """`presigned("get_object", Bucket=…, Key=…)`: an address, of the present kind."""
    client = house.client("s3", s3={"addressing_style": "path"}, signature_version="s3v4")
    return lambda operation, **at: client.generate_presigned_url(operation, Params=at, ExpiresIn=60)


@pytest.fixture
def bucket(house: House, s3: Any) -> str:
    name = f"bucket-{house.world.hex(12)}"
    s3.create_bucket(Bucket=name)
    return name


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
    return house.client("s3", made, s3={"addressing_style": "path"})


@pytest.fixture
def limited(house: House) -> Any:
    """`limited({"Action": …, "Resource": …})`: a user of the account who may do that and nothing else."""

    def client(*statements: dict[str, Any]) -> Any:
        iam = house.client("iam")
        name = f"user-{house.world.hex(8)}"
        iam.create_user(UserName=name)
        allowed = [{"Effect": "Allow", **each} for each in statements]
        policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return house.client(
            "s3", (key["AccessKeyId"], key["SecretAccessKey"]), s3={"addressing_style": "path"}
        )

    return client


def refused(call: Any, **request: Any) -> tuple[str, int]:
    """(code, HTTP status) of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def files_of(house: House) -> set[str]:
    """The names of all files in the object folder."""
    return {path.name for path in Path(house.objects.name).rglob("*") if path.is_file()}


def let_pass(house: House, seconds: float) -> None:
    """Let the workers do what they do after a while; then clients' clocks and the server's agree again."""
    house.world.advance(seconds)  # type: ignore[attr-defined]
    house.tick()
    house.world.advance(-seconds)  # type: ignore[attr-defined]
