"""Instance profiles, and roles that belong to services."""

import asyncio
import threading

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.persistence.errors import StoreContended
from hostreeve.platform import identity
from hostreeve.platform.identity import worker
from hostreeve.platform.identity.actions import usage
from tests.identity.caller import allow, policy, refused

SSM = "ssm.amazonaws.com"
SSM_ROLE = "AWSServiceRoleForAmazonSSM"


def profile_names(answer):
    return [each["InstanceProfileName"] for each in answer["InstanceProfiles"]]


def test_a_profile_is_created_holds_a_role_and_is_deleted(site):
    iam = site.admin.iam
    made = iam("CreateInstanceProfile", InstanceProfileName="Web", Path="/web/")["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{site.account}:instance-profile/web/Web"
    assert made["InstanceProfileId"].startswith("AIPA") and made["Roles"] == []
    role = site.role("R", {"Service": "ec2.amazonaws.com"})
    iam("AddRoleToInstanceProfile", InstanceProfileName="web", RoleName="R")
    shown = iam("GetInstanceProfile", InstanceProfileName="Web")["InstanceProfile"]
    assert [each["Arn"] for each in shown["Roles"]] == [role]
    iam("CreateInstanceProfile", InstanceProfileName="App")
    assert profile_names(iam("ListInstanceProfiles")) == ["App", "Web"]
    assert profile_names(iam("ListInstanceProfiles", PathPrefix="/web/")) == ["Web"]
    assert profile_names(iam("ListInstanceProfiles", MaxItems=1)) == ["App"]
    assert profile_names(iam("ListInstanceProfilesForRole", RoleName="R")) == ["Web"]
    for operation, request in (
        ("DeleteInstanceProfile", {"InstanceProfileName": "Web"}),
        ("DeleteRole", {"RoleName": "R"}),
    ):
        with refused("DeleteConflict") as conflict:
            iam(operation, **request)
        assert "must remove roles from instance profile first" in str(conflict.value)
    iam("RemoveRoleFromInstanceProfile", InstanceProfileName="Web", RoleName="R")
    iam("DeleteInstanceProfile", InstanceProfileName="Web")
    iam("DeleteRole", RoleName="R")
    with refused("NoSuchEntity"):
        iam("GetInstanceProfile", InstanceProfileName="Web")


def test_what_is_taken_or_missing_is_told(site):
    iam = site.admin.iam
    iam("CreateInstanceProfile", InstanceProfileName="Web")
    with refused("EntityAlreadyExists"):
        iam("CreateInstanceProfile", InstanceProfileName="WEB")
    site.role("R", {"Service": "ec2.amazonaws.com"})
    for operation, request in (
        ("AddRoleToInstanceProfile", {"InstanceProfileName": "none", "RoleName": "R"}),
        ("AddRoleToInstanceProfile", {"InstanceProfileName": "Web", "RoleName": "none"}),
        ("RemoveRoleFromInstanceProfile", {"InstanceProfileName": "Web", "RoleName": "R"}),
        ("DeleteInstanceProfile", {"InstanceProfileName": "none"}),
        ("ListInstanceProfilesForRole", {"RoleName": "none"}),
        ("TagInstanceProfile", {"InstanceProfileName": "none", "Tags": []}),
    ):
        with refused("NoSuchEntity"):
            iam(operation, **request)


def test_one_role_is_the_most_even_when_many_ask_at_once(site):
    iam = site.admin.iam
    iam("CreateInstanceProfile", InstanceProfileName="Web")
    for number in range(4):
        site.role(f"R{number}", {"Service": "ec2.amazonaws.com"})
    outcomes = []

    def add(number):
        try:
            iam("AddRoleToInstanceProfile", InstanceProfileName="Web", RoleName=f"R{number}")
            outcomes.append("added")
        except (AwsError, StoreContended) as error:
            outcomes.append(getattr(error, "code", "contended"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["LimitExceeded"] * 3 + ["added"]


def test_who_puts_a_role_into_a_profile_must_be_allowed_to_pass_it(site):
    iam = site.admin.iam
    iam("CreateInstanceProfile", InstanceProfileName="Web")
    arn = site.role("R", {"Service": "ec2.amazonaws.com"})
    ann = site.user("ann", allow("iam:AddRoleToInstanceProfile"))
    with refused("AccessDeniedException") as denied:
        ann.iam("AddRoleToInstanceProfile", InstanceProfileName="Web", RoleName="R")
    assert f"iam:PassRole on resource: {arn}" in str(denied.value)
    passing = allow(
        "iam:PassRole", arn, Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    )
    iam("PutUserPolicy", UserName="ann", PolicyName="pass", PolicyDocument=policy(passing))
    ann.iam("AddRoleToInstanceProfile", InstanceProfileName="Web", RoleName="R")


def test_a_profile_has_tags(site):
    iam = site.admin.iam
    tags = [{"Key": "a", "Value": "b"}]
    made = iam("CreateInstanceProfile", InstanceProfileName="Web", Tags=tags)["InstanceProfile"]
    assert made["Tags"] == tags
    iam("TagInstanceProfile", InstanceProfileName="Web", Tags=[{"Key": "c", "Value": "d"}])
    iam("UntagInstanceProfile", InstanceProfileName="Web", TagKeys=["a"])
    assert iam("ListInstanceProfileTags", InstanceProfileName="Web")["Tags"] == [{"Key": "c", "Value": "d"}]


def test_a_role_of_a_service_is_made_once_and_changed_by_nobody(site):
    iam = site.admin.iam
    made = iam("CreateServiceLinkedRole", AWSServiceName=SSM)["Role"]
    assert made["Arn"] == f"arn:aws:iam::{site.account}:role/aws-service-role/{SSM}/{SSM_ROLE}"
    with refused("InvalidInput") as taken:
        iam("CreateServiceLinkedRole", AWSServiceName=SSM)
    assert f"Service role name {SSM_ROLE} has been taken in this account" in str(taken.value)
    arn = "arn:aws:iam::aws:policy/aws-service-role/AmazonSSMServiceRolePolicy"
    assert iam("ListAttachedRolePolicies", RoleName=SSM_ROLE)["AttachedPolicies"][0]["PolicyArn"] == arn
    trust = policy({"Effect": "Allow", "Principal": {"AWS": site.account}, "Action": "sts:AssumeRole"})
    iam("CreateInstanceProfile", InstanceProfileName="Web")
    for operation, request in (
        ("DeleteRole", {}),
        ("UpdateRole", {}),
        ("UpdateAssumeRolePolicy", {"PolicyDocument": trust}),
        ("AttachRolePolicy", {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        ("DetachRolePolicy", {"PolicyArn": arn}),
        ("PutRolePolicy", {"PolicyName": "p", "PolicyDocument": policy(allow())}),
        ("DeleteRolePolicy", {"PolicyName": "p"}),
        ("PutRolePermissionsBoundary", {"PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        ("DeleteRolePermissionsBoundary", {}),
        ("AddRoleToInstanceProfile", {"InstanceProfileName": "Web"}),
    ):
        with refused("UnmodifiableEntity") as protected:
            iam(operation, RoleName=SSM_ROLE, **request)
        assert SSM_ROLE in str(protected.value)
    iam("UpdateRoleDescription", RoleName=SSM_ROLE, Description="ours")
    assert iam("GetRole", RoleName=SSM_ROLE)["Role"]["Description"] == "ours"


def test_a_role_of_a_service_is_deleted_by_a_task(site):
    iam = site.admin.iam
    iam("CreateServiceLinkedRole", AWSServiceName=SSM)
    task = iam("DeleteServiceLinkedRole", RoleName=SSM_ROLE)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/{SSM}/{SSM_ROLE}/")
    assert iam("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task) == {"Status": "SUCCEEDED"}
    with refused("NoSuchEntity"):
        iam("GetRole", RoleName=SSM_ROLE)
    with refused("NoSuchEntity"):
        iam("GetServiceLinkedRoleDeletionStatus", DeletionTaskId="task/none/x")
    with refused("InvalidInput"):
        iam("DeleteServiceLinkedRole", RoleName="SSMServiceRole")


def test_services_without_a_role_and_suffixes_are_refused(site):
    with refused("InvalidInput"):
        site.admin.iam("CreateServiceLinkedRole", AWSServiceName="none.amazonaws.com")
    with refused("InvalidInput"):
        site.admin.iam("CreateServiceLinkedRole", AWSServiceName=SSM, CustomSuffix="x")
    trust = policy({"Effect": "Allow", "Principal": {"Service": SSM}, "Action": "sts:AssumeRole"})
    with refused("InvalidInput"):
        site.admin.iam(
            "CreateRole", RoleName="x", Path="/aws-service-role/x/", AssumeRolePolicyDocument=trust
        )


def test_policies_of_service_roles_are_for_nobody_else(site):
    arn = "arn:aws:iam::aws:policy/aws-service-role/AmazonSSMServiceRolePolicy"
    site.role("R", {"Service": SSM})
    with refused("PolicyNotAttachable"):
        site.admin.iam("AttachRolePolicy", RoleName="R", PolicyArn=arn)


def test_a_service_finds_its_role_or_makes_it(site):
    def unit(tx):
        return identity.service_role(
            tx, site.world, account=site.account, service=SSM, now_ms=site.world.now_ms()
        )

    made = site.database.write_sync(unit)
    assert site.database.write_sync(unit) == made
    assert site.admin.iam("GetRole", RoleName=SSM_ROLE)["Role"]["RoleId"] == made.identity_id


@pytest.mark.parametrize("service", ["ssm-incidents.amazonaws.com", "organizations.amazonaws.com"])
def test_permission_to_make_a_services_role_can_be_bound_to_the_service(site, service):
    ann = site.user(
        "ann",
        allow(
            "iam:CreateServiceLinkedRole",
            "arn:aws:iam::*:role/aws-service-role/*",
            Condition={"StringLike": {"iam:AWSServiceName": service}},
        ),
    )
    ann.iam("CreateServiceLinkedRole", AWSServiceName=service)
    with refused("AccessDeniedException"):
        ann.iam("CreateServiceLinkedRole", AWSServiceName=SSM)


def test_the_last_use_of_a_role_is_written_down(site):
    usage.taken()
    arn = site.role("R", {"AWS": site.account}, allow("ssm:*"))
    assert site.admin.iam("GetRole", RoleName="R")["Role"]["RoleLastUsed"] == {}
    site.assume(site.admin, arn).may("ssm:GetParameter", region="eu-west-1")
    asyncio.run(worker.tick(site.database))
    used = {"LastUsedDate": site.world.now_ms() // 1000, "Region": "eu-west-1"}
    assert site.admin.iam("GetRole", RoleName="R")["Role"]["RoleLastUsed"] == used
