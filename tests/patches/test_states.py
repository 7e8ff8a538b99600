"""How nodes stand: what they report is kept, counted, filtered and shown as at AWS."""

import pytest
from botocore.exceptions import ClientError

from tests.patches.estate import patch, refused, stamp

both_engines = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)
NOBODY = "mi-fffffffffffffffff"


def state_of(ssm, node):
    return ssm.describe_instance_patch_states(InstanceIds=[node])["InstancePatchStates"][0]


@both_engines
def test_a_report_is_shown_as_the_nodes_state(estate, ssm):
    node = estate.node()
    last = stamp(estate.world.now_ms() - 86_400_000)
    estate.report(
        node,
        patch("bash", "Installed"),
        patch("curl", "InstalledOther"),
        patch("dash", "InstalledPendingReboot"),
        patch("ed", "InstalledRejected"),
        patch("file", "Missing", "CRITICAL"),
        patch("gawk", "Failed", Classification="Bugfix"),
        PatchGroup="Prod",
        OperationType="Install",
        RebootOption="NoReboot",
        InstallOverrideList="https://x/list",
        NotApplicableCount="7",
        LastNoRebootInstallOperationTime=last,
    )
    shown = state_of(ssm, node)
    counts = {name: value for name, value in shown.items() if name.endswith("Count")}
    assert counts == {
        "InstalledCount": 1,
        "InstalledOtherCount": 1,
        "InstalledPendingRebootCount": 1,
        "InstalledRejectedCount": 1,
        "MissingCount": 1,
        "FailedCount": 1,
        "NotApplicableCount": 7,
        "UnreportedNotApplicableCount": 0,
        "AvailableSecurityUpdateCount": 0,
        "CriticalNonCompliantCount": 1,
        "SecurityNonCompliantCount": 3,
        "OtherNonCompliantCount": 1,
    }
    rest = {name: shown[name] for name in ("InstanceId", "PatchGroup", "BaselineId", "Operation")}
    assert rest == {
        "InstanceId": node,
        "PatchGroup": "Prod",
        "BaselineId": "pb-0123456789abcdef0",
        "Operation": "Install",
    }
    assert shown["SnapshotId"] == "521c3536-930c-4aa9-950e-01234567abcd"
    assert (shown["RebootOption"], shown["InstallOverrideList"]) == ("NoReboot", "https://x/list")
    assert (shown["OperationEndTime"] - shown["OperationStartTime"]).total_seconds() == 5
    assert shown["LastNoRebootInstallOperationTime"] < shown["OperationStartTime"]


@both_engines
def test_the_latest_report_stands_in_the_place_of_every_earlier_one(estate, ssm):
    node = estate.node()
    estate.report(node, patch("bash"), InstallOverrideList="https://x/list")
    estate.report(node, patch("bash", "Installed"), BaselineId="pb-11111111111111111")
    shown = state_of(ssm, node)
    assert (shown["MissingCount"], shown["InstalledCount"]) == (0, 1)
    assert shown["BaselineId"] == "pb-11111111111111111" and "InstallOverrideList" not in shown
    patches = ssm.describe_instance_patches(InstanceId=node)["Patches"]
    assert [one["State"] for one in patches] == ["INSTALLED"]


def test_nodes_that_have_not_reported_are_left_out(estate, ssm):
    node, silent = estate.node(), estate.node()
    estate.report(node)
    found = ssm.describe_instance_patch_states(InstanceIds=[node, silent, NOBODY])["InstancePatchStates"]
    assert [one["InstanceId"] for one in found] == [node]
    assert found[0]["PatchGroup"] == "", "a node in no group has an empty one"


