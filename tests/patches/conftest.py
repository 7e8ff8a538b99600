"""A house whose clock is moved; every test begins without baselines, groups and nodes of an earlier one."""

import pytest

from hostreeve.capabilities import patches
from tests.house import module_house
from tests.patches.estate import Estate

BEGIN_MS = 1_800_000_000_000
"""Friday, 2027-01-15, 08:00 UTC."""


@pytest.fixture(scope="module")
def house(request, tmp_path_factory):
    """On SQLite, unless a test asks for `postgresql`."""
    with module_house(request, tmp_path_factory, BEGIN_MS) as made:
        yield made


@pytest.fixture
def estate(house):
    made = Estate(house)
    yield made
    made.leave_all()
    patches.set_quotas({})


@pytest.fixture
def ssm(house, estate):
    return house.client("ssm")
