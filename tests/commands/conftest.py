"""The estate that tests of commands are about."""

import pytest

from hostreeve.kernel.world import SimulatedWorld
from tests.commands.estate import SCHEMAS, Estate


@pytest.fixture
def estate(database_with, world: SimulatedWorld) -> Estate:
    return Estate(database_with(SCHEMAS), world)
