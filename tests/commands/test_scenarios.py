"""Commands over time: what users see while nodes answer, fail, stay silent or come too late."""

import pytest

from hostreeve.api.errors import AwsError
from tests.commands.estate import SHELL, result

INVOCATIONS = "EC2 Command Invocation Status-change Notification"
COMMANDS = "EC2 Command Status-change Notification"


def test_a_command_to_one_node_runs_and_succeeds(estate):
    node = estate.node()
    command = estate.send(node)
    assert estate.mailbox() == [node]
    assert estate.invocation(command, node)["Status"] == "Pending"
    estate.acknowledge(command, node)
    before = estate.invocation(command, node)
    assert (before["Status"], before["ResponseCode"]) == ("InProgress", -1)
    step = result(standardOutput="uid=0(root)\n", output="uid=0(root)\n")
    estate.reply(command, node, "Success", **{SHELL: step})
    after = estate.invocation(command, node)
    assert (after["Status"], after["ResponseCode"]) == ("Success", 0)
    assert after["StandardOutputContent"] == "uid=0(root)\n"
    assert after["PluginName"] == SHELL
    assert after["ExecutionStartDateTime"] == "2026-11-22T15:28:30.988Z"
    assert after["ExecutionElapsedTime"] == "PT0.041S"
    estate.tick()
    assert estate.counts(command) == ("Success", 1, 1, 0)
    assert estate.events(COMMANDS) == ["InProgress", "Success"]
    assert estate.events(INVOCATIONS) == ["InProgress", "Success"]


def test_send_command_answers_pending_and_counts_named_nodes_only(estate):
    one, two = estate.node(role="web"), estate.node(role="web")
    parameters = {"commands": ["id"]}
    named = estate.call(
        "SendCommand", DocumentName="AWS-RunShellScript", Parameters=parameters, InstanceIds=[one, two]
    )["Command"]
    tagged = estate.call(
        "SendCommand",
        DocumentName="AWS-RunShellScript",
        Parameters=parameters,
        Targets=[{"Key": "tag:role", "Values": ["web"]}],
    )["Command"]
    assert (named["Status"], named["TargetCount"], named["CompletedCount"]) == ("Pending", 2, 0)
    assert (tagged["Status"], tagged["TargetCount"]) == ("Pending", 0)
    # An hour for delivery and an hour for running.
    assert named["ExpiresAfter"] - named["RequestedDateTime"] == 7200


def test_a_failing_script_fails_the_command(estate):
    node = estate.node()
    command = estate.send(node)
    estate.finish(command, node, status="Failed", code=7)
    estate.tick()
    assert estate.invocation(command, node)["ResponseCode"] == 7
    assert estate.counts(command) == ("Failed", 1, 1, 1)


def test_the_first_failure_ends_the_command_for_those_who_wait(estate):
    nodes = [estate.node(role="web") for _ in range(3)]
    command = estate.send_to_tagged("role", "web", MaxConcurrency="1", MaxErrors="0")
    estate.tick()
    assert estate.mailbox() == nodes[:1]
    estate.finish(command, nodes[0], status="Failed", code=1)
    estate.tick()
    assert estate.statuses(command) == dict(zip(nodes, ["Failed", "Terminated", "Terminated"], strict=True))
    assert estate.counts(command) == ("Failed", 3, 3, 1)
    shown = estate.call("ListCommandInvocations", CommandId=command)["CommandInvocations"]
    assert [each["Status"] for each in shown] == ["Failed", "Cancelled", "Cancelled"]


def test_with_one_error_allowed_the_others_still_run(estate):
    nodes = [estate.node(role="web") for _ in range(3)]
    command = estate.send_to_tagged("role", "web", MaxConcurrency="1", MaxErrors="1")
    estate.tick()
    estate.finish(command, nodes[0], status="Failed", code=1)
    for node in nodes[1:]:
        estate.tick()
        estate.finish(command, node)
    estate.tick()
    found = estate.command(command)
    assert (found["Status"], found["StatusDetails"]) == ("Failed", "Incomplete")


def test_no_more_nodes_run_at_once_than_allowed(estate):
    nodes = [estate.node() for _ in range(5)]
    command = estate.send(*nodes, MaxConcurrency="2")
    estate.tick()
    assert estate.mailbox() == nodes[:2]
    estate.finish(command, nodes[1])
    estate.tick()
    assert estate.mailbox() == nodes[:3]
    for node in (nodes[0], *nodes[2:]):
        estate.tick()
        estate.finish(command, node)
    estate.tick()
    assert estate.counts(command) == ("Success", 5, 5, 0)


def test_a_tag_that_no_node_has_is_told(estate):
    command = estate.send_to_tagged("role", "nobody")
    estate.tick()
    assert estate.counts(command) == ("NoInstancesInTag", 0, 0, 0)


