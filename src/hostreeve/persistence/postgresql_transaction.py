"""A transaction on PostgreSQL: rows as dictionaries, values in the types that SQLite has, errors in our
words.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper

from hostreeve.persistence import errors
from hostreeve.persistence.database import Engine, Transaction
from hostreeve.persistence.dialect import Translation, for_postgresql

_MEANING: tuple[tuple[str, type[errors.StoreError], str], ...] = (
    ("53100", errors.StorageFull, "is on a full disk. Free some space; nothing that was accepted is lost"),
    ("25006", errors.ReadOnlyStore, "was to be written where only reading is possible"),
    ("23", errors.ConstraintViolation, "refused a row"),
    ("XX001", errors.CorruptStore, "is damaged. Restore a backup"),
    ("XX002", errors.CorruptStore, "is damaged. Restore a backup"),
    ("42501", errors.ReadOnlyStore, "does not let this user do that. Grant it the rights on the database"),
    ("08", errors.StoreUnavailable, "went away"),
    ("53", errors.StoreUnavailable, "has no room for more work"),
    ("57P", errors.StoreUnavailable, "is going down or starting up"),
)


def translated(error: BaseException, place: str) -> BaseException:
    """The error in our words; a mistake in the SQL stays what it is."""
    if not isinstance(error, psycopg.Error):
        return error
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    for state, ours, text in _MEANING:
        if (error.sqlstate or "").startswith(state):
            return ours(f"{place} {text} ({said})")
    if not error.sqlstate and isinstance(error, psycopg.OperationalError | psycopg.DatabaseError):
        return errors.StoreUnavailable(f"{place} went away ({said})")
    return error


LOST_RACE = ("40001", "40P01")
RACES = (*LOST_RACE, "23505")
"""Also: a row with this key is there. Of two units that found none and insert one, the loser hears of the key
before it hears of the race. So it is run again a few times, and then sees the other's row.
"""


class PostgresTransaction:
    """See database.Transaction."""

    engine: Engine = "postgresql"
    __slots__ = (
        "_cursor",
        "_place",
        "callbacks",
        "failure",
        "gathered",
        "lost_race",
        "memo",
        "state",
        "wakes",
    )

    def __init__(self, connection: psycopg.Connection[Any], place: str) -> None:
        self._cursor: Any = connection.cursor()
        self._place = place
        self.state: int | None = None
        self.memo: dict[Any, Any] = {}
        self.gathered: dict[Callable[[Transaction, list[Any]], None], list[Any]] = {}
        self.callbacks: list[Callable[[], None]] = []
        self.wakes: dict[tuple[str, str], None] = {}
        self.failure: BaseException | None = None
        self.lost_race: psycopg.Error | None = None

    def one(self, sql: str, **params: Any) -> dict[str, Any] | None:
        cursor = self._run(for_postgresql(sql), params)
        row = cursor.fetchone()
        if row is None:
            return None
        return dict(zip([column.name for column in cursor.description], row, strict=True))

    def all(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        cursor = self._run(for_postgresql(sql), params)
        rows = cursor.fetchall()
        if not rows:
            return []
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def run(self, sql: str, **params: Any) -> int:
        return int(self._run(for_postgresql(sql), params).rowcount)

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None:
        statement = for_postgresql(sql)
        listed = [_values(statement, row) for row in rows]
        if not listed:
            return
        try:
            self._cursor.executemany(statement.sql, listed)
        except psycopg.Error as error:
            self._fail(error)

    def gather(self, write: Callable[[Transaction, list[Any]], None], item: Any) -> None:
        self.gathered.setdefault(write, []).append(item)

    def after_commit(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)

    def wake(self, channel: str, key: str = "") -> None:
        self.wakes[channel, key] = None

    def end(self) -> None:
        """The unit is over; whoever kept the transaction is refused from now on."""
        self._cursor = _Refusal(RuntimeError("this transaction is over; its unit has returned"))

    def _run(self, statement: Translation, params: Mapping[str, Any]) -> Any:
        try:
            return self._cursor.execute(statement.sql, _values(statement, params))
        except psycopg.Error as error:
            self._fail(error)

    def _fail(self, error: psycopg.Error) -> NoReturn:
        """PostgreSQL has given the transaction up. A lost race is not the unit's affair: it is run again."""
        self.failure = translated(error, self._place)
        if error.sqlstate in RACES:
            self.lost_race = error
        self._cursor = _Refusal(
            errors.UnitFailed("a statement of this unit has failed, so nothing more can be done in it")
        )
        raise self.failure from error


def _values(statement: Translation, params: Mapping[str, Any]) -> list[Any]:
    values = [params[name] for name in statement.names]
    for name in statement.lists:
        values[statement.names.index(name)] = list(params[name])
    return values


class _Refusal:
    """Stands where the cursor was."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def execute(self, *_: Any) -> NoReturn:
        raise self._error

    executemany = execute


class _TruthDumper(Int8Dumper):
    def dump(self, obj: Any) -> Buffer | None:
        return b"1" if obj else b"0"


class _WideDumper(Int8Dumper):
    """Every integer as int8, so that a statement has one prepared form whatever the numbers."""


class _TextDumper(StrDumper):
    """Text as text, so that a parameter has a type even where the statement gives it none."""


class _TruthLoader(Loader):
    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class _NumericLoader(Loader):
    """SUM of integers is numeric on PostgreSQL; on SQLite it is an integer."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        try:
            return int(text)
        except ValueError:
            return float(text)


def teach_types(connection: psycopg.Connection[Any]) -> None:
    """Make values go in and come out as they do on SQLite."""
    dumpers: tuple[tuple[type, type[Dumper]], ...] = (
        (bool, _TruthDumper),
        (int, _WideDumper),
        (str, _TextDumper),
    )
    for python, dumper in dumpers:
        connection.adapters.register_dumper(python, dumper)
    connection.adapters.register_loader("bool", _TruthLoader)
    connection.adapters.register_loader("numeric", _NumericLoader)
