"""A store looked at from outside, while it is served or not. Nothing of it is changed, its schema neither."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import apsw
import psycopg

from hostreeve.persistence.database import Transaction
from hostreeve.persistence.errors import StoreUnavailable
from hostreeve.persistence.postgresql import connected, place_of
from hostreeve.persistence.postgresql_transaction import PostgresTransaction
from hostreeve.persistence.sqlite_transaction import Contents, SqliteSnapshot, translated

T = TypeVar("T")


class Onlooker:
    """`look(unit)` runs a unit that reads, on one snapshot."""

    def __init__(self, begin: Callable[[], tuple[Transaction, Callable[[], None]]]) -> None:
        self._begin = begin

    def look(self, unit: Callable[[Transaction], T]) -> T:
        tx, end = self._begin()
        try:
            return unit(tx)
        finally:
            end()


@contextmanager
def looking_at(url: str) -> Iterator[Onlooker]:
    """Open `sqlite:///…` or `postgresql://…` for looking. StoreUnavailable when there is nothing to see."""
    if url.startswith("sqlite:///"):
        with _sqlite(Path("/" + url.removeprefix("sqlite:///").lstrip("/"))) as onlooker:
            yield onlooker
        return
    with _postgresql(url) as onlooker:
        yield onlooker


@contextmanager
def _sqlite(path: Path) -> Iterator[Onlooker]:
    if not path.exists():
        raise StoreUnavailable(f"there is no store at {path}.")
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(5000)

        def begin() -> tuple[Transaction, Callable[[], None]]:
            tx = SqliteSnapshot(connection, Contents(), remembers=False)
            return tx, tx.end

        yield Onlooker(begin)
        connection.close()
    except apsw.Error as error:
        raise translated(error, str(path)) from error


@contextmanager
def _postgresql(url: str) -> Iterator[Onlooker]:
    place = place_of(url)
    connection = connected(url, place)

    def begin() -> tuple[Transaction, Callable[[], None]]:
        connection.execute(b"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return PostgresTransaction(connection, place), lambda: _over(connection)

    with connection:
        yield Onlooker(begin)


def _over(connection: psycopg.Connection[Any]) -> None:
    connection.execute(b"ROLLBACK")
