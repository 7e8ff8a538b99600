"""Killed at every write, a full disk, a journal in pieces, and a server that says anything at all."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.agent.agent_process import AgentProcess
from tests.agent.fake_server import NODE_ID, FakeServer, Job, command_content, shell_step, steps_document
from tests.sampling import examples

from hostreeve.agent import memory
from hostreeve.agent.journal import Journal
from hostreeve.agent.log import Log
from hostreeve.contract import frames, jobs
from hostreeve.kernel.world import SimulatedWorld

DYING = str(Path(__file__).with_name("dying_agent.py"))
WRITES = 7
"""Of a document with two steps: job, part, result, part, result, heard, done."""


def redeliver(server: FakeServer, job: Job) -> None:
    content = command_content(job.document, None, jobs.command_id_of(job.job_id))
    server.send(
        jobs.AGENT_JOB, jobs.AgentJob(job.job_id, jobs.TOPIC_SEND, content, stream_output=True).encode()
    )


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "torn", "after"])
@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_killed_at_any_write_nothing_is_lost_and_nothing_runs_twice(
    server: FakeServer, enrolled: AgentProcess, tmp_path: Path, write: int, moment: str
):
    runs = tmp_path / "runs"
    sound = enrolled.program
    enrolled.program = [sys.executable, DYING, str(write), moment]
    enrolled.start()
    assert enrolled.process is not None
    job = server.send_job(
        steps_document(*[shell_step(name, f"echo {name} >>{runs}; echo {name}") for name in "ab"])
    )
    assert enrolled.process.wait(20) == -9
    enrolled.program = sound
    enrolled.start()
    if not job.acks:
        redeliver(server, job)
    final = server.finish(job, 20)
    told = {name: step for reply in job.replies for name, step in (reply["runtimeStatus"] or {}).items()}
    assert final["documentStatus"] == "Success", told
    assert runs.read_text() == "a\nb\n"
    assert {name: step["standardOutput"] for name, step in told.items()} == {"a": "a\n", "b": "b\n"}
    server.wait(lambda: job.written(step="a") == b"a\n" and job.written(step="b") == b"b\n")
    server.wait(lambda: list((enrolled.state / "steps").iterdir()) == [])
    acks = len(job.acks)
    redeliver(server, job)
    server.wait(lambda: len(job.acks) > acks)
    assert job.acks[-1].code == jobs.ACK_DUPLICATE and runs.read_text() == "a\nb\n"


def test_a_document_of_two_steps_is_as_many_writes_as_the_test_above_counts(server, agent):
    job = server.send_job(steps_document(shell_step("a", "true"), shell_step("b", "true")))
    server.finish(job)
    server.wait(lambda: b'"done"' in (agent.state / "journal").read_bytes())
    kinds = [json.loads(line[9:])["k"] for line in (agent.state / "journal").read_bytes().splitlines()]
    assert kinds == ["job", "part", "result", "part", "result", "heard", "done"]
    assert len(kinds) == WRITES


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small file system can only be mounted by root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_on_a_full_disk_the_agent_refuses_fails_and_recovers(server, small_disk: Path, tmp_path: Path):
    agent = AgentProcess(small_disk / "node", server)
    agent.log = tmp_path / "log"
    assert agent.enrol().returncode == 0
    agent.start()
    try:
        # A command that fills the disk itself: stopped and told, with what there was room for.
        job = server.run("head -c 3000000 /dev/zero", stream_output=False)
        step = server.finish(job)["runtimeStatus"]["aws:runShellScript"]
        assert step["status"] == "Failed" and "disk is full" in step["standardError"]
        server.wait(lambda: list((agent.state / "steps").iterdir()) == [])
        # A disk filled by others: jobs are not taken on, so that the server keeps them.
        (small_disk / "ballast").write_bytes(b"\0" * 4096)
        subprocess.run(["sh", "-c", f"cat /dev/zero >>{small_disk}/ballast 2>/dev/null"], check=False)
        refused = server.run("echo later # " + "x" * 20_000)
        server.wait(lambda: refused.acks)
        assert [ack.code for ack in refused.acks] == [jobs.ACK_BUFFER_FULL]
        (small_disk / "ballast").unlink()
        redeliver(server, refused)
        assert server.finish(refused)["documentStatus"] == "Success"
        assert agent.process is not None and agent.process.poll() is None
    finally:
        agent.stop()


def test_a_disk_that_fills_up_under_a_running_document_costs_it_but_not_the_agent(
    server, small_disk, tmp_path
):
    agent = AgentProcess(small_disk / "node", server)
    agent.log = tmp_path / "log"
    assert agent.enrol().returncode == 0
    agent.start()
    try:
        fill = f"cat /dev/zero >{small_disk}/ballast 2>/dev/null; true"
        steps = [shell_step("fills", fill), shell_step("b", f"echo b >>{tmp_path}/runs; echo b")]
        job = server.send_job(steps_document(*steps))
        final = server.finish(job, 20)
        assert final["documentStatus"] == "Failed"
        told = {name: step for reply in job.replies for name, step in (reply["runtimeStatus"] or {}).items()}
        assert told["b"]["status"] == "Failed" and told["b"]["standardError"]
        assert not (tmp_path / "runs").exists()
        (small_disk / "ballast").unlink()
        assert server.finish(server.run("echo again"))["documentStatus"] == "Success"
    finally:
        agent.stop()


@pytest.fixture(scope="module")
def sound_journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    place = tmp_path_factory.mktemp("journal") / "journal"
    journal = Journal(place)
    for number in range(4):
        job_id = jobs.job_id(f"c{number}", NODE_ID)
        record = {"k": "job", "id": job_id, "content": "{}", "stream": True, "expires": 0, "boot": "b"}
        journal.append(record)
        journal.append({"k": "part", "id": job_id, "n": 0, "part": 0})
        if number % 2:
            journal.append({"k": "done", "id": job_id, "at": 1})
    journal.close()
    return place.read_bytes()


@settings(max_examples=examples(200), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_journal_in_pieces_is_read_as_far_as_it_is_sound(sound_journal: bytes, tmp_path_factory, seed: int):
    chance = random.Random(seed)
    content = bytearray(sound_journal)
    for _ in range(chance.randrange(1, 20)):
        at = chance.randrange(len(content))
        deed = chance.randrange(3)
        if deed == 0:
            content[at] = chance.randrange(256)
        elif deed == 1:
            del content[at : at + chance.randrange(60)]
        else:
            content[at:at] = chance.randbytes(chance.randrange(60))
    place = tmp_path_factory.mktemp("broken") / "journal"
    place.write_bytes(content)
    journal = Journal(place)
    remembered = memory.recall(journal, Log(SimulatedWorld(seed)))
    sound = {jobs.job_id(f"c{number}", NODE_ID) for number in range(4)}
    assert {job.job_id for job in remembered.jobs} | set(remembered.finished) <= sound
    memory.compact(journal, remembered.jobs, remembered.finished)
    again = memory.recall(journal, Log(SimulatedWorld(seed)))
    assert {job.job_id for job in again.jobs} == {job.job_id for job in remembered.jobs}
    assert again.finished == remembered.finished
    journal.close()


def test_records_that_make_no_sense_are_left_out(server: FakeServer, enrolled: AgentProcess):
    journal = Journal(enrolled.state / "journal")
    ours = jobs.job_id("6e3f0b9a-2f1a-4a6e-9b7e-0123456789ab", NODE_ID)
    sound: dict[str, Any] = {
        "k": "job",
        "id": ours,
        "content": "{}",
        "stream": True,
        "expires": 0,
        "boot": "b",
    }
    for record in (
        {"k": "job"},
        {"k": ["x"], "id": {}},
        {**sound, "id": "no job id"},
        {**sound, "id": 7},
        {**sound, "id": jobs.job_id("../../evil", NODE_ID)},
        {**sound, "expires": "soon"},
        {"k": "result", "id": ours, "n": 0},
        {"k": "done", "id": ours, "at": "x"},
        {**sound, "content": 7},
    ):
        journal.append(record)
    journal.close()
    enrolled.start()
    assert server.finish(server.run("echo on"))["documentStatus"] == "Success"


def document(**step: Any) -> dict[str, Any]:
    return {"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "s", **step}]}


GARBAGE: list[Callable[[], bytes]] = [
    lambda: b"[]",
    lambda: b"\xff\xfe",
    lambda: b"{" * 100_000,
    lambda: b'{"JobId":"aws.ssm.x.' + NODE_ID.encode() + b'","Topic":"aws.ssm.sendCommand","Content":"7"}',
    lambda: jobs.AgentJob("aws.ssm..", jobs.TOPIC_SEND, "{}").encode(),
    lambda: jobs.AgentJob(f"aws.ssm.a/../b.{NODE_ID}", jobs.TOPIC_SEND, "{}").encode(),
    lambda: jobs.AgentJob(f"aws.ssm.a.{NODE_ID}", "aws.ssm.other", "{}").encode(),
    lambda: jobs.AgentJob(f"aws.ssm.a.{NODE_ID}", jobs.TOPIC_CANCEL, "[]").encode(),
    lambda: jobs.AgentJob(f"aws.ssm.a.{NODE_ID}", jobs.TOPIC_CANCEL, '{"CancelMessageId":7}').encode(),
]

ODD = [
    document(inputs=7),
    document(inputs={"runCommand": "text"}),
    document(inputs={"runCommand": [{"a": 1}]}),
    document(
        inputs={"runCommand": ["true"], "environment": [1], "timeoutSeconds": {}, "workingDirectory": 7}
    ),
    document(inputs={"runCommand": ["true"], "onFailure": {}, "finallyStep": []}),
    document(precondition=[1, {"a": []}]),
    document(precondition={"StringEquals": [{"a": 1}, None]}),
    {"schemaVersion": "2.2", "mainSteps": [{"action": ["x"], "name": {}}]},
    {"schemaVersion": "2.2", "parameters": [1], "mainSteps": [{"action": "aws:runShellScript", "name": "s"}]},
    {
        "schemaVersion": "2.2",
        "parameters": {"a": {"type": 7, "interpolationType": "ENV_VAR", "default": 7}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "s"}],
    },
    {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": 7}},
    {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": ["x", 7]}}},
    {
        "schemaVersion": "2.2",
        "mainSteps": [
            {"action": action, "name": "s", "inputs": inputs}
            for action in ("aws:downloadContent",)
            for inputs in ([7],)
        ],
    },
]


def test_a_server_that_says_anything_at_all_costs_nothing(server: FakeServer, agent: AgentProcess):
    for payload in GARBAGE:
        server.send(jobs.AGENT_JOB, payload())
    server.jobs[f"aws.ssm.a.{NODE_ID}"] = Job(f"aws.ssm.a.{NODE_ID}")
    for message_type in (jobs.AGENT_JOB_REPLY_ACK, jobs.AGENT_JOB_OUTPUT_ACK, jobs.INTERACTIVE_SHELL):
        for payload in (b"[]", b"{}", b'{"jobId":7}', b"\xff"):
            server.send(message_type, payload)
    for odd in ODD:
        job = server.send_job(odd)
        final = server.finish(job)
        assert final["documentStatus"] in ("Failed", "Success"), odd
        assert job.acks, odd
    assert server.finish(server.run("echo on"))["documentStatus"] == "Success"
    assert [what for what, _ in server.seen].count("open") == 1
    assert agent.process is not None and agent.process.poll() is None


def test_frames_cut_and_turned_are_survived(server: FakeServer, agent: AgentProcess):
    chance = random.Random(7)
    whole = frames.AgentMessage(
        jobs.AGENT_JOB, b'{"JobId":"x"}', "b9b67174-fdae-4d0a-a6bb-21a2f664ecf6", 1
    ).encode()
    for _ in range(300):
        broken = bytearray(whole[: chance.randrange(1, len(whole) + 1)])
        for _ in range(chance.randrange(4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        server.send_raw(bytes(broken))
    assert server.finish(server.run("echo on"))["documentStatus"] == "Success"
    assert [what for what, _ in server.seen].count("open") == 1


def test_nothing_is_left_behind_by_many_commands(server: FakeServer, agent: AgentProcess):
    assert agent.process is not None
    server.finish(server.run("true"))
    fds = Path(f"/proc/{agent.process.pid}/fd")
    before, threads = len(list(fds.iterdir())), threading.active_count()
    sent = [server.run(f"echo {n}") for n in range(60)]
    for job in sent:
        server.finish(job, 30)
    server.wait(lambda: len(list(fds.iterdir())) <= before)
    server.wait(lambda: list((agent.state / "steps").iterdir()) == [])
    assert threading.active_count() <= threads + 1
