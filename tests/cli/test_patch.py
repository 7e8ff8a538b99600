"""`hostreeve patch`: plans, reports and patching at once, against a server of a few answers."""

import csv
import io
import json
import sys

import pytest

from hostreeve.cli.patch_now import pace
from tests.cli.wire import Refusal

A, B = "mi-00000000000000001", "mi-00000000000000002"
ASSOCIATION, EXECUTION = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def patch(title, **more):
    return {
        "Title": title,
        "Name": title.partition(".")[0],
        "Version": "2",
        "InstalledVersion": "1",
        "Reason": "rule 1",
        "ComplianceLevel": "HIGH",
        "Classification": "Security",
        "Severity": "Important",
        "AdvisoryIds": ["RHSA-1"],
        "CVEIds": [f"CVE-2027-{n}" for n in range(7)],
        "RebootAdvised": True,
        **more,
    }


def node(node_id=A, install=(), waiting=(), **more):
    return {
        "InstanceId": node_id,
        "InstanceName": "web",
        "BaselineId": "pb-1",
        "BaselineName": "Prod",
        "PatchGroup": "Prod",
        "OperatingSystem": "UBUNTU",
        "Product": "Ubuntu22.04",
        "ReportedTime": 1_800_000_000.0,
        "ReportedBy": "Scan",
        "Install": list(install),
        "Waiting": list(waiting),
        "RejectedCount": 1,
        "HeldCount": 0,
        "NotSelectedCount": 2,
        "RebootRequired": bool(install),
        "RebootAdvised": any(each["RebootAdvised"] for each in install),
        **more,
    }


def test_a_plan_says_per_node_what_comes_why_and_whether_a_restart_follows(server, typed):
    pages = {
        "": {
            "Nodes": [
                node(
                    install=[patch("bash.x86_64:2")],
                    waiting=[patch("curl.x86_64:2", Reason="rule 1 approves it on 2027-02-01")],
                )
            ],
            "NextToken": "2",
        },
        "2": {"Nodes": [node(B)]},
    }
    server.answers["Hostreeve.PlanPatches"] = lambda request: pages[request.get("NextToken", "")]
    status, out, err = typed("patch", "plan", "--targets", "tag:PatchGroup=Prod", "--baseline-id", "pb-9")
    assert status == 0
    asked = server.requests("Hostreeve.PlanPatches")[0]
    assert (
        asked["Targets"] == [{"Key": "tag:PatchGroup", "Values": ["Prod"]}] and asked["BaselineId"] == "pb-9"
    )
    assert f"{A} (web)\n  by Prod (pb-1), patch group Prod\n" in out
    assert "  install bash.x86_64:2 (now 1)\n    rule 1; Important Security; RHSA-1; CVE-2027-0, " in out
    assert "CVE-2027-4 and 2 more; in use after a restart only" in out
    assert "  wait    curl.x86_64:2: rule 1 approves it on 2027-02-01" in out
    assert "RebootIfNeeded restarts the node, and something needs that; 1 rejected, 2 not selected" in out
    assert "nothing to install, no restart" in out
    assert "Nothing was sent. 1 patches on 1 of 2 nodes." in err


def test_nodes_without_a_plan_say_why(server, typed):
    problem = {"InstanceId": A, "InstanceName": "", "Problem": "The node has not been scanned yet."}
    server.answers["Hostreeve.PlanPatches"] = lambda request: {"Nodes": [problem]}
    status, out, err = typed("patch", "plan")
    assert status == 1 and "no plan: The node has not been scanned yet." in out
    assert "1 have no plan" in err
    status, out, _ = typed("patch", "plan", "--json")
    assert json.loads(out) == [problem]
    server.answers["Hostreeve.PlanPatches"] = lambda request: {"Nodes": []}
    assert typed("patch", "plan")[0] == 3


SUMMARY = {
    "Reported": 4,
    "UpToDate": 2,
    "Missing": 0,
    "Error": 1,
    "PendingReboot": 1,
    "Rejected": 0,
    "NotReported": 1,
    "MissingPatches": 3,
    "FailedPatches": 1,
    "OldestReportTime": 1_800_000_000.0,
}