def test_states_come_in_pages(estate, ssm):
    nodes = [estate.node() for _ in range(12)]
    for node in nodes:
        estate.report(node, PatchGroup="Prod")
    first = ssm.describe_instance_patch_states(InstanceIds=nodes, MaxResults=10)
    rest = ssm.describe_instance_patch_states(InstanceIds=nodes, MaxResults=10, NextToken=first["NextToken"])
    found = [*first["InstancePatchStates"], *rest["InstancePatchStates"]]
    assert [one["InstanceId"] for one in found] == nodes and "NextToken" not in rest
    pages = ssm.get_paginator("describe_instance_patch_states_for_patch_group").paginate(
        PatchGroup="Prod", PaginationConfig={"PageSize": 10}
    )
    assert [one["InstanceId"] for page in pages for one in page["InstancePatchStates"]] == nodes
    refused(ssm.describe_instance_patch_states, "InvalidNextToken", InstanceIds=nodes, NextToken="x")


@both_engines
def test_a_group_is_filtered_by_every_count(estate, ssm):
    good, bad, other = estate.node(), estate.node(), estate.node()
    estate.report(good, patch("bash", "Installed"), PatchGroup="Prod")
    estate.report(bad, patch("bash"), patch("curl"), PatchGroup="Prod")
    estate.report(other, patch("bash"), PatchGroup="Test")

    def found(key, operator, value):
        answer = ssm.describe_instance_patch_states_for_patch_group(
            PatchGroup="Prod", Filters=[{"Key": key, "Values": [value], "Type": operator}]
        )
        return [one["InstanceId"] for one in answer["InstancePatchStates"]]

    assert found("MissingCount", "Equal", "2") == [bad]
    assert found("MissingCount", "NotEqual", "2") == [good]
    assert found("MissingCount", "LessThan", "2") == [good]
    assert found("MissingCount", "GreaterThan", "1") == [bad]
    assert found("InstalledCount", "Equal", "1") == [good]
    assert found("SecurityNonCompliantCount", "GreaterThan", "0") == [bad]
    for wrong in ({"Key": "Missing", "Values": ["1"]}, {"Key": "MissingCount", "Values": ["many"]}):
        refused(
            ssm.describe_instance_patch_states_for_patch_group,
            "InvalidFilter",
            PatchGroup="Prod",
            Filters=[wrong | {"Type": "Equal"}],
        )


@both_engines
def test_a_group_is_counted_by_nodes(estate, ssm):
    estate.report(estate.node(), patch("a", "Installed"), patch("b", "InstalledOther"), PatchGroup="Prod")
    estate.report(estate.node(), patch("a", "Missing", "CRITICAL"), patch("b", "Missing"), PatchGroup="Prod")
    estate.report(
        estate.node(),
        patch("a", "Failed", Classification="Bugfix"),
        patch("b", "InstalledPendingReboot"),
        patch("c", "InstalledRejected"),
        PatchGroup="Prod",
        NotApplicableCount="3",
    )
    estate.report(estate.node(), patch("a"), PatchGroup="Test")
    shown = ssm.describe_patch_group_state(PatchGroup="Prod")
    shown.pop("ResponseMetadata")
    assert shown == {
        "Instances": 3,
        "InstancesWithInstalledPatches": 1,
        "InstancesWithInstalledOtherPatches": 1,
        "InstancesWithInstalledPendingRebootPatches": 1,
        "InstancesWithInstalledRejectedPatches": 1,
        "InstancesWithMissingPatches": 1,
        "InstancesWithFailedPatches": 1,
        "InstancesWithNotApplicablePatches": 1,
        "InstancesWithUnreportedNotApplicablePatches": 0,
        "InstancesWithCriticalNonCompliantPatches": 1,
        "InstancesWithSecurityNonCompliantPatches": 2,
        "InstancesWithOtherNonCompliantPatches": 1,
        "InstancesWithAvailableSecurityUpdates": 0,
    }
    assert ssm.describe_patch_group_state(PatchGroup="Nobody")["Instances"] == 0


