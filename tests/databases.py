"""Stores for tests: one per test, made by copying a template that was migrated once per list of schemas."""

import fcntl
import os
import shutil
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from hostreeve.kernel.world import RealWorld, World
from hostreeve.persistence.bus import Bus, InProcessBus
from hostreeve.persistence.database import Database, open_database

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import postgres


def serves_as_temp(folder: Path, free_min_bytes: int) -> bool:
    """Whether tests may live there: containers often mount a small one, or one that runs no programs."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    free = found.f_bavail * found.f_frsize
    return os.access(folder, os.W_OK | os.X_OK) and free >= free_min_bytes and not found.f_flag & os.ST_NOEXEC


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


REUSES_MAX = 50
"""Nothing vacuums: a database that has been emptied this often is left for a new one."""
POOLED_MAX = 6

_TABLES = """SELECT oid::regclass::text FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'migration'"""
_EMPTY = f"""DO $$
DECLARE name text; filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN {_TABLES} LOOP
        EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || name || ')' INTO filled;
        IF filled THEN EXECUTE 'DELETE FROM ' || name; END IF;
    END LOOP;
    PERFORM setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S';
END $$"""
_KEPT = """SELECT (SELECT md5(string_agg(m::text, ',' ORDER BY slice, number)) FROM migration AS m),
    (SELECT count(*) || '/' || max(oid::bigint) FROM pg_class),
    (SELECT md5(string_agg(a.attrelid || a.attname || a.atttypid || a.attnotnull, ','
        ORDER BY attrelid, attnum)) FROM pg_attribute AS a WHERE attrelid >= 16384)"""
"""What emptying does not put back. A test that changed it gets its database dropped."""
_GUESTS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@dataclass
class _Pooled:
    """A database that is emptied and used again: a tenth of the price of making one."""

    url: str
    connection: "psycopg.Connection[tuple[object, ...]]"
    kept: tuple[object, ...]
    uses: int = 0


class PostgresStores:
    """Databases on the one server of this test run."""

    def __init__(self, server_url: str) -> None:
        self._server = server_url
        self._prefix = f"t{os.getpid()}_{RealWorld().hex(6)}"
        self._count = 0
        self._templates: dict[tuple[str, ...], str] = {}
        self._idle: OrderedDict[tuple[str, ...], list[_Pooled]] = OrderedDict()
        self._used: dict[int, tuple[tuple[str, ...], _Pooled]] = {}
        self._admin = psycopg.connect(server_url, autocommit=True)

    def url(self, name: str) -> str:
        return self._server.rsplit("/", 1)[0] + "/" + name

    def fresh(self, template: str = "template0") -> str:
        """The URL of a new database."""
        self._count += 1
        name = f"{self._prefix}_{self._count}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        return self.url(name)

    def migrated(self, schemas: Sequence[str]) -> str:
        """The URL of a new database with these schemas."""
        key = tuple(schemas)
        if key not in self._templates:
            url = self.fresh()
            open_database(url, RealWorld(), schemas, InProcessBus()).close()
            self._templates[key] = url.rsplit("/", 1)[1]
        return self.fresh(self._templates[key])

    def open(self, folder: Path, schemas: Sequence[str], world: World, bus: Bus | None) -> Database:
        key = tuple(schemas)
        pooled = self._idle[key].pop() if self._idle.get(key) else self._made(key)
        pooled.uses += 1
        database = open_database(pooled.url, world, schemas, bus or InProcessBus())
        self._used[id(database)] = (key, pooled)
        return database

    def dispose(self, database: Database) -> None:
        database.close()
        key, pooled = self._used.pop(id(database), (None, None))
        if key is None or pooled is None:
            return
        if not self._emptied(pooled):
            self._drop(pooled)
            return
        self._idle.setdefault(key, []).append(pooled)
        self._idle.move_to_end(key)
        while sum(map(len, self._idle.values())) > POOLED_MAX:
            _, oldest = self._idle.popitem(last=False)
            for each in oldest:
                self._drop(each)

    def close(self) -> None:
        for group in self._idle.values():
            for pooled in group:
                pooled.connection.close()
        self._admin.close()

    def _made(self, key: tuple[str, ...]) -> _Pooled:
        url = self.migrated(key)
        connection = psycopg.connect(url, autocommit=True)
        kept = connection.execute(_KEPT).fetchone()
        assert kept is not None
        names = [row[0] for row in connection.execute(_TABLES).fetchall()]
        seeded = any(connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in names)
        return _Pooled(url, connection, kept, uses=REUSES_MAX if seeded else 0)

    def _emptied(self, pooled: _Pooled) -> bool:
        """Whether the database is again as it was made."""
        if pooled.uses >= REUSES_MAX or pooled.connection.closed:
            return False
        try:
            pooled.connection.execute(_GUESTS)
            pooled.connection.execute(_EMPTY)
            return pooled.connection.execute(_KEPT).fetchone() == pooled.kept
        except psycopg.Error:
            # The test ended all connections to its server, ours among them.
            return False

    def _drop(self, pooled: _Pooled) -> None:
        pooled.connection.close()
        self._admin.execute(f"DROP DATABASE IF EXISTS {pooled.url.rsplit('/', 1)[1]} WITH (FORCE)")


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
