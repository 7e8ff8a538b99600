"""The end of history: what is forgotten, when, and what is not."""

import asyncio

import pytest

from hostreeve.capabilities.commands import worker
from hostreeve.capabilities.commands.lifecycle import LIMITS
from hostreeve.capabilities.commands.store import history
from hostreeve.persistence import outbox
from tests.commands.estate import result

TABLES = (
    "commands",
    "command_invocations",
    "command_steps",
    "command_output",
    "command_counts",
    "command_uploads",
    "mailbox_contents",
)
DAY_S = 86_400


def forget(estate):
    """Let the worker forget until nothing is left to. The number of its ticks."""
    for number in range(1000):
        if not asyncio.run(worker.forget(estate.database, estate.world)):
            return number
    raise AssertionError("the worker never came to rest")


def rows(estate, table):
    return estate.database.read_sync(lambda tx: tx.one(f"SELECT count(*) AS n FROM {table}"))["n"]


def done(estate, node):
    command = estate.send(node)
    estate.output(command, node, 0, b"text")
    estate.finish(command, node)
    estate.tick()
    return command


def test_thirty_days_after_it_was_requested_nothing_is_left_of_a_command(estate):
    node = estate.node()
    done(estate, node)
    estate.world.advance(30 * DAY_S - 1)
    young = done(estate, node)
    forget(estate)
    assert len(estate.call("ListCommands")["Commands"]) == 2
    estate.world.advance(2)
    forget(estate)
    assert [each["CommandId"] for each in estate.call("ListCommands")["Commands"]] == [young]
    assert estate.invocation(young, node)["Status"] == "Success"
    estate.world.advance(31 * DAY_S)
    forget(estate)
    assert {table: rows(estate, table) for table in TABLES} == dict.fromkeys(TABLES, 0)


def test_a_command_that_has_not_ended_is_kept_however_old_it_is(estate):
    node = estate.node()
    command = estate.send(node, TimeoutSeconds=2_592_000)
    estate.world.advance(30 * DAY_S + 60)
    forget(estate)
    assert estate.statuses(command) == {node: "Pending"}
    estate.finish(command, node)
    estate.tick()
    forget(estate)
    assert estate.call("ListCommands")["Commands"] == []


def test_a_large_command_is_forgotten_in_bounded_batches(estate, monkeypatch):
    monkeypatch.setattr(history, "ROWS_MAX", 5)
    monkeypatch.setattr(history, "CHUNKS_MAX", 3)
    nodes = [estate.node() for _ in range(12)]
    command = estate.send(*nodes)
    for node in nodes:
        estate.output(command, node, 0, b"text")
    estate.finish(command, *nodes)
    estate.tick()
    estate.world.advance(31 * DAY_S)
    assert forget(estate) >= 12 / 3 + 12 / 5
    assert rows(estate, "command_output") == rows(estate, "commands") == 0


def test_the_retention_is_a_setting(estate):
    done(estate, estate.node())
    estate.world.advance(DAY_S)
    LIMITS.retention_ms = 3_600_000
    try:
        forget(estate)
    finally:
        LIMITS.retention_ms = 30 * DAY_S * 1000
    assert estate.call("ListCommands")["Commands"] == []


def test_a_node_that_reports_on_what_is_forgotten_leaves_nothing_behind(estate):
    node = estate.node()
    command = done(estate, node)
    estate.world.advance(31 * DAY_S)
    forget(estate)
    estate.output(command, node, 0, b"late")
    estate.reply(command, node, "Success", **{"aws:runShellScript": result()})
    assert (
        rows(estate, "command_output") == rows(estate, "command_steps") == rows(estate, "command_counts") == 0
    )


def test_events_that_nobody_comes_for_are_dropped_after_an_hour(estate):
    node = estate.node()
    done(estate, node)
    estate.world.advance(3000)
    young = estate.send(node)
    estate.acknowledge(young, node)
    estate.world.advance(601)
    forget(estate)
    assert rows(estate, "outbox_event") == rows(estate, "outbox_aggregate") == 2
    estate.world.advance(3600)
    forget(estate)
    assert rows(estate, "outbox_event") == rows(estate, "outbox_aggregate") == 0


def test_events_that_are_being_handed_over_are_not_dropped_meanwhile(estate):
    done(estate, estate.node())
    estate.world.advance(3601)
    now_ms = estate.world.now_ms()
    claims = estate.database.write_sync(lambda tx: outbox.claim(tx, owner="o", now_ms=now_ms))
    forget(estate)
    assert rows(estate, "outbox_event") == sum(len(claim.events) for claim in claims) > 0


@pytest.mark.parametrize("later_s", [0, 7200])
def test_young_events_of_an_old_aggregate_stay(estate, later_s):
    def put(tx):
        now_ms = estate.world.now_ms()
        outbox.put(tx, estate.scope, detail_type="t", aggregate="a", detail={}, now_ms=now_ms)

    estate.database.write_sync(put)
    estate.world.advance(3500)
    estate.database.write_sync(put)
    estate.world.advance(200 + later_s)
    forget(estate)
    assert rows(estate, "outbox_event") == (0 if later_s else 1)
