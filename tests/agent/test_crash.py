"""Nothing is lost and nothing runs twice: killed agents, lost messages, servers that go away, power loss."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from tests.agent.agent_process import AgentProcess
from tests.agent.fake_server import NODE_ID, FakeServer, Job, command_content, shell_step, steps_document

from hostreeve.contract import frames, jobs

STEP = "aws:runShellScript"


def test_a_command_survives_the_killing_of_its_agent(server: FakeServer, agent: AgentProcess, tmp_path: Path):
    job = server.run(f"echo ran >>{tmp_path}/runs; echo one; sleep 2; echo two; echo err >&2; exit 5")
    server.wait(lambda: job.written() == b"one\n")
    agent.kill()
    time.sleep(0.3)
    agent.start()
    step = server.finish(job)["runtimeStatus"][STEP]
    assert (step["status"], step["code"]) == ("Failed", 5)
    assert step["standardOutput"] == "one\ntwo\n"
    server.wait(lambda: job.written() == b"one\ntwo\n" and job.written("stderr") == b"err\n")
    assert (tmp_path / "runs").read_text() == "ran\n"


def test_a_command_that_ends_while_its_agent_is_away_is_reported(
    server: FakeServer, agent: AgentProcess, tmp_path
):
    job = server.run(f"echo ran >>{tmp_path}/runs; sleep 1; seq 1 50000")
    server.wait((tmp_path / "runs").exists)
    agent.kill()
    time.sleep(1.5)
    agent.start()
    assert server.finish(job)["documentStatus"] == "Success"
    expected = "".join(f"{n}\n" for n in range(1, 50_001)).encode()
    server.wait(lambda: len(job.written()) == len(expected))
    assert job.written() == expected
    assert (tmp_path / "runs").read_text() == "ran\n"


def test_a_document_goes_on_where_the_killed_agent_was(
    server: FakeServer, agent: AgentProcess, tmp_path: Path
):
    runs = tmp_path / "runs"
    steps = [shell_step(name, f"echo {name} >>{runs}; sleep 0.8") for name in ("a", "b", "c")]
    job = server.send_job(steps_document(*steps))
    server.wait(lambda: runs.exists() and "b" in runs.read_text())
    agent.kill()
    agent.start()
    assert server.finish(job)["documentStatus"] == "Success"
    assert runs.read_text() == "a\nb\nc\n"
    told = {name for reply in job.replies for name in reply["runtimeStatus"] or {}}
    assert told == {"a", "b", "c"}


def test_killing_it_again_and_again_changes_nothing(server: FakeServer, agent: AgentProcess, tmp_path: Path):
    runs = tmp_path / "runs"
    sent = [
        server.send_job(
            steps_document(
                *[shell_step(f"s{n}", f"echo {c}.{n} >>{runs}; sleep 0.2; echo {n}") for n in range(4)]
            )
        )
        for c in range(5)
    ]
    for pause_s in (0.1, 0.35, 0.2, 0.5):
        time.sleep(pause_s)
        agent.kill()
        agent.start()
        for job in sent:
            if not job.acks:
                # As a real server does with what was not acknowledged.
                redeliver(server, job)
    finals = [server.finish(job, 30) for job in sent]
    assert {final["documentStatus"] for final in finals} == {"Success"}
    assert sorted(runs.read_text().split()) == sorted(f"{c}.{n}" for c in range(5) for n in range(4))


def redeliver(server: FakeServer, job: Job, document: dict | None = None) -> None:
    command_id = jobs.command_id_of(job.job_id)
    content = command_content(document or job.document, None, command_id)
    server.send(
        jobs.AGENT_JOB, jobs.AgentJob(job.job_id, jobs.TOPIC_SEND, content, stream_output=True).encode()
    )


def test_a_command_killed_with_its_supervisor_is_reported_as_interrupted(server, agent, tmp_path):
    runs = tmp_path / "runs"
    job = server.run(f"echo $$ >>{runs}; echo said; sleep 300")
    server.wait(lambda: job.written() == b"said\n")
    supervisor = (agent.state / "steps" / jobs.command_id_of(job.job_id) / "0" / "process.0").read_text()
    agent.kill()
    os.kill(int(supervisor.split('"supervisor":')[1].split(",")[0]), signal.SIGKILL)
    agent.start()
    step = server.finish(job)["runtimeStatus"][STEP]
    assert step["status"] == "Failed" and "interrupted" in step["standardError"]
    assert step["standardOutput"] == "said\n"
    shell = int(runs.read_text())
    server.wait(lambda: not Path(f"/proc/{shell}").exists() or "Z" in Path(f"/proc/{shell}/stat").read_text())


@pytest.mark.parametrize("when", ["running", "begun"])
def test_after_a_power_loss_nothing_is_run_again(server: FakeServer, enrolled: AgentProcess, tmp_path, when):
    boot = tmp_path / "boot"
    boot.write_text("first")
    enrolled.configure(boot_id_file=str(boot))
    enrolled.start()
    runs = tmp_path / "runs"
    job = server.send_job(
        steps_document(shell_step("a", f"echo a >>{runs}; sleep 30"), shell_step("b", "echo b"))
    )
    server.wait(runs.exists)
    enrolled.kill()
    folder = enrolled.state / "steps" / jobs.command_id_of(job.job_id) / "0"
    process = (folder / "process.0").read_text()
    os.kill(int(process.split('"supervisor":')[1].split(",")[0]), signal.SIGKILL)
    if when == "begun":
        # The note that the step had begun was still in memory when the power went.
        journal = enrolled.state / "journal"
        journal.write_bytes(
            b"".join(line for line in journal.read_bytes().splitlines(True) if b'"part"' not in line)
        )
    boot.write_text("second")
    enrolled.start()
    final = server.finish(job)
    told = {name: step for reply in job.replies for name, step in (reply["runtimeStatus"] or {}).items()}
    assert final["documentStatus"] == "Failed"
    assert "interrupted" in told["a"]["standardError"]
    assert told["b"]["status"] == "Skipped"
    assert runs.read_text() == "a\n"


def test_a_job_that_comes_again_is_recognised_and_its_reply_comes_again(server, agent, tmp_path):
    server.will_ack_replies = False
    job = server.run(f"echo ran >>{tmp_path}/runs")
    server.finish(job)
    agent.kill()
    agent.start()
    server.wait(lambda: len(job.replies) >= 2)
    redeliver(server, job)
    server.wait(lambda: len(job.acks) == 2)
    assert [ack.code for ack in job.acks] == ["200", "51405"]
    server.will_ack_replies = True
    agent.kill()
    agent.start()
    server.wait(lambda: not list((agent.state / "steps").iterdir()))
    redeliver(server, job)
    server.wait(lambda: len(job.acks) == 3)
    assert job.acks[2].code == "51405"
    assert (tmp_path / "runs").read_text() == "ran\n"


def test_an_unacknowledged_reply_keeps_its_id_when_it_is_sent_again(server: FakeServer, agent: AgentProcess):
    server.will_ack_replies = False
    job = server.run("echo x")
    server.finish(job)
    opened = [what for what, _ in server.seen].count("open")
    server.stop()
    server.start()
    server.wait(lambda: [what for what, _ in server.seen].count("open") > opened)
    server.wait(lambda: len(job.replies) == 2)
    assert job.reply_ids[0] == job.reply_ids[1]


@pytest.mark.slow
def test_a_server_that_goes_away_gets_everything_when_it_is_back(server: FakeServer, agent: AgentProcess):
    job = server.run("for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done")
    server.wait(lambda: job.written())
    server.stop()
    time.sleep(2.5)
    restarted = time.monotonic()
    server.start()
    assert server.finish(job)["runtimeStatus"][STEP]["standardOutput"] == "1\n2\n3\n4\n5\n6\n"
    assert time.monotonic() - restarted < 6
    server.wait(lambda: job.written() == b"1\n2\n3\n4\n5\n6\n")


def test_garbage_from_the_server_is_survived_and_told(server: FakeServer, agent: AgentProcess):
    server.send_raw(b"\0" * 200)
    server.send_raw(b"short")
    server.send_raw(b'{"what":"is this"}', text=True)
    server.send(jobs.AGENT_JOB, b"not json")
    server.send(jobs.AGENT_JOB, b'{"JobId":7}')
    server.send(jobs.AGENT_JOB_REPLY_ACK, b"[" * 50_000)
    server.send("something_new", b"{}")
    message = frames.AgentMessage("agent_job", b"{}", "b9b67174-fdae-4d0a-a6bb-21a2f664ecf6", 2**63)
    server.send_raw(message.encode())
    job = server.run("echo still here")
    assert server.finish(job)["runtimeStatus"][STEP]["standardOutput"] == "still here\n"
    assert "skipped" in agent.said
    assert [what for what, _ in server.seen].count("open") == 1


def test_a_session_is_refused_in_words(server: FakeServer, agent: AgentProcess):
    server.send(jobs.INTERACTIVE_SHELL, b'{"SchemaVersion":1,"TaskId":"s-1","Topic":"x","Content":"{}"}')
    server.wait(lambda: [what for what, _ in server.seen].count(jobs.AGENT_TASK_COMPLETE) == 1)


def test_a_damaged_journal_costs_only_its_damaged_records(
    server: FakeServer, enrolled: AgentProcess, tmp_path
):
    enrolled.start()
    job = server.run(f"echo ran >>{tmp_path}/runs; sleep 1; echo end")
    server.wait((tmp_path / "runs").exists)
    enrolled.kill()
    journal = enrolled.state / "journal"
    content = journal.read_bytes()
    journal.write_bytes(b"00000000 {garbage}\n" + content + b'12345678 {"k":"result","id":"' + b"\xff" * 9)
    enrolled.start()
    assert server.finish(job)["runtimeStatus"][STEP]["standardOutput"] == "end\n"
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert "damaged" in enrolled.said


def test_a_second_agent_in_the_same_folder_is_refused(server: FakeServer, agent: AgentProcess):
    refused = agent.command("run", "--state", str(agent.state))
    assert refused.returncode == 1 and "another agent is running" in refused.stderr


def test_stopping_the_agent_leaves_commands_running(server: FakeServer, agent: AgentProcess, tmp_path: Path):
    job = server.run(f"echo ran >>{tmp_path}/runs; sleep 1.5; echo end")
    server.wait((tmp_path / "runs").exists)
    agent.stop()
    agent.start()
    assert server.finish(job)["runtimeStatus"][STEP]["standardOutput"] == "end\n"
    assert (tmp_path / "runs").read_text() == "ran\n"


def test_a_restart_that_a_step_asks_for_resumes_the_same_step(server, enrolled, tmp_path):
    boot, asked, state = tmp_path / "boot", tmp_path / "asked", tmp_path / "first"
    boot.write_text("one")
    enrolled.configure(boot_id_file=str(boot), reboot_command=["/bin/sh", "-c", f"touch {asked}"])
    enrolled.start()
    script = f"[ -e {state} ] && {{ echo again; exit 0; }}; touch {state}; echo before; exit 194"
    job = server.send_job(steps_document(shell_step("a", script), shell_step("b", "echo after")))
    server.wait(asked.exists)
    server.wait(lambda: any(r["documentStatus"] == "SuccessAndReboot" for r in job.replies))
    waiting = server.run("echo later")
    server.wait(lambda: waiting.acks)
    enrolled.kill()
    enrolled.start()
    time.sleep(0.5)
    assert job.final is None, "the machine has not started again yet"
    enrolled.kill()
    boot.write_text("two")
    enrolled.start()
    assert server.finish(job)["documentStatus"] == "Success"
    told = {name: step for reply in job.replies for name, step in (reply["runtimeStatus"] or {}).items()}
    assert told["a"]["standardOutput"] == "again\n" and told["b"]["standardOutput"] == "after\n"
    assert server.finish(waiting)["documentStatus"] == "Success"


def test_a_restart_that_cannot_be_had_fails_the_step(server: FakeServer, enrolled: AgentProcess):
    enrolled.configure(reboot_command=["/bin/sh", "-c", "echo not here >&2; exit 1"])
    enrolled.start()
    step = server.finish(server.run("exit 194"))["runtimeStatus"][STEP]
    assert step["status"] == "Failed" and "not here" in step["standardError"]
    enrolled.stop()
    enrolled.configure(reboot_command=["/no/such/program"])
    enrolled.start()
    step = server.finish(server.run("exit 194"))["runtimeStatus"][STEP]
    assert step["status"] == "Failed" and "/no/such/program" in step["standardError"]


def test_the_agents_job_is_for_its_own_node_only(server: FakeServer, agent: AgentProcess):
    other = jobs.job_id("6e3f0b9a-2f1a-4a6e-9b7e-0123456789ab", "mi-ffffffffffffffff0")
    server.jobs[other] = Job(other)
    content = command_content(steps_document(shell_step("a", "true")), None, "x")
    server.send(jobs.AGENT_JOB, jobs.AgentJob(other, jobs.TOPIC_SEND, content).encode())
    server.wait(lambda: server.jobs[other].acks)
    assert server.jobs[other].acks[0].code == jobs.ACK_PARSE_ERROR
    assert NODE_ID not in other
