"""The database of a state folder, looked at without changing it."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw

from hostreeve.app.doctor.findings import Finding, ok, warning, wrong
from hostreeve.persistence.errors import StoreError
from hostreeve.persistence.migrations import Migration, migrate

FREE_BYTES_LOW, FREE_BYTES_NONE = 1 << 30, 64 << 20
DAMAGE_SHOWN = 3


def examined(path: Path, schemas: Sequence[str]) -> Iterator[Finding]:
    """Opens, is whole, and was written by a version that this one understands."""
    if not path.exists():
        yield warning(
            "database", f"{path} is missing", "Right for a cluster (--database postgresql://…) only."
        )
        return
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error as trouble:
        yield wrong("database", f"{path} does not open: {trouble}", "Check its owner, or restore a backup.")
        return
    try:
        yield from _whole(connection, path)
        yield _schema(connection, schemas, str(path))
    except apsw.Error as trouble:
        yield wrong("database", f"{path} cannot be read: {trouble}", "Stop the server and restore a backup.")
    finally:
        connection.close()


def free_space(folder: Path) -> Finding:
    """Room for what is still to come."""
    usage = shutil.disk_usage(folder)
    told = f"{usage.free / (1 << 30):.1f} GB free of {usage.total / (1 << 30):.1f} GB"
    if usage.free < FREE_BYTES_NONE:
        return wrong("disk", told, "Make room: the server refuses writes when it cannot keep them.")
    if usage.free < FREE_BYTES_LOW:
        return warning("disk", told, "Make room soon.")
    return ok("disk", told)


def _whole(connection: apsw.Connection, path: Path) -> Iterator[Finding]:
    connection.set_busy_timeout(2000)
    found = [str(row[0]) for row in connection.execute(f"PRAGMA quick_check({DAMAGE_SHOWN})")]
    if found == ["ok"]:
        # What was written last may still lie in the write-ahead log beside the file.
        log = path.with_name(path.name + "-wal")
        size = path.stat().st_size + (log.stat().st_size if log.exists() else 0)
        yield ok("database", f"{path} is whole ({size / (1 << 20):.1f} MB)")
    else:
        yield wrong(
            "database", f"{path} is damaged: {'; '.join(found)}", "Stop the server and restore a backup."
        )


class _Reader:
    """A migrations.Ledger that only notes what would be applied."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def recorded(self) -> dict[tuple[str, int], str]:
        rows = self._connection.execute("SELECT slice, number, checksum FROM migration")
        return {(str(row[0]), int(str(row[1]))): str(row[2]) for row in rows}

    def apply(self, migration: Migration) -> None:
        """Nothing is changed here."""


def _schema(connection: apsw.Connection, schemas: Sequence[str], place: str) -> Finding:
    try:
        missing = migrate(_Reader(connection), schemas, "sqlite", place)
    except StoreError as trouble:
        return wrong("schema", str(trouble), "Run the version of Hostreeve that wrote it, or a later one.")
    if missing:
        return warning(
            "schema", f"{missing} changes are still to be applied", "The next `hostreeve serve` does so."
        )
    return ok("schema", "as this version wants it")
