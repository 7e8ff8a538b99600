"""Patch Manager end to end: real agents on Debian hosts of their own, by the AWS command line."""

import json
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.hosts.debian import Deb, Repository, debian, install
from tests.hosts.host import needs

pytestmark = pytest.mark.slow
OS_RELEASE = 'ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
STATE = "/var/lib/hostreeve-agent"
RESTART = "/run/restart-wanted"
PATIENCE_S = 120
OLD = [
    Deb("openssl", "3.0.1", arch="amd64", priority="important"),
    Deb("editor", "1.0", section="editors"),
    Deb("telnet", "0.17", priority="standard", section="net"),
]
SECURITY = [
    Deb("openssl", "3.0.2", arch="amd64", priority="important"),
    Deb("telnet", "0.18", priority="standard", section="net"),
]
MORE = [Deb("editor", "1.1", section="editors"), Deb("htop", "3.2", arch="amd64")]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    needs("unshare", "nsenter", "dpkg-deb", "apt-get")
    made = Repository(tmp_path_factory.mktemp("archive"))
    made.suite("bookworm", [*OLD, *MORE])
    made.suite("bookworm-security", SECURITY, label="Debian-Security")
    return made


class Node:
    """A host of its own with an agent of ours in it."""

    def __init__(self, site, host, name, *options):
        self.site, self.host = site, host
        ssm = site.client("ssm")
        activation = ssm.create_activation(IamRole="service-role/SSMServiceRole", DefaultInstanceName=name)
        self._agent(
            *("enrol", "--server", site.plane.url, "--ca", site.plane.ca),
            *("--activation-id", activation["ActivationId"]),
            *("--activation-code", activation["ActivationCode"], *options),
        )
        settings = json.loads(host.read(f"{STATE}/node.json"))
        settings["reboot_command"] = ["touch", RESTART]
        host.write(f"{STATE}/node.json", json.dumps(settings))
        self.id = settings["node_id"]
        self.up()

    def up(self):
        self.running = self.host.start(*self._words("run"), stdout=None, stderr=None)
        self.site.wait_connected(self.id)

    def restart(self):
        # The agent notes that it asked for the restart: see test_patching.
        time.sleep(2.0)
        self.host.reboot()
        self.running.wait()
        self.up()

    def tag(self, **tags):
        named = [{"Key": key.replace("_", " "), "Value": value} for key, value in tags.items()]
        self.site.client("ssm").add_tags_to_resource(
            ResourceType="ManagedInstance", ResourceId=self.id, Tags=named
        )

    def send(self, operation, document="AWS-RunPatchBaseline", **parameters):
        """The command's id."""
        asked = {"Operation": [operation], **{name: [value] for name, value in parameters.items()}}
        sent = self.site.client("ssm").send_command(
            DocumentName=document, InstanceIds=[self.id], Parameters=asked
        )
        return sent["Command"]["CommandId"]

    def patch(self, operation, status="Success", **more):
        """What it wrote to its two streams."""
        command = self.send(operation, **more)
        done = self.site.finished(command, self.id, PATIENCE_S)
        assert done["Status"] == status, self.said(command)
        return self.said(command)

    def said(self, command):
        found = self.site.client("ssm").list_command_invocations(CommandId=command, Details=True)
        (invocation,) = found["CommandInvocations"]
        return "\n".join(each["Output"] for each in invocation["CommandPlugins"])

    @property
    def state(self):
        found = self.site.client("ssm").describe_instance_patch_states(InstanceIds=[self.id])
        return found["InstancePatchStates"][0]

    @property
    def patches(self):
        found = self.site.client("ssm").describe_instance_patches(InstanceId=self.id)["Patches"]
        return {each["KBId"]: each["State"] for each in found}

    @property
    def compliance(self):
        found = self.site.client("ssm").list_resource_compliance_summaries()
        (status,) = [
            each["Status"]
            for each in found["ResourceComplianceSummaryItems"]
            if each["ResourceId"] == self.id and each["ComplianceType"] == "Patch"
        ]
        return status

    def _agent(self, *words):
        self.host.run(*self._words(*words))

    def _words(self, *words):
        source = Path(__file__).parents[2] / "src"
        python = (sys.executable, "-m", "hostreeve", "agent", *map(str, words))
        return ("env", f"PYTHONPATH={source}", *python, "--state", STATE)


