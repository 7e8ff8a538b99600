"""An enrolled agent as a real process, and the fake server it speaks to.

A module that says `SHARES_AGENT = True` has one running agent for all its tests that ask for `agent`; a test
that asks for `enrolled`, or for the server only, has its own there too.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import AgentProcess
from tests.agent.fake_server import FakeServer


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeServer]:
    if _is_shared(request):
        shared: AgentProcess = request.getfixturevalue("shared_agent")
        # What earlier tests left to be told is told to them.
        shared.server.wait(lambda: not list((shared.state / "steps").iterdir()))
        shared.server.forget()
        yield shared.server
        return
    with contextlib.closing(_server(tmp_path)) as running:
        yield running


@pytest.fixture(scope="session")
def once_enrolled(tmp_path_factory: pytest.TempPathFactory) -> AgentProcess:
    """Enrolled at a server that is gone. Its folder is copied: making keys takes its time."""
    folder = tmp_path_factory.mktemp("enrolled")
    with contextlib.closing(_server(folder)) as running:
        agent = AgentProcess(folder / "node", running)
        done = agent.enrol()
        assert done.returncode == 0, done.stderr
    return agent


@pytest.fixture
def enrolled(server: FakeServer, tmp_path: Path, once_enrolled: AgentProcess) -> Iterator[AgentProcess]:
    """Enrolled, not running."""
    with contextlib.closing(_copied(once_enrolled, tmp_path / "node", server)) as agent:
        yield agent


@pytest.fixture(scope="module")
def shared_agent(
    tmp_path_factory: pytest.TempPathFactory, once_enrolled: AgentProcess
) -> Iterator[AgentProcess]:
    folder = tmp_path_factory.mktemp("shared")
    with (
        contextlib.closing(_server(folder)) as server,
        contextlib.closing(_copied(once_enrolled, folder / "node", server)) as agent,
    ):
        agent.start()
        yield agent


@pytest.fixture
def agent(request: pytest.FixtureRequest, server: FakeServer) -> AgentProcess:
    """Enrolled and connected."""
    is_shared = _is_shared(request)
    found: AgentProcess = request.getfixturevalue("shared_agent" if is_shared else "enrolled")
    if not (is_shared and found.is_running and server.is_connected):
        found.stop()
        found.start()
    return found


def _is_shared(request: pytest.FixtureRequest) -> bool:
    asked = request.node.fixturenames
    return getattr(request.module, "SHARES_AGENT", False) and "agent" in asked and "enrolled" not in asked


def _server(folder: Path) -> FakeServer:
    place = folder / "server"
    place.mkdir()
    return FakeServer(place)


def _copied(former: AgentProcess, state: Path, server: FakeServer) -> AgentProcess:
    shutil.copytree(former.state, state)
    shutil.copyfile(server.ca, state / "ca.pem")
    server.public_key = former.server.public_key
    agent = AgentProcess(state, server)
    agent.configure(server=server.url)
    return agent
