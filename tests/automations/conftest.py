"""A house in which runbooks are written and run; its clock is moved by the tests."""

import pytest

from tests.automations.shop import Shop
from tests.house import module_house

BEGIN_MS = 1_800_000_000_000
"""Friday, 2027-01-15, 08:00 UTC."""


@pytest.fixture(scope="module")
def house(request, tmp_path_factory):
    """On SQLite, unless a test asks for `postgresql`."""
    with module_house(request, tmp_path_factory, BEGIN_MS) as made:
        yield made


@pytest.fixture
def shop(house):
    return Shop(house)


@pytest.fixture
def ssm(house):
    return house.client("ssm")
