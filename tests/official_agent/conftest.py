"""`server`, `site`, `agent`: the unmodified amazon-ssm-agent from the folder that AMAZON_SSM_AGENT names."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Site
from tests.official_agent.official import OfficialAgent, Server


@pytest.fixture(scope="module")
def programs() -> Path:
    folder = os.environ.get("AMAZON_SSM_AGENT")
    if not folder:
        pytest.skip("AMAZON_SSM_AGENT is not set")
    return Path(folder)


@pytest.fixture(scope="module")
def server(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("server"))
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def site(server: Server) -> Site:
    return Site(server.start(), server.state.parent)


@pytest.fixture
def agent(site: Site, programs: Path, tmp_path: Path) -> Iterator[OfficialAgent]:
    made = OfficialAgent(site, tmp_path, programs)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def node_id(site: Site, agent: OfficialAgent) -> str:
    """A registered and connected node."""
    registered = agent.register()
    agent.start()
    site.wait_connected(registered)
    return registered
