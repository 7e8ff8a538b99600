"""Steps 1 to 4 of a published article: servers of three accounts in two Regions patched by one command.

The commands are the article's but for docs/reference/seed-repairs.md, by the plain AWS command line;
the servers are Debian hosts of their own, each with an agent of ours.
"""

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

import boto3
import pytest

from tests.acceptance.conftest import Site
from tests.acceptance.published import printed, repaired, typed
from tests.acceptance.test_patch_manager import OS_RELEASE, PATIENCE_S, RESTART, Node, repository
from tests.acceptance.test_published_accounts import EXECUTION, Accounts
from tests.hosts.debian import debian, install, versions
from tests.identity.caller import printed as policy

pytestmark = pytest.mark.slow
REGIONS = ("us-east-1", "ap-northeast-1")
__all__ = ["repository"]


@dataclass
class Place(Site):
    """The control plane as an administrator of one account sees it in one Region."""

    key: dict = field(default_factory=dict)
    region: str = ""

    def client(self, service, **_):
        named = {"AccessKeyId": "aws_access_key_id", "SecretAccessKey": "aws_secret_access_key"}
        named["SessionToken"] = "aws_session_token"
        given = {named[name]: self.key[name] for name in named}
        return boto3.client(
            service, region_name=self.region, endpoint_url=self.plane.url, verify=self.plane.ca, **given
        )

    def environment(self):
        given = {
            "AWS_ACCESS_KEY_ID": self.key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self.key["SecretAccessKey"],
            "AWS_SESSION_TOKEN": self.key["SessionToken"],
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
        }
        return {name: value for name, value in (super().environment() | given).items() if value}


class Enterprise:
    """Three accounts with the roles of the article; a server in each Region of each."""

    def __init__(self, site):
        self.site = site
        self.accounts = Accounts(site)
        self.central, self.first = self.accounts.management, self.accounts.target
        self.second = self.accounts._member("second")
        for aws, account in ((site.aws, self.central), (self._admin(self.second), self.second)):
            trust = policy("execution-role-trust", ManagementAccountId=self.central)
            self.accounts.give(aws, EXECUTION, trust, policy("execution-role", TargetAccountId=account))
        self.numbers = (self.central, self.first, self.second)
        self.places = {(a, r): self._place(a, r) for a in self.numbers for r in REGIONS}

    def _admin(self, account):
        return self.accounts.administrator_of(account)

    def _place(self, account, region):
        if account == self.central:
            held = self.site.plane.credentials
            key = {"AccessKeyId": held.access_key_id, "SecretAccessKey": held.secret_access_key}
            key["SessionToken"] = None
        else:
            who = self.accounts.asked(account, "OrganizationAccountAccessRole")
            key = self.site.aws("sts", "assume-role", *who)["Credentials"]
        return Place(self.site.plane, self.site.folder, key=key, region=region)

    @contextmanager
    def servers(self, folder, archive):
        """A host in each place, called WebServers and found by a group of that name."""
        with ExitStack() as stack:
            made = {}
            for number, (where, place) in enumerate(self.places.items()):
                host = debian(folder / str(number), archive, os_release=OS_RELEASE)
                stack.callback(host.close)
                install(host, "openssl=3.0.1", "telnet=0.17")
                node = made[where] = Node(place, host, f"web-{number}", "--as-instance")
                tag = [{"Key": "Name", "Value": "WebServers"}]
                place.client("ec2").create_tags(Resources=[node.id], Tags=tag)
                typed(place, printed("A group of servers").strip())
            yield made

    def start(self, operator, accounts, regions):
        command = repaired(
            "Patching many accounts",
            ManagementAccountId=self.central,
            TargetAccountId=",".join(accounts),
            TargetAccountRegion=",".join(regions),
        )
        return typed(self.site, command, operator.keywords["environment"])["AutomationExecutionId"]

    def shown(self, execution_id):
        found = self.site.client("ssm").get_automation_execution(AutomationExecutionId=execution_id)
        return found["AutomationExecution"]

    def ended(self, execution_id, servers, timeout_s=PATIENCE_S):
        """What became of it; servers that want to restart do."""

        def over():
            for node in servers.values():
                if node.host.path(RESTART).exists():
                    node.host.path(RESTART).unlink()
                    node.restart()
            found = self.shown(execution_id)
            return found if found["AutomationExecutionStatus"] not in ("InProgress", "Pending") else None

        return self.site.until(over, timeout_s)


