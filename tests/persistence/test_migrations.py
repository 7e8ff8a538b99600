"""Migrations: each once, in order, all or none, and never against a store that knows more than we do."""

import itertools
import sys
import threading
from pathlib import Path

import pytest

from hostreeve.kernel.world import RealWorld
from hostreeve.persistence.bus import InProcessBus
from hostreeve.persistence.database import Database, open_database
from hostreeve.persistence.errors import ChangedMigration, NewerSchema
from hostreeve.persistence.migrations import migrations_of

_numbers = itertools.count()


@pytest.fixture
def slice_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a package with schema files, or gives an existing one other files."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(files: dict[str, str], name: str = "") -> str:
        name = name or f"slice_{next(_numbers)}"
        folder = tmp_path / name / "schema"
        folder.mkdir(parents=True, exist_ok=True)
        (folder.parent / "__init__.py").touch()
        for old in folder.iterdir():
            old.unlink()
        for file, text in files.items():
            (folder / file).write_text(text)
        migrations_of.cache_clear()
        sys.path_importer_cache.clear()
        return name

    return make


@pytest.fixture
def url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if engine == "sqlite":
        return f"sqlite://{tmp_path}/store.db"
    return request.getfixturevalue("postgres_stores").fresh()


def _opened(url: str, *schemas: str) -> Database:
    return open_database(url, RealWorld(), schemas, InProcessBus())


def _applied(database: Database) -> list[tuple[str, int]]:
    rows = database.read_sync(lambda tx: tx.all("SELECT slice, number FROM migration ORDER BY slice, number"))
    return [(row["slice"], row["number"]) for row in rows if row["slice"] != "hostreeve.persistence"]


def test_each_is_applied_once_and_in_order(url, slice_with):
    first = "CREATE TABLE fruit (name TEXT PRIMARY KEY); INSERT INTO fruit VALUES ('apple; pear -- plum');"
    name = slice_with({"0001_fruit.sql": first})
    _opened(url, name).close()
    slice_with({"0001_fruit.sql": first, "0002_colour.sql": "ALTER TABLE fruit ADD COLUMN colour TEXT"}, name)
    for _ in range(2):
        database = _opened(url, name)
        assert _applied(database) == [(name, 1), (name, 2)]
        row = database.read_sync(lambda tx: tx.one("SELECT * FROM fruit"))
        assert row == {"name": "apple; pear -- plum", "colour": None}
        database.close()


def test_slices_are_applied_in_the_given_order(url, slice_with):
    below = slice_with({"0001_a.sql": "CREATE TABLE below (n INTEGER PRIMARY KEY)"})
    above = slice_with(
        {"0001_b.sql": "CREATE TABLE above (n INTEGER REFERENCES below (n)); INSERT INTO below VALUES (1)"}
    )
    with pytest.raises(Exception, match="below"):
        _opened(url, above, below)
    database = _opened(url, below, above)
    assert database.read_sync(lambda tx: tx.one("SELECT n FROM below")) == {"n": 1}
    database.close()


def test_a_twin_takes_the_plain_files_place_on_its_engine(url, engine, slice_with):
    name = slice_with(
        {
            "0001_which.sql": "CREATE TABLE which (plain TEXT)",
            "0001_which.postgres.sql": "CREATE TABLE which (postgres TEXT)",
            "0002_more.sqlite.sql": "ALTER TABLE which ADD COLUMN more TEXT",
            "0002_more.postgres.sql": "ALTER TABLE which ADD COLUMN more TEXT",
        }
    )
    database = _opened(url, name)
    database.write_sync(lambda tx: tx.run("INSERT INTO which VALUES ('x', 'y')"))
    row = database.read_sync(lambda tx: tx.one("SELECT * FROM which"))
    assert row == {"plain" if engine == "sqlite" else "postgres": "x", "more": "y"}
    database.close()


def test_a_failing_migration_leaves_nothing_of_any(url, slice_with):
    good = "CREATE TABLE one (n INTEGER)"
    name = slice_with(
        {"0001_one.sql": good, "0002_two.sql": "CREATE TABLE two (n INTEGER); SELECT nonsense FROM two"}
    )
    with pytest.raises(Exception, match="nonsense"):
        _opened(url, name)
    database = _opened(url)
    assert _applied(database) == []
    database.write_sync(lambda tx: tx.run("CREATE TABLE one (n INTEGER)"))
    database.write_sync(lambda tx: tx.run("CREATE TABLE two (n INTEGER)"))
    database.close()


def test_a_store_of_a_newer_version_is_refused_and_unchanged(url, slice_with):
    one = {"0001_one.sql": "CREATE TABLE one (n INTEGER)"}
    name = slice_with({**one, "0002_two.sql": "CREATE TABLE two (n INTEGER)"})
    _opened(url, name).close()
    slice_with({**one, "0003_three.sql": "CREATE TABLE three (n INTEGER)"}, name)
    with pytest.raises(NewerSchema, match=rf"0002 of {name}.*newer Hostreeve"):
        _opened(url, name)
    with pytest.raises(NewerSchema):
        _opened(url)
    slice_with({**one, "0002_two.sql": "CREATE TABLE two (n INTEGER)"}, name)
    database = _opened(url, name)
    assert _applied(database) == [(name, 1), (name, 2)]
    database.close()


def test_a_changed_migration_is_refused(url, slice_with):
    name = slice_with({"0001_one.sql": "CREATE TABLE one (n INTEGER)"})
    _opened(url, name).close()
    slice_with({"0001_one.sql": "CREATE TABLE one (n TEXT)"}, name)
    with pytest.raises(ChangedMigration, match=rf"0001 of {name}"):
        _opened(url, name)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_replicas_that_start_together_migrate_once(url, slice_with):
    name = slice_with({"0001_one.sql": "CREATE TABLE one (n INTEGER); INSERT INTO one VALUES (1)"})
    opened: list[Database] = []
    threads = [threading.Thread(target=lambda: opened.append(_opened(url, name))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [database.read_sync(lambda tx: tx.all("SELECT n FROM one")) for database in opened] == [
        [{"n": 1}]
    ] * 4
    for database in opened:
        database.close()


@pytest.mark.parametrize(
    "files",
    [{"first.sql": ""}, {"0001_a.sql": "", "0001_b.sql": ""}, {"0001_a.sqlite.sql": "", "0001_b.sql": ""}],
)
def test_misnamed_files_are_refused(files, slice_with):
    name = slice_with(files)
    with pytest.raises(ValueError, match=r"named|same number"):
        migrations_of(name, "sqlite")


def test_a_package_that_is_not_there_is_named():
    with pytest.raises(LookupError, match="no_such_package"):
        migrations_of("no_such_package", "sqlite")