@contextmanager
def nodes(site, folder, repository, *names, options=()):
    """Nodes with the old packages, gone at the end."""
    hosts, made = [], []
    try:
        for name in names:
            hosts.append(debian(folder, repository, os_release=OS_RELEASE))
            install(hosts[-1], "openssl=3.0.1", "editor=1.0", "telnet=0.17")
            made.append(Node(site, hosts[-1], name, *options))
        yield made
    finally:
        for host in hosts:
            host.close()


@pytest.fixture
def node(site, tmp_path, repository):
    with nodes(site, tmp_path, repository, "one") as (made,):
        yield made


def baseline(site, *filters, **more):
    """A baseline for Debian, by the AWS command line; its id."""
    rules = {
        "PatchRules": [
            {
                "PatchFilterGroup": {
                    "PatchFilters": [{"Key": key, "Values": list(values)} for key, *values in filters]
                },
                "ComplianceLevel": "CRITICAL",
            }
        ]
    }
    words = ["ssm", "create-patch-baseline", "--name", "Prod", "--operating-system", "DEBIAN"]
    words += ["--approval-rules", json.dumps(rules)] if filters else []
    for name, values in more.items():
        words += [f"--{name.replace('_', '-')}", *([values] if isinstance(values, str) else values)]
    return site.aws(*words)["BaselineId"]


def register(site, made, group="Prod"):
    site.aws(
        *("ssm", "register-patch-baseline-for-patch-group"),
        *("--baseline-id", made, "--patch-group", group),
    )


def test_a_tagged_node_is_scanned_by_its_groups_baseline_and_others_by_aws(site, node):
    node.patch("Scan")
    assert node.state["BaselineId"].startswith("arn:aws:ssm:us-east-1:000000000000:patchbaseline/pb-")
    assert (node.state["PatchGroup"], node.state["MissingCount"]) == ("", 2)

    made = baseline(site, ("PRIORITY", "Important"))
    register(site, made)
    node.tag(PatchGroup="Prod")
    node.patch("Scan")
    assert (node.state["BaselineId"], node.state["PatchGroup"]) == (made, "Prod")
    assert node.patches == {
        "openssl.amd64": "MISSING",
        "telnet.all": "INSTALLED_OTHER",
        "editor.all": "INSTALLED_OTHER",
    }
    assert node.compliance == "NON_COMPLIANT"
    shown = site.aws("ssm", "describe-patch-group-state", "--patch-group", "Prod")
    assert (shown["Instances"], shown["InstancesWithMissingPatches"]) == (1, 1)
    assert shown["InstancesWithCriticalNonCompliantPatches"] == 1
    found = site.aws(
        *("ssm", "describe-available-patches", "--filters", "Key=PRODUCT,Values=Debian12"),
    )
    assert "openssl" in [each["Name"] for each in found["Patches"]]


def test_what_is_rejected_and_installed_counts_as_the_action_says(site, node):
    made = baseline(site, ("PRIORITY", "*"), rejected_patches="telnet", rejected_patches_action="BLOCK")
    site.aws("ssm", "register-default-patch-baseline", "--baseline-id", made)
    node.patch("Scan")
    assert node.patches["telnet.all"] == "INSTALLED_REJECTED"
    assert node.state["InstalledRejectedCount"] == 1 and node.compliance == "NON_COMPLIANT"
    site.aws(
        *("ssm", "update-patch-baseline", "--baseline-id", made),
        *("--rejected-patches-action", "ALLOW_AS_DEPENDENCY"),
    )
    node.patch("Scan")
    assert node.patches["telnet.all"] == "INSTALLED_OTHER"
    assert node.state["InstalledRejectedCount"] == 0


