"""aws:runDocument: documents within documents, on a real agent process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.agent.agent_process import AgentProcess
from tests.agent.fake_server import FakeServer, Job, shell_step, steps_document

from hostreeve.agent.plugins.run_document.source import name_and_version, parameters_of
from hostreeve.agent.plugins.worker import StepFailed
from hostreeve.contract import jobs

SHARES_AGENT = True
ECHO = {
    "schemaVersion": "2.2",
    "parameters": {"word": {"type": "String", "default": "nothing", "maxChars": 20}},
    "mainSteps": [shell_step("inner", "echo said {{ word }}; echo $SSM_COMMAND_ID >&2")],
}


def within(path: str, kind: str = "SSMDocument", **parameters: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = {"documentType": kind, "documentPath": path}
    if parameters:
        inputs["documentParameters"] = parameters
    return {"action": "aws:runDocument", "name": "outer", "inputs": inputs}


def run(server: FakeServer, *steps: dict[str, Any]) -> Job:
    return server.send_job(steps_document(*steps))


def step_of(server: FakeServer, job: Job, name: str = "outer") -> dict[str, Any]:
    server.finish(job, 20)
    told = {step: result for reply in job.replies for step, result in (reply["runtimeStatus"] or {}).items()}
    return told[name]


def test_a_stored_document_runs_with_its_parameters(server: FakeServer, agent: AgentProcess):
    server.documents["Echo:3"] = ECHO
    job = run(server, within("Echo:3", word="hello"))
    step = step_of(server, job)
    assert (step["status"], step["code"], step["standardOutput"]) == ("Success", 0, "said hello\n")
    assert step["standardError"] == jobs.command_id_of(job.job_id) + "\n"
    asked = next(members for what, members in server.seen if what == "GetDocument")
    assert (asked["Name"], asked["DocumentVersion"]) == ("Echo", "3")
    server.wait(lambda: job.written(step="outer") == b"said hello\n")


def test_parameters_may_be_given_as_text(server: FakeServer, agent: AgentProcess):
    server.documents["Echo"] = ECHO
    step = within("Echo")
    step["inputs"]["documentParameters"] = '{"word": "as text"}'
    assert step_of(server, run(server, step))["standardOutput"] == "said as text\n"


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"other": "x"}, "other is not one of the document's"),
        ({"word": "x" * 21}, "at most 20 chars"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(server, agent, parameters, told):
    server.documents["Echo"] = ECHO
    step = step_of(server, run(server, within("Echo", **parameters)))
    assert step["status"] == "Failed" and told in step["standardError"]
    assert step["standardOutput"] == ""


def test_a_missing_document_fails_the_step_with_the_servers_words(server: FakeServer, agent: AgentProcess):
    step = step_of(server, run(server, within("NoSuch")))
    assert step["status"] == "Failed" and "InvalidDocument: no such document" in step["standardError"]


def test_no_document_at_all_is_a_success(server: FakeServer, agent: AgentProcess):
    assert step_of(server, run(server, within("AWS-Noop")))["status"] == "Success"


def test_a_local_file_is_found_absolute_or_among_the_downloads(server, agent, tmp_path: Path):
    (tmp_path / "doc.json").write_text(json.dumps(ECHO))
    server.documents["Echo"] = ECHO
    download = {
        "action": "aws:downloadContent",
        "name": "download",
        "inputs": {"sourceType": "SSMDocument", "sourceInfo": '{"name": "Echo"}'},
    }
    first = {**within(str(tmp_path / "doc.json"), "LocalPath", word="absolute"), "name": "a"}
    second = {**within("Echo.json", "LocalPath", word="downloaded"), "name": "b"}
    job = run(server, download, first, second)
    assert step_of(server, job, "a")["standardOutput"] == "said absolute\n"
    assert step_of(server, job, "b")["standardOutput"] == "said downloaded\n"


def test_a_document_in_yaml_is_read_where_yaml_can_be_read(server, agent, tmp_path: Path):
    (tmp_path / "doc.yaml").write_text(
        "schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  name: x\n"
        "  inputs:\n    runCommand:\n    - echo from yaml\n"
    )
    step = step_of(server, run(server, within(str(tmp_path / "doc.yaml"), "LocalPath")))
    assert step["standardOutput"] == "from yaml\n"


def test_without_a_reader_of_yaml_the_refusal_names_it(tmp_path: Path):
    (tmp_path / "yaml.py").write_text("raise ImportError")
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from hostreeve.agent.plugins.run_document.source import parameters_of\n"
        "parameters_of('a: b')\n"
    )
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run([sys.executable, "-c", code, tmp_path, source], capture_output=True, text=True)
    assert "this node needs the Python package PyYAML" in done.stderr


def test_three_documents_within_one_another_are_the_most(server: FakeServer, agent: AgentProcess):
    for depth in range(1, 5):
        following = within(f"D{depth + 1}") if depth < 4 else shell_step("deepest", "echo deepest")
        server.documents[f"D{depth}"] = steps_document(following)
    assert step_of(server, run(server, within("D2")))["standardOutput"] == "deepest\n"
    step = step_of(server, run(server, within("D1")))
    assert step["status"] == "Failed" and step["standardOutput"] == ""
    assert "Maximum depth permitted - 3 and current depth - 4" in step["standardError"]


def test_a_document_that_runs_itself_is_refused(server: FakeServer, agent: AgentProcess, tmp_path: Path):
    server.documents["A"] = steps_document(shell_step("mark", f"echo A >>{tmp_path}/runs"), within("B"))
    server.documents["B"] = steps_document(within("A"))
    step = step_of(server, run(server, within("A")))
    assert step["status"] == "Failed"
    assert "the document runs itself: A:1 > B:1 > A:1" in step["standardError"]
    assert (tmp_path / "runs").read_text() == "A\n"


def test_a_restart_cannot_be_asked_for_within(server: FakeServer, enrolled: AgentProcess, tmp_path: Path):
    enrolled.configure(reboot_command=["/bin/sh", "-c", f"touch {tmp_path}/restarted"])
    enrolled.start()
    server.documents["R"] = steps_document(shell_step("r", "exit 194"))
    step = step_of(server, run(server, within("R")))
    assert (step["status"], step["code"]) == ("Failed", 1)
    assert "cannot be had inside aws:runDocument" in step["standardError"]
    assert not (tmp_path / "restarted").exists()


def test_the_inner_documents_flow_is_its_own(server: FakeServer, agent: AgentProcess):
    leaving = {**shell_step("a", "exit 168")}
    other = {**shell_step("b", "echo never")}
    server.documents["Leaving"] = steps_document(leaving, other)
    job = run(server, within("Leaving"), shell_step("after", "echo after"))
    outer = step_of(server, job)
    assert outer["status"] == "Success" and "never" not in outer["standardOutput"]
    assert "skipped due to prior step" in outer["standardOutput"]
    assert step_of(server, job, "after")["standardOutput"] == "after\n"


def test_a_failing_inner_step_fails_the_outer_one_with_its_code(server: FakeServer, agent: AgentProcess):
    server.documents["F"] = steps_document(shell_step("a", "exit 7"), shell_step("b", "echo goes on"))
    step = step_of(server, run(server, within("F")))
    assert (step["status"], step["code"], step["standardOutput"]) == ("Failed", 7, "goes on\n")


def test_preconditions_and_unknown_actions_count_within(server: FakeServer, agent: AgentProcess):
    windows = {**shell_step("w", "echo no"), "precondition": {"StringEquals": ["platformType", "Windows"]}}
    server.documents["P"] = steps_document(windows, shell_step("l", "echo yes"))
    step = step_of(server, run(server, within("P")))
    assert step["status"] == "Success" and "unsatisfied preconditions" in step["standardOutput"]
    server.documents["U"] = steps_document({"action": "aws:updateSsmAgent", "name": "u", "inputs": {}})
    step = step_of(server, run(server, within("U")))
    assert step["status"] == "Failed" and "aws:updateSsmAgent not found" in step["standardError"]


@pytest.mark.slow
def test_an_inner_step_past_its_time_is_ended_with_its_children(server, agent, tmp_path: Path):
    late = {**shell_step("late", f"(sleep 8; touch {tmp_path}/alive) & sleep 300")}
    late["inputs"]["timeoutSeconds"] = "5"
    server.documents["L"] = steps_document(late)
    step = step_of(server, run(server, within("L")))
    assert (step["status"], step["code"]) == ("Failed", 137)
    assert "did not end within its 5 seconds" in step["standardError"]
    time.sleep(3)
    assert not (tmp_path / "alive").exists()


def test_cancelling_ends_what_runs_within(server: FakeServer, agent: AgentProcess, tmp_path: Path):
    script = f"trap '' TERM; while :; do date >{tmp_path}/alive; sleep 0.1; done"
    server.documents["C"] = steps_document(shell_step("c", script))
    job = run(server, within("C"))
    server.wait((tmp_path / "alive").exists)
    server.cancel(job)
    assert server.finish(job)["documentStatus"] == "Cancelled"
    (tmp_path / "alive").unlink()
    time.sleep(0.5)
    assert not (tmp_path / "alive").exists()


def test_it_survives_the_killing_of_the_agent(server: FakeServer, agent: AgentProcess, tmp_path: Path):
    runs = tmp_path / "runs"
    server.documents["K"] = steps_document(
        *[shell_step(n, f"echo {n} >>{runs}; sleep 0.7; echo {n}") for n in ("a", "b")]
    )
    job = run(server, within("K"))
    server.wait(runs.exists)
    agent.kill()
    agent.start()
    assert step_of(server, job)["standardOutput"] == "a\nb\n"
    assert runs.read_text() == "a\nb\n"


def test_references_to_the_store_are_resolved_on_the_node(server: FakeServer, agent: AgentProcess):
    server.parameters = {"/plain": ("String", "value"), "secret": ("SecureString", "s3cret")}
    server.documents["S"] = steps_document(shell_step("s", "echo '{{ssm:/plain}}'"))
    assert step_of(server, run(server, within("S")))["standardOutput"] == "value\n"
    server.documents["S"] = steps_document(shell_step("s", "echo '{{ssm:secret}}'"))
    step = step_of(server, run(server, within("S")))
    assert step["status"] == "Failed" and "SecureString" in step["standardError"]
    assert "s3cret" not in json.dumps(step) and "encrypted" not in step["standardOutput"]
    server.documents["S"] = steps_document(shell_step("s", "echo '{{ssm:none}}'"))
    assert "no parameter none" in step_of(server, run(server, within("S")))["standardError"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty"),
        ("{", "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"schemaVersion": "0.3", "mainSteps": []}', "Schema version 0.3 is not supported"),
        ("{}" + " " * 1_000_001, "longer than"),
    ],
)
def test_what_is_no_document_is_told(server, agent, tmp_path: Path, content: str, told: str):
    (tmp_path / "doc").write_text(content)
    step = step_of(server, run(server, within(str(tmp_path / "doc"), "LocalPath")))
    assert step["status"] == "Failed" and told in step["standardError"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Name", ("Name", "")),
        ("Name:3", ("Name", "3")),
        ("Name:$LATEST", ("Name", "$LATEST")),
        ("arn:aws:ssm:r:000000000001:document/Name", ("arn:aws:ssm:r:000000000001:document/Name", "")),
        ("arn:aws:ssm:r:000000000001:document/Name:2", ("arn:aws:ssm:r:000000000001:document/Name", "2")),
    ],
)
def test_names_and_versions_are_taken_apart(text: str, expected: tuple[str, str]):
    assert name_and_version(text) == expected


def test_document_parameters_that_are_no_object_are_refused():
    assert parameters_of(None) == {} == parameters_of("  ")
    assert parameters_of({"a": None, "b": 1}) == {"b": 1}
    for wrong in ([1], 7, "[1]"):
        with pytest.raises(StepFailed):
            parameters_of(wrong)
