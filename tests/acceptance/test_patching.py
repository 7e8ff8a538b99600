"""Patching as a user sees it: the AWS command line, a served control plane, agents of ours on test hosts."""

import json
import subprocess
import time
from pathlib import Path

import pytest
from tools.bench.control_plane import serving

from hostreeve.agent.zipapp import zipapp_bytes
from tests.acceptance.conftest import Site
from tests.hosts import debian, redhat
from tests.hosts.host import needs

pytestmark = pytest.mark.slow

STATE = "/var/lib/hostreeve-agent"
PYTHON = "/usr/bin/python3"
OLD = [debian.Deb("openssl", "3.0.1", priority="important"), debian.Deb("telnet", "0.17")]
SECURITY = [debian.Deb("openssl", "3.0.2", priority="important"), debian.Deb("telnet", "0.18")]


NOTING_S = 2.0


class Machine:
    """A test host with an agent of ours on it."""

    def __init__(self, site, host, name):
        self.site, self.host = site, host
        host.write("/root/agent.pyz", zipapp_bytes())
        host.write("/root/ca.pem", Path(site.plane.ca).read_bytes())
        host.write("/sbin/shutdown", "#!/bin/sh\necho asked > /run/restart\n")
        host.path("/sbin/shutdown").chmod(0o755)
        role = {"IamRole": "service-role/SSMServiceRole", "DefaultInstanceName": name}
        made = site.client("ssm").create_activation(**role)
        host.run(
            *(PYTHON, "/root/agent.pyz", "enrol", "--server", site.plane.url, "--ca", "/root/ca.pem"),
            *("--activation-id", made["ActivationId"], "--activation-code", made["ActivationCode"]),
            *("--state", STATE),
        )
        self.id = json.loads(host.read(f"{STATE}/node.json"))["node_id"]
        self.start()

    def start(self):
        argv = (PYTHON, "/root/agent.pyz", "run", "--state", STATE)
        self.agent = self.host.start(*argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.site.wait_connected(self.id)

    def restart(self):
        # Real machines restart a minute after they were told. Within the moment in which the agent notes that
        # it told them, a restart would make it ask for another one.
        time.sleep(NOTING_S)
        self.host.reboot()
        self.agent.communicate(timeout=10)
        self.start()

    def send(self, operation, *, document="AWS-RunPatchBaseline", **parameters):
        words = {"Operation": [operation], **{name: [value] for name, value in parameters.items()}}
        which = {"DocumentName": document, "InstanceIds": [self.id], "Parameters": words}
        return self.site.client("ssm").send_command(**which)["Command"]["CommandId"]

    def finished(self, command_id):
        """How the step of this platform went, once the command has ended."""
        self.site.finished(command_id, self.id, 90)
        which = {"CommandId": command_id, "InstanceId": self.id, "PluginName": "PatchLinux"}
        return self.site.client("ssm").get_command_invocation(**which)

    def patch(self, operation, *, restarts=0, **parameters):
        """The step, when it has ended after so many restarts."""
        command_id = self.send(operation, **parameters)
        for _ in range(restarts):
            self.site.until(self.host.path("/run/restart").exists, 60)
            self.host.path("/run/restart").unlink()
            self.restart()
        return self.finished(command_id)

    @property
    def state(self):
        found = self.site.aws("ssm", "describe-instance-patch-states", "--instance-ids", self.id)
        (state,) = found["InstancePatchStates"]
        return state

    def patches(self, *filters):
        found = self.site.aws("ssm", "describe-instance-patches", "--instance-id", self.id, *filters)
        return {each["KBId"]: each["State"] for each in found["Patches"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """One control plane for all of them."""
    with serving() as plane:
        made = Site(plane, tmp_path_factory.mktemp("site"))
        yield made
        made.close()


@pytest.fixture
def machine(site, tmp_path):
    needs("unshare", "nsenter", "dpkg-deb", "apt-get")
    archive = debian.Repository(tmp_path / "archive")
    archive.suite("bookworm", OLD)
    archive.suite("bookworm-security", SECURITY, label="Debian-Security")
    host = debian.debian(tmp_path, archive)
    try:
        debian.install(host, "openssl=3.0.1", "telnet=0.17")
        yield Machine(site, host, "debian")
    finally:
        host.close()


def _baseline(site, *more):
    important = "{PatchFilters=[{Key=PRIORITY,Values=[Important]}]}"
    rules = f"PatchRules=[{{PatchFilterGroup={important},ComplianceLevel=HIGH}}]"
    words = ("--name", "Prod", "--operating-system", "DEBIAN", "--approval-rules", rules)
    return site.aws("ssm", "create-patch-baseline", *words, *more)["BaselineId"]


def _may(site, action, resource):
    """Give the nodes' role a right."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    which = {"RoleName": "SSMServiceRole", "PolicyName": action.replace(":", "-").replace("*", "all")}
    site.client("iam").put_role_policy(**which, PolicyDocument=policy)


def _well(step):
    assert step["Status"] == "Success", json.dumps(step, default=str, indent=1)


def test_a_node_is_scanned_patched_and_restarted_by_the_document(site, machine):
    baseline = _baseline(site)
    which = ("--baseline-id", baseline, "--patch-group", "Prod")
    site.aws("ssm", "register-patch-baseline-for-patch-group", *which)
    _well(machine.patch("Scan"))
    assert machine.state["BaselineId"].startswith("arn:aws:ssm:")
    assert machine.state["MissingCount"] == 2

    tag = [{"Key": "PatchGroup", "Value": "Prod"}]
    site.client("ssm").add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=machine.id, Tags=tag)
    _well(machine.patch("Scan"))
    assert (machine.state["BaselineId"], machine.state["PatchGroup"]) == (baseline, "Prod")
    assert machine.state["MissingCount"] == 1 and machine.state["InstalledOtherCount"] == 1
    assert machine.patches()["openssl.all"] == "MISSING"

    _well(machine.patch("Install", restarts=1))
    assert debian.versions(machine.host)["openssl"] == "3.0.2 ii"
    assert machine.state["Operation"] == "Install"
    assert machine.state["MissingCount"] == machine.state["InstalledPendingRebootCount"] == 0
    assert machine.patches() == {"openssl.all": "INSTALLED", "telnet.all": "INSTALLED_OTHER"}


def test_without_a_restart_the_node_is_not_compliant_until_there_was_one(site, machine):
    _well(machine.patch("Install", RebootOption="NoReboot"))
    assert machine.state["InstalledPendingRebootCount"] == 2
    which = ("--resource-ids", machine.id, "--resource-types", "ManagedInstance")
    items = site.aws("ssm", "list-compliance-items", *which)["ComplianceItems"]
    assert {each["Status"] for each in items if each["ComplianceType"] == "Patch"} == {"NON_COMPLIANT"}
    machine.restart()
    _well(machine.patch("Scan"))
    assert machine.state["InstalledPendingRebootCount"] == 0
    assert set(machine.patches().values()) == {"INSTALLED"}


def test_a_list_from_the_object_store_is_installed_whatever_else_is_missing(site, machine):
    s3 = site.client("s3", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="lists")
    s3.put_object(Bucket="lists", Key="one.yaml", Body=b"patches:\n  - id: telnet.all\n")
    refused = machine.patch("Install", InstallOverrideList="s3://lists/one.yaml")
    assert refused["ResponseCode"] == 160 and "AccessDenied" in refused["StandardErrorContent"]
    _may(site, "s3:GetObject", "arn:aws:s3:::lists/*")
    _well(machine.patch("Install", InstallOverrideList="s3://lists/one.yaml", RebootOption="NoReboot"))
    assert debian.versions(machine.host) == {"openssl": "3.0.1 ii", "telnet": "0.18 ii"}
    assert machine.state["InstallOverrideList"] == "s3://lists/one.yaml"


def test_a_list_and_a_baseline_of_ones_own_fail_and_change_nothing(site, machine):
    _well(machine.patch("Scan"))
    before = machine.state
    both = {"InstallOverrideList": "s3://lists/one", "BaselineOverride": "s3://lists/two"}
    done = machine.patch("Install", **both)
    assert (done["Status"], done["ResponseCode"]) == ("Failed", 167)
    assert machine.state == before


def test_an_agent_that_is_killed_in_the_middle_of_an_install_loses_nothing(site, machine):
    host = machine.host
    host.write("/etc/apt/apt.conf.d/slow", 'DPkg::Pre-Invoke { "touch /run/installing; sleep 2"; };\n')
    command_id = machine.send("Install", RebootOption="NoReboot")
    site.until(host.path("/run/installing").exists)
    host.kill(machine.agent)
    machine.start()
    _well(machine.finished(command_id))
    assert debian.versions(host)["openssl"] == "3.0.2 ii"
    assert machine.state["InstalledPendingRebootCount"] == 2


def test_a_repository_that_is_gone_fails_the_command_and_leaves_the_last_report(site, machine, tmp_path):
    _well(machine.patch("Scan"))
    before = machine.state
    (tmp_path / "archive/dists/bookworm-security").rename(tmp_path / "away")
    done = machine.patch("Scan")
    assert done["Status"] == "Failed" and "bookworm-security" in done["StandardErrorContent"]
    assert machine.state == before


def test_a_host_of_dnfs_family_is_patched_by_the_predefined_baseline(site, tmp_path):
    needs("unshare", "nsenter", "rpmbuild", "createrepo_c", "dnf")
    old, new = redhat.Rpm("curl", "1.0"), redhat.Rpm("curl", "1.1")
    yum = redhat.YumRepository(tmp_path / "yum" / "base")
    yum.publish([old, new], [redhat.Advisory("RLSA-2026:1", "security", (new,), "Critical")])
    host = redhat.redhat(tmp_path, yum)
    try:
        redhat.install(host, old)
        machine = Machine(site, host, "rocky")
        _well(machine.patch("Scan"))
        assert machine.patches("--filters", "Key=State,Values=Missing") == {"curl.noarch": "MISSING"}
        _well(machine.patch("Install", restarts=1))
        assert redhat.versions(host)["curl"] == "1.1-1"
        assert machine.patches() == {"curl.noarch": "INSTALLED"}
    finally:
        host.close()


def test_a_baseline_that_came_with_the_command_governs_but_is_not_reported(site, machine):
    _well(machine.patch("Scan"))
    before = machine.state
    s3 = site.client("s3", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="overrides")
    own = {"OperatingSystem": "DEBIAN", "ApprovedPatches": ["telnet"], "BaselineId": "pb-0123456789abcdef0"}
    body = json.dumps([{"OperatingSystem": "SUSE"}, own]).encode()
    s3.put_object(Bucket="overrides", Key="all.json", Body=body)
    _may(site, "s3:Get*", "arn:aws:s3:::overrides/*")
    done = machine.patch("Install", BaselineOverride="s3://overrides/all.json", RebootOption="NoReboot")
    _well(done)
    assert "telnet.all:0.18" in done["StandardOutputContent"]
    assert debian.versions(machine.host) == {"openssl": "3.0.1 ii", "telnet": "0.18 ii"}
    assert machine.state == before


def test_a_tag_chooses_the_baseline_of_the_associations_document(site, machine):
    baseline = _baseline(site, "--tags", "Key=Stage,Value=Gold")
    nowhere = ("--targets", "Key=tag:Nobody,Values=has", "--parameters", "commands=true")
    manual = ("--name", "AWS-RunShellScript", "--sync-compliance", "MANUAL", *nowhere)
    association = site.aws("ssm", "create-association", *manual)["AssociationDescription"]
    words = {"AssociationId": association["AssociationId"], "BaselineTags": "Key=Stage,Values=Gold"}
    document = {"document": "AWS-RunPatchBaselineAssociation", **words}
    refused = machine.patch("Scan", **document)
    assert refused["ResponseCode"] == 143 and "AccessDenied" in refused["StandardErrorContent"]
    _may(site, "tag:GetResources", "*")
    _may(site, "ssm:GetPatchBaseline", "*")
    done = machine.patch("Scan", **document)
    _well(done)
    assert "Missing 1," in done["StandardOutputContent"]
    which = ("--resource-ids", machine.id, "--resource-types", "ManagedInstance")
    items = site.aws("ssm", "list-compliance-items", *which)["ComplianceItems"]
    (item,) = [each for each in items if each["ComplianceType"] == "Association"]
    assert (item["Status"], item["Details"]["PatchBaselineId"]) == ("NON_COMPLIANT", baseline)

    site.aws(
        "ssm",
        "create-patch-baseline",
        "--name",
        "Twin",
        "--operating-system",
        "DEBIAN",
        "--tags",
        "Key=Stage,Value=Gold",
    )
    twice = machine.patch("Scan", **document)
    assert twice["ResponseCode"] == 143 and "2 baselines" in twice["StandardErrorContent"]


def test_hooks_run_around_an_install_and_its_restart(site, machine):
    content = {
        "schemaVersion": "2.2",
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": "s",
                "inputs": {"runCommand": ["echo hook >> /root/hooks"]},
            }
        ],
    }
    made = ("--name", "Hook", "--document-type", "Command", "--content", json.dumps(content))
    site.aws("ssm", "create-document", *made)
    hooks = {f"{when}HookDocName": "Hook" for when in ("PreInstall", "PostInstall", "OnExit")}
    command_id = machine.send("Install", document="AWS-RunPatchBaselineWithHooks", **hooks)
    site.until(machine.host.path("/run/restart").exists, 90)
    assert machine.host.read("/root/hooks") == "hook\n" * 2
    machine.restart()
    ended = site.finished(command_id, machine.id, 90)
    assert ended["Status"] == "Success", ended
    assert machine.host.read("/root/hooks") == "hook\n" * 3
    assert set(machine.patches().values()) == {"INSTALLED"}
