"""The calls of Terraform's `aws_iam_*` resources through a whole control plane: made, read back, changed,
found again by import, deleted. tests/terraform runs Terraform itself where there is one."""

import json
from urllib.parse import unquote

import pytest
from botocore.exceptions import ClientError

from hostreeve.kernel.world import RealWorld, SimulatedWorld
from tests.house import house_at

TAGS = [{"Key": "Name", "Value": "a"}]
READ_ONLY = "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"


@pytest.fixture(scope="module")
def iam(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('iam')}/house.db"
    with house_at(url, SimulatedWorld(7, RealWorld().now_ms())) as house:
        yield house.client("iam")


def document(action, **more):
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(service):
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def gone(call, **request):
    """What the provider takes for "deleted"."""
    with pytest.raises(ClientError) as missing:
        call(**request)
    assert missing.value.response["Error"]["Code"] == "NoSuchEntity"
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_user_with_a_key(iam):
    iam.create_user(UserName="u", Path="/", Tags=TAGS)
    shown = iam.get_user(UserName="u")["User"]
    assert (shown["Path"], shown["Tags"]) == ("/", TAGS) and "PermissionsBoundary" not in shown
    iam.update_user(UserName="u", NewUserName="v", NewPath="/x/")
    iam.untag_user(UserName="v", TagKeys=["Name"])
    iam.tag_user(UserName="v", Tags=[{"Key": "b", "Value": "c"}])
    shown = iam.get_user(UserName="v")["User"]
    assert shown["Arn"].endswith(":user/x/v") and shown["Tags"] == [{"Key": "b", "Value": "c"}]
    key = iam.create_access_key(UserName="v")["AccessKey"]
    assert key["Status"] == "Active"
    iam.update_access_key(UserName="v", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    (listed,) = iam.list_access_keys(UserName="v")["AccessKeyMetadata"]
    assert listed["Status"] == "Inactive"
    assert iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["UserName"] == "v"
    # `force_destroy` looks for everything that a user can have.
    for listing, member in (
        ("list_groups_for_user", "Groups"),
        ("list_mfa_devices", "MFADevices"),
        ("list_attached_user_policies", "AttachedPolicies"),
        ("list_user_policies", "PolicyNames"),
    ):
        assert getattr(iam, listing)(UserName="v")[member] == []
    gone(iam.delete_login_profile, UserName="v")
    iam.delete_access_key(UserName="v", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="v")
    gone(iam.get_user, UserName="v")


def test_a_group_with_members_and_a_policy(iam):
    iam.create_group(GroupName="g", Path="/")
    iam.create_user(UserName="member")
    iam.add_user_to_group(GroupName="g", UserName="member")
    iam.attach_group_policy(GroupName="g", PolicyArn=READ_ONLY)
    assert [user["UserName"] for user in iam.get_group(GroupName="g")["Users"]] == ["member"]
    assert iam.list_attached_group_policies(GroupName="g")["AttachedPolicies"][0]["PolicyArn"] == READ_ONLY
    iam.update_group(GroupName="g", NewGroupName="h", NewPath="/x/")
    assert iam.get_group(GroupName="h")["Group"]["Path"] == "/x/"
    iam.detach_group_policy(GroupName="h", PolicyArn=READ_ONLY)
    gone(iam.detach_group_policy, GroupName="h", PolicyArn=READ_ONLY)
    iam.remove_user_from_group(GroupName="h", UserName="member")
    iam.delete_group(GroupName="h")
    gone(iam.get_group, GroupName="h")


def test_a_policy_whose_versions_are_pruned(iam):
    made = iam.create_policy(
        PolicyName="p", Path="/", Description="d", PolicyDocument=document("ssm:Get*"), Tags=TAGS
    )["Policy"]
    arn = made["Arn"]
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (shown["Description"], shown["Tags"], shown["DefaultVersionId"]) == ("d", TAGS, "v1")
    for action in ("a:A", "b:B", "c:C", "d:D", "e:E"):
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        if len(versions) == 5:
            oldest = min(
                (each for each in versions if not each["IsDefaultVersion"]),
                key=lambda each: int(each["VersionId"][1:]),
            )
            iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(action), SetAsDefault=True)
    default = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]["Document"]
    assert found == json.loads(document("e:E")) and default == "v6"
    for each in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not each["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=each["VersionId"])
    iam.delete_policy(PolicyArn=arn)
    gone(iam.get_policy, PolicyArn=arn)


def test_a_role_with_policies_and_an_instance_profile(iam):
    made = iam.create_role(
        RoleName="r",
        Path="/",
        AssumeRolePolicyDocument=trust("ec2.amazonaws.com"),
        MaxSessionDuration=3600,
        Tags=TAGS,
    )["Role"]
    assert made["AssumeRolePolicyDocument"] == json.loads(trust("ec2.amazonaws.com"))
    iam.put_role_policy(RoleName="r", PolicyName="own", PolicyDocument=document("s3:*"))
    iam.attach_role_policy(RoleName="r", PolicyArn=READ_ONLY)
    assert iam.get_role_policy(RoleName="r", PolicyName="own")["PolicyDocument"] == json.loads(
        document("s3:*")
    )
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trust("ssm.amazonaws.com"))
    iam.update_role_description(RoleName="r", Description="d")
    iam.update_role(RoleName="r", MaxSessionDuration=7200)
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=READ_ONLY)
    shown = iam.get_role(RoleName="r")["Role"]
    assert (shown["Description"], shown["MaxSessionDuration"], shown["Tags"]) == ("d", 7200, TAGS)
    assert shown["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert shown["AssumeRolePolicyDocument"] == json.loads(trust("ssm.amazonaws.com"))
    iam.create_instance_profile(InstanceProfileName="i", Path="/", Tags=TAGS)
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="i")
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    profile = iam.get_instance_profile(InstanceProfileName="i")["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == ["r"] and profile["Tags"] == TAGS
    for found in iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=found["InstanceProfileName"], RoleName="r")
    iam.delete_instance_profile(InstanceProfileName="i")
    gone(iam.get_instance_profile, InstanceProfileName="i")
    iam.delete_role_permissions_boundary(RoleName="r")
    iam.detach_role_policy(RoleName="r", PolicyArn=READ_ONLY)
    iam.delete_role_policy(RoleName="r", PolicyName="own")
    gone(iam.get_role_policy, RoleName="r", PolicyName="own")
    iam.delete_role(RoleName="r")
    gone(iam.get_role, RoleName="r")


def test_an_openid_connect_provider(iam):
    arn = iam.create_open_id_connect_provider(
        Url="https://token.example.com", ClientIDList=["a"], ThumbprintList=["a" * 40], Tags=TAGS
    )["OpenIDConnectProviderArn"]
    named = {"OpenIDConnectProviderArn": arn}
    shown = iam.get_open_id_connect_provider(**named)
    assert (shown["Url"], shown["ClientIDList"], shown["ThumbprintList"]) == (
        "token.example.com",
        ["a"],
        ["a" * 40],
    )
    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["b" * 40])
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="a")
    shown = iam.get_open_id_connect_provider(**named)
    assert (shown["ClientIDList"], shown["ThumbprintList"]) == (["b"], ["b" * 40])
    iam.delete_open_id_connect_provider(**named)
    gone(iam.get_open_id_connect_provider, **named)


def test_documents_come_back_as_they_were_written(iam):
    """A difference in white space would be a difference to the plan."""
    text = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":"*"}]}'
    arn = iam.create_policy(PolicyName="exact", PolicyDocument=text)["Policy"]["Arn"]
    raw = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    assert json.dumps(raw, separators=(",", ":")) == unquote(text)