def fleet(server, name="web"):
    server.answers["Hostreeve.GetPatchFleetSummary"] = lambda request: SUMMARY
    server.answers["AmazonSSM.DescribeInstanceInformation"] = lambda request: {
        "InstanceInformationList": [
            {
                "InstanceId": A,
                "ComputerName": name,
                "IPAddress": "10.0.0.7",
                "PlatformName": "Ubuntu",
                "PlatformVersion": "22.04",
                "AgentVersion": "0.1.0",
            },
            {"InstanceId": B},
        ]
    }
    state = {
        "InstanceId": A,
        "BaselineId": "pb-1",
        "PatchGroup": "Prod",
        "Operation": "Scan",
        "OperationEndTime": 1_800_000_000.0,
        "MissingCount": 2,
    }
    server.answers["AmazonSSM.DescribeInstancePatchStates"] = lambda request: {"InstancePatchStates": [state]}
    server.answers["AmazonSSM.DescribeInstancePatchStatesForPatchGroup"] = lambda request: {
        "InstancePatchStates": [state]
    }
    compliance = {
        "ResourceId": A,
        "Status": "NON_COMPLIANT",
        "OverallSeverity": "CRITICAL",
        "NonCompliantSummary": {"SeveritySummary": {"CriticalCount": 2}},
    }
    server.answers["AmazonSSM.ListResourceComplianceSummaries"] = lambda request: {
        "ResourceComplianceSummaryItems": [compliance]
    }


def test_the_numbers_of_the_fleet_are_a_table(server, typed):
    fleet(server)
    status, out, err = typed("patch", "report", "--patch-group", "Prod")
    assert status == 0 and server.requests("Hostreeve.GetPatchFleetSummary") == [{"PatchGroup": "Prod"}]
    lines = [line.split() for line in out.splitlines()]
    assert ["up", "to", "date", "2"] in lines and ["errors", "1"] in lines
    assert "3 patches are missing, 1 failed, the oldest report of 2027-01-15T08:00:00Z." in err
    status, out, _ = typed("patch", "report", "--json")
    assert json.loads(out) == SUMMARY | {"OldestReportTime": "2027-01-15T08:00:00Z"}


