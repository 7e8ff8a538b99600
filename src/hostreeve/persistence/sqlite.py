"""The embedded engine: one SQLite file in WAL mode, one connection that writes, readers beside it."""

import asyncio
import fcntl
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import apsw

from hostreeve.kernel.world import World
from hostreeve.persistence.bus import Bus, InProcessBus
from hostreeve.persistence.database import Engine, Transaction
from hostreeve.persistence.errors import (
    AlreadyServed,
    CorruptStore,
    ReadOnlyStore,
    StoreUnavailable,
    UnsafeSqlite,
)
from hostreeve.persistence.migrations import Migration, migrate
from hostreeve.persistence.sqlite_transaction import SqliteSnapshot, translated
from hostreeve.persistence.sqlite_writer import Writer
from hostreeve.persistence.units import Ask, answer, refuse_nesting

T = TypeVar("T")
STATEMENTS_KEPT = 600
QUICK_CHECK_S = 0.25
"""The longest that opening looks for damage; `hostreeve doctor` looks at everything."""

_LEDGER = """CREATE TABLE IF NOT EXISTS migration (
    slice TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL,
    applied_ms INTEGER NOT NULL, PRIMARY KEY (slice, number))"""


INLINE = "?commit=inline"
"""Behind a path: commits happen on the event loop, not on a thread, so that a simulation replays."""


def open_sqlite(path: str, world: World, schemas: Sequence[str], bus: Bus | None = None) -> "SqliteDatabase":
    """Open or create the file; refuse what cannot be served safely. Simulations end the path with INLINE."""
    inline, path = path.endswith(INLINE), path.removesuffix(INLINE)
    refuse_unsafe_library(apsw.sqlite_lib_version())
    lock = take_lock(Path(path))
    try:
        connection = _checked(Path(path), world)
        _migrated(connection, world, schemas, path)
    except BaseException:
        os.close(lock)
        raise
    writer = Writer(connection, bus := bus or InProcessBus(), world, inline=inline)
    return SqliteDatabase(Path(path), writer, lock, bus)


