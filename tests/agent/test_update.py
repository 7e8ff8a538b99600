"""The agent replaced while it runs: by a newer one, by a broken one, and kept where that must not be."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.agent.agent_process import AgentProcess
from tests.agent.fake_server import FakeServer, Job, shell_step, steps_document

from hostreeve.agent.machine import AGENT_VERSION
from hostreeve.agent.plugins.update_ssm_agent.installation import Installation
from hostreeve.agent.zipapp import zipapp_bytes

NEWER = "9.8.7"


class Installed:
    """An installation as the one-line installer makes it, and the agent that runs from it."""

    def __init__(self, agent: AgentProcess, folder: Path) -> None:
        self.agent, self.folder = agent, folder
        with zipfile.ZipFile(io.BytesIO(zipapp_bytes())) as bundle:
            bundle.extractall(folder)
        (folder / "ca.pem").write_bytes(agent.server.ca.read_bytes())
        launcher = folder / "hostreeve-agent"
        launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -OO "{folder}" "$@"\n')
        launcher.chmod(0o755)
        agent.program = [str(launcher)]

    @property
    def version(self) -> str:
        done = subprocess.run([self.folder / "hostreeve-agent", "version"], capture_output=True, text=True)
        return done.stdout.strip()

    @property
    def status(self) -> dict[str, Any]:
        return json.loads((self.agent.state / "status.json").read_text())


@pytest.fixture
def installed(server: FakeServer, enrolled: AgentProcess, tmp_path: Path) -> Iterator[Installed]:
    there = Installed(enrolled, tmp_path / "opt" / "hostreeve-agent")
    enrolled.configure(update_patience_s=4)
    yield there
    # An update may have left another process than the one that the fixture started.
    held = (enrolled.state / "lock").read_text().strip()
    if held and Path(f"/proc/{held}").exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(held), signal.SIGKILL)


def archive(version: str = NEWER, **changed: tuple[str, str]) -> bytes:
    """The agent of now under another version; `changed`: module -> (text, what it becomes)."""
    changed = {"machine": (f'AGENT_VERSION = "{AGENT_VERSION}"', f'AGENT_VERSION = "{version}"'), **changed}
    source, made = zipfile.ZipFile(io.BytesIO(zipapp_bytes())), io.BytesIO()
    with zipfile.ZipFile(made, "w") as bundle:
        for name in source.namelist():
            content = source.read(name).decode()
            was, becomes = changed.get(name.removeprefix("hostreeve/agent/").removesuffix(".py"), ("", ""))
            assert was in content
            bundle.writestr(name, content.replace(was, becomes) if was else content)
    return made.getvalue()


def offer(server: FakeServer, content: bytes, version: str = NEWER, sha256: str = "") -> None:
    digest = sha256 or hashlib.sha256(content).hexdigest()
    about = {"Version": "1", "AgentVersion": version, "AgentSha256": digest}
    server.pages["/_hostreeve/about"] = json.dumps(about).encode()
    server.pages["/_hostreeve/agent.pyz"] = content


def update(server: FakeServer, **inputs: Any) -> Job:
    inputs = {"agentName": "amazon-ssm-agent", **inputs}
    return server.send_job(steps_document({"action": "aws:updateSsmAgent", "name": "u", "inputs": inputs}))


def test_a_newer_agent_takes_over_under_the_same_process_id(server, installed: Installed, tmp_path: Path):
    agent = installed.agent
    agent.start()
    assert agent.process is not None
    running = server.run(f"echo begun >>{tmp_path}/runs; sleep 4; echo through")
    server.wait((tmp_path / "runs").exists)
    offer(server, archive())
    step = server.finish(update(server), 30)["runtimeStatus"]["u"]
    assert step["status"] == "Success", step
    assert f"The agent runs version {NEWER}" in step["standardOutput"]
    assert installed.version == NEWER and installed.status["version"] == NEWER
    assert agent.process.poll() is None, "it is the same process still"
    assert not installed.folder.with_name("hostreeve-agent.next").exists()
    assert server.finish(running)["runtimeStatus"]["aws:runShellScript"]["standardOutput"] == "through\n"
    assert (tmp_path / "runs").read_text() == "begun\n"
    opening = [opening for what, opening in server.seen if what == "open"][-1]
    assert opening.hostreeve_version == NEWER
    # What is installed now is what is offered: nothing to do.
    again = server.finish(update(server))["runtimeStatus"]["u"]
    assert again["status"] == "Success" and "up to date" in again["standardOutput"]


def _deaf(before: str) -> tuple[str, str]:
    return (
        '    """Be the agent of this folder',
        "    import signal, time; signal.signal(signal.SIGUSR2, signal.SIG_IGN)\n"
        f"    {before}\n    with state.held(): time.sleep(600)\n"
        '    """Be the agent of this folder',
    )


BROKEN = {
    "ends at once": {"agent": ('"""Be the agent of this folder', 'raise SystemExit(3)\n    """Be the agent')},
    "never connects": {
        "link": ("    def open(self) -> None:", "    def open(self) -> None:\n        return")
    },
    "hangs deaf": {"agent": _deaf("")},
    # Started slowly it is for a while as good as gone, which must not pass for having heeded the signal.
    "starts slowly and hangs deaf": {"agent": _deaf("time.sleep(1); ")},
}


