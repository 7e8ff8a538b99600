"""The unmodified agent on a test host runs the patch documents, restart included."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.hosts import debian
from tests.hosts.host import needs

pytestmark = pytest.mark.slow

OWN = ("/var/lib/amazon", "/var/log/amazon", "/etc/amazon", "/root/.aws")
RESTARTS = '#!/bin/sh\n[ "$1" = --version ] && exec echo systemd 252\necho asked > /run/restart\n'
ENVIRONMENT = {"SSL_CERT_FILE": "/root/ca.pem"}
PACKAGE = debian.Deb("openssl", "3.0.1", priority="important")


class Machine:
    """A Debian host with the official agent where its packages put it."""

    def __init__(self, site, host, programs):
        self.site, self.host = site, host
        for program in programs.iterdir():
            host.write(f"/usr/bin/{program.name}", program.read_bytes())
            host.path(f"/usr/bin/{program.name}").chmod(0o755)
        settings = {name: {"Endpoint": site.plane.url} for name in ("Ssm", "Mds", "Mgs", "S3", "Kms")}
        settings["Identity"] = {"ConsumptionOrder": ["OnPrem"]}
        host.write("/etc/amazon/ssm/amazon-ssm-agent.json", json.dumps(settings))
        host.write("/root/ca.pem", Path(site.plane.ca).read_bytes())
        host.write("/sbin/shutdown", RESTARTS)
        host.path("/sbin/shutdown").chmod(0o755)
        role = {"IamRole": "service-role/SSMServiceRole", "DefaultInstanceName": "official"}
        made = site.client("ssm").create_activation(**role)
        words = ["-register", "-code", made["ActivationCode"], "-id", made["ActivationId"]]
        host.run("amazon-ssm-agent", *words, "-region", "us-east-1", "-y", env=ENVIRONMENT)
        self.id = json.loads(host.read("/var/lib/amazon/ssm/registration"))["ManagedInstanceID"]
        self.start()

    def start(self):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.agent = self.host.start("amazon-ssm-agent", env=ENVIRONMENT, **quiet)
        self.site.wait_connected(self.id)

    def patch(self, operation, **parameters):
        words = {"Operation": [operation], **{name: [value] for name, value in parameters.items()}}
        which = {"DocumentName": "AWS-RunPatchBaseline", "InstanceIds": [self.id], "Parameters": words}
        return self.site.client("ssm").send_command(**which)["Command"]["CommandId"]

    def finished(self, command_id):
        self.site.finished(command_id, self.id, 120)
        which = {"CommandId": command_id, "InstanceId": self.id, "PluginName": "PatchLinux"}
        return self.site.client("ssm").get_command_invocation(**which)

    @property
    def state(self):
        (state,) = self.site.client("ssm").describe_instance_patch_states(InstanceIds=[self.id])[
            "InstancePatchStates"
        ]
        return state


@pytest.fixture
def machine(programs, site, tmp_path):
    needs("unshare", "nsenter", "dpkg-deb", "apt-get")
    archive = debian.Repository(tmp_path / "archive")
    archive.suite("bookworm", [PACKAGE])
    archive.suite("bookworm-security", [PACKAGE._replace(version="3.0.2")], label="Debian-Security")
    host = debian.debian(tmp_path, archive, size="512m", own=OWN)
    try:
        debian.install(host, "openssl=3.0.1")
        yield Machine(site, host, programs)
    finally:
        host.close()


def test_it_scans_installs_restarts_and_reports(site, machine):
    done = machine.finished(machine.patch("Scan"))
    assert done["Status"] == "Success", done
    assert machine.state["MissingCount"] == 1

    command_id = machine.patch("Install")
    site.until(machine.host.path("/run/restart").exists, 90)
    assert machine.state["InstalledPendingRebootCount"] == 1
    machine.host.reboot()
    machine.agent.communicate(timeout=10)
    machine.start()
    done = machine.finished(command_id)
    assert done["Status"] == "Success", done
    assert debian.versions(machine.host) == {"openssl": "3.0.2 ii"}
    assert machine.state["InstalledPendingRebootCount"] == machine.state["MissingCount"] == 0
    assert machine.state["InstalledCount"] == 1
