"""An enrolled agent as a real process, and the fake server it speaks to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import AgentProcess
from tests.agent.fake_server import FakeServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    with contextlib.closing(FakeServer(folder)) as running:
        yield running


@pytest.fixture
def enrolled(server: FakeServer, tmp_path: Path) -> Iterator[AgentProcess]:
    """Enrolled, not running."""
    agent = AgentProcess(tmp_path / "node", server)
    done = agent.enrol()
    assert done.returncode == 0, done.stderr
    yield agent
    agent.stop()


@pytest.fixture
def agent(enrolled: AgentProcess) -> AgentProcess:
    """Enrolled and connected."""
    enrolled.start()
    return enrolled
