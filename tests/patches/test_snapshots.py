"""What a node patches by: asked for by itself, fetched by its address, frozen under the id that it named."""

import json

import pytest

from tests.patches.estate import RHEL, UBUNTU, WINDOWS, refused, rule

both_engines = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)
ID, OTHER_ID = "521c3536-930c-4aa9-950e-01234567abcd", "4681775b-098f-4435-a956-0ef33373ac11"
DAY_S = 86_400


def content(estate, answer):
    page = estate.fetched(answer["SnapshotDownloadUrl"])
    assert page.status == 200 and dict(page.headers)["content-type"] == "application/json"
    return json.loads(page.body)


@both_engines
def test_a_node_gets_its_baseline_in_the_shape_of_the_contract(estate, ssm):
    made = estate.baseline(
        "REDHAT_ENTERPRISE_LINUX",
        Description="d",
        GlobalFilters={"PatchFilters": [{"Key": "PRODUCT", "Values": ["*"]}]},
        ApprovalRules={"PatchRules": [rule(7, level="HIGH", CLASSIFICATION=["Security"])]},
        ApprovedPatches=["bash"],
        RejectedPatches=["telnet*"],
        Sources=[{"Name": "main", "Products": ["*"], "Configuration": "[main]"}],
    )
    ssm.register_patch_baseline_for_patch_group(BaselineId=made, PatchGroup="Prod")
    node = estate.node(RHEL, Patch_Group="Prod")
    answer = estate.snapshot(node, ID)
    assert (answer["InstanceId"], answer["SnapshotId"]) == (node, ID)
    assert answer["Product"] == "RedhatEnterpriseLinux9.4"
    got = content(estate, answer)
    created = got["patchBaseline"].pop("createdTime")
    assert got["patchBaseline"].pop("modifiedTime") == created == estate.world.now_ms() / 1000
    assert got == {
        "patchGroup": "Prod",
        "patchBaseline": {
            "accountId": estate.scope.account,
            "baselineId": made,
            "name": "Prod",
            "operatingSystem": "REDHAT_ENTERPRISE_LINUX",
            "description": "d",
            "globalFilters": {"filters": [{"key": "PRODUCT", "values": ["*"]}]},
            "approvalRules": {
                "rules": [
                    {
                        "filterGroup": {"filters": [{"key": "CLASSIFICATION", "values": ["Security"]}]},
                        "complianceLevel": "HIGH",
                        "approveAfterDays": 7,
                        "approveUntilDate": None,
                        "enableNonSecurity": False,
                    }
                ]
            },
            "approvedPatches": ["bash"],
            "approvedPatchesComplianceLevel": "UNSPECIFIED",
            "approvedPatchesEnableNonSecurity": False,
            "rejectedPatches": ["telnet*"],
            "rejectedPatchesAction": "ALLOW_AS_DEPENDENCY",
            "availableSecurityUpdatesComplianceStatus": None,
            "sources": [{"name": "main", "products": ["*"], "configuration": "[main]"}],
        },
    }


def test_a_node_without_group_and_default_gets_aws_baseline_by_its_arn(estate):
    got = content(estate, estate.snapshot(estate.node(UBUNTU), ID))
    assert got["patchGroup"] == ""
    assert got["patchBaseline"]["name"] == "AWS-UbuntuDefaultPatchBaseline"
    assert got["patchBaseline"]["baselineId"].startswith(
        "arn:aws:ssm:us-east-1:000000000000:patchbaseline/pb-"
    )


def test_packages_of_apt_wait_for_nothing(estate, ssm):
    made = estate.baseline(ApprovalRules={"PatchRules": [rule(5, PRIORITY=["Required"])]})
    ssm.register_default_patch_baseline(BaselineId=made)
    got = content(estate, estate.snapshot(estate.node(UBUNTU), ID))
    kept = got["patchBaseline"]["approvalRules"]["rules"][0]
    assert (kept["approveAfterDays"], kept["approveUntilDate"]) == (None, None)


@both_engines
def test_who_names_the_same_id_gets_the_same_whatever_becomes_of_the_baseline(estate, ssm):
    made = estate.baseline(ApprovedPatches=["before"])
    ssm.register_default_patch_baseline(BaselineId=made)
    first, second = estate.node(), estate.node()
    before = content(estate, estate.snapshot(first, ID))
    ssm.update_patch_baseline(BaselineId=made, ApprovedPatches=["after"])
    assert content(estate, estate.snapshot(second, ID.upper())) == before
    assert content(estate, estate.snapshot(second, OTHER_ID))["patchBaseline"]["approvedPatches"] == ["after"]


