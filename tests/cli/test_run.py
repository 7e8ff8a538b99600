"""`hostreeve run` against Run Command in miniature, over TLS."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.cli.fleet import COMMAND_ID, Fleet, FleetNode
from tests.cli.wire import Refusal

PENDING = ("Pending", "", "")
A, B = "mi-00000000000000001", "mi-00000000000000002"


def test_output_is_prefixed_by_its_node_and_the_exit_status_is_zero(server, typed):
    fleet = Fleet(
        server,
        [
            FleetNode(A, PENDING, ("InProgress", "one\n", ""), ("Success", "one\ntwo\n", "")),
            FleetNode(B, PENDING, ("InProgress", "", ""), ("Success", "last line unended", "oops\n")),
        ],
    )
    status, out, err = typed("run", "uptime", "--targets", "tag:Role=web,db", "--comment", "why")
    assert status == 0
    assert sorted(out.splitlines()) == [f"{A} | one", f"{A} | two", f"{B} | last line unended"]
    assert f"{B} | oops" in err.splitlines()
    assert "2 Success" in err and COMMAND_ID in err
    assert fleet.sent == {
        "DocumentName": "AWS-RunShellScript",
        "Parameters": {"commands": ["uptime"]},
        "Targets": [{"Key": "tag:Role", "Values": ["web", "db"]}],
        "Comment": "why",
    }


def test_output_appears_while_the_node_still_runs(server, typed):
    seen = []

    class Watched(Fleet):
        def output(self, request):
            node = self.nodes[request["InstanceId"]]
            seen.append((node.now[0], request["Stream"], request["Offset"]))
            return super().output(request)

    running = [("InProgress", "a\n" * n, "") for n in range(1, 4)]
    Watched(server, [FleetNode(A, PENDING, *running, ("Success", "a\n" * 3, ""))])
    status, out, _ = typed("run", "x", "--instance-ids", A)
    assert (status, out) == (0, f"{A} | a\n" * 3)
    assert ("InProgress", "stdout", 2) in seen and ("InProgress", "stdout", 4) in seen


def test_a_failed_node_makes_the_exit_status_one_and_is_named_with_its_code(server, typed):
    Fleet(server, [FleetNode(A, ("Success", "", "")), FleetNode(B, ("Failed", "", "no\n"), code=3)])
    status, _, err = typed("run", "false", "--targets", "tag:Role=web")
    assert status == 1
    assert f"✗ {B} Failed, exit code 3 after 1.5 s" in err
    assert "1 Success, 1 Failed" in err


def test_a_limit_that_is_none_is_told_before_anything_is_sent(server, typed):
    Fleet(server, [])
    status, _, err = typed("run", "x", "--targets", "tag:Role=web", "--max-concurrency", "0")
    assert status == 2 and "--max-concurrency takes a number from 1 on" in err
    assert not server.requests("AmazonSSM.SendCommand")


def test_nothing_matched_is_exit_status_three(server, typed):
    Fleet(server, [], details="NoInstancesInTag")
    status, out, err = typed("run", "uptime", "--targets", "tag:Role=nobody")
    assert (status, out) == (3, "")
    assert "No node matched" in err


def test_what_cannot_be_sent_is_exit_status_three_with_the_next_step(server, typed):
    def refuse(request):
        raise Refusal("InvalidInstanceId", "Instances not in a valid state")

    server.answers["AmazonSSM.SendCommand"] = refuse
    status, _, err = typed("run", "uptime", "--instance-ids", A)
    assert status == 3
    assert "InvalidInstanceId: Instances not in a valid state" in err and "hostreeve nodes" in err


@pytest.mark.parametrize(
    "words",
    [
        ("run", "uptime"),
        ("run", "--targets", "tag:Role=web"),
        ("run", "--targets", "tag:Role=web", "uptime"),
        ("run", "x", "--targets", "Role"),
        ("run", "x", "--instance-ids", A, "--timeout", "soon"),
        ("run", "x", "--instance-ids", A, "--timeout", "1"),
        ("run", "x", "--instance-ids", A, "--parameters", "{broken"),
    ],
)
def test_a_wrong_command_line_is_exit_status_two_and_sends_nothing(server, typed, words):
    status, _, err = typed(*words)
    assert status == 2 and err and not server.calls


def test_json_is_one_document_on_standard_output(server, typed):
    Fleet(server, [FleetNode(A, PENDING, ("Failed", "ünï\n", "bad\n"), code=7)])
    status, out, _ = typed("run", "x", "--instance-ids", A, "--json")
    assert status == 1
    assert json.loads(out) == {
        "CommandId": COMMAND_ID,
        "Status": "Failed",
        "Nodes": [
            {
                "InstanceId": A,
                "Status": "Failed",
                "StatusDetails": "Failed",
                "ResponseCode": 7,
                "StandardOutput": "ünï\n",
                "StandardError": "bad\n",
                "seconds": 1.5,
            }
        ],
    }


def test_without_the_extension_the_fields_of_aws_are_shown(server, typed):
    Fleet(server, [FleetNode(A, PENDING, ("InProgress", "a", ""), ("Success", "all\n", "err\n"))], live=False)
    status, out, err = typed("run", "x", "--instance-ids", A)
    assert (status, out) == (0, f"{A} | all\n")
    assert f"{A} | err" in err
    assert len(server.requests("Hostreeve.GetCommandOutput")) <= 2


def test_a_character_cut_between_two_reads_arrives_whole(server, typed, monkeypatch):
    monkeypatch.setattr("hostreeve.cli.following.CHUNK_BYTES", 3)
    Fleet(server, [FleetNode(A, ("Success", "aé漢字\n", ""))])
    assert typed("run", "x", "--instance-ids", A)[1] == f"{A} | aé漢字\n"


def test_the_steps_of_a_document_follow_one_another(server, typed):
    Fleet(server, [FleetNode(A, ("Success", "out\n", ""), steps=("first", "second"))])
    status, out, _ = typed("run", "--document", "Mine", "--instance-ids", A, "--parameters", "who=web,db")
    assert (status, out) == (0, f"{A} | out\n" * 2)


def test_quiet_prints_what_nodes_print_and_nothing_else(server, typed):
    Fleet(server, [FleetNode(A, PENDING, ("Failed", "out\n", ""), code=1)])
    assert typed("run", "x", "--instance-ids", A, "--quiet") == (1, f"{A} | out\n", "")


def test_no_follow_prints_the_commands_id_and_leaves(server, typed):
    Fleet(server, [FleetNode(A, PENDING)])
    assert typed("run", "x", "--instance-ids", A, "--no-follow") == (0, f"{COMMAND_ID}\n", "")
    assert [target for target, _ in server.calls] == ["AmazonSSM.SendCommand"]


def test_many_nodes_cost_a_few_calls_each_page_and_none_per_node(server, typed):
    nodes = [FleetNode(f"mi-{n:017d}", ("Success", f"hello {n}\n", "")) for n in range(700)]
    Fleet(server, nodes)
    status, out, err = typed("run", "x", "--targets", "tag:Role=web")
    assert status == 0 and len(out.splitlines()) == 700
    assert "700 Success" in err and "✓" not in err
    assert not server.requests("Hostreeve.GetCommandOutput")
    assert len(server.calls) < 25


def test_many_nodes_with_long_output_are_still_read_whole(server, typed):
    long = "x" * 3000 + "\n"
    nodes = [FleetNode(f"mi-{n:017d}", ("Success", long if n == 7 else "s\n", "")) for n in range(120)]
    Fleet(server, nodes)
    out = typed("run", "x", "--targets", "tag:Role=web")[1]
    assert f"mi-{7:017d} | {long}" in out and len(out.splitlines()) == 120


def test_the_first_interrupt_cancels_the_command_and_watches_it_end(server, typed):
    class Interrupted(Fleet):
        def invocations(self, request):
            if not self.cancelled and len(server.requests("AmazonSSM.ListCommandInvocations")) == 3:
                os.kill(os.getpid(), signal.SIGINT)
            return super().invocations(request)

    fleet = Interrupted(server, [FleetNode(A, ("InProgress", "begun\n", ""))])
    status, out, err = typed("run", "sleep 100", "--instance-ids", A)
    assert (status, out) == (130, f"{A} | begun\n")
    assert fleet.cancelled and "Cancelling" in err and "1 Cancelled" in err


def test_the_second_interrupt_leaves_at_once(server, typed):
    class Stubborn(Fleet):
        def cancel(self, request):
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
            return {}

        def invocations(self, request):
            if len(server.requests("AmazonSSM.ListCommandInvocations")) == 2:
                os.kill(os.getpid(), signal.SIGINT)
            return super().invocations(request)

    Stubborn(server, [FleetNode(A, ("InProgress", "", ""))])
    assert typed("run", "sleep 100", "--instance-ids", A)[0] == 130
    assert len(server.requests("AmazonSSM.CancelCommand")) == 1


def test_a_server_that_is_away_for_a_moment_is_waited_for(server, typed):
    class Faltering(Fleet):
        def commands(self, request):
            if len(server.requests("AmazonSSM.ListCommands")) == 2:
                raise Refusal("InternalFailure", "restarting", status=500)
            return super().commands(request)

    Faltering(server, [FleetNode(A, *[("InProgress", "", "")] * 3, ("Success", "done\n", ""))])
    status, out, err = typed("run", "x", "--instance-ids", A)
    assert (status, out) == (0, f"{A} | done\n")
    assert "Trying on" in err


def test_losing_the_right_to_look_ends_the_watching_with_its_own_status(server, typed):
    class Forbidden(Fleet):
        def commands(self, request):
            raise Refusal("AccessDeniedException", "not authorized to perform: ssm:ListCommands")

    Forbidden(server, [FleetNode(A, PENDING)])
    status, _, err = typed("run", "x", "--instance-ids", A)
    assert status == 4
    assert "may still be running" in err and COMMAND_ID in err


def test_timeout_bounds_both_the_wait_for_a_node_and_the_run(server, typed):
    fleet = Fleet(server, [FleetNode(A, ("Success", "", ""))])
    typed("run", "x", "--instance-ids", A, "--timeout", "10s")
    assert fleet.sent["TimeoutSeconds"] == 30
    assert fleet.sent["Parameters"]["executionTimeout"] == ["10"]


def test_nodes_that_are_away_are_waited_for_longer_than_they_may_run(server, typed):
    fleet = Fleet(server, [FleetNode(A, ("Success", "", ""))])
    typed("run", "x", "--instance-ids", A, "--timeout", "5m", "--wait", "14d")
    assert fleet.sent["TimeoutSeconds"] == 14 * 86_400
    assert fleet.sent["Parameters"]["executionTimeout"] == ["300"]
    for wait in ("29", "31d"):
        status, _, err = typed("run", "x", "--instance-ids", A, "--wait", wait)
        assert status == 2 and "--wait must lie between" in err


def run_as_a_program(server, *words, **how):
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH")}
    program = "import sys; from hostreeve.cli.main import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stderr=subprocess.PIPE,
        env={**environment, **server.environ(), **how.pop("environ", {})},
        **how,
    )


def test_a_reader_that_has_seen_enough_ends_it_quietly(server):
    Fleet(
        server, [FleetNode(A, *[("InProgress", "y\n" * n, "") for n in range(1, 400)], ("Success", "", ""))]
    )
    pipe_out, pipe_in = os.pipe()
    program = run_as_a_program(server, "run", "yes", "--instance-ids", A, "--quiet", stdout=pipe_in)
    os.close(pipe_in)
    os.read(pipe_out, 10)
    os.close(pipe_out)
    assert (program.communicate(timeout=20)[1], program.returncode) == (b"", 141)


def test_letters_that_the_locale_lacks_do_not_end_it(server):
    Fleet(server, [FleetNode(A, ("Success", "漢字\n", ""))])
    latin = {"PYTHONIOENCODING": "latin-1"}
    plain = run_as_a_program(
        server, "run", "x", "--instance-ids", A, stdout=subprocess.PIPE, environ=latin
    ).communicate(timeout=20)[0]
    assert plain == f"{A} | ??\n".encode()
    told = run_as_a_program(
        server, "run", "x", "--instance-ids", A, "--json", stdout=subprocess.PIPE, environ=latin
    ).communicate(timeout=20)[0]
    assert json.loads(told)["Nodes"][0]["StandardOutput"] == "漢字\n"


def test_the_command_may_follow_the_targets_after_two_dashes(server, typed):
    fleet = Fleet(server, [FleetNode(A, ("Success", "", ""))])
    assert typed("run", "--instance-ids", A, B, "--", "uname -a")[0] == 0
    assert (fleet.sent["InstanceIds"], fleet.sent["Parameters"]) == ([A, B], {"commands": ["uname -a"]})


def test_a_command_that_ended_without_its_nodes_is_not_watched_for_ever(server, typed, monkeypatch):
    monkeypatch.setattr("hostreeve.cli.following.LATE_NODES_S", 0.2)

    class Forgetful(Fleet):
        def commands(self, request):
            (command,) = super().commands(request)["Commands"]
            return {"Commands": [{**command, "Status": "Cancelled", "TargetCount": 5}]}

    Forgetful(server, [FleetNode(A, PENDING)])
    assert typed("run", "x", "--targets", "tag:a=b")[0] == 1


def test_a_script_is_read_from_standard_input(server):
    fleet = Fleet(server, [FleetNode(A, ("Success", "", ""))])
    program = run_as_a_program(
        server, "run", "-", "--instance-ids", A, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    program.communicate(b"echo one\necho two\n", timeout=20)
    assert program.returncode == 0
    assert fleet.sent["Parameters"] == {"commands": ["echo one\necho two\n"]}
