"""A house in which runbooks are written and run; its clock is moved by the tests."""

import pytest

from hostreeve.kernel.world import SimulatedWorld
from tests.automations.shop import Shop
from tests.house import house_at

BEGIN_MS = 1_800_000_000_000
"""Friday, 2027-01-15, 08:00 UTC."""


@pytest.fixture(scope="module")
def house(request, tmp_path_factory):
    """On SQLite, unless a test asks for `postgresql`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        url = f"sqlite://{tmp_path_factory.mktemp('automations')}/house.db"
    else:
        url = request.getfixturevalue("postgres_stores").fresh()
    with house_at(url, SimulatedWorld(7, BEGIN_MS)) as made:
        yield made


@pytest.fixture
def shop(house):
    return Shop(house)


@pytest.fixture
def ssm(house):
    return house.client("ssm")
