"""AWS-UpdateSSMAgent with a real server: an older agent becomes the one that the server hands out."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hostreeve.agent.machine import AGENT_VERSION
from tests.agent.test_update import archive

pytestmark = pytest.mark.slow

OLDER = "0.0.9"


@pytest.fixture
def installed(site, tmp_path):
    """Where the one-line installer would have put an older agent; its launcher."""
    folder = tmp_path / "opt" / "hostreeve-agent"
    with zipfile.ZipFile(io.BytesIO(archive(OLDER))) as bundle:
        bundle.extractall(folder)
    (folder / "ca.pem").write_bytes(Path(site.plane.ca).read_bytes())
    launcher = folder / "hostreeve-agent"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -OO "{folder}" "$@"\n')
    launcher.chmod(0o755)
    return launcher


def version_of(site, node_id):
    chosen = [{"Key": "InstanceIds", "Values": [node_id]}]
    (node,) = site.client("ssm").describe_instance_information(Filters=chosen)["InstanceInformationList"]
    return node["AgentVersion"]


def test_an_older_agent_is_replaced_by_the_servers_own_and_goes_on(site, installed):
    node_id = site.enrol("old", program=[str(installed)])
    assert version_of(site, node_id) == OLDER
    sent = site.client("ssm").send_command(DocumentName="AWS-UpdateSSMAgent", InstanceIds=[node_id])
    found = site.finished(sent["Command"]["CommandId"], node_id, 60)
    assert found["Status"] == "Success", found
    assert f"The agent runs version {AGENT_VERSION}" in found["StandardOutputContent"]
    assert version_of(site, node_id) == AGENT_VERSION
    assert site.agents["old"].poll() is None, "it is the same process still"
    assert site.finished(site.run(node_id, "echo new"), node_id)["StandardOutputContent"] == "new\n"
    told = subprocess.run([installed, "version"], capture_output=True, text=True, check=True).stdout
    assert AGENT_VERSION in told
    again = site.client("ssm").send_command(DocumentName="AWS-UpdateSSMAgent", InstanceIds=[node_id])
    found = site.finished(again["Command"]["CommandId"], node_id)
    assert "up to date" in found["StandardOutputContent"], found
