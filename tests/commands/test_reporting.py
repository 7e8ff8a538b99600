"""What nodes report, in any order, twice, late, or wrongly: the truth is kept and nothing else."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostreeve.api.errors import AwsError
from hostreeve.capabilities.commands.actions.moving import CHANNEL
from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from tests.commands.estate import SHELL, result
from tests.sampling import examples

TWO_STEPS = """
schemaVersion: "2.2"
description: two steps
mainSteps:
  - {action: "aws:runShellScript", name: first, inputs: {runCommand: [echo one]}}
  - {action: "aws:runShellScript", name: second, inputs: {runCommand: [echo two]}}
"""


@pytest.fixture
def two_steps(estate):
    """A node with a running command of two steps: (node, command)."""
    estate.call("CreateDocument", Name="TwoSteps", Content=TWO_STEPS, DocumentFormat="YAML")
    node = estate.node()
    command = estate.send(node, DocumentName="TwoSteps")
    estate.acknowledge(command, node)
    return node, command


def test_step_results_are_merged_by_step_and_the_final_reply_has_none(estate, two_steps):
    node, command = two_steps
    estate.reply(command, node, "InProgress", first=result(standardOutput="one\n"))
    estate.reply(command, node, "InProgress", second=result(standardOutput="two\n"))
    estate.reply(command, node, "Success")
    outputs = [
        estate.invocation(command, node, PluginName=name)["StandardOutputContent"]
        for name in ("first", "second")
    ]
    assert outputs == ["one\n", "two\n"]


def test_a_step_reply_that_the_final_one_overtook_still_counts(estate, two_steps):
    node, command = two_steps
    estate.reply(command, node, "InProgress", first=result(standardOutput="one\n"))
    estate.reply(command, node, "Success")
    estate.reply(command, node, "InProgress", second=result(standardOutput="two\n"))
    assert estate.statuses(command) == {node: "Success"}
    assert estate.invocation(command, node, PluginName="second")["StandardOutputContent"] == "two\n"


def test_an_ended_step_stays_as_it_ended(estate, two_steps):
    node, command = two_steps
    estate.reply(command, node, "InProgress", first=result("Failed", 3))
    estate.reply(command, node, "InProgress", first=result("InProgress"))
    found = estate.invocation(command, node, PluginName="first")
    assert (found["Status"], found["ResponseCode"]) == ("Failed", 3)


def test_a_document_of_several_steps_shows_no_output_without_a_steps_name(estate, two_steps):
    node, command = two_steps
    estate.reply(command, node, "InProgress", first=result(standardOutput="one\n"))
    found = estate.invocation(command, node)
    assert (found["Status"], found["StandardOutputContent"], found["ResponseCode"]) == ("InProgress", "", -1)
    with pytest.raises(AwsError) as refused:
        estate.invocation(command, node, PluginName=SHELL)
    assert refused.value.code == "InvalidPluginName"


def test_a_skipped_step_is_a_success_with_code_0(estate, two_steps):
    node, command = two_steps
    skipped = result("Skipped", 0, output="Step execution skipped due to unsatisfied preconditions")
    estate.reply(command, node, "InProgress", first=skipped)
    found = estate.invocation(command, node, PluginName="first")
    assert (found["Status"], found["ResponseCode"]) == ("Success", 0)
    # Agents say so in `output` only, which is not what is asked for by a step's name.
    assert "skipped due to unsatisfied preconditions" in found["StandardOutputContent"]


def test_why_a_step_could_not_run_stands_in_its_standard_error(estate, two_steps):
    node, command = two_steps
    estate.reply(command, node, "InProgress", first=result("Failed", 1, output="no such plugin"))
    found = estate.invocation(command, node, PluginName="first")
    assert (found["Status"], found["ResponseCode"]) == ("Failed", 1)
    assert (found["StandardOutputContent"], found["StandardErrorContent"]) == ("", "no such plugin")
    silent = result("Failed", 1, output="", standardOutput="", standardError="")
    estate.reply(command, node, "Failed", second=silent)
    assert estate.invocation(command, node, PluginName="second")["StandardErrorContent"] == ""


def test_details_list_every_step_in_its_order(estate, two_steps):
    node, command = two_steps
    estate.reply(command, node, "InProgress", first=result(output="one"))
    (shown,) = estate.call("ListCommandInvocations", CommandId=command, Details=True)["CommandInvocations"]
    plugins = [(p["Name"], p["Status"], p["ResponseCode"], p["Output"]) for p in shown["CommandPlugins"]]
    assert plugins == [("first", "Success", 0, "one"), ("second", "InProgress", -1, "")]
    (plain,) = estate.call("ListCommandInvocations", CommandId=command)["CommandInvocations"]
    assert plain["CommandPlugins"] == []


def test_a_repeated_reply_changes_nothing(estate):
    node = estate.node()
    command = estate.send(node)
    for _ in range(3):
        estate.finish(command, node, status="Failed", code=1)
    estate.reply(command, node, "Success")
    estate.tick()
    assert estate.counts(command) == ("Failed", 1, 1, 1)
    assert estate.events("EC2 Command Invocation Status-change Notification") == ["InProgress", "Failed"]


def test_a_reply_that_overtakes_the_acknowledgement_ends_the_invocation(estate):
    node = estate.node()
    command = estate.send(node)
    estate.reply(command, node, "Success", **{SHELL: result()})
    estate.acknowledge(command, node)
    assert estate.statuses(command) == {node: "Success"}


def test_a_node_cannot_report_for_another(estate, caplog):
    one, two = estate.node(), estate.node()
    command = estate.send(one)
    estate.reply(command, one, "Success", by=two)
    assert estate.statuses(command) == {one: "Pending"}
    assert "not its own" in caplog.text


def test_a_node_cannot_report_on_what_it_was_not_sent(estate):
    one, two = estate.node(), estate.node()
    command = estate.send(one, two, MaxConcurrency="1")
    estate.reply(command, two, "Success", **{SHELL: result()})
    assert estate.statuses(command) == {one: "Pending", two: "Pending"}
    estate.finish(command, one)
    estate.tick()
    estate.finish(command, two)
    estate.tick()
    assert estate.counts(command) == ("Success", 2, 2, 0)


def test_a_node_of_another_account_is_not_heard(estate):
    node = estate.node()
    command = estate.send(node)
    other = Scope("999999999999", "us-east-1")
    job = wire.job_id(command, node)
    estate.database.write_sync(
        lambda tx: estate.listener.replied(tx, other, node, job, {"documentStatus": "Success"}, 0)
    )
    assert estate.statuses(command) == {node: "Pending"}


def test_replies_to_unknown_commands_and_garbage_are_ignored(estate, caplog):
    node = estate.node()
    command = estate.send(node)
    estate.reply("00000000-0000-0000-0000-000000000000", node, "Success")
    assert "unknown command" in caplog.text
    for reply in (
        {},
        {"documentStatus": None, "runtimeStatus": []},
        {"documentStatus": ["Success"], "runtimeStatus": {SHELL: "Success"}},
        {"documentStatus": "Bananas", "runtimeStatus": {SHELL: {"status": 7}, "other": result()}},
        {
            "documentStatus": "InProgress",
            "hostreeve": [],
            "runtimeStatus": {SHELL: {**result(), "code": "x"}},
        },
    ):
        estate.reply_document(command, node, reply)
    assert estate.statuses(command) == {node: "InProgress"}


@given(
    reply=st.dictionaries(
        st.sampled_from(["documentStatus", "runtimeStatus", "documentTraceOutput", "hostreeve"]),
        st.recursive(
            st.none() | st.integers() | st.text() | st.sampled_from(["Success", "Failed", SHELL]),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.sampled_from([SHELL, "steps", "status"]), inner)
            ),
        ),
    )
)
@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_no_reply_can_break_the_listener(estate, reply):
    node = estate.node()
    command = estate.send(node)
    estate.reply_document(command, node, reply)
    assert estate.statuses(command)[node] in ("Pending", "InProgress", "Success", "Failed")


def test_nul_and_broken_text_from_nodes_is_kept_readable(estate):
    node = estate.node()
    command = estate.send(node)
    bad = result(standardOutput="a\x00b\ud800", output="\x00")
    reply = {"documentStatus": "Failed", "documentTraceOutput": "x\x00y\ud800", "runtimeStatus": {SHELL: bad}}
    estate.reply_document(command, node, reply)
    assert estate.invocation(command, node)["StandardOutputContent"] == "a\x00b?"


def test_output_is_cut_exactly_where_aws_cuts_it(estate):
    node = estate.node()
    command = estate.send(node)
    step = result(standardOutput="o" * 24_001, standardError="e" * 8_001, output="c" * 2_501)
    estate.reply(command, node, "Success", **{SHELL: step})
    found = estate.invocation(command, node)
    stdout, stderr = found["StandardOutputContent"], found["StandardErrorContent"]
    assert (len(stdout), len(stderr)) == (24_000, 8_000)
    assert stdout.endswith("o--output truncated--")
    assert stderr.endswith("e--output truncated--")
    (shown,) = estate.call("ListCommandInvocations", CommandId=command, Details=True)["CommandInvocations"]
    assert len(shown["CommandPlugins"][0]["Output"]) == 2_500


def test_output_that_fits_is_not_cut(estate):
    node = estate.node()
    command = estate.send(node)
    estate.reply(
        command, node, "Success", **{SHELL: result(standardOutput="o" * 24_000, standardError="e" * 8_000)}
    )
    found = estate.invocation(command, node)
    assert found["StandardOutputContent"] == "o" * 24_000
    assert found["StandardErrorContent"] == "e" * 8_000


def whole(estate, command, node, **request):
    return estate.call("GetCommandOutput", CommandId=command, InstanceId=node, **request)


def test_streamed_output_is_kept_whole_and_read_by_range(estate):
    node = estate.node()
    command = estate.send(node)
    estate.acknowledge(command, node)
    assert estate.output(command, node, 0, b"x" * 30_000) == 30_000
    # A gap is not stored: the agent goes back to what there is.
    assert estate.output(command, node, 40_000, b"z") == 30_000
    # What was resent after a lost answer is taken once.
    assert estate.output(command, node, 0, b"x" * 30_000) == 30_000
    assert estate.output(command, node, 29_999, b"xyyy") == 30_003
    live = whole(estate, command, node, Offset=29_998, Length=10)
    assert (live["Data"], live["TotalBytes"], live["Complete"]) == (b"xxyyy", 30_003, False)
    step = result(standardOutput="x" * 24_000)
    sizes = {"steps": {SHELL: {"stdoutBytes": 30_004, "stderrBytes": 0}}}
    reply = {"documentStatus": "Success", "runtimeStatus": {SHELL: step}, "hostreeve": sizes}
    estate.reply_document(command, node, reply)
    assert not whole(estate, command, node)["Complete"]
    estate.output(command, node, 30_003, b"!")
    end = whole(estate, command, node, Offset=30_000, Length=100)
    assert (end["Data"], end["Complete"]) == (b"yyy!", True)
    assert whole(estate, command, node, Stream="stderr")["Complete"]
    assert whole(estate, command, node, Offset=99_999)["Data"] == b""


def test_output_of_agents_that_do_not_stream_is_their_replys(estate):
    node = estate.node()
    command = estate.send(node)
    estate.finish(command, node)
    estate_reply = estate.send(node)
    estate.reply(estate_reply, node, "Success", **{SHELL: result(standardOutput="grüß\n")})
    found = whole(estate, estate_reply, node)
    assert (found["Data"], found["TotalBytes"], found["Complete"]) == ("grüß\n".encode(), 7, True)
    assert whole(estate, command, node)["Complete"]


def test_output_for_unknown_steps_nodes_and_commands_is_dropped(estate):
    one, two = estate.node(), estate.node()
    command = estate.send(one)
    assert estate.output(command, two, 0, b"abc") == 3
    assert estate.output(command, one, 0, b"abc", step_id="other") == 3
    assert estate.output("00000000-0000-0000-0000-000000000000", one, 0, b"abc") == 3
    rows = estate.database.read_sync(lambda tx: tx.all("SELECT step_id FROM command_output"))
    assert rows == []


def test_replies_of_many_nodes_at_once_are_all_counted(estate):
    nodes = [estate.node(role="web") for _ in range(40)]
    command = estate.send_to_tagged("role", "web", MaxConcurrency="100%", MaxErrors="100%")
    estate.tick()
    estate.acknowledge(command, *nodes)
    woken = []
    stop = estate.database.bus.listen(CHANNEL, woken.append)
    failures = []

    def report(part):
        try:
            for number, node in enumerate(part):
                status = "Failed" if number % 2 else "Success"
                estate.reply(command, node, status, **{SHELL: result(status)})
        except Exception as failure:  # noqa: BLE001 - a thread's failure is the test's.
            failures.append(failure)

    threads = [threading.Thread(target=report, args=(nodes[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop()
    assert not failures
    assert command in woken
    estate.tick()
    assert estate.counts(command) == ("Incomplete", 40, 40, 20)
