"""Policies of an organization: how they are written, where they are attached, and whom they limit from then
on."""

import json
import re

import pytest

from tests.identity.caller import allow, deny, policy
from tests.organizations.conftest import everything, refused, unit

CONTROL, TAG = "SERVICE_CONTROL_POLICY", "TAG_POLICY"
FULL = "p-FullAWSAccess"
NO_IAM = policy(deny("iam:*"))


@pytest.fixture
def controlled(site, root):
    """Control policies are enabled."""
    site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=CONTROL)
    return root


def created(site, content=NO_IAM, name="limits", kind=CONTROL, **more):
    made = site.admin.organizations(
        "CreatePolicy", Name=name, Description="why", Type=kind, Content=content, **more
    )
    return made["Policy"]["PolicySummary"]["Id"]


def attach(site, policy_id, target):
    site.admin.organizations("AttachPolicy", PolicyId=policy_id, TargetId=target)


def detach(site, policy_id, target):
    site.admin.organizations("DetachPolicy", PolicyId=policy_id, TargetId=target)


def attached(site, target, kind=CONTROL):
    found = site.admin.organizations("ListPoliciesForTarget", TargetId=target, Filter=kind)
    return [each["Id"] for each in found["Policies"]]


def test_a_policy_is_made_described_changed_and_deleted(site):
    made = created(site)
    assert re.fullmatch("p-[0-9a-zA-Z_]{8,128}", made)
    shown = site.admin.organizations("DescribePolicy", PolicyId=made)["Policy"]
    assert shown["Content"] == NO_IAM
    summary = shown["PolicySummary"]
    organization = site.admin.organizations("DescribeOrganization")["Organization"]["Id"]
    assert summary == {
        "Id": made,
        "Arn": f"arn:aws:organizations::{site.account}:policy/{organization}/service_control_policy/{made}",
        "Name": "limits",
        "Description": "why",
        "Type": CONTROL,
        "AwsManaged": False,
    }
    changed = site.admin.organizations("UpdatePolicy", PolicyId=made, Name="new", Description="")["Policy"]
    assert changed["Content"] == NO_IAM
    assert (changed["PolicySummary"]["Name"], changed["PolicySummary"]["Description"]) == ("new", "")
    site.admin.organizations("DeletePolicy", PolicyId=made)
    with refused("PolicyNotFoundException"):
        site.admin.organizations("DescribePolicy", PolicyId=made)


def test_the_policy_of_aws_is_there_and_cannot_be_changed(site):
    shown = site.admin.organizations("DescribePolicy", PolicyId=FULL)["Policy"]
    assert shown["PolicySummary"]["AwsManaged"] is True
    assert shown["PolicySummary"]["Arn"] == (
        "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"
    )
    assert json.loads(shown["Content"])["Statement"][0]["Action"] == "*"
    for operation, more in (("UpdatePolicy", {"Name": "n"}), ("DeletePolicy", {})):
        with refused("InvalidInputException", "IMMUTABLE_POLICY"):
            site.admin.organizations(operation, PolicyId=FULL, **more)
    with refused("TargetNotFoundException"):
        site.admin.organizations("TagResource", ResourceId=FULL, Tags=[])


def test_policies_are_listed_by_type_on_pages(site):
    made = {created(site, name=f"policy {number:02d}") for number in range(22)}
    kept = created(site, json.dumps({"tags": {}}), kind=TAG)
    listed = everything(site.admin, "ListPolicies", "Policies", Filter=CONTROL, MaxResults=5)
    assert {each["Id"] for each in listed} == made | {FULL} and len(listed) == 23
    tags = everything(site.admin, "ListPolicies", "Policies", Filter=TAG)
    assert [each["Id"] for each in tags] == [kept]
    assert everything(site.admin, "ListPolicies", "Policies", Filter="BACKUP_POLICY") == []


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[]",
        json.dumps({"Version": "2008-10-17", "Statement": [deny("iam:*")]}),
        json.dumps({"Version": "2012-10-17"}),
        policy({**deny("iam:*"), "Principal": "*"}),
        policy({"Effect": "Deny", "Action": "iam:*"}),
    ],
)
def test_what_is_no_control_policy_is_refused(site, content):
    with refused("MalformedPolicyDocumentException"):
        created(site, content)
    made = created(site)
    with refused("MalformedPolicyDocumentException"):
        site.admin.organizations("UpdatePolicy", PolicyId=made, Content=content)


def test_a_policy_that_is_too_long_is_refused(site):
    long = policy(deny("iam:*", [f"arn:aws:iam::1:role/{number}" for number in range(300)]))
    with refused("ConstraintViolationException", "POLICY_CONTENT_LIMIT_EXCEEDED"):
        created(site, long)


def test_a_name_is_given_once_within_a_type(site):
    created(site)
    other = created(site, name="other")
    created(site, json.dumps({"tags": {}}), kind=TAG)
    with refused("DuplicatePolicyException"):
        created(site)
    with refused("DuplicatePolicyException"):
        site.admin.organizations("UpdatePolicy", PolicyId=other, Name="limits")
    with refused("DuplicatePolicyException"):
        created(site, name="FullAWSAccess")


