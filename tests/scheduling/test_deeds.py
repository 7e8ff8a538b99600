"""Rows that are due: each in a transaction of its own, and one that fails is put off."""

import asyncio
import logging

import pytest

from hostreeve.kernel.world import SimulatedWorld
from hostreeve.scheduling.deeds import RETRY_MS, Deed, do_all

log = logging.getLogger("hostreeve.test")
NOW_MS = 1000


@pytest.fixture
def database(database_with, world: SimulatedWorld):
    made = database_with(())
    made.write_sync(lambda tx: tx.run("CREATE TABLE deed (name TEXT PRIMARY KEY, due_ms BIGINT)"))
    return made


def do(database, *deeds):
    return asyncio.run(do_all(database, deeds, now_ms=NOW_MS, log=log, what="it could not be done"))


def wrote(name, then=None):
    def unit(tx):
        tx.run("INSERT INTO deed (name, due_ms) VALUES (:name, 0)", name=name)
        if then is not None:
            raise then

    return unit


def rows(database):
    found = database.read_sync(lambda tx: tx.all("SELECT name, due_ms FROM deed ORDER BY name"))
    return {row["name"]: row["due_ms"] for row in found}


def put_off(name):
    return lambda tx, until_ms: tx.run(
        "INSERT INTO deed (name, due_ms) VALUES (:name, :until_ms)", name=name, until_ms=until_ms
    )


def test_what_fails_leaves_nothing_behind_is_put_off_and_harms_nobody(database, caplog):
    deeds = [
        Deed(wrote("one"), put_off("never")),
        Deed(wrote("bad", KeyError("no")), put_off("later")),
        Deed(wrote("two"), put_off("never-either")),
    ]
    assert do(database, *deeds) == 3
    assert rows(database) == {"one": 0, "two": 0, "later": NOW_MS + RETRY_MS}
    assert "it could not be done" in caplog.text


def test_what_cannot_be_put_off_counts_as_still_due(database):
    assert do(database, Deed(wrote("bad", KeyError("no"))), Deed(wrote("one"))) == 1
    assert rows(database) == {"one": 0}


def test_an_error_of_putting_off_comes_out(database):
    """Nothing can be written then: the loop waits, and longer each time."""

    def broken(tx, until_ms):
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        do(database, Deed(wrote("bad", KeyError("no")), broken))
