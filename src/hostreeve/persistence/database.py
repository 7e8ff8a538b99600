"""The store as the rest of the house sees it: units of work on one of two engines.

A unit is a synchronous function of a transaction: `def unit(tx): …`. Its return commits, its exception rolls
back. **A unit may be run more than once** (PostgreSQL re-runs it when it lost a race, SQLite when a neighbour
in its group commit broke the whole group), so it changes nothing but the database and its own local
variables.

SQL that means the same on both engines:

* named parameters `:name`; a list with `IN :names` or `NOT IN :names` (texts or integers; no parentheses);
* in schema files `INTEGER` is 64 bits wide, `BLOB`, `REAL` and `TEXT` are byte strings, doubles and text
  ordered by code point; `INTEGER PRIMARY KEY AUTOINCREMENT`, `STRICT` and `WITHOUT ROWID` may be written
  (dialect.py);
* booleans are `INTEGER` columns of 0 and 1; True and False may be passed; truth comes back as 0 or 1;
* `LIKE` minds case; write `ESCAPE` when the pattern may hold a backslash; sums come back as int or float, and
  are divided in Python;
* `FOR UPDATE SKIP LOCKED` is left out where one writer makes it pointless;
* a parameter that may be None needs `CAST(:name AS TEXT)` where nothing else gives its type (`:name IS
  NULL`);
* text cannot hold U+0000 on PostgreSQL: what may contain it is a `BLOB`;
* a statement that fails has failed the unit: catch nothing and go on; write `ON CONFLICT DO NOTHING` instead.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from hostreeve.kernel.world import World
from hostreeve.persistence.bus import Bus

T = TypeVar("T")
Engine = Literal["sqlite", "postgresql"]


class Transaction(Protocol):
    """What a unit of work may do."""

    engine: Engine
    state: int | None
    """Equal numbers stand for equal contents of the store: what was derived from them may be used again.

    None where that cannot be told: in units that write, and on PostgreSQL.
    """
    memo: dict[Any, Any]
    """What the parts of a unit remember for one another; each run of a unit begins with none."""

    def one(self, sql: str, **params: Any) -> dict[str, Any] | None:
        """The first row, or None."""
        ...

    def all(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        """All rows."""
        ...

    def run(self, sql: str, **params: Any) -> int:
        """The number of rows that the statement inserted, changed or deleted."""
        ...

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """The statement once per mapping of parameters."""
        ...

    def gather(self, write: Callable[["Transaction", list[Any]], None], item: Any) -> None:
        """At the end of the unit `write` gets all that was gathered for it, in order, and writes it together.

        Until then the unit itself does not see it.
        """
        ...

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back once the commit is on disk: on the event loop of an awaited write, else in the caller's
        thread.
        """
        ...

    def wake(self, channel: str, key: str = "") -> None:
        """After the commit, a hint on the bus. Hints of one commit that are equal become one; any hint may be
        lost.
        """
        ...


Unit = Callable[[Transaction], T]


class Database(Protocol):
    """One open store. Its methods may be called from any thread, the awaitable ones on any event loop."""

    engine: Engine
    bus: Bus

    async def read(self, unit: Callable[[Transaction], T]) -> T:
        """Run a unit that only reads, on one snapshot. Short ones only: on SQLite it runs on the event loop
        itself.
        """
        ...

    async def read_long(self, unit: Callable[[Transaction], T]) -> T:
        """Like `read`, never on the event loop: for units that look at more than about a thousand rows."""
        ...

    async def write(self, unit: Callable[[Transaction], T]) -> T:
        """Run a unit and return when its commit is on disk. On SQLite it runs on the event loop: keep it
        short.
        """
        ...

    async def write_long(self, unit: Callable[[Transaction], T]) -> T:
        """Like `write`, never on the event loop: for units that touch more than about a thousand rows."""
        ...

    def read_sync(self, unit: Callable[[Transaction], T]) -> T:
        """`read` for code without an event loop."""
        ...

    def write_sync(self, unit: Callable[[Transaction], T]) -> T:
        """`write` for code without an event loop."""
        ...

    def close(self) -> None:
        """Finish what was accepted, then release the store. Closing twice is allowed."""
        ...


def open_database(url: str, world: World, schemas: Sequence[str], bus: Bus | None = None) -> Database:
    """Open a store and bring its schema up to date.

    `url` is `sqlite:///absolute/path.db` or `postgresql://…`. `schemas` are packages whose `schema/` folders
    are applied in this order, after the store's own. Errors: see errors.py; each says what to do next.
    """
    if url.startswith("sqlite:///"):
        from hostreeve.persistence.sqlite import open_sqlite

        return open_sqlite("/" + url.removeprefix("sqlite:///").lstrip("/"), world, schemas, bus)
    if url.startswith(("postgresql://", "postgres://")):
        from hostreeve.persistence.postgresql import open_postgresql

        return open_postgresql(url, world, schemas, bus)
    raise ValueError(f"{url!r} is neither sqlite:///absolute/path.db nor postgresql://…")
