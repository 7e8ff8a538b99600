"""A copy of the whole store in one file, made while serving, and its way back.

The file is the engine's own: an SQLite database, or a dump in PostgreSQL's custom format. The master key and
the certificate authority are not in it; they lie beside the database in the state folder.
"""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import apsw
from psycopg.conninfo import conninfo_to_dict

from hostreeve.persistence.database import Database
from hostreeve.persistence.errors import BackupFailed, CorruptStore, StorageFull
from hostreeve.persistence.postgresql import PostgresDatabase, place_of
from hostreeve.persistence.sqlite import SqliteDatabase, take_lock
from hostreeve.persistence.sqlite_transaction import translated

PAGES_PER_STEP = 2000
INSTALLED = Path("/usr/lib/postgresql")
DUMP_MARK = b"PGDMP"


def backup_to(database: Database, target: Path) -> None:
    """`backup_url` of an open store. Blocks for as long as it takes: call it on a thread."""
    if isinstance(database, SqliteDatabase):
        backup_url(f"sqlite:///{database.path}", target)
    elif isinstance(database, PostgresDatabase):
        backup_url(database.url, target)
    else:
        raise BackupFailed(f"there is no backup for {database.engine}")


def backup_url(url: str, target: Path) -> None:
    """Write the store as of one moment to `target`, which appears whole or not at all; others may serve it.

    BackupFailed, StorageFull: what `target` was before, it still is.
    """
    unfinished = target.with_name(target.name + ".unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        # Secrets are in it (sealed, but still): nobody else may read it, from its first byte on.
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if url.startswith("sqlite:///"):
            _copy_sqlite(Path("/" + url.removeprefix("sqlite:///").lstrip("/")), unfinished)
        else:
            _run_tool("pg_dump", ["--format=custom", f"--file={unfinished}"], url)
        _flush(unfinished)
        unfinished.replace(target)
        _flush(target.parent)
    except apsw.Error as error:
        raise translated(error, str(target)) from error
    except OSError as error:
        raise BackupFailed(f"{target} cannot be written ({error.strerror}). Choose another place.") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def restore_from(source: Path, url: str) -> None:
    """Put a backup in the place of the store at `url`, which nobody may be serving.

    On SQLite the former file is kept beside it as `….before-restore`. AlreadyServed, CorruptStore,
    BackupFailed: the store is as it was.
    """
    try:
        mark = _first_bytes(source)
    except OSError as error:
        raise BackupFailed(
            f"{source} cannot be read ({error.strerror}). Name a file made by backup."
        ) from error
    if url.startswith("sqlite:///"):
        if mark.startswith(DUMP_MARK):
            raise BackupFailed(f"{source} is a PostgreSQL backup, and {url} is an SQLite store.")
        _restore_sqlite(source, Path("/" + url.removeprefix("sqlite:///").lstrip("/")))
    else:
        if not mark.startswith(DUMP_MARK):
            raise BackupFailed(f"{source} is not a PostgreSQL backup, and {place_of(url)} can take no other.")
        _run_tool(
            "pg_restore", ["--clean", "--if-exists", "--single-transaction", "--no-owner", str(source)], url
        )


def _copy_sqlite(path: Path, target: Path) -> None:
    """Copy under one snapshot. In WAL mode it holds up nobody who writes."""
    if not path.exists():
        raise BackupFailed(f"there is no store at {path}.")
    source = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    copy = apsw.Connection(str(target))
    try:
        source.set_busy_timeout(5000)
        copy.execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF").fetchall()
        source.execute("BEGIN; SELECT 1 FROM sqlite_schema").fetchall()
        with copy.backup("main", source, "main") as steps:
            while not steps.done:
                steps.step(PAGES_PER_STEP)
        source.execute("ROLLBACK")
        # A copy in WAL mode would need its two side files; a backup is one file.
        copy.execute("PRAGMA journal_mode = DELETE").fetchall()
        _verify(copy, target)
    finally:
        copy.close()
        source.close()


def _restore_sqlite(source: Path, path: Path) -> None:
    lock = take_lock(path)
    unfinished = path.with_name(path.name + ".restoring")
    try:
        shutil.copyfile(source, unfinished)
        unfinished.chmod(0o600)
        copy = apsw.Connection(str(unfinished))
        try:
            _verify(copy, source)
        finally:
            copy.close()
        _flush(unfinished)
        if path.exists():
            _set_aside(path)
        unfinished.replace(path)
        _flush(path.parent)
    except apsw.Error as error:
        raise CorruptStore(
            f"{source} is not an SQLite backup, or is damaged ({error}). Try another one."
        ) from error
    except OSError as error:
        raise BackupFailed(f"{path} cannot be replaced ({error.strerror}); it is as it was.") from error
    finally:
        for side in ("", "-journal", "-wal", "-shm"):
            unfinished.with_name(unfinished.name + side).unlink(missing_ok=True)
        os.close(lock)


def _set_aside(path: Path) -> None:
    """Keep the former store with its unwritten log: the new file beside the old log would mix them."""
    for side in ("-shm", "-wal", ""):
        old = path.with_name(path.name + side)
        if old.exists():
            old.replace(path.with_name(f"{path.name}.before-restore{side}"))


def _verify(copy: apsw.Connection, place: Path) -> None:
    found = [str(row[0]) for row in copy.execute("PRAGMA quick_check(3)").fetchall()]
    if found != ["ok"]:
        raise CorruptStore(f"{place} is damaged ({'; '.join(found)}). Try another backup.")
    if not copy.execute("SELECT 1 FROM sqlite_schema WHERE name = 'migration'").fetchall():
        raise CorruptStore(f"{place} is an SQLite database, but not one of Hostreeve's.")


def _run_tool(tool: str, arguments: list[str], url: str) -> None:
    """PostgreSQL's own programs do this; what the URL says goes through the environment, password and all."""
    program = shutil.which(tool) or _newest_installed(tool)
    if program is None:
        raise BackupFailed(
            f"{tool} is not installed here, and only it can do this for PostgreSQL. Install PostgreSQL's "
            "client programs (Debian: postgresql-client), no older than the server."
        )
    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
    }
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    database = parts.get("dbname", "postgres")
    environment = os.environ | {names.get(name, "PG" + name.upper()): value for name, value in parts.items()}
    done = subprocess.run(
        [program, "--no-password", f"--dbname={database}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        last = said[-1] if said else f"status {done.returncode}"
        if "No space left" in done.stderr:
            raise StorageFull(f"{tool}: {last}. Free some space.")
        raise BackupFailed(f"{tool} failed: {last}")


def _newest_installed(tool: str) -> str | None:
    found = sorted(INSTALLED.glob(f"*/bin/{tool}"), key=lambda path: float(path.parts[-3]))
    return str(found[-1]) if found else None


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
