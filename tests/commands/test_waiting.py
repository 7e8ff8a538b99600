"""Nodes that are away, that leave, that are too many: each status at its right time, on the test's clock."""

import asyncio

import pytest

from hostreeve.capabilities.commands import worker
from hostreeve.capabilities.commands.lifecycle import LIMITS
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.messaging import store as messaging

INVOCATIONS = "EC2 Command Invocation Status-change Notification"


def connect(estate, node, is_open=True):
    """The node's control channel opens, or closes."""

    def unit(tx):
        messaging.beat(tx, "r", estate.world.now_ms())
        epoch = messaging.open_channel(tx, estate.scope, node, "r", estate.world.now_ms())
        if not is_open:
            messaging.close_channels(tx, [(estate.scope, node, epoch)], estate.world.now_ms())

    estate.database.write_sync(unit)


def test_a_node_that_is_away_is_pending_at_first_and_then_delayed(estate):
    node = estate.node()
    command = estate.send(node)
    estate.world.advance(59)
    estate.tick()
    assert estate.statuses(command) == {node: "Pending"}
    estate.world.advance(2)
    estate.tick()
    assert estate.statuses(command) == {node: "Delayed"}
    (shown,) = estate.call("ListCommandInvocations", CommandId=command, Details=True)["CommandInvocations"]
    assert (shown["Status"], shown["CommandPlugins"][0]["Status"]) == ("Delayed", "Pending")
    assert estate.command(command)["Status"] == "InProgress"


def test_a_delayed_node_that_returns_runs_the_command(estate):
    node = estate.node()
    command = estate.send(node)
    estate.world.advance(61)
    estate.tick()
    assert estate.mailbox() == [node]
    estate.finish(command, node)
    estate.tick()
    assert estate.counts(command) == ("Success", 1, 1, 0)
    assert estate.events(INVOCATIONS) == ["Delayed", "InProgress", "Success"]


def test_a_delayed_node_that_never_returns_times_out(estate):
    node = estate.node()
    command = estate.send(node)
    estate.world.advance(61)
    estate.tick()
    estate.world.advance(7200)
    estate.tick()
    assert estate.statuses(command) == {node: "DeliveryTimedOut"}
    assert estate.command(command)["DeliveryTimedOutCount"] == 1


def test_a_delayed_command_is_cancelled_at_once(estate):
    node = estate.node()
    command = estate.send(node)
    estate.world.advance(61)
    estate.tick()
    estate.call("CancelCommand", CommandId=command)
    estate.tick()
    assert estate.statuses(command) == {node: "Cancelled"}


def test_a_connected_node_that_is_busy_stays_pending(estate):
    busy, away = estate.node(), estate.node()
    command = estate.send(busy, away)
    estate.world.advance(61)
    connect(estate, busy)
    connect(estate, away, is_open=False)
    estate.tick()
    assert estate.statuses(command) == {busy: "Pending", away: "Delayed"}
    # Its connection is lost before it took the command: the next look sees that.
    connect(estate, busy, is_open=False)
    estate.world.advance(61)
    estate.tick()
    assert estate.statuses(command)[busy] == "Delayed"


def test_nodes_sent_to_later_are_delayed_later(estate):
    first, second = estate.node(), estate.node()
    command = estate.send(first, second, MaxConcurrency="1")
    estate.finish(command, first)
    estate.world.advance(61)
    estate.tick()
    assert estate.statuses(command) == {first: "Success", second: "Pending"}
    estate.world.advance(61)
    estate.tick()
    assert estate.statuses(command)[second] == "Delayed"


def test_a_node_that_leaves_for_good_before_it_took_the_command_is_undeliverable(estate):
    leaves_pending, leaves_delayed = estate.node(), estate.node()
    command = estate.send(leaves_pending, leaves_delayed)
    estate.leave(leaves_pending)
    estate.world.advance(61)
    estate.tick()
    assert estate.statuses(command) == {leaves_pending: "Undeliverable", leaves_delayed: "Delayed"}
    estate.leave(leaves_delayed)
    estate.world.advance(61)
    estate.tick()
    assert estate.statuses(command)[leaves_delayed] == "Undeliverable"
    # Nobody ran it, and that is no error (node-management.md §2.4).
    assert estate.counts(command) == ("Failed", 2, 2, 0)


def test_hundreds_of_absent_nodes_are_delayed_in_bounded_batches(estate):
    nodes = [estate.node(role="web") for _ in range(620)]
    command = estate.send_to_tagged("role", "web", MaxConcurrency="100%")
    estate.tick()
    estate.world.advance(61)
    estate.tick()
    assert estate.statuses(command) == dict.fromkeys(nodes, "Delayed")


def test_the_looks_at_absent_nodes_grow_rarer(estate):
    estate.send(estate.node(), TimeoutSeconds=2_592_000)
    looks, day_ms = 0, estate.world.now_ms() + 86_400_000
    while estate.world.now_ms() < day_ms:
        due_ms = estate.database.read_sync(command_rows.next_due_ms)
        estate.world.advance((due_ms - estate.world.now_ms()) / 1000)
        estate.tick()
        looks += 1
    assert 20 < looks < 60


def test_an_account_with_too_much_open_begins_nothing_more(estate):
    node = estate.node(role="web")
    open_before = estate.send(node)
    asyncio.run(worker.count_open(estate.database))
    LIMITS.open_invocations_max = 1
    try:
        named = estate.send(node)
        tagged = estate.send_to_tagged("role", "web")
    finally:
        LIMITS.open_invocations_max = 1_000_000
    estate.tick()
    assert estate.counts(named) == estate.counts(tagged) == ("LimitExceeded", 0, 0, 0)
    assert estate.command(named)["Status"] == "Failed"
    assert estate.statuses(named) == {}
    found = estate.call("ListCommands", Filters=[{"key": "Status", "value": "LimitExceeded"}])["Commands"]
    assert {each["CommandId"] for each in found} == {named, tagged}
    # When that is over, there is room again.
    estate.finish(open_before, node)
    estate.tick()
    asyncio.run(worker.count_open(estate.database))
    assert estate.counts(estate.send(node))[0] == "InProgress"


@pytest.mark.parametrize("status", ["Failed", "TimedOut"])
def test_those_not_yet_sent_to_are_terminated_when_the_errors_are_too_many(estate, status):
    first, second = estate.node(), estate.node()
    command = estate.send(first, second, MaxConcurrency="1")
    estate.finish(command, first, status=status)
    estate.tick()
    assert estate.statuses(command)[second] == "Terminated"
    (shown,) = estate.call("ListCommandInvocations", CommandId=command, InstanceId=second)[
        "CommandInvocations"
    ]
    assert (shown["Status"], shown["StatusDetails"]) == ("Cancelled", "Terminated")
    assert estate.mailbox() == [first]


def test_a_cancelled_command_whose_node_is_away_does_not_keep_the_worker_busy(estate):
    node = estate.node()
    command = estate.send(node)
    estate.database.write_sync(lambda tx: tx.run("UPDATE mailbox_jobs SET state = 'sent'"))
    estate.call("CancelCommand", CommandId=command)
    estate.tick()
    assert estate.statuses(command) == {node: "Cancelling"}
    estate.world.advance(61)
    estate.tick()
    due_ms = estate.database.read_sync(command_rows.next_due_ms)
    assert due_ms > estate.world.now_ms(), "a worker whose next row is due already never sleeps"
