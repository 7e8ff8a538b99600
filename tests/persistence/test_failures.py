"""What can go wrong with an SQLite store: refused clearly, nothing lost."""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import apsw
import pytest

from hostreeve.kernel.world import RealWorld
from hostreeve.persistence import errors
from hostreeve.persistence.database import Database, Transaction, open_database
from hostreeve.persistence.sqlite import refuse_unsafe_library

PUT = "INSERT INTO lease (name, owner, fence, until_ms) VALUES (:name, :owner, 0, 0)"


def _open(path: Path) -> Database:
    return open_database(f"sqlite://{path}", RealWorld(), [])


def _put(tx: Transaction, name: str, size: int = 10) -> int:
    return tx.run(PUT, name=name, owner="x" * size)


def _count(tx: Transaction) -> int:
    row = tx.one("SELECT COUNT(*) AS n FROM lease")
    assert row is not None
    return int(row["n"])


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path):
    path = tmp_path / "store.db"
    database = _open(path)
    code = (
        "import sys; from hostreeve.persistence.database import open_database\n"
        "from hostreeve.kernel.world import RealWorld\n"
        "try: open_database(sys.argv[1], RealWorld(), [])\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    child = [sys.executable, "-c", code, f"sqlite://{path}"]
    said = subprocess.run(child, capture_output=True, text=True, check=True).stdout
    assert said.startswith("AlreadyServed") and str(path) in said and str(os.getpid()) in said
    with pytest.raises(errors.AlreadyServed):
        _open(path)
    database.close()
    _open(path).close()


def test_a_store_whose_opening_failed_is_not_kept_locked(tmp_path: Path):
    path = tmp_path / "store.db"
    with pytest.raises(LookupError):
        open_database(f"sqlite://{path}", RealWorld(), ["no_such_package"])
    _open(path).close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    closed = tmp_path / "file"
    closed.touch()
    with pytest.raises(errors.ReadOnlyStore, match=re.escape(str(closed))):
        _open(closed / "store.db")


def test_a_read_only_file_system_is_named():
    # /proc refuses new files even to root, as a file system mounted read-only does.
    with pytest.raises(errors.ReadOnlyStore, match="/proc"):
        _open(Path("/proc/hostreeve.db"))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_full_disk_refuses_writes_goes_on_reading_and_recovers(database: Database):
    """SQLITE_FULL comes from a page limit here: SQLite undoes the whole group, as on a disk without room."""
    connection = database._writer._connection
    pages = connection.execute("PRAGMA page_count").fetchall()[0][0]
    connection.execute(f"PRAGMA max_page_count = {pages + 40}").fetchall()

    async def fill(names: range, size: int) -> list[object]:
        writes = (database.write(lambda tx, n=n: _put(tx, f"{n:04d}", size)) for n in names)
        return await asyncio.gather(*writes, return_exceptions=True)

    answers = asyncio.run(fill(range(100), 4000))
    kept = [n for n, answer in enumerate(answers) if answer == 1]
    refused = [answer for answer in answers if answer != 1]
    assert 0 < len(kept) < 100
    assert all(isinstance(answer, errors.StorageFull) for answer in refused)
    assert str(database.path) in str(refused[0]) and "Free some space" in str(refused[0])
    names = database.read_sync(lambda tx: tx.all("SELECT name FROM lease ORDER BY name"))
    assert [int(row["name"]) for row in names] == kept
    with pytest.raises(errors.StorageFull):
        database.write_sync(lambda tx: _put(tx, "sync", 10_000_000))
    connection.execute("PRAGMA max_page_count = 1000000").fetchall()
    assert asyncio.run(fill(range(200, 230), 4000)) == [1] * 30
    assert database.read_sync(_count) == len(kept) + 30


def _may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        mounted = _mount(Path(folder))
        if mounted:
            subprocess.run(["umount", folder], check=True)
        return mounted


def _mount(room: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(room)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_small_file_system_that_fills_up_loses_nothing(tmp_path: Path):
    """The same as above on a disk that is really full, where mounting one is allowed."""
    room = tmp_path / "room"
    room.mkdir()
    if not _mount(room):
        assert not _may_mount()
        return
    try:
        database = _open(room / "store.db")
        kept = 0
        with pytest.raises(errors.StorageFull):
            for kept in range(1000):
                database.write_sync(lambda tx, n=kept: _put(tx, f"{n}", 3000))
        assert 100 < kept == database.read_sync(_count)
        subprocess.run(["mount", "-o", "remount,size=8m", str(room)], check=True)
        database.write_sync(lambda tx: _put(tx, "again", 3000))
        database.close()
        database = _open(room / "store.db")
        assert database.read_sync(_count) == kept + 1
        database.close()
    finally:
        subprocess.run(["umount", "-l", str(room)], check=True)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path):
    path = tmp_path / "store.db"
    path.write_bytes(b"precious notes, not a database" * 500)
    with pytest.raises(errors.CorruptStore, match=re.escape(str(path))):
        _open(path)
    assert path.read_bytes().startswith(b"precious notes")


def test_a_damaged_database_is_refused_with_the_next_step(tmp_path: Path):
    path = tmp_path / "store.db"
    database = _open(path)
    database.write_sync(lambda tx: [_put(tx, f"{n:05d}", 300) for n in range(2000)] and None)
    database.close()
    with path.open("r+b") as file:
        for page in range(8, 60):
            file.seek(page * 4096)
            file.write(os.urandom(4096))
    with pytest.raises(errors.CorruptStore, match="hostreeve restore FILE"):
        _open(path)


def test_damage_met_while_serving_is_told_as_such(tmp_path: Path):
    path = tmp_path / "store.db"
    database = _open(path)
    database.write_sync(lambda tx: [_put(tx, f"{n:05d}", 300) for n in range(5000)] and None)
    checkpointing = apsw.Connection(str(path))
    checkpointing.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    checkpointing.close()
    with path.open("r+b") as file:
        for page in range(8, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    with pytest.raises(errors.CorruptStore):
        database.read_sync(lambda tx: tx.all("SELECT * FROM lease"))
    with contextlib.suppress(errors.StoreError):
        database.close()


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ("3.40.1", False),
        ("3.44.5", False),
        ("3.44.6", True),
        ("3.50.6", False),
        ("3.50.7", True),
        ("3.51.2", False),
        ("3.51.3", True),
        ("3.54.1", True),
        ("4.0.0", True),
    ],
)
def test_a_library_that_can_lose_commits_is_refused(version: str, safe: bool):
    with contextlib.nullcontext() if safe else pytest.raises(errors.UnsafeSqlite, match=version):
        refuse_unsafe_library(version)


def test_a_url_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="mysql"):
        open_database("mysql://x", RealWorld(), [])


def test_a_postgresql_that_does_not_answer_is_named_without_its_password():
    with pytest.raises(errors.StoreUnavailable, match=r"127\.0\.0\.1:1/db.*--database") as caught:
        open_database("postgresql://u:hidden@127.0.0.1:1/db", RealWorld(), [])
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_connections_that_died_while_idle_are_replaced(database: Database):
    async def several() -> list[int]:
        return await asyncio.gather(*(database.write(lambda tx, n=n: _put(tx, f"{n}")) for n in range(8)))

    asyncio.run(several())
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    others += " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    database.read_sync(lambda tx: tx.all(others))
    database.write_sync(lambda tx: _put(tx, "after"))
    assert database.read_sync(_count) == 9
