"""Commands on a real agent process, over real TLS, against the fake server."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.agent.agent_process import AgentProcess
from tests.agent.fake_server import NODE_ID, REGION, FakeServer, shell_step, steps_document

from hostreeve.contract import jobs

SHARES_AGENT = True
STEP = "aws:runShellScript"


def test_a_command_runs_and_its_output_status_and_code_are_reported(server: FakeServer, agent: AgentProcess):
    job = server.run("echo hello; echo err >&2; exit 3")
    final = server.finish(job)
    assert [ack.code for ack in job.acks] == ["200"]
    step = final["runtimeStatus"][STEP]
    assert (final["documentStatus"], step["status"], step["code"]) == ("Failed", "Failed", 3)
    assert step["standardOutput"] == "hello\n"
    assert step["standardError"] == "err\n\nfailed to run commands: exit status 3"
    assert step["output"] == "hello\n\n----------ERROR-------\nerr\n\nfailed to run commands: exit status 3"
    assert final["hostreeve"]["steps"][STEP] == {"stdoutBytes": 6, "stderrBytes": 4}
    server.wait(lambda: job.written() == b"hello\n" and job.written("stderr") == b"err\n")


def test_a_quick_command_of_one_step_costs_one_reply(server: FakeServer, agent: AgentProcess):
    job = server.run("true")
    server.finish(job)
    assert [reply["documentStatus"] for reply in job.replies] == ["Success"]


def test_a_long_command_is_reported_as_in_progress_first(server: FakeServer, agent: AgentProcess):
    job = server.run("sleep 1.5")
    server.finish(job)
    assert [reply["documentStatus"] for reply in job.replies] == ["InProgress", "Success"]
    assert job.replies[0]["runtimeStatus"] is None


def test_scripts_see_the_variables_and_the_folder_that_the_official_agent_gives(server, agent, tmp_path):
    document = {
        "environment": {"MINE": "1", "SSM_COMMAND_ID": "overwritten"},
        "workingDirectory": str(tmp_path),
    }
    job = server.run(
        "env | grep -E '^(AWS_SSM|SSM_|MINE)' | sort; pwd; readlink /proc/self/fd/0", inputs=document
    )
    out = server.finish(job)["runtimeStatus"][STEP]["standardOutput"]
    assert f"AWS_SSM_INSTANCE_ID={NODE_ID}\n" in out
    assert f"AWS_SSM_REGION_NAME={REGION}\n" in out
    assert "AWS_SSM_PLATFORM_NAME=" in out and "AWS_SSM_PLATFORM_VERSION=" in out
    assert f"SSM_COMMAND_ID={jobs.command_id_of(job.job_id)}\n" in out
    assert out.endswith(f"MINE=1\nSSM_COMMAND_ID={jobs.command_id_of(job.job_id)}\n{tmp_path}\n/dev/null\n")


def test_a_first_line_names_the_program_that_runs_the_script(server: FakeServer, agent: AgentProcess):
    job = server.run("#!/usr/bin/env python3", "import sys", "print(sys.version_info.major)")
    assert server.finish(job)["runtimeStatus"][STEP]["standardOutput"] == "3\n"


def test_a_missing_folder_or_program_is_told(server: FakeServer, agent: AgentProcess):
    job = server.run("true", inputs={"workingDirectory": "/nowhere/at/all"})
    step = server.finish(job)["runtimeStatus"][STEP]
    assert step["status"] == "Failed" and "/nowhere/at/all" in step["standardError"]
    job = server.run("#!/no/such/interpreter", "x")
    step = server.finish(job)["runtimeStatus"][STEP]
    assert step["status"] == "Failed" and "cannot start the command" in step["standardError"]


def test_output_arrives_while_the_command_runs(server: FakeServer, agent: AgentProcess):
    job = server.run("echo early; sleep 3; echo late")
    server.wait(lambda: job.written() == b"early\n", 2.0)
    assert job.final is None
    server.finish(job)
    server.wait(lambda: job.written() == b"early\nlate\n")


def test_the_whole_of_a_large_output_arrives_and_the_reply_is_cut(server: FakeServer, agent: AgentProcess):
    job = server.run("seq 1 300000; head -c 30000 /dev/zero | tr '\\0' '\"' >&2")
    final = server.finish(job, 30)
    step = final["runtimeStatus"][STEP]
    assert len(step["standardOutput"]) == 24_000 or len(step["standardOutput"]) == 12_000
    assert step["standardOutput"].endswith("--output truncated--")
    expected = "".join(f"{n}\n" for n in range(1, 300_001)).encode()
    assert final["hostreeve"]["steps"][STEP]["stdoutBytes"] == len(expected)
    server.wait(lambda: len(job.written()) == len(expected) and len(job.written("stderr")) == 30_000, 30)
    assert job.written() == expected


def test_what_a_node_has_delivered_it_no_longer_keeps(server: FakeServer, agent: AgentProcess):
    job = server.run("echo x")
    server.finish(job)
    steps = agent.state / "steps"
    server.wait(lambda: job.written() == b"x\n")
    server.wait(lambda: not list(steps.iterdir()))


def test_a_command_past_its_time_is_ended_with_its_children(server: FakeServer, agent: AgentProcess):
    job = server.run("echo begun; (sleep 300; echo survived) & sleep 300", inputs={"timeoutSeconds": "5"})
    final = server.finish(job, 20)
    step = final["runtimeStatus"][STEP]
    assert (final["documentStatus"], step["status"], step["code"]) == ("TimedOut", "TimedOut", 137)
    assert step["standardOutput"] == "begun\n"


def test_a_cancelled_command_ends_with_its_whole_group(
    server: FakeServer, agent: AgentProcess, tmp_path: Path
):
    marker = tmp_path / "alive"
    job = server.run(f"trap '' TERM; (while :; do date >{marker}; sleep 0.1; done) & echo up; sleep 300")
    server.wait(lambda: job.written() == b"up\n")
    server.cancel(job)
    final = server.finish(job, 20)
    step = final["runtimeStatus"][STEP]
    assert (final["documentStatus"], step["status"], step["code"]) == ("Cancelled", "Cancelled", 137)
    marker.unlink()
    time.sleep(0.4)
    assert not marker.exists()


def test_cancelling_ends_later_steps_too(server: FakeServer, agent: AgentProcess):
    job = server.send_job(
        steps_document(shell_step("one", "echo up; sleep 300"), shell_step("two", "echo no"))
    )
    server.wait(lambda: job.written("stdout", "one") == b"up\n")
    server.cancel(job)
    final = server.finish(job, 20)
    assert final["documentStatus"] == "Cancelled"
    told = {name: step for reply in job.replies for name, step in (reply["runtimeStatus"] or {}).items()}
    assert {name: (step["status"], step["code"]) for name, step in told.items()} == {
        "one": ("Cancelled", 137),
        "two": ("Cancelled", 1),
    }


def test_steps_are_reported_one_by_one_and_the_final_reply_repeats_none(
    server: FakeServer, agent: AgentProcess
):
    job = server.send_job(
        steps_document(shell_step("a", "echo 1"), shell_step("b", "exit 7"), shell_step("c", "echo 3"))
    )
    final = server.finish(job)
    assert final["documentStatus"] == "Failed" and final["runtimeStatus"] is None
    assert final["additionalInfo"]["runtimeStatusCounts"] == {"Success": 2, "Failed": 1}
    assert final["hostreeve"]["steps"]["a"] == {"stdoutBytes": 2, "stderrBytes": 0}
    told = [list(reply["runtimeStatus"]) for reply in job.replies if reply["runtimeStatus"]]
    assert told == [["a"], ["b"], ["c"]]


def test_properties_of_schema_1_run_in_turn_and_count_as_one_step(server: FakeServer, agent: AgentProcess):
    properties = [{"runCommand": ["echo one; exit 4"]}, {"runCommand": ["echo two"]}]
    job = server.send_job({"schemaVersion": "1.2", "runtimeConfig": {STEP: {"properties": properties}}})
    step = server.finish(job)["runtimeStatus"][STEP]
    assert (step["status"], step["code"], step["standardOutput"]) == ("Failed", 4, "one\n\ntwo\n")


def test_more_commands_than_workers_wait_their_turn(
    server: FakeServer, enrolled: AgentProcess, tmp_path: Path
):
    enrolled.configure(workers_max=2)
    enrolled.start()
    running = tmp_path / "running"
    running.mkdir()
    script = f"touch {running}/$$; sleep 0.3; ls {running} | wc -l; rm {running}/$$"
    sent = [server.run(script) for _ in range(7)]
    finals = [server.finish(job, 20) for job in sent]
    assert all(job.acks[0].code == "200" for job in sent)
    together = [int(final["runtimeStatus"][STEP]["standardOutput"]) for final in finals]
    assert max(together) == 2


def test_a_queued_command_can_be_cancelled_and_never_runs(
    server: FakeServer, enrolled: AgentProcess, tmp_path
):
    enrolled.configure(workers_max=1)
    enrolled.start()
    first = server.run("echo up; sleep 1")
    server.wait(lambda: first.written())
    second = server.run(f"touch {tmp_path}/ran")
    server.wait(lambda: second.acks)
    server.cancel(second)
    assert server.finish(second)["documentStatus"] == "Cancelled"
    server.finish(first)
    assert not (tmp_path / "ran").exists()


def test_nothing_is_started_after_its_deadline(server: FakeServer, enrolled: AgentProcess, tmp_path: Path):
    enrolled.configure(workers_max=1)
    enrolled.start()
    first = server.run("sleep 1")
    late = server.run(f"touch {tmp_path}/ran", expires_ms=int(time.time() * 1000) + 300)
    assert server.finish(late)["documentStatus"] == "TimedOut"
    server.finish(first)
    assert not (tmp_path / "ran").exists()


def test_a_document_that_cannot_be_run_is_refused_with_its_reason(server: FakeServer, agent: AgentProcess):
    job = server.send_job({"schemaVersion": "0.3", "mainSteps": []})
    final = server.finish(job)
    assert job.acks[0].code == "51408"
    assert final["documentStatus"] == "Failed" and "0.3" in final["documentTraceOutput"]


def test_a_program_left_behind_does_not_hold_the_command(
    server: FakeServer, agent: AgentProcess, tmp_path: Path
):
    job = server.run(f"(sleep 4; echo late; touch {tmp_path}/lived) & echo done")
    started = time.monotonic()
    assert server.finish(job)["runtimeStatus"][STEP]["standardOutput"] == "done\n"
    assert time.monotonic() - started < 4
    server.wait((tmp_path / "lived").exists)


def test_bytes_that_are_no_text_arrive_as_they_are(server: FakeServer, agent: AgentProcess):
    job = server.run("printf '\\377\\000\\001'")
    step = server.finish(job)["runtimeStatus"][STEP]
    assert step["standardOutput"] == "�\0\1"
    server.wait(lambda: job.written() == b"\xff\0\1")


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_fails_the_step_with_a_clear_text(server: FakeServer, tmp_path: Path):
    state = tmp_path / "small"
    state.mkdir()
    if os.system(f"mount -t tmpfs -o size=4m tmpfs {state}") != 0:
        pytest.fail("cannot mount a tmpfs here")
    agent = AgentProcess(state, server)
    agent.log = tmp_path / "small.log"
    try:
        assert agent.enrol().returncode == 0
        agent.start()
        server.will_ack_output = False
        job = server.run("yes | head -c 20000000; sleep 60")
        step = server.finish(job, 20)["runtimeStatus"][STEP]
        assert step["status"] == "Failed" and "the disk is full" in step["standardError"]
        # The next one either finds no room in the journal and comes again later, or cannot be started.
        refused = server.run("true")
        server.wait(lambda: refused.acks)
        if refused.acks[0].code == jobs.ACK_SUCCESSFUL:
            assert server.finish(refused)["documentStatus"] == "Failed"
        else:
            assert refused.acks[0].code == jobs.ACK_BUFFER_FULL
    finally:
        agent.stop()
        os.system(f"umount -l {state}")
