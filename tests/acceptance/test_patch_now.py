"""`hostreeve patch` against real nodes: a plan, patching at once, reports; and the way of a patch policy."""

import csv
import io
import json

import pytest

from tests.acceptance.test_patch_manager import MORE, OLD, PATIENCE_S, SECURITY, nodes, put
from tests.hosts.debian import Repository, versions
from tests.hosts.host import needs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    needs("unshare", "nsenter", "dpkg-deb", "apt-get")
    made = Repository(tmp_path_factory.mktemp("archive"))
    made.suite("bookworm", [*OLD, *MORE])
    made.suite("bookworm-security", SECURITY, label="Debian-Security")
    return made


def test_a_fleet_is_scanned_planned_patched_and_reported(site, tmp_path, repository):
    with nodes(site, tmp_path, repository, "one", "two") as (one, two):
        for each in (one, two):
            each.tag(PatchGroup="Prod")
        production = ("--targets", "tag:PatchGroup=Prod")
        plan = json.loads(site.hostreeve("patch", "plan", *production, "--json", status=1))
        assert all("has not been scanned" in node["Problem"] for node in plan)

        said = site.hostreeve("patch", "now", *production)
        assert said.count("Success") == 2
        plan = json.loads(site.hostreeve("patch", "plan", *production, "--json"))
        for node in plan:
            assert [each["Name"] for each in node["Install"]] == ["openssl", "telnet"]
            assert {each["Reason"] for each in node["Install"]} == {"rule 1"} and node["RebootRequired"]
        assert versions(one.host)["openssl"] == "3.0.1 ii", "neither a scan nor a plan installs"

        install = ("--operation", "Install", "--reboot-option", "NoReboot", "--json")
        told = json.loads(site.hostreeve("patch", "now", *install, *production))
        assert {node["InstanceId"]: node["Status"] for node in told} == {one.id: "Success", two.id: "Success"}
        assert versions(one.host)["openssl"] == versions(two.host)["openssl"] == "3.0.2 ii"
        assert site.client("ssm").list_associations()["Associations"] == [], "nothing patches by itself later"

        rows = list(csv.DictReader(io.StringIO(site.hostreeve("patch", "report", "--format", "csv"))))
        assert {row["Instance ID"]: row["Compliance status"] for row in rows} == {
            one.id: "NON_COMPLIANT",
            two.id: "NON_COMPLIANT",
        }
        summary = json.loads(site.hostreeve("patch", "report", "--json"))
        assert (summary["PendingReboot"], summary["NotReported"]) == (2, 0)
        assert one.id in site.hostreeve("patch", "report", "--format", "html")


def test_a_patch_policy_is_an_association_with_a_baseline_of_its_own(site, tmp_path, repository):
    """Quick Setup makes such associations; what they report is what is known of the node."""
    with nodes(site, tmp_path, repository, "one") as (node,):
        rules = {
            "PatchRules": [
                {"PatchFilterGroup": {"PatchFilters": [{"Key": "PRIORITY", "Values": ["Standard"]}]}}
            ]
        }
        override = put(
            site,
            "baseline_overrides.json",
            json.dumps([{"OperatingSystem": "DEBIAN", "ApprovalRules": rules}]),
        )
        ssm = site.client("ssm")
        policy = ssm.create_association(
            Name="AWS-RunPatchBaseline",
            AssociationName="AWS-QuickSetup-PatchPolicy-ScanForPatches-LA-1",
            Targets=[{"Key": "InstanceIds", "Values": [node.id]}],
            ScheduleExpression="cron(0 1 * * ? *)",
            Parameters={
                "Operation": ["Scan"],
                "BaselineOverride": [override],
                "AssociationId": ["00000000-0000-4000-8000-000000000000"],
            },
        )["AssociationDescription"]["AssociationId"]
        found = site.until(
            lambda: ssm.describe_instance_patch_states(InstanceIds=[node.id])["InstancePatchStates"],
            PATIENCE_S,
        )
        assert (found[0]["MissingCount"], found[0]["BaselineId"], found[0]["PatchGroup"]) == (1, "", "")
        assert node.patches["telnet.all"] == "MISSING"
        site.until(
            lambda: (
                ssm.describe_association(AssociationId=policy)["AssociationDescription"]["Overview"].get(
                    "Status"
                )
                == "Success"
            ),
            PATIENCE_S,
        )
