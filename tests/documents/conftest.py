"""A whole control plane on either engine, with names of one's own and a second account to share with."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostreeve.kernel.world import RealWorld, SimulatedWorld
from hostreeve.platform import organizations
from tests.house import House, house_at

OTHER_ACCOUNT = "222233334444"


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("documents")
    if request.param == "sqlite":
        url = f"sqlite://{folder}/house.db"
    else:
        url = request.getfixturevalue("postgres_stores").fresh()
    # Clients sign by the machine's clock.
    with house_at(url, SimulatedWorld(7, RealWorld().now_ms())) as made:
        yield made


@pytest.fixture
def ssm(house: House) -> Any:
    return house.client("ssm")


@pytest.fixture
def account(house: House) -> str:
    return house.client("sts").get_caller_identity()["Account"]


@pytest.fixture(scope="module")
def other(house: House) -> Any:
    """An ssm client of another account's administrator."""
    _, key = house.app.database.write_sync(
        lambda tx: organizations.create_account(
            tx, house.keys, house.world, account_id=OTHER_ACCOUNT, now_ms=house.world.now_ms()
        )
    )
    return house.client("ssm", (key.access_key_id, key.secret))


_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"Doc{next(_numbers):04d}"


def refused(operation: Callable[..., Any], **request: Any) -> str:
    """The code of the error that a client's operation answers."""
    with pytest.raises(ClientError) as error:
        operation(**request)
    return str(error.value.response["Error"]["Code"])
