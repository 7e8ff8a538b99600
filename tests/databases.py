"""Stores for tests: one per test, made by copying a template that was migrated once per list of schemas."""

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from hostreeve.kernel.world import RealWorld, World
from hostreeve.persistence.bus import Bus, InProcessBus
from hostreeve.persistence.database import Database, open_database

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import postgres


class SqliteStores:
    """Files in the test's own folder."""

    def __init__(self) -> None:
        self._templates: dict[tuple[str, ...], Path] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="hostreeve-sqlite-"))

    def open(self, folder: Path, schemas: Sequence[str], world: World, bus: Bus | None) -> Database:
        key = tuple(schemas)
        if key not in self._templates:
            template = self._folder / f"{len(self._templates)}.db"
            open_database(f"sqlite:///{template}", RealWorld(), schemas).close()
            self._templates[key] = template
        path = folder / f"{RealWorld().hex(8)}.db"
        shutil.copyfile(self._templates[key], path)
        return open_database(f"sqlite:///{path}", world, schemas, bus)

    def dispose(self, database: Database) -> None:
        database.close()

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class PostgresStores:
    """Databases on the one server of this test run."""

    def __init__(self, server_url: str) -> None:
        self._server = server_url
        self._prefix = f"t{os.getpid()}_{RealWorld().hex(6)}"
        self._count = 0
        self._templates: dict[tuple[str, ...], str] = {}
        self._names: dict[int, str] = {}
        self._admin = psycopg.connect(server_url, autocommit=True)

    def url(self, name: str) -> str:
        return self._server.rsplit("/", 1)[0] + "/" + name

    def fresh(self, template: str = "template0") -> str:
        """The URL of a new database."""
        self._count += 1
        name = f"{self._prefix}_{self._count}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        return self.url(name)

    def open(self, folder: Path, schemas: Sequence[str], world: World, bus: Bus | None) -> Database:
        key = tuple(schemas)
        if key not in self._templates:
            url = self.fresh()
            open_database(url, RealWorld(), schemas, InProcessBus()).close()
            self._templates[key] = url.rsplit("/", 1)[1]
        url = self.fresh(self._templates[key])
        database = open_database(url, world, schemas, bus or InProcessBus())
        self._names[id(database)] = url.rsplit("/", 1)[1]
        return database

    def dispose(self, database: Database) -> None:
        database.close()
        name = self._names.pop(id(database), None)
        if name:
            self._admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        self._admin.close()


def shared_postgres(shared: Path, watched_pid: int) -> str:
    """The URL of this run's server, started by whoever asks first. Skips without PostgreSQL."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    pointer = shared / "postgres-folder"
    with (shared / "postgres-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not pointer.exists():
            # Not below pytest's own folder: that is closed to the user that PostgreSQL runs as.
            folder = Path(tempfile.mkdtemp(prefix="hostreeve-postgres-"))
            folder.chmod(0o755)
            pointer.write_text(str(folder))
            return postgres.start(folder, watched_pid)
        return (Path(pointer.read_text()) / "url").read_text()


def stop_postgres(shared: Path) -> None:
    """End this run's server, if one was started."""
    pointer = shared / "postgres-folder"
    if pointer.exists():
        folder = Path(pointer.read_text())
        postgres.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)
        pointer.unlink()
