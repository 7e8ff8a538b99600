"""Commands on a real agent process, over real TLS, against the fake server."""

from __future__ import annotations

from fake_server import FakeServer

from conftest import AgentProcess

STEP = "aws:runShellScript"


def test_a_command_runs_and_its_output_status_and_code_are_reported(server: FakeServer, agent: AgentProcess):
    job = server.run("echo hello; echo err >&2; exit 3")
    final = server.finish(job)
    assert job.acks[0].code == "200"
    step = final["runtimeStatus"][STEP]
    assert (final["documentStatus"], step["status"], step["code"]) == ("Failed", "Failed", 3)
    assert step["standardOutput"] == "hello\n"
    assert step["standardError"] == "err\n\nfailed to run commands: exit status 3"
    server.wait(lambda: job.written() == b"hello\n" and job.written("stderr") == b"err\n")
