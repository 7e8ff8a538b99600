"""The unmodified official agent runs the patch documents, on a Debian host of its own."""

import json

import pytest

from tests.acceptance.test_patch_manager import MORE, OLD, OS_RELEASE, PATIENCE_S, SECURITY
from tests.hosts.debian import Repository, debian, install, versions
from tests.hosts.host import needs

pytestmark = pytest.mark.slow
PROGRAMS = "/usr/bin"


@pytest.fixture
def host(tmp_path):
    needs("unshare", "nsenter", "dpkg-deb", "apt-get")
    repository = Repository(tmp_path / "archive")
    repository.suite("bookworm", [*OLD, *MORE])
    repository.suite("bookworm-security", SECURITY, label="Debian-Security")
    made = debian(tmp_path, repository, os_release=OS_RELEASE, size="512m")
    install(made, "openssl=3.0.1", "editor=1.0", "telnet=0.17")
    yield made
    made.close()


@pytest.fixture
def node_id(site, host, programs):
    """The official agent installed on the host where it belongs, registered and connected."""
    for program in programs.iterdir():
        host.write(f"{PROGRAMS}/{program.name}", program.read_bytes())
        host.path(f"{PROGRAMS}/{program.name}").chmod(0o755)
    settings = {name: {"Endpoint": site.plane.url} for name in ("Ssm", "Mds", "Mgs", "S3", "Kms")}
    settings["Identity"] = {"ConsumptionOrder": ["OnPrem"]}
    host.write("/etc/amazon/ssm/amazon-ssm-agent.json", json.dumps(settings))
    environment = {"SSL_CERT_FILE": site.plane.ca}
    made = site.client("ssm").create_activation(IamRole="service-role/SSMServiceRole")
    words = [
        "-register",
        "-code",
        made["ActivationCode"],
        "-id",
        made["ActivationId"],
        "-region",
        "us-east-1",
    ]
    host.run(f"{PROGRAMS}/amazon-ssm-agent", *words, "-y", env=environment)
    registered = json.loads(host.read("/var/lib/amazon/ssm/registration"))["ManagedInstanceID"]
    host.start(f"{PROGRAMS}/amazon-ssm-agent", env=environment, stdout=None, stderr=None)
    site.wait_connected(registered)
    # The platform is known from its first report on.
    site.until(lambda: _platform(site, registered), PATIENCE_S)
    return registered


def _platform(site, node_id):
    filters = [{"Key": "InstanceIds", "Values": [node_id]}]
    (found,) = site.client("ssm").describe_instance_information(Filters=filters)["InstanceInformationList"]
    return found.get("PlatformName")


def patched(site, node_id, **parameters):
    sent = site.client("ssm").send_command(
        DocumentName="AWS-RunPatchBaseline",
        InstanceIds=[node_id],
        Parameters={name: [value] for name, value in parameters.items()},
    )
    done = site.finished(sent["Command"]["CommandId"], node_id, PATIENCE_S)
    found = site.client("ssm").list_command_invocations(CommandId=done["CommandId"], Details=True)
    said = "\n".join(each["Output"] for each in found["CommandInvocations"][0]["CommandPlugins"])
    assert done["Status"] == "Success", said
    return site.client("ssm").describe_instance_patch_states(InstanceIds=[node_id])["InstancePatchStates"][0]


def test_the_official_agent_scans_and_patches_its_host(site, host, node_id):
    state = patched(site, node_id, Operation="Scan")
    assert (state["MissingCount"], state["Operation"]) == (2, "Scan")
    state = patched(site, node_id, Operation="Install", RebootOption="NoReboot")
    assert versions(host)["openssl"] == "3.0.2 ii"
    assert (state["MissingCount"], state["InstalledPendingRebootCount"]) == (0, 2)
    patches = site.client("ssm").describe_instance_patches(InstanceId=node_id)["Patches"]
    assert {each["KBId"]: each["State"] for each in patches}["openssl.amd64"] == "INSTALLED_PENDING_REBOOT"
