"""What every test may ask for: a store on either engine, and a world whose clock it moves.

`database` runs a test once per engine, with the schemas that the test's module names in `SCHEMAS`
(`SCHEMAS = ["hostreeve.platform.identity"]`); `database_with([...])` opens one with others.
A test for one engine only says `@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)`.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import hypothesis
import pytest

from hostreeve.kernel.world import SimulatedWorld, World
from hostreeve.persistence.bus import Bus
from hostreeve.persistence.database import Database
from tests.databases import PostgresStores, SqliteStores, serves_as_temp, shared_postgres, stop_postgres
from tests.sampling import SAMPLED, WHOLE

# Hundreds of processes of ours are started below, and every worker reads all test files: compiling them each
# time, as an environment may ask for, is half of a run.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Thousands of small commits: in memory they cost no disk its time. What is about the disk asks for
# `disk_path`.
MEMORY = Path("/dev/shm")
MEMORY_MIN_BYTES = 4 << 30
if "TMPDIR" not in os.environ and serves_as_temp(MEMORY, MEMORY_MIN_BYTES):
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)

ENGINES = ("sqlite", "postgresql")
_shared_folders: set[Path] = set()


@pytest.fixture
def world() -> SimulatedWorld:
    return SimulatedWorld(7)


@pytest.fixture
def disk_path() -> Iterator[Path]:
    """Like `tmp_path`, on a disk even when that is in memory."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="hostreeve-test-") as folder:
        yield Path(folder)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def sqlite_stores() -> Iterator[SqliteStores]:
    stores = SqliteStores()
    yield stores
    stores.close()


@pytest.fixture(scope="session")
def postgres_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresStores]:
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    shared, watched_pid = (base.parent, os.getppid()) if parallel else (base, os.getpid())
    if not parallel:
        _shared_folders.add(shared)
    stores = PostgresStores(shared_postgres(shared, watched_pid))
    yield stores
    stores.close()


@pytest.fixture
def database_with(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, world: World
) -> Iterator[Callable[..., Database]]:
    """`database_with(schemas, world=…, bus=…)` opens a fresh store; it is disposed of after the test."""
    stores = request.getfixturevalue("sqlite_stores" if engine == "sqlite" else "postgres_stores")
    opened: list[Database] = []

    def open_one(schemas: Sequence[str], world: World = world, bus: Bus | None = None) -> Database:
        opened.append(stores.open(tmp_path, schemas, world, bus))
        return opened[-1]

    yield open_one
    for database in opened:
        stores.dispose(database)


@pytest.fixture
def database(database_with: Callable[..., Database], request: pytest.FixtureRequest) -> Database:
    return database_with(getattr(request.module, "SCHEMAS", ()))


def pytest_configure(config: pytest.Config) -> None:
    is_sampled = "not slow" in (config.getoption("markexpr") or "")
    hypothesis.settings.load_profile(SAMPLED if is_sampled else WHOLE)
    if config.getoption("numprocesses", None):
        config.add_cleanup(lambda: _stop_shared(config))


def pytest_sessionfinish(session: pytest.Session) -> None:
    for shared in _shared_folders:
        stop_postgres(shared)


def _stop_shared(config: pytest.Config) -> None:
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None:
        stop_postgres(factory.getbasetemp())
