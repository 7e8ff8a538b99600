"""What nodes report that they could have: the catalog, what baselines say of it, plans, the fleet."""

import pytest

from tests.patches.estate import RHEL, UBUNTU, WINDOWS, patch, refused, rule

both_engines = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)
DAY_S = 86_400
RED = ("REDHAT_ENTERPRISE_LINUX", "RedhatEnterpriseLinux9.4")


def version(name="bash", **more):
    """A version of an RPM host, as the payload reports it: released on the first of January 2027."""
    told = {
        "Name": name,
        "Arch": "x86_64",
        "Epoch": "0",
        "Version": "5.1.8",
        "Release": "9.el9",
        "InstalledVersion": "0:5.1.8-6.el9",
        "Repository": "baseos",
        "IsSecurity": True,
        "Classification": "Security",
        "Severity": "Important",
        "ReleaseDate": "2027-01-01T00:00:00Z",
        "AdvisoryIds": ["RHSA-2027:0001"],
        "BugzillaIds": ["1234567"],
        "CVEIds": ["CVE-2027-0001"],
        "Decision": "APPROVED",
        "Reason": "rule 1",
        "RebootRequired": False,
        **more,
    }
    shown = f"{told['Epoch']}:{told['Version']}-{told['Release']}"
    return {"Title": f"{name}.x86_64:{shown}", **told}


def reported(estate, node, *patches, system=RED, **more):
    request = {"InstanceId": node, "OperatingSystem": system[0], "Product": system[1], "Operation": "Scan"}
    estate.own("ReportPatches", node, **request, Patches=list(patches), **more)


def red(estate, *patches):
    node = estate.node(RHEL)
    reported(estate, node, *patches)
    return node


def available(ssm, *filters):
    asked = [{"Key": key, "Values": list(values)} for key, *values in filters]
    return ssm.describe_available_patches(Filters=asked)["Patches"]


@both_engines
def test_what_nodes_report_is_available_once_however_many_report_it(estate, ssm):
    for _ in range(2):
        red(estate, version(), version("curl", Classification="Bugfix", CVEIds=[], IsSecurity=False))
    found = available(ssm, ("PRODUCT", RED[1]))
    assert [one["Name"] for one in found] == ["bash", "curl"]
    shown = found[0]
    assert shown.pop("ReleaseDate").isoformat().startswith("2027-01-01T00:00:00")
    assert shown == {
        "Name": "bash",
        "Title": "bash.x86_64:0:5.1.8-9.el9",
        "Product": RED[1],
        "ProductFamily": "Red Hat Enterprise Linux",
        "Epoch": 0,
        "Version": "5.1.8",
        "Release": "9.el9",
        "Arch": "x86_64",
        "Repository": "baseos",
        "Classification": "Security",
        "Severity": "Important",
        "AdvisoryIds": ["RHSA-2027:0001"],
        "BugzillaIds": ["1234567"],
        "CVEIds": ["CVE-2027-0001"],
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NAME", "bash"),
        ("SEVERITY", "Important"),
        ("EPOCH", "0"),
        ("VERSION", "5.1.8"),
        ("RELEASE", "9.el9"),
        ("ARCH", "x86_64"),
        ("REPOSITORY", "baseos"),
        ("ADVISORY_ID", "RHSA-2027:0001"),
        ("CVE_ID", "CVE-2027-0001"),
        ("BUGZILLA_ID", "1234567"),
        ("CLASSIFICATION", "Security"),
    ],
)
def test_available_patches_are_filtered_by_everything_that_they_are(estate, ssm, key, value):
    red(
        estate,
        version(),
        version(
            "curl",
            Arch="noarch",
            Epoch="1",
            Version="8",
            Release="1",
            Repository="other",
            Classification="Bugfix",
            Severity="Low",
            AdvisoryIds=["RHBA-2027:0002"],
            BugzillaIds=[],
            CVEIds=[],
        ),
    )
    assert [one["Name"] for one in available(ssm, ("PRODUCT", RED[1]), (key, value))] == ["bash"]


def test_filters_of_linux_need_a_product(estate, ssm):
    said = refused(
        ssm.describe_available_patches,
        "ValidationException",
        Filters=[{"Key": "CVE_ID", "Values": ["CVE-2018-3615"]}],
    )
    assert "PRODUCT" in said
    refused(
        ssm.describe_available_patches, "ValidationException", Filters=[{"Key": "COLOUR", "Values": ["red"]}]
    )
    red(estate, version())
    assert ssm.describe_available_patches()["Patches"] == [], "without a product: those of Windows"
    assert available(ssm, ("PRODUCT", "Ubuntu22.04")) == []