def test_types_that_nothing_heeds_are_refused_in_words(site, root):
    for kind in ("RESOURCE_CONTROL_POLICY", "BACKUP_POLICY", "DECLARATIVE_POLICY_EC2"):
        with refused("PolicyTypeNotAvailableForOrganizationException"):
            created(site, kind=kind)
        with refused("PolicyTypeNotAvailableForOrganizationException"):
            site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=kind)
    available = site.admin.organizations("DescribeOrganization")["Organization"]["AvailablePolicyTypes"]
    assert {each["Type"] for each in available} == {CONTROL, TAG}


def test_a_type_is_enabled_in_the_root_and_disabled_again(site, root):
    def types():
        return site.admin.organizations("ListRoots")["Roots"][0]["PolicyTypes"]

    assert types() == []
    enabled = site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=CONTROL)["Root"]
    assert enabled["PolicyTypes"] == types() == [{"Type": CONTROL, "Status": "ENABLED"}]
    with refused("PolicyTypeAlreadyEnabledException"):
        site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=CONTROL)
    with refused("RootNotFoundException"):
        site.admin.organizations("EnablePolicyType", RootId="r-0000", PolicyType=CONTROL)
    disabled = site.admin.organizations("DisablePolicyType", RootId=root, PolicyType=CONTROL)["Root"]
    assert disabled["PolicyTypes"] == types() == []
    with refused("PolicyTypeNotEnabledException"):
        site.admin.organizations("DisablePolicyType", RootId=root, PolicyType=CONTROL)


def test_full_access_is_attached_to_all_there_is_and_all_that_comes(site, root):
    before = unit(site, root, "Before")
    _, account = site.member()
    assert attached(site, root) == []
    site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=CONTROL)
    after = unit(site, root, "After")
    _, later = site.member()
    for target in (root, before, account, site.account, after, later):
        assert attached(site, target) == [FULL]
    targets = everything(site.admin, "ListTargetsForPolicy", "Targets", PolicyId=FULL, MaxResults=2)
    assert {(each["TargetId"], each["Type"]) for each in targets} == {
        (root, "ROOT"),
        (before, "ORGANIZATIONAL_UNIT"),
        (after, "ORGANIZATIONAL_UNIT"),
        (account, "ACCOUNT"),
        (later, "ACCOUNT"),
        (site.account, "ACCOUNT"),
    }
    assert {each["Name"] for each in targets} >= {"Root", "Before", "After", "management"}


def test_disabling_a_type_detaches_it_everywhere(site, controlled):
    made = created(site)
    attach(site, made, controlled)
    site.admin.organizations("DisablePolicyType", RootId=controlled, PolicyType=CONTROL)
    site.admin.organizations("DeletePolicy", PolicyId=made)
    site.admin.organizations("EnablePolicyType", RootId=controlled, PolicyType=CONTROL)
    assert attached(site, controlled) == [FULL]


def test_attaching_says_what_is_wrong_with_it(site, root):
    made = created(site)
    with refused("PolicyTypeNotEnabledException"):
        attach(site, made, root)
    site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=CONTROL)
    attach(site, made, root)
    with refused("DuplicatePolicyAttachmentException"):
        attach(site, made, root)
    with refused("PolicyNotFoundException"):
        attach(site, "p-00000000", root)
    for target in ("r-0000", "ou-0000-00000000", "123456789012"):
        with refused("TargetNotFoundException"):
            attach(site, made, target)
    for number in range(3):
        attach(site, created(site, name=f"{number}"), root)
    with refused("ConstraintViolationException", "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"):
        attach(site, created(site, name="one more"), root)


def test_detaching_says_what_is_wrong_with_it(site, controlled):
    made = created(site)
    with refused("PolicyNotAttachedException"):
        detach(site, made, controlled)
    with refused("ConstraintViolationException", "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"):
        detach(site, FULL, controlled)
    attach(site, made, controlled)
    with refused("PolicyInUseException"):
        site.admin.organizations("DeletePolicy", PolicyId=made)
    detach(site, FULL, controlled)
    assert attached(site, controlled) == [made]
    with refused("TargetNotFoundException"):
        detach(site, made, "r-0000")
    with refused("PolicyNotFoundException"):
        detach(site, "p-00000000", controlled)


def test_a_control_policy_limits_from_the_next_request_on(site, controlled):
    admin, account = site.member()
    made = created(site)
    admin.may("iam:CreateUser")
    attach(site, made, account)
    with refused("AccessDeniedException") as denied:
        admin.may("iam:CreateUser")
    assert str(denied.value.message) == (
        f"User: arn:aws:iam::{account}:user/administrator is not authorized to perform: iam:CreateUser "
        "on resource: * with an explicit deny in a service control policy"
    )
    admin.may("ssm:SendCommand")
    site.admin.organizations("UpdatePolicy", PolicyId=made, Content=policy(deny("ssm:*")))
    admin.may("iam:CreateUser")
    with refused("AccessDeniedException"):
        admin.may("ssm:SendCommand")
    detach(site, made, account)
    admin.may("ssm:SendCommand")