@pytest.mark.slow
@pytest.mark.parametrize("how", list(BROKEN))
def test_an_agent_that_does_not_come_online_is_put_back(server, installed: Installed, how: str):
    agent = installed.agent
    agent.start()
    offer(server, archive(**BROKEN[how]))
    step = server.finish(update(server), 150)["runtimeStatus"]["u"]
    assert step["status"] == "Failed" and "the old one was put back" in step["standardError"], step
    assert installed.version == AGENT_VERSION
    server.wait(lambda: installed.status["version"] == AGENT_VERSION and server.is_connected, 60)
    assert server.finish(server.run("echo alive"))["documentStatus"] == "Success"


def test_a_cancelled_update_is_undone(server: FakeServer, installed: Installed):
    agent = installed.agent
    agent.configure(update_patience_s=60)
    agent.start()
    offer(server, archive(**BROKEN["never connects"]))
    job = update(server)
    server.wait(lambda: installed.status["version"] == NEWER, 30)
    # The new agent has no connection: only the machine itself can end the step.
    folder = next((agent.state / "steps").iterdir()) / "0" / "process.0"
    os.kill(json.loads(folder.read_text())["supervisor"], signal.SIGUSR1)
    server.wait(lambda: installed.status["version"] == AGENT_VERSION, 30)
    assert server.finish(job, 30)["documentStatus"] == "Cancelled"
    assert installed.version == AGENT_VERSION


def test_what_is_not_what_was_announced_is_refused(server: FakeServer, installed: Installed):
    installed.agent.start()
    cases: list[tuple[bytes, str, str, str]] = [
        (archive(), NEWER, "0" * 64, "not the one that the server announced"),
        (b"no archive", NEWER, "", "cannot be unpacked"),
        (archive("9.9.9"), NEWER, "", "does not run here as version"),
        (archive(main=("_COMMANDS = {", "raise OSError\n_COMMANDS = {")), NEWER, "", "does not run here"),
        (archive(), "latest", "", "announces no agent"),
    ]
    for content, version, digest, told in cases:
        offer(server, content, version, digest)
        step = server.finish(update(server), 30)["runtimeStatus"]["u"]
        assert step["status"] == "Failed" and told in step["standardError"], (told, step)
    server.pages.clear()
    step = server.finish(update(server))["runtimeStatus"]["u"]
    assert step["status"] == "Failed" and "HTTP 404" in step["standardError"]
    assert installed.version == AGENT_VERSION and installed.status["version"] == AGENT_VERSION
    assert [what for what, _ in server.seen].count("open") == 1


def test_versions_are_chosen_as_the_step_says(server: FakeServer, installed: Installed):
    installed.agent.start()
    offer(server, archive("0.0.1"), "0.0.1")
    step = server.finish(update(server))["runtimeStatus"]["u"]
    assert step["status"] == "Failed" and "set allowDowngrade" in step["standardError"]
    step = server.finish(update(server, targetVersion="0.0.2"))["runtimeStatus"]["u"]
    assert step["status"] == "Failed" and "not 0.0.2" in step["standardError"]
    step = server.finish(update(server, agentName="other-agent"))["runtimeStatus"]["u"]
    assert step["status"] == "Failed" and "no agent named" in step["standardError"]
    step = server.finish(
        update(server, allowDowngrade="true", targetVersion="0.0.1", source="https://s3/x"), 30
    )["runtimeStatus"]["u"]
    assert step["status"] == "Success" and "source is not used" in step["standardOutput"]
    assert installed.version == "0.0.1"


def test_an_agent_that_the_installer_did_not_install_is_left_alone(server: FakeServer, agent: AgentProcess):
    offer(server, archive())
    step = server.finish(update(server))["runtimeStatus"]["u"]
    assert step["status"] == "Failed" and "for example with pip" in step["standardError"]
    assert "failed to run commands" not in step["standardError"]
    offer(server, archive(AGENT_VERSION), AGENT_VERSION)
    step = server.finish(update(server))["runtimeStatus"]["u"]
    assert step["status"] == "Success" and "up to date" in step["standardOutput"]


def test_two_folders_change_places_in_one_step(tmp_path: Path):
    installation = Installation(tmp_path / "agent")
    for folder, text in ((installation.folder, "old"), (installation.staged, "new")):
        folder.mkdir()
        (folder / "which").write_text(text)
    installation.exchange()
    assert (installation.folder / "which").read_text() == "new"
    installation.exchange()
    assert (installation.folder / "which").read_text() == "old"
    with installation.held(), pytest.raises(Exception, match="under way"), installation.held():
        pass


def test_asked_to_start_anew_a_plain_agent_ends_for_its_service_manager(server, agent: AgentProcess):
    assert agent.process is not None
    agent.process.send_signal(signal.SIGUSR2)
    assert agent.process.wait(10) == 75


def test_commands_go_on_while_the_agent_starts_anew(server: FakeServer, installed: Installed, tmp_path: Path):
    agent = installed.agent
    agent.start()
    assert agent.process is not None
    steps = [shell_step(n, f"echo {n} >>{tmp_path}/runs; sleep 0.5; echo {n}") for n in "abc"]
    job = server.send_job(steps_document(*steps))
    for _ in range(3):
        opened = [what for what, _ in server.seen].count("open")
        agent.process.send_signal(signal.SIGUSR2)
        server.wait(lambda opened=opened: [what for what, _ in server.seen].count("open") > opened)
        time.sleep(0.1)
    assert server.finish(job, 20)["documentStatus"] == "Success"
    assert (tmp_path / "runs").read_text() == "a\nb\nc\n"