def test_available_patches_come_in_pages(estate, ssm):
    red(estate, *(version(f"p{n:03}") for n in range(120)))
    pages = ssm.get_paginator("describe_available_patches").paginate(
        Filters=[{"Key": "PRODUCT", "Values": [RED[1]]}], PaginationConfig={"PageSize": 50}
    )
    assert [len(page["Patches"]) for page in pages] == [50, 50, 20]


def test_properties_are_known_and_reported_ones(estate, ssm):
    red(estate, version(Classification="Unheard"))

    def names(system, member, **more):
        asked = {"OperatingSystem": system, "Property": member, **more}
        return [one["Name"] for one in ssm.describe_patch_properties(**asked)["Properties"]]

    assert names(RED[0], "PRODUCT") == [RED[1]]
    assert {"Security", "Bugfix", "Unheard"} <= set(names(RED[0], "CLASSIFICATION"))
    assert "Important" in names(RED[0], "SEVERITY")
    assert names("UBUNTU", "PRIORITY") == ["Extra", "Important", "Optional", "Required", "Standard"]
    assert names("UBUNTU", "PRODUCT") == []
    assert "WindowsServer2012R2" in names("WINDOWS", "PRODUCT", PatchSet="OS")
    assert names("WINDOWS", "PRODUCT", PatchSet="APPLICATION") == []
    for system, member in (("UBUNTU", "SEVERITY"), (RED[0], "PRIORITY"), ("MACOS", "SEVERITY")):
        refused(ssm.describe_patch_properties, "ValidationException", OperatingSystem=system, Property=member)
    refused(
        ssm.describe_patch_properties,
        "ValidationException",
        OperatingSystem="UBUNTU",
        Property="PRODUCT",
        PatchSet="OS",
    )


def effective(ssm, baseline):
    found = ssm.describe_effective_patches_for_patch_baseline(BaselineId=baseline)["EffectivePatches"]
    return {one["Patch"].get("Name", one["Patch"]["Title"]): one["PatchStatus"] for one in found}


def test_a_baseline_says_what_of_the_catalog_it_approves_when(estate, ssm):
    red(
        estate,
        version("approved"),
        version("later", ReleaseDate="2027-01-14T00:00:00Z"),
        version("listed", Classification="Bugfix"),
        version("rejected"),
        version("other", Classification="Enhancement"),
    )
    made = estate.baseline(
        RED[0],
        ApprovalRules={"PatchRules": [rule(7, level="HIGH", CLASSIFICATION=["Security"])]},
        ApprovedPatches=["listed", "rejected"],
        ApprovedPatchesComplianceLevel="LOW",
        RejectedPatches=["rejected"],
    )
    found = effective(ssm, made)
    assert {name: (one["DeploymentStatus"], one["ComplianceLevel"]) for name, one in found.items()} == {
        "approved": ("APPROVED", "HIGH"),
        "later": ("PENDING_APPROVAL", "HIGH"),
        "listed": ("EXPLICIT_APPROVED", "LOW"),
        "rejected": ("EXPLICIT_REJECTED", "UNSPECIFIED"),
    }
    assert found["approved"]["ApprovalDate"].isoformat().startswith("2027-01-08")
    assert found["later"]["ApprovalDate"].isoformat().startswith("2027-01-21")
    refused(
        ssm.describe_effective_patches_for_patch_baseline,
        "DoesNotExistException",
        BaselineId="pb-00000000000000000",
    )


def test_the_lists_of_a_baseline_for_windows_are_effective_though_nobody_reports_windows(estate, ssm):
    """AWS Summit Tokyo 2017: Windows Server 2012 R2, critical, after five days, without KB2124261."""
    made = estate.baseline(
        "WINDOWS",
        ApprovalRules={"PatchRules": [rule(5, PRODUCT=["WindowsServer2012R2"], MSRC_SEVERITY=["Critical"])]},
        ApprovedPatches=["KB2032276"],
        RejectedPatches=["KB2124261"],
    )
    ssm.register_patch_baseline_for_patch_group(BaselineId=made, PatchGroup="Prod")
    found = effective(ssm, made)
    assert found["KB2124261"]["DeploymentStatus"] == "EXPLICIT_REJECTED"
    assert found["KB2032276"]["DeploymentStatus"] == "EXPLICIT_APPROVED"


@both_engines
def test_a_plan_says_what_would_be_installed_and_why(estate, ssm):
    made = estate.baseline(
        RED[0],
        ApprovalRules={"PatchRules": [rule(7, level="HIGH", CLASSIFICATION=["Security"])]},
        RejectedPatches=["telnet*"],
    )
    ssm.register_default_patch_baseline(BaselineId=made)
    node = red(
        estate,
        version("bash", Release="8.el9"),
        version("bash", RebootRequired=True),
        version("curl", ReleaseDate="2027-01-14T00:00:00Z"),
        version("telnet"),
        version("vim", Classification="Enhancement"),
        version("held", Decision="NOT_SELECTED", Reason="held by the administrator"),
    )
    estate.tag(node, PatchGroup="Prod")
    (one,) = estate.own("PlanPatches", InstanceIds=[node])["Nodes"]
    assert (one["BaselineId"], one["BaselineName"], one["PatchGroup"]) == (made, "Prod", "Prod")
    assert (one["Product"], one["ReportedBy"]) == (RED[1], "Scan")
    assert [(each["Title"], each["Reason"]) for each in one["Install"]] == [
        ("bash.x86_64:0:5.1.8-9.el9", "rule 1")
    ]
    assert one["Install"][0]["CVEIds"] == ["CVE-2027-0001"]
    assert one["Install"][0]["InstalledVersion"] == "0:5.1.8-6.el9"
    assert [(each["Name"], each["Reason"]) for each in one["Waiting"]] == [
        ("curl", "rule 1 approves it on 2027-01-21")
    ]
    counts = {name: one[name] for name in ("RejectedCount", "HeldCount", "NotSelectedCount")}
    assert counts == {"RejectedCount": 1, "HeldCount": 1, "NotSelectedCount": 1}
    assert (one["RebootRequired"], one["RebootAdvised"]) == (True, True)

    estate.world.advance(7 * DAY_S)
    (later,) = estate.own("PlanPatches", InstanceIds=[node])["Nodes"]
    assert [each["Name"] for each in later["Install"]] == ["bash", "curl"], "days pass without a scan"
    ssm.update_patch_baseline(BaselineId=made, ApprovedPatches=["vim"])
    (changed,) = estate.own("PlanPatches", InstanceIds=[node])["Nodes"]
    assert ("vim", "approved patches") in [(each["Name"], each["Reason"]) for each in changed["Install"]]


def test_a_plan_can_be_made_by_another_baseline(estate, ssm):
    other = estate.baseline(RED[0], ApprovedPatches=["vim"], Name="Trial")
    node, debian = red(estate, version(), version("vim", Classification="Enhancement")), estate.node(UBUNTU)
    found = estate.own("PlanPatches", BaselineId=other)["Nodes"]
    by_id = {one["InstanceId"]: one for one in found}
    assert [each["Name"] for each in by_id[node]["Install"]] == ["vim"]
    assert "is for REDHAT_ENTERPRISE_LINUX" in by_id[debian]["Problem"]
    with pytest.raises(ValueError, match="DoesNotExistException"):
        estate.own("PlanPatches", BaselineId="pb-00000000000000000")


def test_a_plan_says_which_nodes_it_knows_nothing_of(estate):
    silent, strange = estate.node(UBUNTU), estate.node(("Plan 9", "4"))
    found = estate.own("PlanPatches", Targets=[{"Key": "InstanceIds", "Values": [silent, strange]}])["Nodes"]
    problems = [one["Problem"] for one in found]
    assert "has not been scanned" in problems[0] and "no patch baselines" in problems[1]
    with pytest.raises(ValueError, match="InvalidInstanceId"):
        estate.own("PlanPatches", InstanceIds=["mi-fffffffffffffffff"])
    with pytest.raises(ValueError, match="InvalidTarget"):
        estate.own("PlanPatches", Targets=[{"Key": "colour", "Values": ["red"]}])


def test_a_plan_comes_in_pages(estate):
    nodes = [red(estate, version()) for _ in range(3)]
    first = estate.own("PlanPatches", MaxResults=2)
    rest = estate.own("PlanPatches", MaxResults=2, NextToken=first["NextToken"])
    assert [one["InstanceId"] for one in first["Nodes"] + rest["Nodes"]] == nodes and "NextToken" not in rest


def test_a_node_reports_for_itself_and_what_can_be(estate):
    node, other = estate.node(RHEL), estate.node(RHEL)
    base = {"InstanceId": node, "OperatingSystem": RED[0], "Product": RED[1], "Operation": "Scan"}
    for change, code in (
        ({"InstanceId": other}, "AccessDeniedException"),
        ({"OperatingSystem": "WINDOWS"}, "UnsupportedOperatingSystem"),
        ({"Patches": [version(ReleaseDate="tomorrow")]}, "InvalidItemContentException"),
        ({"Patches": [{"Name": "", "Title": ""}]}, "ValidationException"),
        ({"Patches": [version(CVEIds=["CVE-2027-0001" * 8] * 5_000)] * 9}, "ItemSizeLimitExceeded"),
    ):
        with pytest.raises(ValueError, match=code):
            estate.own("ReportPatches", node, **base | {"Patches": []} | change)
    with pytest.raises(ValueError, match="InvalidInstanceId"):
        estate.own("ReportPatches", **base | {"Patches": [], "InstanceId": "mi-fffffffffffffffff"})


@both_engines
def test_the_fleet_is_counted_each_node_for_its_worst(estate):
    estate.report(estate.node(), patch("a", "Installed"), PatchGroup="Prod")
    estate.report(estate.node(), patch("a", "Installed"), PatchGroup="Prod")
    estate.report(
        estate.node(),
        patch("a", "Failed", "CRITICAL"),
        patch("b"),
        PatchGroup="Prod",
        OperationType="Install",
    )
    estate.report(estate.node(), patch("a"), patch("b"))
    estate.report(estate.node(), patch("a", "InstalledPendingReboot", "HIGH"))
    estate.report(estate.node(), patch("a", "InstalledRejected"))
    estate.node(WINDOWS)
    shown = estate.own("GetPatchFleetSummary")
    assert shown.pop("OldestReportTime") == estate.world.now_ms() // 1000
    assert shown.pop("ByBaseline") == [{"BaselineId": "pb-0123456789abcdef0", "Nodes": 6}]
    assert shown.pop("NonCompliantBySeverity") == [
        {"Severity": "CRITICAL", "Nodes": 1},
        {"Severity": "HIGH", "Nodes": 1},
        {"Severity": "UNSPECIFIED", "Nodes": 2},
    ]
    assert shown == {
        "Reported": 6,
        "NotReported": 1,
        "UpToDate": 2,
        "Error": 1,
        "Missing": 1,
        "PendingReboot": 1,
        "Rejected": 1,
        "MissingPatches": 3,
        "FailedPatches": 1,
        "CriticalPatches": 1,
        "SecurityPatches": 6,
    }
    prod = estate.own("GetPatchFleetSummary", PatchGroup="Prod")
    assert (prod["UpToDate"], prod["Missing"], prod["Error"]) == (2, 0, 1) and "NotReported" not in prod


@both_engines
def test_versions_that_nobody_has_any_more_are_forgotten(estate, ssm, house):
    node = red(estate, version(), version("curl"))
    estate.world.advance(60 * DAY_S)
    reported(estate, node, version())
    estate.world.advance(60 * DAY_S)
    house.tick()
    assert [one["Name"] for one in available(ssm, ("PRODUCT", RED[1]))] == ["bash"]


def test_a_rule_for_alpine_can_be_about_a_repository(estate, ssm):
    alpine = ("ALPINE_LINUX", "Alpine3.20")
    node = estate.node(("Alpine Linux", "3.20.3"))
    offered = [
        {
            "Name": name,
            "Title": f"{name}:2",
            "Version": "2",
            "Repository": repository,
            "InstalledVersion": "1",
        }
        for name, repository in (("busybox", "main"), ("doas", "community"))
    ]
    reported(estate, node, *offered, system=alpine)
    main = {**rule(0, REPOSITORY=["main"]), "EnableNonSecurity": True}
    made = estate.baseline("ALPINE_LINUX", ApprovalRules={"PatchRules": [main]})
    (one,) = estate.own("PlanPatches", BaselineId=made)["Nodes"]
    assert [each["Name"] for each in one["Install"]] == ["busybox"]
    (all_of_them,) = estate.own("PlanPatches")["Nodes"]
    assert [each["Name"] for each in all_of_them["Install"]] == ["busybox", "doas"], (
        "AWS's default, ours here"
    )