def test_every_level_must_allow(site, controlled):
    admin, account = site.member()
    outer = unit(site, controlled, "Outer")
    inner = unit(site, outer, "Inner")
    site.admin.organizations(
        "MoveAccount", AccountId=account, SourceParentId=controlled, DestinationParentId=inner
    )
    only_ssm = created(site, policy(allow("ssm:*")), "only ssm")
    for target in (controlled, outer, inner, account):
        admin.may("iam:CreateUser")
        attach(site, only_ssm, target)
        detach(site, FULL, target)
        with refused("AccessDeniedException") as denied:
            admin.may("iam:CreateUser")
        assert denied.value.message.endswith(
            "because no service control policy allows the iam:CreateUser action"
        )
        admin.may("ssm:SendCommand")
        attach(site, FULL, target)
        detach(site, only_ssm, target)


def test_moving_an_account_changes_what_limits_it(site, controlled):
    admin, account = site.member()
    strict = unit(site, controlled, "Strict")
    attach(site, created(site), strict)

    def move(source, destination):
        site.admin.organizations(
            "MoveAccount", AccountId=account, SourceParentId=source, DestinationParentId=destination
        )

    admin.may("iam:CreateUser")
    move(controlled, strict)
    with refused("AccessDeniedException"):
        admin.may("iam:CreateUser")
    move(strict, controlled)
    admin.may("iam:CreateUser")


def test_the_management_account_and_service_linked_roles_are_not_limited(site, controlled):
    attach(site, created(site), controlled)
    admin, _ = site.member()
    site.admin.may("iam:CreateUser")
    with refused("AccessDeniedException"):
        admin.may("iam:CreateUser")


def test_sessions_of_roles_in_a_member_account_are_limited_too(site, controlled):
    _, account = site.member()
    session = site.assume(site.admin, f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole")
    session.may("iam:CreateUser")
    attach(site, created(site), controlled)
    with refused("AccessDeniedException"):
        session.may("iam:CreateUser")
    site.admin.organizations("DisablePolicyType", RootId=controlled, PolicyType=CONTROL)
    session.may("iam:CreateUser")


def test_members_and_plain_users_do_not_touch_policies(site, controlled):
    made = created(site)
    admin, account = site.member()
    ann = site.user("ann", allow("organizations:List*"))
    for caller in (admin, ann):
        for operation, request in (
            ("CreatePolicy", {"Name": "n", "Description": "", "Type": CONTROL, "Content": NO_IAM}),
            ("AttachPolicy", {"PolicyId": made, "TargetId": account}),
            ("DetachPolicy", {"PolicyId": FULL, "TargetId": account}),
            ("UpdatePolicy", {"PolicyId": made, "Name": "n"}),
            ("DeletePolicy", {"PolicyId": made}),
            ("DescribePolicy", {"PolicyId": made}),
            ("DisablePolicyType", {"RootId": controlled, "PolicyType": CONTROL}),
        ):
            with refused("AccessDeniedException"):
                caller.organizations(operation, **request)
    assert ann.organizations("ListPolicies", Filter=CONTROL)["Policies"]
    with refused("AccessDeniedException"):
        admin.organizations("ListPolicies", Filter=CONTROL)


def test_policies_can_be_tagged(site):
    tags = [{"Key": "Team", "Value": "a"}]
    made = created(site, Tags=tags)
    assert site.admin.organizations("ListTagsForResource", ResourceId=made)["Tags"] == tags
    site.admin.organizations("UntagResource", ResourceId=made, TagKeys=["Team"])
    assert site.admin.organizations("ListTagsForResource", ResourceId=made)["Tags"] == []


def test_condition_keys_tell_the_place_of_caller_and_resource(site, root):
    admin, account = site.member()
    outer = unit(site, root, "Outer")
    site.admin.organizations("MoveAccount", AccountId=account, SourceParentId=root, DestinationParentId=outer)
    organization = site.admin.organizations("DescribeOrganization")["Organization"]["Id"]
    mine = f"arn:aws:ssm:us-east-1:{account}:parameter/p"
    theirs = f"arn:aws:ssm:us-east-1:{site.account}:parameter/p"
    cases = (
        ("aws:PrincipalOrgID", organization, (mine, theirs)),
        ("aws:PrincipalOrgID", "o-0000000000", ()),
        ("aws:PrincipalOrgPaths", f"{organization}/{root}/{outer}/*", (mine, theirs)),
        ("aws:ResourceAccount", account, (mine,)),
        ("aws:ResourceOrgID", organization, (mine, theirs)),
        ("aws:ResourceOrgPaths", f"{organization}/{root}/{outer}/", (mine,)),
    )
    for number, (key, value, may) in enumerate(cases):
        how = "ForAnyValue:StringLike" if key.endswith("Paths") else "StringEquals"
        user = site.user(f"user-{number}", allow("ssm:*", Condition={how: {key: value}}), by=admin)
        for resource in (mine, theirs):
            if resource in may:
                user.may("ssm:GetParameter", resource)
            else:
                with refused("AccessDeniedException"):
                    user.may("ssm:GetParameter", resource)
