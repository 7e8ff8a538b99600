"""Managed policies: their versions, their tags, and who has them."""

import json
import threading
from urllib.parse import unquote

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.persistence.errors import StoreContended
from tests.identity.caller import allow, policy, refused

QUERY = "SELECT * FROM iam_policy_versions WHERE account = :account"
ADMINISTRATORS = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture
def arn(site):
    made = site.admin.iam(
        "CreatePolicy", PolicyName="Team", PolicyDocument=policy(allow("ssm:Get*")), Description="one"
    )
    return made["Policy"]["Arn"]


def version(site, arn, action, **request):
    made = site.admin.iam(
        "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=policy(allow(action)), **request
    )
    return made["PolicyVersion"]["VersionId"]


def versions(site, arn):
    listed = site.admin.iam("ListPolicyVersions", PolicyArn=arn)["Versions"]
    return [(each["VersionId"], each["IsDefaultVersion"]) for each in listed]


def test_the_default_version_is_what_counts(site, arn):
    ann = site.user("ann")
    site.admin.iam("AttachUserPolicy", UserName="ann", PolicyArn=arn)
    site.world.advance(60)
    assert version(site, arn, "ssm:Put*") == "v2"
    ann.may("ssm:GetParameter")
    with refused("AccessDeniedException"):
        ann.may("ssm:PutParameter")
    site.admin.iam("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v2")
    ann.may("ssm:PutParameter")
    with refused("AccessDeniedException"):
        ann.may("ssm:GetParameter")
    assert version(site, arn, "ssm:Send*", SetAsDefault=True) == "v3"
    ann.may("ssm:SendCommand")
    assert versions(site, arn) == [("v3", True), ("v2", False), ("v1", False)]
    shown = site.admin.iam("GetPolicy", PolicyArn=arn)["Policy"]
    assert shown["DefaultVersionId"] == "v3" and shown["UpdateDate"] - shown["CreateDate"] == 60
    second = site.admin.iam("GetPolicyVersion", PolicyArn=arn, VersionId="v2")["PolicyVersion"]
    assert json.loads(unquote(second["Document"])) == json.loads(policy(allow("ssm:Put*")))


def test_a_number_is_not_given_twice_and_the_default_is_not_deleted(site, arn):
    version(site, arn, "ssm:Put*")
    site.admin.iam("DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    assert version(site, arn, "ssm:Put*") == "v3"
    with refused("DeleteConflict") as conflict:
        site.admin.iam("DeletePolicyVersion", PolicyArn=arn, VersionId="v1")
    assert str(conflict.value) == "Cannot delete the default version of a policy."
    with refused("DeleteConflict") as conflict:
        site.admin.iam("DeletePolicy", PolicyArn=arn)
    assert str(conflict.value).startswith("This policy has more than one version.")
    site.admin.iam("DeletePolicyVersion", PolicyArn=arn, VersionId="v3")
    site.admin.iam("DeletePolicy", PolicyArn=arn)
    rows = site.database.read_sync(lambda tx: tx.all(QUERY, account=site.account))
    assert rows == []


def test_versions_come_by_pages_the_newest_first(site, arn):
    for _ in range(2):
        version(site, arn, "ssm:Put*")
    first = site.admin.iam("ListPolicyVersions", PolicyArn=arn, MaxItems=2)
    second = site.admin.iam("ListPolicyVersions", PolicyArn=arn, MaxItems=2, Marker=first["Marker"])
    assert [each["VersionId"] for page in (first, second) for each in page["Versions"]] == ["v3", "v2", "v1"]
    assert not second["IsTruncated"]


def test_five_versions_are_the_most_even_when_many_ask_at_once(site, arn):
    outcomes = []

    def create():
        try:
            outcomes.append(version(site, arn, "ssm:*"))
        except (AwsError, StoreContended) as error:
            outcomes.append(getattr(error, "code", "contended"))

    threads = [threading.Thread(target=create) for _ in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["LimitExceeded"] * 3 + ["v2", "v3", "v4", "v5"]
    assert [name for name, _ in versions(site, arn)] == ["v5", "v4", "v3", "v2", "v1"]


def test_what_is_no_version_or_no_policy_is_told(site, arn):
    for wrong in ("v2", "v0", "v1.x", "1", "v" + "9" * 30):
        with refused("NoSuchEntity"):
            site.admin.iam("GetPolicyVersion", PolicyArn=arn, VersionId=wrong)
    for operation in ("SetDefaultPolicyVersion", "DeletePolicyVersion"):
        with refused("NoSuchEntity"):
            site.admin.iam(operation, PolicyArn=arn, VersionId="v2")
    with refused("NoSuchEntity"):
        version(site, arn + "x", "ssm:*")
    with refused("MalformedPolicyDocument"):
        site.admin.iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument="{}")
    long = policy(allow("ssm:*", [f"arn:aws:s3:::{'b' * 50}{n}" for n in range(120)]))
    with refused("LimitExceeded"):
        site.admin.iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=long)