def test_nodes_that_name_the_same_snapshot_are_judged_alike(site, tmp_path, repository):
    snapshot = "521c3536-930c-4aa9-950e-01234567abcd"
    made = baseline(site, ("PRIORITY", "Important"))
    register(site, made)
    with nodes(site, tmp_path, repository, "one", "two") as (one, two):
        for each in (one, two):
            each.tag(Patch_Group="Prod")
        one.patch("Scan", SnapshotId=snapshot)
        site.aws(
            *("ssm", "update-patch-baseline", "--baseline-id", made, "--approved-patches", "editor"),
            "--approved-patches-enable-non-security",
        )
        two.patch("Scan", SnapshotId=snapshot)
        assert one.patches == two.patches and two.state["SnapshotId"] == snapshot
        two.patch("Scan")
        assert two.patches["editor.all"] == "MISSING"


def put(site, key, content):
    """An object that the nodes' role may read; its address."""
    s3 = site.client("s3", s3={"addressing_style": "path"})
    if not s3.list_buckets()["Buckets"]:
        s3.create_bucket(Bucket="patching")
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
        }
        site.client("iam").put_role_policy(
            RoleName="SSMServiceRole", PolicyName="patching", PolicyDocument=json.dumps(policy)
        )
    s3.put_object(Bucket="patching", Key=key, Body=content.encode())
    return f"s3://patching/{key}"


def test_a_scan_by_another_baseline_stands_in_the_place_of_the_one_before(site, node):
    node.patch("Scan")
    assert node.state["MissingCount"] == 2
    made = baseline(site, ("PRIORITY", "Standard"))
    site.aws("ssm", "register-default-patch-baseline", "--baseline-id", made)
    node.patch("Scan")
    assert (node.state["MissingCount"], node.state["BaselineId"]) == (1, made)


def test_on_sunday_night_the_production_nodes_are_patched_in_their_window(site, tmp_path, repository):
    """AWS Summit Tokyo 2017, "Patch Manager": a baseline, the tag Patch Group with the value Prod, a window
    of two hours, and then two nodes that are up to date, none that lacks patches, one with errors."""
    made = baseline(site, ("PRIORITY", "Important", "Standard"))
    register(site, made)
    with nodes(site, tmp_path, repository, "a", "b", "c") as three:
        for each in three:
            each.tag(Patch_Group="Prod")
        # On this one, telnet does not let itself be replaced.
        three[2].host.write("/var/lib/dpkg/info/telnet.prerm", "#!/bin/sh\nexit 1\n")
        three[2].host.path("/var/lib/dpkg/info/telnet.prerm").chmod(0o755)
        sunday = site.aws(
            *("ssm", "create-maintenance-window", "--name", "sunday", "--schedule", "cron(0 1 ? * SUN *)"),
            *("--duration", "2", "--cutoff", "1", "--no-allow-unassociated-targets"),
        )["WindowId"]
        shown = site.aws("ssm", "get-maintenance-window", "--window-id", sunday)
        assert datetime.fromisoformat(shown["NextExecutionTime"]).strftime("%a %H:%M") == "Sun 01:00"
        target = site.aws(
            *("ssm", "register-target-with-maintenance-window", "--window-id", sunday),
            *("--resource-type", "INSTANCE", "--targets", "Key=tag:Patch Group,Values=Prod"),
        )["WindowTargetId"]
        run = {"RunCommand": {"Parameters": {"Operation": ["Install"], "RebootOption": ["NoReboot"]}}}
        site.aws(
            *("ssm", "register-task-with-maintenance-window", "--window-id", sunday),
            *("--task-type", "RUN_COMMAND", "--task-arn", "AWS-RunPatchBaseline"),
            *("--targets", f"Key=WindowTargetIds,Values={target}"),
            *("--max-concurrency", "3", "--max-errors", "3"),
            *("--task-invocation-parameters", json.dumps(run)),
        )
        # Sunday comes early.
        soon = f"at({datetime.now(UTC) + timedelta(seconds=6):%Y-%m-%dT%H:%M:%S})"
        site.aws("ssm", "update-maintenance-window", "--window-id", sunday, "--schedule", soon)
        ssm = site.client("ssm")
        ended = ("SUCCESS", "FAILED", "TIMED_OUT")
        (execution,) = site.until(
            lambda: [
                each
                for each in ssm.describe_maintenance_window_executions(WindowId=sunday)["WindowExecutions"]
                if each["Status"] in ended
            ],
            PATIENCE_S,
        )
        for each in three:
            each.restart()
        # The restarted nodes that are whole say so after a scan; the broken one keeps its failure.
        for each in three[:2]:
            each.patch("Scan")
        snapshots = {each.state["SnapshotId"] for each in three[2:]}
        assert snapshots == {execution["WindowExecutionId"]}, "a window's nodes share its snapshot"
        shown = json.loads(site.hostreeve("patch", "report", "--patch-group", "Prod", "--json"))
        assert (shown["UpToDate"], shown["Missing"], shown["Error"]) == (2, 0, 1)


