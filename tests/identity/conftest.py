"""One installation per module and engine; every test has an account of its own in it."""

from collections.abc import Iterator

import pytest

from hostreeve.kernel.world import SimulatedWorld
from tests.conftest import ENGINES
from tests.identity.caller import SCHEMAS, Site


@pytest.fixture(scope="module", params=ENGINES)
def estate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole installation, with its management account."""
    stores = request.getfixturevalue("sqlite_stores" if request.param == "sqlite" else "postgres_stores")
    world = SimulatedWorld(7)
    database = stores.open(tmp_path_factory.mktemp("identity"), SCHEMAS, world, None)
    yield Site(database, world)
    stores.dispose(database)


@pytest.fixture
def site(estate: Site) -> Site:
    """A fresh account of the installation, seen by its administrator."""
    return estate.fresh()