def test_patches_are_listed_with_states_in_capitals(estate, ssm):
    node = estate.node()
    states = [
        "Installed",
        "InstalledOther",
        "InstalledPendingReboot",
        "InstalledRejected",
        "Missing",
        "Failed",
    ]
    estate.report(node, *(patch(f"p{n}", state, CVEIds="CVE-2026-1") for n, state in enumerate(states)))
    found = ssm.describe_instance_patches(InstanceId=node)["Patches"]
    assert [one["State"] for one in found] == [
        "INSTALLED",
        "INSTALLED_OTHER",
        "INSTALLED_PENDING_REBOOT",
        "INSTALLED_REJECTED",
        "MISSING",
        "FAILED",
    ]
    assert found[0] | {"InstalledTime": None} == {
        "Title": "p0.amd64:1.0",
        "KBId": "p0.amd64",
        "Classification": "Security",
        "Severity": "Important",
        "State": "INSTALLED",
        "InstalledTime": None,
        "CVEIds": "CVE-2026-1",
    }
    assert (found[1]["Classification"], found[1]["Severity"]) == ("", ""), "the baseline does not govern it"
    assert found[0]["InstalledTime"].year == 2027 and found[4]["InstalledTime"].year == 1970


def test_patches_are_filtered(estate, ssm):
    node = estate.node()
    estate.report(
        node,
        patch("bash"),
        patch("curl", "Installed", Classification="Bugfix"),
        patch("dash", "Installed", PatchSeverity="Low"),
    )

    def found(**filters):
        asked = [{"Key": key, "Values": [value]} for key, value in filters.items()]
        answer = ssm.describe_instance_patches(InstanceId=node, Filters=asked)
        return [one["KBId"].partition(".")[0] for one in answer["Patches"]]

    assert found(State="Installed") == ["curl", "dash"]
    assert found(State="Installed", Classification="Security") == ["dash"]
    assert found(Severity="Low") == ["dash"]
    assert found(KBId="bash.amd64") == ["bash"]
    for key, value in (("State", "INSTALLED"), ("Colour", "red")):
        with pytest.raises(ClientError, match="InvalidFilter"):
            found(**{key: value})


def test_patches_come_in_pages(estate, ssm):
    node = estate.node()
    estate.report(node, *(patch(f"p{n:02}") for n in range(25)))
    pages = ssm.get_paginator("describe_instance_patches").paginate(
        InstanceId=node, PaginationConfig={"PageSize": 10}
    )
    sizes = [[one["KBId"] for one in page["Patches"]] for page in pages]
    assert [len(each) for each in sizes] == [10, 10, 5]
    assert [one for page in sizes for one in page] == [f"p{n:02}.amd64" for n in range(25)]


def test_patches_of_nobody_are_refused(estate, ssm):
    refused(ssm.describe_instance_patches, "InvalidInstanceId", InstanceId=NOBODY)
    assert ssm.describe_instance_patches(InstanceId=estate.node())["Patches"] == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"MissingCount": "-1"}, "MissingCount"),
        ({"MissingCount": "many"}, "MissingCount"),
        ({"FailedCount": "99999999999"}, "FailedCount"),
        ({"OperationType": "Upgrade"}, "OperationType"),
        ({"RebootOption": "Never"}, "RebootOption"),
        ({"OperationStartTime": "yesterday"}, "OperationStartTime"),
        ({"OperationEndTime": ""}, "OperationEndTime"),
        ({"NonCompliantSeverity": "BAD"}, "NonCompliantSeverity"),
    ],
)
def test_a_summary_that_cannot_be_is_refused_whole(estate, ssm, wrong, said):
    node = estate.node()
    estate.report(node, patch("bash"))
    with pytest.raises(ClientError, match="InvalidItemContentException") as error:
        estate.report(node, patch("bash", "Installed"), **wrong)
    assert said in str(error.value)
    assert state_of(ssm, node)["MissingCount"] == 1


def test_who_leaves_takes_its_state_along(estate, ssm):
    node = estate.node()
    estate.report(node, patch("bash"))
    ssm.deregister_managed_instance(InstanceId=node)
    assert ssm.describe_instance_patch_states(InstanceIds=[node])["InstancePatchStates"] == []
