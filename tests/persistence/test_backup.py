"""Backups: one moment, whole or not at all, made while serving, and the way back."""

import asyncio
import os
import stat
import threading
from pathlib import Path

import pytest

from hostreeve.kernel.world import RealWorld
from hostreeve.persistence import errors
from hostreeve.persistence.backup import backup_to, backup_url, restore_from
from hostreeve.persistence.bus import InProcessBus
from hostreeve.persistence.database import Database, Transaction, open_database


@pytest.fixture
def url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if engine == "sqlite":
        return f"sqlite://{tmp_path}/store.db"
    return request.getfixturevalue("postgres_stores").fresh()


def _open(url: str) -> Database:
    return open_database(url, RealWorld(), [], InProcessBus())


def _put_pair(tx: Transaction, n: int) -> None:
    for half in "ab":
        tx.run("INSERT INTO lease VALUES (:name, :owner, 0, 0)", name=f"{n:05d}{half}", owner="x" * 2000)


def _names(tx: Transaction) -> list[str]:
    return [row["name"] for row in tx.all("SELECT name FROM lease ORDER BY name")]


def test_a_backup_made_while_serving_is_one_moment_and_comes_back(url: str, tmp_path: Path):
    database = _open(url)
    for n in range(300):
        database.write_sync(lambda tx, n=n: _put_pair(tx, n))
    stop = threading.Event()
    target = tmp_path / "backups" / "store.backup"
    target.parent.mkdir()

    def write() -> None:
        n = 300
        while not stop.is_set():
            database.write_sync(lambda tx, n=n: _put_pair(tx, n))
            n += 1

    writing = threading.Thread(target=write)
    writing.start()
    try:
        backup_to(database, target)
    finally:
        stop.set()
        writing.join()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(target.parent.iterdir()) == [target]
    written = database.read_sync(_names)
    database.write_sync(lambda tx: tx.run("DELETE FROM lease WHERE name < '00200'"))
    database.close()

    restore_from(target, url)
    database = _open(url)
    names = database.read_sync(_names)
    assert len(names) >= 600 and names == written[: len(names)] and len(names) % 2 == 0
    database.write_sync(lambda tx: _put_pair(tx, 99999))
    database.close()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_restore_keeps_the_former_store_beside_it(url: str, tmp_path: Path):
    database = _open(url)
    backup_to(database, tmp_path / "empty")
    database.write_sync(lambda tx: _put_pair(tx, 1))
    database.close()
    restore_from(tmp_path / "empty", url)
    database = _open(url)
    assert database.read_sync(_names) == []
    database.close()
    database = _open(f"sqlite://{tmp_path}/store.db.before-restore")
    assert database.read_sync(_names) == ["00001a", "00001b"]
    database.close()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_store_that_is_served_is_not_replaced(url: str, tmp_path: Path):
    database = _open(url)
    backup_to(database, tmp_path / "backup")
    with pytest.raises(errors.AlreadyServed):
        restore_from(tmp_path / "backup", url)
    database.write_sync(lambda tx: _put_pair(tx, 1))
    database.close()


@pytest.mark.parametrize("kind", ["missing", "garbage", "truncated", "foreign"])
def test_what_is_no_backup_replaces_nothing(url: str, engine: str, kind: str, tmp_path: Path):
    database = _open(url)
    database.write_sync(lambda tx: _put_pair(tx, 1))
    source = tmp_path / "source"
    backup_to(database, source)
    database.close()
    if kind == "missing":
        source.unlink()
    elif kind == "garbage":
        source.write_bytes(os.urandom(10_000))
    elif kind == "truncated":
        source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    elif engine == "sqlite":
        source.write_bytes(b"PGDMP and so on")
    else:
        source.write_bytes(b"SQLite format 3\x00 and so on")
    with pytest.raises((errors.CorruptStore, errors.BackupFailed), match=r"source|pg_restore"):
        restore_from(source, url)
    database = _open(url)
    assert database.read_sync(_names) == ["00001a", "00001b"]
    database.close()


def test_a_backup_that_cannot_be_written_leaves_the_former_one(url: str, tmp_path: Path):
    database = _open(url)
    with pytest.raises(errors.BackupFailed, match="Choose another place"):
        backup_to(database, tmp_path / "no such folder" / "backup")
    target = tmp_path / "backup"
    target.mkdir()
    with pytest.raises(errors.BackupFailed):
        backup_to(database, target)
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []
    database.close()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_without_postgresqls_programs_the_message_says_what_to_install(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("hostreeve.persistence.backup.INSTALLED", tmp_path)
    database = _open(url)
    with pytest.raises(errors.BackupFailed, match="postgresql-client"):
        backup_to(database, tmp_path / "backup")
    database.close()


def test_serving_goes_on_during_a_backup(url: str, tmp_path: Path):
    database = _open(url)

    async def main() -> int:
        for n in range(200):
            await database.write(lambda tx, n=n: _put_pair(tx, n))
        copying = asyncio.ensure_future(asyncio.to_thread(backup_to, database, tmp_path / "backup"))
        n = 200
        while not copying.done():
            await database.write(lambda tx, n=n: _put_pair(tx, n))
            n += 1
        await copying
        return n

    assert asyncio.run(main()) > 200
    database.close()


def test_a_store_that_nobody_serves_is_backed_up_too(url: str, tmp_path: Path):
    database = _open(url)
    database.write_sync(lambda tx: _put_pair(tx, 1))
    database.close()
    backup_url(url, tmp_path / "backup")
    restore_from(tmp_path / "backup", url)
    database = _open(url)
    assert database.read_sync(_names) == ["00001a", "00001b"]
    database.close()


def test_a_store_that_is_not_there_is_not_made_by_its_backup(tmp_path: Path):
    with pytest.raises(errors.BackupFailed, match="there is no store"):
        backup_url(f"sqlite:///{tmp_path}/none.db", tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []
