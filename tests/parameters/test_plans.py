"""Every list and every read walks one stretch of one index, whatever is stored: asked of SQLite's planner."""

import re

import pytest

from hostreeve.app import compose
from hostreeve.capabilities.parameters.model.filters import Filter
from hostreeve.capabilities.parameters.store import listing
from hostreeve.capabilities.parameters.store import parameters as store
from tests.calls import SCOPE

SCHEMAS = list(compose.SCHEMAS)
TYPE = Filter("Type", "Equals", ("StringList",))
STRETCH = r"path>\? AND path<\?\)"
INDEX = r"SEARCH parameters USING (COVERING )?INDEX"
BY_NAME = rf"{INDEX} sqlite_autoindex_parameters_1 \(account=\? AND region=\? AND {STRETCH}"
BY_PARENT = rf"{INDEX} parameters_by_parent \(account=\? AND region=\? AND parent=\? AND {STRETCH}"


class Watched:
    """A transaction that keeps the plan of every statement."""

    def __init__(self, tx):
        self.tx = tx
        self.plans = []

    def one(self, sql, **params):
        self._explain(sql, params)
        return self.tx.one(sql, **params)

    def all(self, sql, **params):
        self._explain(sql, params)
        return self.tx.all(sql, **params)

    def _explain(self, sql, params):
        rows = self.tx.all(f"EXPLAIN QUERY PLAN {sql}", **params)
        self.plans.append([row["detail"] for row in rows if "json_each" not in row["detail"]])


def watched(database, work):
    def unit(tx):
        watcher = Watched(tx)
        work(watcher)
        return watcher.plans

    return database.read_sync(unit)


def walked(plan):
    """What a plan reads; sorting all that it finds would be no walk."""
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan
    return [step for step in plan if step.startswith(("SEARCH", "SCAN"))]


pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def test_a_parameter_is_found_by_one_statement_on_one_index(database):
    (plan,) = watched(database, lambda tx: store.find(tx, SCOPE, "/a"))
    assert len(plan) == 1
    assert plan[0].endswith("sqlite_autoindex_parameters_1 (account=? AND region=? AND path=?)")


@pytest.mark.parametrize("after", ["", "/a/m"])
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], BY_NAME),
        ([TYPE], BY_NAME),
        ([Filter("Name", "BeginsWith", ("/a",))], BY_NAME),
        ([Filter("Name", "Contains", ("a",)), TYPE], BY_NAME),
        ([Filter("Path", "Recursive", ("/a",)), Filter("Name", "BeginsWith", ("/a/b",))], BY_NAME),
        ([Filter("Name", "BeginsWith", ("/a",)), Filter("Path", "Recursive", ("/",))], BY_NAME),
        ([Filter("Name", "BeginsWith", ("/a",)), Filter("Path", "OneLevel", ("/a",))], BY_NAME),
        ([Filter("Path", "OneLevel", ("/a",)), TYPE], BY_PARENT),
    ],
)
def test_a_page_of_a_list_walks_one_stretch_of_one_index(database, filters, expected, after):
    (span,), rest = listing.spans(filters)
    plans = watched(database, lambda tx: listing.walk(tx, SCOPE, span, rest, after=after, limit=50))
    assert len(plans) == (2 if rest else 1)
    for plan in plans:
        (step,) = walked(plan)
        assert re.fullmatch(expected, step), plan


def test_labels_and_policies_that_are_due_are_found_by_index(database):
    for work in (
        lambda tx: store.labels(tx, SCOPE, "/a"),
        lambda tx: store.due(tx, 0, 10),
        lambda tx: store.next_due_ms(tx),
        lambda tx: listing.labelled(tx, SCOPE, listing.below("/a"), ["x"], after=""),
    ):
        for plan in watched(database, work):
            assert [step.startswith("SEARCH") for step in walked(plan)] == [True], plan