class SqliteDatabase:
    """See database.Database."""

    engine: Engine = "sqlite"

    def __init__(self, path: Path, writer: Writer, lock: int, bus: Bus) -> None:
        self.path = path
        self.bus = bus
        self._lock = lock
        self._writer = writer
        self._idle: deque[apsw.Connection] = deque()
        self._long = ThreadPoolExecutor(2, "sqlite-long")
        self._closed = False

    async def read(self, unit: Callable[[Transaction], T]) -> T:
        return self.read_sync(unit)

    async def read_long(self, unit: Callable[[Transaction], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._long, self.read_sync, unit)

    async def write_long(self, unit: Callable[[Transaction], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._long, self.write_sync, unit)

    async def write(self, unit: Callable[[Transaction], T]) -> T:
        ask = Ask(unit, asyncio.get_running_loop())
        self._writer.put(ask)
        result: T = await ask.future
        return result

    def read_sync(self, unit: Callable[[Transaction], T]) -> T:
        if self._closed:
            raise StoreUnavailable(f"{self.path} is closed")
        connection = self._idle.pop() if self._idle else self._reader()
        try:
            tx = SqliteSnapshot(connection, self._writer.contents, remembers=True)
            answer = self._read_once(unit, tx)
            if tx.is_torn:
                tx = SqliteSnapshot(connection, self._writer.contents, remembers=False)
                answer = self._read_once(unit, tx)
            return answer
        except apsw.Error as error:
            raise translated(error, str(self.path)) from error
        finally:
            self._idle.append(connection)

    def _read_once(self, unit: Callable[[Transaction], T], tx: SqliteSnapshot) -> T:
        """The unit's answer, which means nothing when the transaction is torn."""
        answer: Any = None
        try:
            answer = unit(tx)
        except Exception:
            if not tx.is_torn:
                raise
        finally:
            tx.end()
        return answer  # type: ignore[no-any-return]

    def write_sync(self, unit: Callable[[Transaction], T]) -> T:
        refuse_nesting()
        ask = Ask(unit, None)
        self._writer.drive(ask)
        result: T = answer(ask, self.bus)
        return result

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._long.shutdown()
        while self._idle:
            self._idle.pop().close()
        self._writer.close()
        self.bus.close()
        os.close(self._lock)

    def _reader(self) -> apsw.Connection:
        connection = apsw.Connection(
            str(self.path), flags=apsw.SQLITE_OPEN_READONLY, statementcachesize=STATEMENTS_KEPT
        )
        connection.set_busy_timeout(5000)
        _keep_plans(connection)
        connection.execute(
            "PRAGMA case_sensitive_like = ON; PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY"
        )
        return connection


def refuse_unsafe_library(version: str) -> None:
    """UnsafeSqlite for libraries in which a commit racing a checkpoint may be lost (sqlite.org/wal.html,
    section 11).
    """
    numbers = tuple(int(part) for part in version.split("."))[:3]
    mended = numbers >= (3, 51, 3) or any(
        numbers[:2] == line[:2] and numbers >= line for line in ((3, 44, 6), (3, 50, 7))
    )
    if not mended:
        raise UnsafeSqlite(
            f"the SQLite library {version} can lose commits in WAL mode. Install apsw 3.51.3 or later, "
            "which brings its own library."
        )


def take_lock(path: Path) -> int:
    """The file descriptor that keeps other processes out until it is closed or this process dies."""
    lock = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ReadOnlyStore(
            f"{path.parent} cannot be written ({error.strerror}). Make the folder writable for this user, "
            "or choose another with --state."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise AlreadyServed(
            f"{path} is in use by another process (process id {holder}). Stop that one first, "
            "or choose another folder with --state."
        ) from None
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        # The process id is a courtesy; on a full disk the lock itself still holds.
        return descriptor
    return descriptor


def _checked(path: Path, world: World) -> apsw.Connection:
    """The writing connection, after a look at the file."""
    try:
        connection = apsw.Connection(str(path), statementcachesize=STATEMENTS_KEPT)
        connection.set_busy_timeout(2000)
        _keep_plans(connection)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "case_sensitive_like = ON",
            "temp_store = MEMORY",
            "cache_size = -8000",
            "wal_autocheckpoint = 4000",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        if not os.access(path, os.W_OK) or connection.readonly("main"):
            raise ReadOnlyStore(f"{path} is read-only. Make the file and its folder writable for this user.")
        _quick_check(connection, path, world)
    except apsw.Error as error:
        raise translated(error, str(path)) from error
    return connection


def _keep_plans(connection: apsw.Connection) -> None:
    """A statement is planned once, not again whenever a parameter has another value: that costs 20 times what
    most of ours take to run. The price: no plan depends on a value.
    """
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)


def _quick_check(connection: apsw.Connection, path: Path, world: World) -> None:
    deadline = world.monotonic() + QUICK_CHECK_S
    connection.set_progress_handler(lambda: world.monotonic() > deadline, 2000)
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)").fetchall()]
    except apsw.InterruptError:
        return
    finally:
        connection.set_progress_handler(None)
    if found != ["ok"]:
        raise CorruptStore(
            f"{path} is damaged ({'; '.join(found)}). Keep a copy of the folder, then put back the last "
            "good backup with `hostreeve restore FILE`."
        )


class _SqliteLedger:
    def __init__(self, connection: apsw.Connection, world: World) -> None:
        self._connection = connection
        self._world = world

    def recorded(self) -> dict[tuple[str, int], str]:
        self._connection.execute(_LEDGER)
        rows: list[Any] = self._connection.execute("SELECT slice, number, checksum FROM migration").fetchall()
        return {(row[0], row[1]): row[2] for row in rows}

    def apply(self, migration: Migration) -> None:
        self._connection.execute(migration.sql).fetchall()
        self._connection.execute(
            "INSERT INTO migration VALUES (?, ?, ?, ?, ?)",
            (migration.slice, migration.number, migration.name, migration.checksum, self._world.now_ms()),
        )


def _migrated(connection: apsw.Connection, world: World, schemas: Sequence[str], path: str) -> None:
    try:
        with connection:
            migrate(_SqliteLedger(connection, world), schemas, "sqlite", path)
    except apsw.Error as error:
        raise translated(error, path) from error
