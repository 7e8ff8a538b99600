"""A transaction on SQLite: rows as dictionaries, errors in our words."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

import apsw

from hostreeve.persistence import errors
from hostreeve.persistence.database import Engine, Transaction
from hostreeve.persistence.dialect import for_sqlite, json_lists

_columns: dict[str, tuple[str, ...]] = {}
"""Column names by statement. The schema changes only at open, so a statement keeps its columns."""

_MEANING: tuple[tuple[type[apsw.Error], type[errors.StoreError], str], ...] = (
    (
        apsw.FullError,
        errors.StorageFull,
        "is on a full disk. Free some space; nothing that was accepted is lost.",
    ),
    (apsw.ConstraintError, errors.ConstraintViolation, "refused a row"),
    (apsw.ReadOnlyError, errors.ReadOnlyStore, "was to be written where only reading is possible"),
    (
        apsw.NotADBError,
        errors.CorruptStore,
        "is not a database. Restore a backup with `hostreeve restore FILE`.",
    ),
    (apsw.CorruptError, errors.CorruptStore, "is damaged. Restore a backup with `hostreeve restore FILE`."),
    (apsw.BusyError, errors.StoreUnavailable, "is locked by another program. Close what has the file open."),
    (apsw.IOError, errors.StoreUnavailable, "is on a device that reports errors. Look at the kernel's log."),
    (
        apsw.CantOpenError,
        errors.StoreUnavailable,
        "cannot be opened. Look at the folder and its permissions.",
    ),
)


def translated(error: apsw.Error, place: str) -> errors.StoreError | apsw.Error:
    """The error in our words; a mistake in the SQL stays what it is."""
    for theirs, ours, text in _MEANING:
        if isinstance(error, theirs):
            return ours(f"{place} {text} ({error})")
    return error


class SqliteTransaction:
    """See database.Transaction."""

    engine: Engine = "sqlite"
    __slots__ = (
        "_connection",
        "_execute",
        "_execute_many",
        "callbacks",
        "failure",
        "gathered",
        "memo",
        "state",
        "wakes",
    )

    def __init__(self, connection: apsw.Connection) -> None:
        self.state: int | None = None
        self.memo: dict[Any, Any] = {}
        self.gathered: dict[Callable[[Transaction, list[Any]], None], list[Any]] = {}
        self._connection = connection
        self._execute: Callable[..., Any] = connection.execute
        self._execute_many: Callable[..., Any] = connection.executemany
        self.callbacks: list[Callable[[], None]] = []
        self.wakes: dict[tuple[str, str], None] = {}
        self.failure: BaseException | None = None

    def one(self, sql: str, **params: Any) -> dict[str, Any] | None:
        try:
            cursor = self._run(sql, params)
            row = cursor.fetchone()
            if row is None:
                return None
            names = _columns.get(sql) or _named(sql, cursor)
            cursor.close(True)
        except apsw.Error as error:
            self._fail(error)
        return dict(zip(names, row, strict=True))

    def all(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        try:
            cursor = self._run(sql, params)
            first = cursor.fetchone()
            if first is None:
                return []
            names = _columns.get(sql) or _named(sql, cursor)
            rows = cursor.fetchall()
        except apsw.Error as error:
            self._fail(error)
        rows.insert(0, first)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def run(self, sql: str, **params: Any) -> int:
        try:
            self._run(sql, params).fetchall()
        except apsw.Error as error:
            self._fail(error)
        return self._connection.changes()

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None:
        statement = for_sqlite(sql)
        if statement.lists:
            rows = (json_lists(row, statement.lists) for row in rows)
        try:
            # One look for the prepared statement and one cursor, not one of each per row.
            self._execute_many(statement.sql, map(statement.values, rows))
        except apsw.Error as error:
            self._fail(error)

    def gather(self, write: Callable[[Transaction, list[Any]], None], item: Any) -> None:
        self.gathered.setdefault(write, []).append(item)

    def after_commit(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)

    def wake(self, channel: str, key: str = "") -> None:
        self.wakes[channel, key] = None

    def end(self) -> None:
        """The unit is over; whoever kept the transaction is refused from now on."""
        self._execute = self._execute_many = _refuse_after_end

    def _run(self, sql: str, params: dict[str, Any]) -> Any:
        statement = for_sqlite(sql)
        if statement.lists:
            params = json_lists(params, statement.lists)
        return self._execute(statement.sql, statement.values(params))

    def _fail(self, error: apsw.Error) -> NoReturn:
        """As on PostgreSQL, a unit does not outlive a failed statement."""
        self.failure = translated(error, self._connection.filename)
        self._execute = self._execute_many = _refuse_after_failure
        raise self.failure from error


_numbers = itertools.count(1)


class Contents:
    """Which of its committed states the file is in: each has a number of its own, in all this process."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: int | None = next(_numbers)
        """None from just before a commit until just after it."""

    def change(self) -> None:
        self.state = None

    def changed(self) -> None:
        self.state = next(_numbers)


class SqliteSnapshot(SqliteTransaction):
    """A transaction that reads. It begins with its first statement; a unit that finds all it needs in what
    was derived from the same state of the store costs SQLite nothing.
    """

    __slots__ = ("_contents", "_has_begun", "is_torn")

    def __init__(self, connection: apsw.Connection, contents: Contents, *, remembers: bool) -> None:
        super().__init__(connection)
        self._contents = contents
        self._has_begun = False
        self._execute = self._begin
        self.state = contents.state if remembers else None
        self.is_torn = False
        """Whether there was a commit between the state that the unit was told of and what it read."""

    def gather(self, write: Callable[[Transaction, list[Any]], None], item: Any) -> None:
        """It is refused as any other writing is."""
        write(self, [item])

    def end(self) -> None:
        super().end()
        if self._has_begun:
            self._connection.execute("ROLLBACK")

    def _begin(self, *statement: Any) -> Any:
        self._connection.execute("BEGIN")
        self._has_begun = True
        self._execute = self._connection.execute
        # Not BEGIN, the first statement takes the snapshot: what is true after it was true of it.
        cursor = self._execute(*statement)
        self.is_torn = self.state is not None and self._contents.state != self.state
        return cursor


def _named(sql: str, cursor: Any) -> tuple[str, ...]:
    names = _columns[sql] = tuple(column[0] for column in cursor.get_description())
    return names


def _refuse_after_failure(*_: Any) -> NoReturn:
    raise errors.UnitFailed("a statement of this unit has failed, so nothing more can be done in it")


def _refuse_after_end(*_: Any) -> NoReturn:
    raise RuntimeError("this transaction is over; its unit has returned")