def test_a_node_that_never_comes_times_out_at_the_end_of_both_timeouts(estate):
    node = estate.node()
    command = estate.send(
        node, TimeoutSeconds=30, Parameters={"commands": ["id"], "executionTimeout": ["30"]}
    )
    estate.world.advance(59.9)
    estate.tick()
    assert estate.statuses(command) == {node: "Pending"}
    estate.world.advance(0.2)
    estate.tick()
    assert estate.statuses(command) == {node: "DeliveryTimedOut"}
    found = estate.command(command)
    assert (found["Status"], found["StatusDetails"]) == ("TimedOut", "DeliveryTimedOut")
    assert (found["ErrorCount"], found["DeliveryTimedOutCount"]) == (0, 1)


def test_a_node_that_took_the_command_and_died_times_out_too(estate):
    node = estate.node()
    command = estate.send(node)
    estate.acknowledge(command, node)
    estate.world.advance(7201)
    estate.tick()
    assert estate.statuses(command) == {node: "DeliveryTimedOut"}
    # What it says afterwards comes too late to change that; the step's result is kept all the same.
    estate.reply(command, node, "Success", **{SHELL: result(standardOutput="late")})
    assert estate.statuses(command) == {node: "DeliveryTimedOut"}
    assert estate.invocation(command, node)["StandardOutputContent"] == "late"


def test_an_execution_timeout_is_what_the_agent_says_and_an_error(estate):
    node = estate.node()
    command = estate.send(node)
    estate.finish(command, node, status="TimedOut", code=137)
    estate.tick()
    assert estate.counts(command) == ("ExecutionTimedOut", 1, 1, 1)
    assert estate.invocation(command, node)["StatusDetails"] == "ExecutionTimedOut"


def test_cancelling_stops_running_nodes_and_spares_waiting_ones(estate):
    nodes = [estate.node() for _ in range(3)]
    command = estate.send(*nodes, MaxConcurrency="2")
    estate.acknowledge(command, nodes[0])
    estate.database.write_sync(
        lambda tx: tx.run("DELETE FROM mailbox_jobs WHERE node_id = :node_id", node_id=nodes[0])
    )
    estate.call("CancelCommand", CommandId=command)
    assert estate.command(command)["Status"] == "Cancelling"
    estate.tick()
    # The first runs and is asked to stop; the second had it in its mailbox, the third not even that.
    assert estate.statuses(command) == dict(zip(nodes, ["Cancelling", "Cancelled", "Cancelled"], strict=True))
    assert estate.mailbox() == []
    assert estate.mailbox("aws.ssm.cancelCommand") == [nodes[0]]
    estate.reply(command, nodes[0], "Cancelled", **{SHELL: result("Cancelled", 137)})
    estate.tick()
    assert estate.counts(command) == ("Cancelled", 3, 3, 0)


def test_what_a_node_finished_before_the_cancel_reached_it_is_shown(estate):
    node = estate.node()
    command = estate.send(node)
    estate.acknowledge(command, node)
    estate.database.write_sync(lambda tx: tx.run("DELETE FROM mailbox_jobs"))
    estate.call("CancelCommand", CommandId=command)
    estate.tick()
    estate.reply(command, node, "Success", **{SHELL: result()})
    estate.tick()
    assert estate.statuses(command) == {node: "Success"}


def test_single_nodes_can_be_cancelled(estate):
    one, two = estate.node(), estate.node()
    command = estate.send(one, two)
    estate.call("CancelCommand", CommandId=command, InstanceIds=[two])
    estate.finish(command, one)
    estate.tick()
    assert estate.statuses(command) == {one: "Success", two: "Cancelled"}
    assert estate.command(command)["StatusDetails"] == "Incomplete"


def test_cancelling_what_has_ended_changes_nothing(estate):
    node = estate.node()
    command = estate.send(node)
    estate.finish(command, node)
    estate.tick()
    estate.call("CancelCommand", CommandId=command)
    estate.call("CancelCommand", CommandId=command, InstanceIds=[node])
    estate.tick()
    assert estate.counts(command) == ("Success", 1, 1, 0)


def test_a_command_can_be_cancelled_before_its_targets_are_found(estate):
    estate.node(role="web")
    command = estate.send_to_tagged("role", "web")
    estate.call("CancelCommand", CommandId=command)
    estate.tick()
    assert estate.counts(command) == ("Cancelled", 0, 0, 0)