HEX = "[0-9a-fA-F]"
RUNBOOK = {
    "schemaVersion": "0.3",
    "outputs": ["runPatchBaseline.Output"],
    "assumeRole": "{{AutomationAssumeRole}}",
    "parameters": {
        "AutomationAssumeRole": {"type": "String", "default": ""},
        "Operation": {"type": "String", "allowedValues": ["Scan", "Install"]},
        "SnapshotId": {
            "type": "String",
            "default": "",
            "allowedPattern": f"(^$)|^{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}$",
        },
        "InstanceId": {"type": "String"},
        "InstallOverrideList": {
            "type": "String",
            "default": "",
            "allowedPattern": "(^$)|^https://.+$|^s3://([^/]+)/(.*?([^/]+))$",
        },
    },
    "mainSteps": [
        {
            "name": "runPatchBaseline",
            "action": "aws:runCommand",
            "maxAttempts": 3,
            "timeoutSeconds": 120,
            "onFailure": "Abort",
            "inputs": {
                "DocumentName": "AWS-RunPatchBaseline",
                "InstanceIds": ["{{InstanceId}}"],
                "Parameters": {
                    "SnapshotId": "{{SnapshotId}}",
                    "InstallOverrideList": "{{InstallOverrideList}}",
                    "Operation": "{{Operation}}",
                },
            },
        }
    ],
}
"""As the AWS blog on patching many accounts has it, "Automation-RunPatchBaseline"."""


def test_a_runbook_patches_the_instances_of_a_resource_group(site, tmp_path, repository):
    ssm, ec2 = site.client("ssm"), site.client("ec2")
    with nodes(site, tmp_path, repository, "web", options=("--as-instance",)) as (web,):
        ec2.create_tags(Resources=[web.id], Tags=[{"Key": "Name", "Value": "WebServers"}])
        query = {
            "ResourceTypeFilters": ["AWS::EC2::Instance"],
            "TagFilters": [{"Key": "Name", "Values": ["WebServers"]}],
        }
        made = {"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)}
        site.aws(
            *("resource-groups", "create-group", "--name", "WebServers"),
            *("--resource-query", json.dumps(made)),
        )
        ssm.create_document(
            Name="Automation-RunPatchBaseline", DocumentType="Automation", Content=json.dumps(RUNBOOK)
        )
        started = site.aws(
            *("ssm", "start-automation-execution", "--document-name", "Automation-RunPatchBaseline"),
            *("--parameters", "Operation=Install", "--target-parameter-name", "InstanceId"),
            *(
                "--targets",
                "Key=ResourceGroup,Values=WebServers",
                "--max-concurrency",
                "1",
                "--max-errors",
                "0",
            ),
        )["AutomationExecutionId"]
        site.until(lambda: web.host.path(RESTART).exists(), PATIENCE_S)
        web.restart()

        def ended():
            found = ssm.get_automation_execution(AutomationExecutionId=started)["AutomationExecution"]
            return found["AutomationExecutionStatus"] not in ("Pending", "InProgress") and found

        execution = site.until(ended, PATIENCE_S)
        assert execution["AutomationExecutionStatus"] == "Success", execution
        assert (web.state["Operation"], web.state["MissingCount"]) == ("Install", 0)
        assert web.compliance == "COMPLIANT"