def steps(shown):
    return [
        (each["TargetLocation"]["Accounts"][0], each["TargetLocation"]["Regions"][0], each["StepStatus"])
        for each in shown["StepExecutions"]
    ]


def test_servers_of_three_accounts_in_two_regions_are_patched(site, tmp_path, repository):
    land = Enterprise(site)
    operator = land.accounts.operator()
    (tmp_path / "runbook.json").write_text(printed("A runbook that patches"))
    made = site.aws(
        *("ssm", "create-document", "--name", "Automation-RunPatchBaseline", "--document-type", "Automation"),
        *("--content", f"file://{tmp_path}/runbook.json"),
    )
    declared = {each["Name"] for each in made["DocumentDescription"]["Parameters"]}
    assert declared == {
        "AutomationAssumeRole",
        "Operation",
        "SnapshotId",
        "InstanceId",
        "InstallOverrideList",
    }

    with land.servers(tmp_path, repository) as servers:
        one = land.ended(land.start(operator, [land.first], [REGIONS[0]]), servers)
        assert one["AutomationExecutionStatus"] == "Success", json.dumps(one, default=str)
        assert steps(one) == [(land.first, REGIONS[0], "Success")]
        patched = {(land.first, REGIONS[0])}
        assert {where for where, node in servers.items() if _is_patched(node)} == patched

        everywhere = land.ended(land.start(operator, land.numbers, REGIONS), servers, 3 * PATIENCE_S)
        assert everywhere["AutomationExecutionStatus"] == "Success", json.dumps(everywhere, default=str)
        assert steps(everywhere) == [(a, r, "Success") for a in land.numbers for r in REGIONS]
        assert everywhere["ProgressCounters"]["SuccessSteps"] == 6
        for where, node in servers.items():
            assert _is_patched(node)
            assert (node.state["Operation"], node.state["MissingCount"]) == ("Install", 0)
            _check_there(land.places[where], everywhere["AutomationExecutionId"], node, where[0])

        wrong = partial(operator, status=255)
        for word in ("Operation=Foo", "Operation=Scan,SnapshotId=xyz"):
            refused = wrong(
                *("ssm", "start-automation-execution", "--document-name", "Automation-RunPatchBaseline"),
                *("--parameters", f"{word},InstanceId=i-0123456789abcdef0"),
            )
            assert "InvalidAutomationExecutionParameters" in refused

        land.places[land.second, REGIONS[1]].client("resource-groups").delete_group(Group="WebServers")
        lacking = land.ended(land.start(operator, land.numbers[1:], REGIONS), servers, 3 * PATIENCE_S)
        assert lacking["AutomationExecutionStatus"] == "Failed"
        assert [status for *_, status in steps(lacking)] == ["Success"] * 3 + ["Failed"]
        assert "There is no resource group WebServers" in lacking["StepExecutions"][3]["FailureMessage"]


def _is_patched(node):
    return versions(node.host)["openssl"].startswith("3.0.2")


def _check_there(place, parent_id, node, account):
    """In the location: an execution with a child for the server, which sent the command as the role there."""
    ssm = place.client("ssm")

    def children(of):
        wanted = [{"Key": "ParentExecutionId", "Values": [of]}]
        return ssm.describe_automation_executions(Filters=wanted)["AutomationExecutionMetadataList"]

    (child,) = children(parent_id)
    assert child["ResolvedTargets"]["ParameterValues"] == [node.id]
    (grandchild,) = children(child["AutomationExecutionId"])
    assert (grandchild["Target"], grandchild["AutomationExecutionStatus"]) == (node.id, "Success")
    shown = ssm.get_automation_execution(AutomationExecutionId=grandchild["AutomationExecutionId"])
    (step,) = shown["AutomationExecution"]["StepExecutions"]
    assert (step["StepName"], step["Action"]) == ("runPatchBaseline", "aws:runCommand")
    role = shown["AutomationExecution"]["Parameters"]["AutomationAssumeRole"]
    assert role == [f"arn:aws:iam::{account}:role/{EXECUTION}"]
    assert shown["AutomationExecution"]["Outputs"]["runPatchBaseline.Output"]
    (command,) = ssm.list_commands(CommandId=step["Outputs"]["CommandId"][0])["Commands"]
    assert (command["DocumentName"], command["Status"]) == ("AWS-RunPatchBaseline", "Success")