def test_another_group_and_another_system_are_another_snapshot(estate, ssm):
    made = estate.baseline(Name="Group")
    ssm.register_patch_baseline_for_patch_group(BaselineId=made, PatchGroup="Prod")
    plain, grouped, red = estate.node(), estate.node(PatchGroup="Prod"), estate.node(RHEL)
    names = [
        content(estate, estate.snapshot(one, ID))["patchBaseline"]["name"] for one in (plain, grouped, red)
    ]
    assert names == ["AWS-UbuntuDefaultPatchBaseline", "Group", "AWS-RedHatDefaultPatchBaseline"]


def test_an_address_is_good_for_a_day_and_an_id_for_three(estate, ssm):
    made = estate.baseline(ApprovedPatches=["before"])
    ssm.register_default_patch_baseline(BaselineId=made)
    node = estate.node()
    old = estate.snapshot(node, ID)["SnapshotDownloadUrl"]
    ssm.update_patch_baseline(BaselineId=made, ApprovedPatches=["after"])
    estate.world.advance(DAY_S + 1)
    assert estate.fetched(old).status == 404 and b"expired" in estate.fetched(old).body
    again = content(estate, estate.snapshot(node, ID))
    assert again["patchBaseline"]["approvedPatches"] == ["before"]
    estate.world.advance(2 * DAY_S)
    assert content(estate, estate.snapshot(node, ID))["patchBaseline"]["approvedPatches"] == ["after"]


def test_what_nobody_can_fetch_any_more_is_forgotten(estate, house):
    estate.snapshot(estate.node(), ID)

    def kept():
        return len(estate.database.read_sync(lambda tx: tx.all("SELECT snapshot_id FROM patch_snapshots")))

    estate.world.advance(4 * DAY_S - 60)
    house.tick()
    assert kept() == 1
    estate.world.advance(120)
    house.tick()
    assert kept() == 0


def test_only_the_node_itself_asks(estate, ssm):
    node, other = estate.node(), estate.node()
    ask = {"InstanceId": node, "SnapshotId": ID}
    refused(ssm.get_deployable_patch_snapshot_for_instance, "AccessDeniedException", **ask)
    stranger = estate.client_of(other)
    refused(stranger.get_deployable_patch_snapshot_for_instance, "AccessDeniedException", **ask)


def test_an_address_that_is_not_ours_leads_nowhere(estate):
    url = estate.snapshot(estate.node(), ID)["SnapshotDownloadUrl"]
    for wrong in (
        url[:-6] + "AAAAA=",
        url.rpartition("/")[0] + "/",
        url.rpartition("/")[0] + "/%00",
        url + "A" * 5000,
    ):
        assert estate.fetched(wrong).status == 404


@pytest.mark.parametrize("platform", [("Plan 9", "4"), ("", "")])
def test_what_nobody_knows_has_no_baseline(estate, platform):
    node = estate.node(platform)
    client = estate.client_of(node)
    said = refused(
        client.get_deployable_patch_snapshot_for_instance,
        "UnsupportedOperatingSystem",
        InstanceId=node,
        SnapshotId=ID,
    )
    assert node in said


def test_windows_has_baselines_too(estate):
    answer = estate.snapshot(estate.node(WINDOWS), ID)
    assert answer["Product"] == "WindowsServer2012R2"
    assert content(estate, answer)["patchBaseline"]["name"] == "AWS-DefaultPatchBaseline"


OVERRIDE = {
    "OperatingSystem": "UBUNTU",
    "ApprovalRules": {"PatchRules": [rule(None, PRIORITY=["Important"])]},
    "RejectedPatches": ["telnet"],
    "RejectedPatchesAction": "BLOCK",
}


def test_an_override_stands_in_the_place_of_every_baseline_and_is_frozen_too(estate):
    node = estate.node(PatchGroup="Prod")
    got = content(estate, estate.snapshot(node, ID, BaselineOverride=OVERRIDE))
    assert (got["patchGroup"], got["patchBaseline"]["baselineId"]) == ("", "")
    assert got["patchBaseline"]["rejectedPatches"] == ["telnet"]
    other = estate.snapshot(estate.node(), ID, BaselineOverride=OVERRIDE | {"RejectedPatches": ["ftp"]})
    assert content(estate, other) == got
    plain = content(estate, estate.snapshot(node, ID))
    assert plain["patchBaseline"]["name"] == "AWS-UbuntuDefaultPatchBaseline"


def test_an_override_is_checked_as_a_baseline_is(estate):
    node = estate.node()
    ask = estate.client_of(node).get_deployable_patch_snapshot_for_instance
    wrong = OVERRIDE | {"ApprovalRules": {"PatchRules": [rule(0, SEVERITY=["Low"])]}}
    said = refused(ask, "ValidationException", InstanceId=node, SnapshotId=ID, BaselineOverride=wrong)
    assert "BaselineOverride" in said and "SEVERITY" in said
    foreign = {"OperatingSystem": "DEBIAN"}
    said = refused(
        ask, "UnsupportedOperatingSystem", InstanceId=node, SnapshotId=ID, BaselineOverride=foreign
    )
    assert "DEBIAN" in said and "UBUNTU" in said
