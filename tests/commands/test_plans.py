"""Every list of commands and invocations walks one index in its order, whatever is stored."""

import pytest

from hostreeve.app import compose
from hostreeve.capabilities.commands.store import commands, filters, invocations
from tests.calls import SCOPE

SCHEMAS = list(compose.SCHEMAS)

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

OF_NODE = filters.of_node("mi-1")
OF_DOCUMENT = filters.of_document("Rare")
LISTS = [
    (commands.newest, [], {}, "commands_newest"),
    (commands.newest, [filters.status("Success")], {}, "commands_newest"),
    (commands.newest, [filters.status("Failed")], {}, "commands_of_status"),
    (commands.newest, [filters.status("TimedOut")], {}, "commands_timed_out"),
    (commands.newest, [filters.stage("Executing")], {}, "commands_open"),
    (commands.newest, [filters.stage("Complete")], {}, "commands_newest"),
    (commands.newest, [filters.document("Rare")], {}, "commands_of_document"),
    (commands.newest, [], {"node_id": "mi-1"}, "command_invocations_of_node"),
    (invocations.newest, [], {}, "command_invocations_newest"),
    (invocations.newest, [filters.status("InProgress")], {}, "command_invocations_of_status"),
    (invocations.newest, [filters.status("TimedOut")], {}, "command_invocations_timed_out"),
    (invocations.newest, [OF_NODE], {}, "command_invocations_of_node"),
    (invocations.newest, [OF_DOCUMENT], {"document_name": "Rare"}, "commands_of_document"),
]


class Watched:
    """A transaction that keeps the plans of what it is asked."""

    def __init__(self, tx):
        self.tx = tx
        self.plans = []

    def all(self, sql, **params):
        rows = self.tx.all(f"EXPLAIN QUERY PLAN {sql}", **params)
        self.plans.append([row["detail"] for row in rows])
        return self.tx.all(sql, **params)


@pytest.mark.parametrize(("newest", "conditions", "narrowed", "index"), LISTS)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_list_walks_one_index_in_its_order(database, newest, conditions, narrowed, index, is_first):
    last = (5, "c") if newest is commands.newest else (5, "c", "mi-1")

    def look(tx):
        watched = Watched(tx)
        after = None if is_first else last
        newest(watched, SCOPE, conditions=conditions, after=after, limit=11, **narrowed)
        return watched.plans[0]

    plan = database.read_sync(look)
    assert f"INDEX {index} " in plan[0], plan
    assert not any("TEMP B-TREE" in line or line.startswith("SCAN") for line in plan), plan