def test_policies_of_aws_have_one_version_and_are_nobodys_to_change(site):
    assert versions(site, ADMINISTRATORS) == [("v1", True)]
    for operation, request in (
        ("CreatePolicyVersion", {"PolicyDocument": policy(allow())}),
        ("DeletePolicyVersion", {"VersionId": "v1"}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ("TagPolicy", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("DeletePolicy", {}),
    ):
        with refused("InvalidInput"):
            site.admin.iam(operation, PolicyArn=ADMINISTRATORS, **request)


def test_a_policy_has_tags_and_permission_can_be_bound_to_them(site, arn):
    iam = site.admin.iam
    made = iam(
        "CreatePolicy",
        PolicyName="Other",
        PolicyDocument=policy(allow()),
        Tags=[{"Key": "team", "Value": "red"}],
    )["Policy"]
    assert made["Tags"] == [{"Key": "team", "Value": "red"}]
    iam(
        "TagPolicy", PolicyArn=made["Arn"], Tags=[{"Key": "Team", "Value": "blue"}, {"Key": "x", "Value": ""}]
    )
    tags = [{"Key": "Team", "Value": "blue"}, {"Key": "x", "Value": ""}]
    assert iam("ListPolicyTags", PolicyArn=made["Arn"])["Tags"] == tags
    assert iam("GetPolicy", PolicyArn=made["Arn"])["Policy"]["Tags"] == tags
    ann = site.user("ann", allow("iam:*", Condition={"StringEquals": {"iam:ResourceTag/Team": "blue"}}))
    assert ann.iam("GetPolicy", PolicyArn=made["Arn"])
    with refused("AccessDeniedException"):
        ann.iam("GetPolicy", PolicyArn=arn)
    iam("UntagPolicy", PolicyArn=made["Arn"], TagKeys=["TEAM", "none"])
    assert iam("ListPolicyTags", PolicyArn=made["Arn"])["Tags"] == tags[1:]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    with refused("LimitExceeded"):
        iam("TagPolicy", PolicyArn=made["Arn"], Tags=many)


def test_everybody_who_has_a_policy_is_listed(site, arn):
    iam = site.admin.iam
    for name in ("ann", "Bob"):
        iam("CreateUser", UserName=name, Path=f"/{name}/")
        iam("AttachUserPolicy", UserName=name, PolicyArn=arn)
    iam("CreateGroup", GroupName="Ops")
    iam("AttachGroupPolicy", GroupName="Ops", PolicyArn=arn)
    site.role("R", {"AWS": site.account})
    iam("PutRolePermissionsBoundary", RoleName="R", PermissionsBoundary=arn)

    def listed(**request):
        found = iam("ListEntitiesForPolicy", PolicyArn=arn, **request)
        kinds = (("User", "PolicyUsers"), ("Group", "PolicyGroups"), ("Role", "PolicyRoles"))
        return [each[f"{kind}Name"] for kind, member in kinds for each in found[member]]

    assert listed() == ["ann", "Bob", "Ops", "R"]
    assert listed(PolicyUsageFilter="PermissionsPolicy") == ["ann", "Bob", "Ops"]
    assert listed(PolicyUsageFilter="PermissionsBoundary") == ["R"]
    assert listed(EntityFilter="Group") == ["Ops"]
    assert listed(PathPrefix="/Bob/") == ["Bob"]
    assert listed(EntityFilter="LocalManagedPolicy") == []
    paged, marker = [], {}
    while True:
        page = iam("ListEntitiesForPolicy", PolicyArn=arn, MaxItems=1, **marker)
        paged += page["PolicyUsers"] + page["PolicyGroups"] + page["PolicyRoles"]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert len(paged) == 4
    user = iam("GetUser", UserName="ann")["User"]
    assert {"UserName": "ann", "UserId": user["UserId"]} in paged
    with refused("NoSuchEntity"):
        iam("ListEntitiesForPolicy", PolicyArn=arn + "x")


def test_attachments_of_groups_are_counted(site, arn):
    site.admin.iam("CreateGroup", GroupName="Ops")
    site.admin.iam("AttachGroupPolicy", GroupName="Ops", PolicyArn=arn)
    assert site.admin.iam("GetPolicy", PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    with refused("DeleteConflict"):
        site.admin.iam("DeletePolicy", PolicyArn=arn)
