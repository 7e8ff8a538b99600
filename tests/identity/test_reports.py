"""An account at a glance: its summary, its credential report, all of its authorization details."""

import csv
import io
import json
from urllib.parse import unquote

from tests.identity.caller import allow, policy, refused
from tests.identity.totp import enable, phone

READ_ONLY = "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"


def test_the_summary_counts_what_there_is(site):
    iam = site.admin.iam
    before = iam("GetAccountSummary")["SummaryMap"]
    assert (before["Users"], before["UsersQuota"], before["Groups"]) == (1, 5000, 0)
    site.user("ann")
    iam("CreateGroup", GroupName="Ops")
    iam("CreatePolicy", PolicyName="P", PolicyDocument=policy(allow()))
    iam("CreateInstanceProfile", InstanceProfileName="I")
    iam("CreateOpenIDConnectProvider", Url="https://a.example")
    enable(site, "ann", phone(site))
    phone(site, "spare")
    after = iam("GetAccountSummary")["SummaryMap"]
    changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert changed == {
        "Users": 1,
        "Groups": 1,
        "Policies": 1,
        "PolicyVersionsInUse": 1,
        "InstanceProfiles": 1,
        "Providers": 1,
        "MFADevices": 2,
        "MFADevicesInUse": 1,
    }


def test_the_credential_report_tells_of_every_user(site):
    iam = site.admin.iam
    with refused("ReportNotPresent"):
        iam("GetCredentialReport")
    site.user("ann")
    iam("CreateLoginProfile", UserName="ann", Password="Correct-horse-1")
    iam("UpdateAccountPasswordPolicy", MaxPasswordAge=1)
    enable(site, "ann", phone(site))
    assert iam("GenerateCredentialReport") == {"State": "COMPLETE"}
    site.user("late")
    iam("GenerateCredentialReport")
    answer = iam("GetCredentialReport")
    assert answer["ReportFormat"] == "text/csv" and answer["GeneratedTime"] == site.world.now_ms() / 1000
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(answer["Content"].decode()))}
    assert list(rows) == ["<root_account>", "administrator", "ann"]
    ann = rows["ann"]
    assert (ann["password_enabled"], ann["password_last_used"], ann["mfa_active"]) == (
        "true",
        "no_information",
        "true",
    )
    assert ann["password_next_rotation"] > ann["password_last_changed"] == ann["user_creation_time"]
    assert (ann["access_key_1_active"], ann["access_key_1_last_used_date"]) == ("true", "N/A")
    assert (ann["access_key_2_active"], ann["access_key_2_last_rotated"]) == ("false", "N/A")
    assert rows["administrator"]["password_enabled"] == rows["<root_account>"]["mfa_active"] == "false"
    site.world.advance(4 * 3600)
    with refused("ReportExpired"):
        iam("GetCredentialReport")
    iam("GenerateCredentialReport")
    assert b"\nlate," in iam("GetCredentialReport")["Content"]


def furnished(site):
    iam = site.admin.iam
    site.user("ann", allow("ssm:*"))
    iam("AttachUserPolicy", UserName="ann", PolicyArn=READ_ONLY)
    iam("TagUser", UserName="ann", Tags=[{"Key": "a", "Value": "b"}])
    iam("CreateGroup", GroupName="Ops")
    iam("AddUserToGroup", GroupName="Ops", UserName="ann")
    iam("PutGroupPolicy", GroupName="Ops", PolicyName="g", PolicyDocument=policy(allow("kms:*")))
    site.role("R", {"AWS": site.account}, allow("s3:*"))
    arn = iam("CreatePolicy", PolicyName="P", PolicyDocument=policy(allow()), Description="d")["Policy"][
        "Arn"
    ]
    iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=policy(allow("ssm:*")))
    iam("PutRolePermissionsBoundary", RoleName="R", PermissionsBoundary=arn)
    iam("CreateInstanceProfile", InstanceProfileName="I")
    iam("AddRoleToInstanceProfile", InstanceProfileName="I", RoleName="R")
    return arn


def test_the_details_are_all_that_decides(site):
    arn = furnished(site)
    found = site.admin.iam("GetAccountAuthorizationDetails")
    (ann,) = (each for each in found["UserDetailList"] if each["UserName"] == "ann")
    assert ann["GroupList"] == ["Ops"] and ann["Tags"] == [{"Key": "a", "Value": "b"}]
    assert [each["PolicyArn"] for each in ann["AttachedManagedPolicies"]] == [READ_ONLY]
    own = json.loads(unquote(ann["UserPolicyList"][0]["PolicyDocument"]))
    assert own == json.loads(policy(allow("ssm:*")))
    assert found["GroupDetailList"][0]["GroupPolicyList"][0]["PolicyName"] == "g"
    (role,) = (each for each in found["RoleDetailList"] if each["RoleName"] == "R")
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    assert [each["InstanceProfileName"] for each in role["InstanceProfileList"]] == ["I"]
    assert role["InstanceProfileList"][0]["Roles"][0]["RoleName"] == "R" and role["RoleLastUsed"] == {}
    by_arn = {each["Arn"]: each for each in found["Policies"]}
    assert set(by_arn) >= {arn, READ_ONLY} and "arn:aws:iam::aws:policy/IAMFullAccess" not in by_arn
    versions = [each["VersionId"] for each in by_arn[arn]["PolicyVersionList"]]
    assert versions == ["v2", "v1"] and by_arn[arn]["PermissionsBoundaryUsageCount"] == 1
    assert not found["IsTruncated"]


def test_details_come_by_kind_and_by_pages(site):
    furnished(site)
    members = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    whole = site.admin.iam("GetAccountAuthorizationDetails")
    only = site.admin.iam("GetAccountAuthorizationDetails", Filter=["Role", "LocalManagedPolicy"])
    assert only["UserDetailList"] == only["GroupDetailList"] == []
    assert [each["PolicyName"] for each in only["Policies"]] == ["P"]
    paged, marker = {member: [] for member in members}, {}
    while True:
        page = site.admin.iam("GetAccountAuthorizationDetails", MaxItems=2, **marker)
        assert sum(len(page[member]) for member in members) <= 2
        for member in members:
            paged[member] += page[member]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert paged == {member: whole[member] for member in members}
