"""The engine for more than one machine: PostgreSQL through a bounded crew of threads, a connection each.

Units that write run SERIALIZABLE and are run again when they lost a race; units that read see one snapshot.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from hostreeve.kernel.world import World
from hostreeve.persistence.bus import Bus
from hostreeve.persistence.database import Engine, Transaction
from hostreeve.persistence.errors import OutcomeUnknown, StoreContended, StoreUnavailable
from hostreeve.persistence.migrations import Migration, as_postgresql, migrate
from hostreeve.persistence.postgresql_bus import PostgresBus
from hostreeve.persistence.postgresql_transaction import (
    LOST_RACE,
    RACES,
    PostgresTransaction,
    teach_types,
    translated,
)
from hostreeve.persistence.units import Ask, answer, refuse_nesting, run_unit, settle_all

T = TypeVar("T")
THREADS = 8
"""Measured: more threads than this gain nothing, the interpreter being shared."""
TRIES = 60
"""A unit that lost this many races in a row is given up; the waits in between add up to some seconds."""
WAIT_MAX_S = 0.1
SWITCH_S = 0.001
TWIN_TRIES = 3
_BEGIN_READ = b"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_BEGIN_WRITE = b"BEGIN ISOLATION LEVEL SERIALIZABLE"
_MIGRATION_LOCK = 0x486F737472656576

_LEDGER = """CREATE TABLE IF NOT EXISTS migration (
    slice TEXT COLLATE "C" NOT NULL, number BIGINT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL,
    applied_ms BIGINT NOT NULL, PRIMARY KEY (slice, number))"""


def open_postgresql(
    url: str, world: World, schemas: Sequence[str], bus: Bus | None = None
) -> "PostgresDatabase":
    """Connect, migrate, and start the crew."""
    place = place_of(url)
    # The crew's threads give the interpreter away at every answer of the server. Beside a busy event loop
    # they get it back only by asking for it in force: measured 3 units/s with Python's 5 ms, 700 with 1 ms
    # (docs/why/0003).
    sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))
    with connected(url, place) as connection:
        _migrated(connection, world, schemas, place)
    return PostgresDatabase(url, world, bus or PostgresBus(url))


class PostgresDatabase:
    """See database.Database."""

    engine: Engine = "postgresql"

    def __init__(self, url: str, world: World, bus: Bus, threads: int = THREADS) -> None:
        self.url = url
        self.bus = bus
        self._crew = _Crew(url, world, bus, threads)

    async def read(self, unit: Callable[[Transaction], T]) -> T:
        result: T = await self._crew.put(Ask(unit, asyncio.get_running_loop()), reads=True)
        return result

    async def read_long(self, unit: Callable[[Transaction], T]) -> T:
        return await self.read(unit)

    async def write(self, unit: Callable[[Transaction], T]) -> T:
        result: T = await self._crew.put(Ask(unit, asyncio.get_running_loop()), reads=False)
        return result

    async def write_long(self, unit: Callable[[Transaction], T]) -> T:
        return await self.write(unit)

    def read_sync(self, unit: Callable[[Transaction], T]) -> T:
        return self._wait(unit, reads=True)

    def write_sync(self, unit: Callable[[Transaction], T]) -> T:
        return self._wait(unit, reads=False)

    def close(self) -> None:
        self._crew.close()
        self.bus.close()

    def _wait(self, unit: Callable[[Transaction], T], *, reads: bool) -> T:
        refuse_nesting()
        ask = Ask(unit, None)
        self._crew.put(ask, reads=reads)
        result: T = answer(ask, self.bus)
        return result


class _Crew:
    """Threads that take units in the order they came. A thread is started when all others are busy, up to a
    bound.
    """

    def __init__(self, url: str, world: World, bus: Bus, threads: int) -> None:
        self._url, self._place = url, place_of(url)
        self._world = world
        self._bus = bus
        self._threads_max = threads
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._queue: SimpleQueue[tuple[Ask, bool] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._closed = False

    def put(self, ask: Ask, *, reads: bool) -> Any:
        """The future of the unit."""
        with self._lock:
            if self._closed:
                raise StoreUnavailable(f"{self._place} is closed")
            self._unfinished += 1
            if self._unfinished > len(self._threads) < self._threads_max:
                thread = threading.Thread(
                    target=self._work, name=f"postgresql-{len(self._threads)}", daemon=True
                )
                self._threads.append(thread)
                thread.start()
            self._queue.put((ask, reads))
        return ask.future

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for _ in self._threads:
                self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        seat = _Seat(self._url, self._place)
        while (job := self._queue.get()) is not None:
            ask, reads = job
            try:
                self._answer(seat, ask, reads=reads)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the one who asked
                ask.failed(translated(error, self._place))
            with self._lock:
                self._unfinished -= 1
            settle_all((ask,), self._bus)
        seat.leave()

    def _answer(self, seat: "_Seat", ask: Ask, *, reads: bool) -> None:
        """Run the unit, once more when a connection that had been idle turns out to be dead."""
        had_been_idle = seat.connected
        connection = seat.connection()
        try:
            self._run(connection, ask, reads=reads)
        except (psycopg.Error, StoreUnavailable) as error:
            if not (had_been_idle and connection.closed) or isinstance(error, OutcomeUnknown):
                raise
            self._run(seat.connection(), ask, reads=reads)

    def _run(self, connection: psycopg.Connection[Any], ask: Ask, *, reads: bool) -> None:
        for tried in range(TRIES):
            try:
                self._once(connection, ask, reads=reads, races=RACES if tried < TWIN_TRIES else LOST_RACE)
                return
            except psycopg.Error as error:
                if error.sqlstate not in RACES:
                    raise
            # Doubling up to a bound, with chance in it, so that the losers do not meet again at once.
            wait_s = min(WAIT_MAX_S, 0.001 * 2**tried) * self._world.fraction()
            self._closing.wait(wait_s)
        raise StoreContended(
            f"{self._place}: a unit lost its race {TRIES} times; try again when there is less to do"
        )

    def _once(
        self, connection: psycopg.Connection[Any], ask: Ask, *, reads: bool, races: tuple[str, ...]
    ) -> None:
        _order(connection, _BEGIN_READ if reads else _BEGIN_WRITE)
        tx = PostgresTransaction(connection, self._place)
        try:
            run_unit(ask, tx)
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                _order(connection, b"ROLLBACK")
            if tx.lost_race is not None and tx.lost_race.sqlstate in races:
                raise tx.lost_race from None
            raise
        try:
            _order(connection, b"COMMIT")
        except psycopg.Error as error:
            if connection.closed and not reads:
                raise OutcomeUnknown(
                    f"{self._place} went away during a commit: whether it was kept is not known. "
                    "Look before repeating it."
                ) from error
            raise


class _Seat:
    """One thread's place at the server."""

    def __init__(self, url: str, place: str) -> None:
        self._url, self._place = url, place
        self._connection: psycopg.Connection[Any] | None = None

    @property
    def connected(self) -> bool:
        return self._connection is not None and not self._connection.closed

    def connection(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = connected(self._url, self._place)
        return self._connection

    def leave(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _order(connection: psycopg.Connection[Any], command: bytes) -> None:
    """Begin or end a transaction. The library's own way costs twice the time."""
    result = connection.pgconn.exec_(command)
    if result.status != ExecStatus.COMMAND_OK:
        raise error_from_result(result)


def place_of(url: str) -> str:
    """Host, port and database for messages: never the password."""
    parts = conninfo_to_dict(url)
    return (
        f"PostgreSQL {parts.get('host') or 'local'}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"
    )


def connected(url: str, place: str) -> psycopg.Connection[Any]:
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            cursor_factory=psycopg.RawCursor,
            prepare_threshold=1,
            application_name="hostreeve",
        )
    except psycopg.OperationalError as error:
        raise StoreUnavailable(
            f"{place} cannot be reached ({' '.join(str(error).split())}). Start it, or correct --database."
        ) from error
    connection.prepared_max = 500
    teach_types(connection)
    return connection


class _PostgresLedger:
    def __init__(self, connection: psycopg.Connection[Any], world: World) -> None:
        self._connection = connection
        self._world = world

    def recorded(self) -> dict[tuple[str, int], str]:
        self._connection.execute(_LEDGER)
        rows = self._connection.execute("SELECT slice, number, checksum FROM migration").fetchall()
        return {(row[0], row[1]): row[2] for row in rows}

    def apply(self, migration: Migration) -> None:
        psycopg.Cursor(self._connection).execute(as_postgresql(migration).encode())
        self._connection.execute(
            "INSERT INTO migration VALUES ($1, $2, $3, $4, $5)",
            (migration.slice, migration.number, migration.name, migration.checksum, self._world.now_ms()),
        )


def _migrated(connection: psycopg.Connection[Any], world: World, schemas: Sequence[str], place: str) -> None:
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock($1)", (_MIGRATION_LOCK,))
            migrate(_PostgresLedger(connection, world), schemas, "postgresql", place)
    except psycopg.Error as error:
        raise translated(error, place) from error