def test_a_fleet_is_a_row_for_each_node_in_csv(server, typed, tmp_path):
    fleet(server, name="=cmd()")
    status, out, _ = typed("patch", "report", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0 and [row["Instance ID"] for row in rows] == [A, B]
    first = rows[0]
    assert first["Instance name"] == "'=cmd()", "no formula for a spreadsheet"
    assert (first["Compliance status"], first["Compliance severity"]) == ("NON_COMPLIANT", "CRITICAL")
    assert first["Noncompliant Critical severity patch count"] == "2"
    assert (first["Patch baseline"], first["Patch group"]) == ("pb-1", "Prod")
    assert first["Last operation time"] == "2027-01-15T08:00:00Z"
    assert rows[1]["Compliance status"] == "NOT_REPORTED"
    file = tmp_path / "report.csv"
    status, out, err = typed(
        "patch", "report", "--format", "csv", "--output", str(file), "--patch-group", "Prod"
    )
    assert status == 0 and out == "" and "was written" in err
    assert len(list(csv.reader(io.StringIO(file.read_text())))) == 2, "of a group: who reported"


def test_a_fleet_is_one_page_in_html(server, typed):
    fleet(server, name="<script>")
    status, out, _ = typed("patch", "report", "--format", "html")
    assert status == 0 and out.startswith("<!doctype html>")
    assert "<div>2<span>up to date</span></div>" in out and "<script>" not in out and "&lt;script&gt;" in out
    assert out.count('<tr class="bad">') == 1


def test_a_fleet_is_pages_in_pdf(server, typed, tmp_path):
    fleet(server, name="<b>東京 & co")
    file = tmp_path / "report.pdf"
    status, out, err = typed("patch", "report", "--format", "pdf", "--output", str(file))
    assert (status, out) == (0, "") and "was written" in err
    content = file.read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    assert b"/Title (Patch compliance)" in content and b"HeiseiKakuGo-W5" in content
    typed("patch", "report", "--format", "pdf", "--output", str(file))
    assert file.read_bytes() == content, "the same report is the same file"


def test_a_pdf_wants_a_file_and_its_library(server, typed, tmp_path, monkeypatch):
    fleet(server)
    status, _, err = typed("patch", "report", "--format", "pdf")
    assert status == 2 and "--output" in err
    monkeypatch.setitem(sys.modules, "reportlab", None)
    monkeypatch.setitem(sys.modules, "reportlab.lib", None)
    status, _, err = typed("patch", "report", "--format", "pdf", "--output", str(tmp_path / "x"))
    assert status == 2 and "hostreeve[pdf]" in err
    assert not (tmp_path / "x").exists()


def test_one_node_is_reported_with_all_its_patches(server, typed):
    fleet(server)
    server.answers["AmazonSSM.DescribeInstancePatches"] = lambda request: {
        "Patches": [
            {
                "Title": "bash.x86_64:2",
                "KBId": "bash.x86_64",
                "State": "MISSING",
                "Severity": "Important",
                "Classification": "Security",
                "CVEIds": "CVE-2027-1",
            }
        ]
    }
    server.answers["AmazonSSM.ListComplianceItems"] = lambda request: {
        "ComplianceItems": [{"Id": "bash.x86_64", "Title": "bash.x86_64:2", "Severity": "HIGH"}]
    }
    status, out, _ = typed("patch", "report", "--instance-id", A, "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert status == 0
    assert (row["KB/Patch ID"], row["Patch state"], row["Compliance level"]) == (
        "bash.x86_64",
        "MISSING",
        "HIGH",
    )
    assert row["CVE ID"] == "CVE-2027-1" and row["Last report time"] == "2027-01-15T08:00:00Z"
    assert "MISSING" in typed("patch", "report", "--instance-id", A)[1]
    assert (
        json.loads(typed("patch", "report", "--instance-id", A, "--json")[1])[0]["Patch state"] == "MISSING"
    )


def test_a_table_is_not_written_to_a_file(server, typed):
    status, _, err = typed("patch", "report", "--output", "x")
    assert status == 2 and "--format csv, html and pdf" in err


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [(1, ("1", "1")), (24, ("1", "1")), (25, ("5%", "5")), (100, ("5%", "5")), (101, ("8%", "10")),
     (1000, ("8%", "10")), (1001, ("10%", "10"))],
)  # fmt: skip
def test_an_installation_goes_at_aws_pace(nodes, expected):
    assert pace("Install", nodes) == expected
    assert pace("Scan", nodes) == ("1000", "1000")


def associating(server, *statuses):
    """An association whose execution stands so, one look after the other."""
    seen = list(statuses)
    server.answers["Hostreeve.PlanCommand"] = lambda request: {
        "Targets": [{"InstanceId": A}, {"InstanceId": B}]
    }
    server.answers["AmazonSSM.CreateAssociation"] = lambda request: {
        "AssociationDescription": {"AssociationId": ASSOCIATION}
    }
    server.answers["AmazonSSM.DescribeAssociationExecutions"] = lambda request: {
        "AssociationExecutions": [
            {"ExecutionId": EXECUTION, "Status": seen.pop(0) if len(seen) > 1 else seen[0]}
        ]
    }
    server.answers["AmazonSSM.DescribeAssociationExecutionTargets"] = lambda request: {
        "AssociationExecutionTargets": [
            {"ResourceId": A, "Status": "Success"},
            {"ResourceId": B, "Status": "Failed", "DetailedStatus": "Failed"},
        ]
    }
    server.answers["AmazonSSM.DescribeInstancePatchStates"] = lambda request: {
        "InstancePatchStates": [
            {"InstanceId": A, "BaselineId": "pb-1", "MissingCount": 0, "InstalledCount": 9}
        ]
    }
    server.answers["AmazonSSM.DeleteAssociation"] = lambda request: {}


def test_patching_now_is_an_association_that_is_applied_once_and_gone(server, typed):
    associating(server, "Pending", "InProgress", "Failed")
    status, out, err = typed(
        "patch",
        "now",
        "--operation",
        "Install",
        "--targets",
        "tag:PatchGroup=Prod",
        "--reboot-option",
        "NoReboot",
    )
    assert status == 1, "one node failed"
    (asked,) = server.requests("AmazonSSM.CreateAssociation")
    assert asked["Name"] == "AWS-RunPatchBaseline"
    assert asked["Parameters"] == {"Operation": ["Install"], "RebootOption": ["NoReboot"]}
    assert (asked["MaxConcurrency"], asked["MaxErrors"]) == ("1", "1")
    assert "Install on 2 nodes, 1 at a time" in err
    assert A in out and "Failed" in out
    assert server.requests("AmazonSSM.DeleteAssociation") == [{"AssociationId": ASSOCIATION}]


def test_patching_now_can_be_begun_and_left(server, typed):
    associating(server, "Pending")
    status, out, err = typed("patch", "now", "--instance-ids", A, B, "--no-follow")
    assert status == 0 and out.strip() == ASSOCIATION and "until you delete it" in err
    (asked,) = server.requests("AmazonSSM.CreateAssociation")
    assert asked["Parameters"] == {"Operation": ["Scan"]} and asked["MaxConcurrency"] == "1000"
    assert not server.requests("AmazonSSM.DeleteAssociation")


def test_patching_nobody_is_said(server, typed):
    associating(server, "Success")
    assert typed("patch", "now")[0] == 2
    server.answers["Hostreeve.PlanCommand"] = lambda request: {"Targets": []}
    assert typed("patch", "now", "--targets", "tag:a=b")[0] == 3
    assert not server.requests("AmazonSSM.CreateAssociation")

    def refuse(request):
        raise Refusal("AccessDeniedException", "no")

    server.answers["Hostreeve.PlanCommand"] = refuse
    assert typed("patch", "now", "--targets", "tag:a=b")[0] == 3