def test_tagged_nodes_that_the_caller_may_not_reach_are_shown_and_spared(estate):
    mine, theirs = estate.node(role="web"), estate.node(role="web")
    estate.denied.add(f"arn:aws:ssm:us-east-1:123456789012:managed-instance/{theirs}")
    command = estate.send_to_tagged("role", "web")
    estate.tick()
    assert estate.mailbox() == [mine]
    estate.finish(command, mine)
    estate.tick()
    assert estate.statuses(command) == {mine: "Success", theirs: "AccessDenied"}
    # Such nodes do not count as errors (node-management.md §2.4).
    assert estate.counts(command) == ("Success", 2, 2, 0)


def test_every_node_is_asked_about_with_its_tags(estate):
    node = estate.node(role="web")
    arn = f"arn:aws:ssm:us-east-1:123456789012:managed-instance/{node}"
    estate.send_to_tagged("role", "web")
    estate.tick()
    estate.send(node)
    asked = [(action, context) for action, resource, context in estate.asked if resource == arn]
    tags = {"ssm:resourceTag/role": ["web"], "aws:ResourceTag/role": ["web"]}
    assert asked == [("ssm:SendCommand", tags)] * 2


def test_tagged_nodes_of_another_platform_are_invalid_named_ones_are_refused(estate):
    windows = estate.node("Windows", role="web")
    command = estate.send_to_tagged("role", "web")
    estate.tick()
    assert estate.statuses(command) == {windows: "InvalidPlatform"}
    assert estate.counts(command)[0] == "Failed"
    with pytest.raises(AwsError) as refused:
        estate.send(windows)
    assert refused.value.code == "UnsupportedPlatformType"


def test_a_node_that_left_while_it_waited_its_turn_is_undeliverable(estate):
    one, two = estate.node(), estate.node()
    command = estate.send(one, two, MaxConcurrency="1")
    estate.leave(two)
    estate.finish(command, one)
    estate.tick()
    assert estate.statuses(command) == {one: "Success", two: "Undeliverable"}
    assert estate.counts(command) == ("Success", 2, 2, 0)


def test_an_agent_that_refuses_the_document_fails_it(estate):
    node = estate.node()
    command = estate.send(node)
    estate.refuse(command, node, "51408")
    estate.reply(command, node, "Failed")
    estate.tick()
    assert estate.counts(command) == ("Failed", 1, 1, 1)
    (shown,) = estate.call("ListCommandInvocations", CommandId=command)["CommandInvocations"]
    assert "51408" in shown["TraceOutput"]


def test_a_reboot_does_not_end_the_invocation(estate):
    node = estate.node()
    command = estate.send(node)
    estate.acknowledge(command, node)
    estate.reply(command, node, "SuccessAndReboot", **{SHELL: result("SuccessAndReboot", 194)})
    assert estate.invocation(command, node)["Status"] == "InProgress"
    estate.reply(command, node, "Success", **{SHELL: result(standardOutput="again")})
    assert estate.invocation(command, node)["StandardOutputContent"] == "again"


def test_hundreds_of_tagged_nodes_are_found_in_bounded_batches(estate):
    nodes = [estate.node(role="web") for _ in range(620)]
    command = estate.send_to_tagged("role", "web", MaxConcurrency="100%", MaxErrors="100%")
    estate.tick()
    assert estate.mailbox() == nodes
    estate.finish(command, *nodes)
    estate.tick()
    assert estate.counts(command) == ("Success", 620, 620, 0)


def test_a_command_of_hundreds_expires_as_a_whole(estate):
    nodes = [estate.node(role="web") for _ in range(620)]
    command = estate.send_to_tagged("role", "web", MaxConcurrency="600")
    estate.tick()
    assert len(estate.mailbox()) == 600
    estate.world.advance(7201)
    estate.tick()
    assert set(estate.statuses(command).values()) == {"DeliveryTimedOut"}
    assert estate.counts(command) == ("DeliveryTimedOut", len(nodes), len(nodes), 0)


def test_a_waiting_node_that_is_cancelled_makes_no_room_for_another(estate):
    nodes = [estate.node() for _ in range(4)]
    command = estate.send(*nodes, MaxConcurrency="1")
    estate.call("CancelCommand", CommandId=command, InstanceIds=[nodes[3]])
    estate.tick()
    assert estate.mailbox() == nodes[:1]


def test_nodes_that_never_answer_a_cancel_expire_with_the_command(estate):
    node = estate.node()
    command = estate.send(node)
    estate.acknowledge(command, node)
    estate.database.write_sync(lambda tx: tx.run("DELETE FROM mailbox_jobs"))
    estate.call("CancelCommand", CommandId=command)
    estate.tick()
    assert estate.statuses(command) == {node: "Cancelling"}
    estate.world.advance(7201)
    estate.tick()
    assert estate.statuses(command) == {node: "DeliveryTimedOut"}
    assert estate.command(command)["Status"] == "TimedOut"
