"""Organizational units: how deep, how named, when they go; accounts in them; tags on everything."""

import re

import pytest

from tests.identity.caller import allow, deny
from tests.organizations.conftest import everything, refused, unit


def test_ids_have_the_shape_that_aws_gives_them(site, root):
    assert re.fullmatch("r-[0-9a-z]{4,32}", root)
    made = site.admin.organizations("CreateOrganizationalUnit", ParentId=root, Name="Test")
    shown = made["OrganizationalUnit"]
    assert re.fullmatch(f"ou-{root[2:]}-[a-z0-9]{{8,32}}", shown["Id"])
    organization = site.admin.organizations("DescribeOrganization")["Organization"]
    assert re.fullmatch("o-[a-z0-9]{10,32}", organization["Id"])
    assert shown["Arn"] == (f"arn:aws:organizations::{site.account}:ou/{organization['Id']}/{shown['Id']}")


def test_units_lie_five_levels_deep_and_no_deeper(site, root):
    parent = root
    for level in range(5):
        parent = unit(site, parent, f"level {level}")
    with refused("ConstraintViolationException", "OU_DEPTH_LIMIT_EXCEEDED"):
        unit(site, parent, "too deep")


def test_a_name_is_taken_once_under_a_parent(site, root):
    first = unit(site, root, "Test")
    with refused("DuplicateOrganizationalUnitException"):
        unit(site, root, "Test")
    second = unit(site, first, "Test")
    third = unit(site, root, "Other")
    with refused("DuplicateOrganizationalUnitException"):
        site.admin.organizations("UpdateOrganizationalUnit", OrganizationalUnitId=third, Name="Test")
    renamed = site.admin.organizations("UpdateOrganizationalUnit", OrganizationalUnitId=second, Name="New")
    assert renamed["OrganizationalUnit"]["Name"] == "New"
    same = site.admin.organizations("UpdateOrganizationalUnit", OrganizationalUnitId=first, Name="Test")
    assert same["OrganizationalUnit"]["Id"] == first
    unchanged = site.admin.organizations("UpdateOrganizationalUnit", OrganizationalUnitId=first)
    assert unchanged == same


def test_only_an_empty_unit_is_deleted(site, root):
    outer = unit(site, root, "Outer")
    inner = unit(site, outer, "Inner")
    _, account = site.member()
    move(site, account, root, inner)
    for full in (outer, inner):
        with refused("OrganizationalUnitNotEmptyException"):
            site.admin.organizations("DeleteOrganizationalUnit", OrganizationalUnitId=full)
    move(site, account, inner, root)
    for empty in (inner, outer):
        site.admin.organizations("DeleteOrganizationalUnit", OrganizationalUnitId=empty)
    with refused("OrganizationalUnitNotFoundException"):
        site.admin.organizations("DescribeOrganizationalUnit", OrganizationalUnitId=outer)


def move(site, account, source, destination):
    site.admin.organizations(
        "MoveAccount", AccountId=account, SourceParentId=source, DestinationParentId=destination
    )


def test_an_account_moves_and_is_listed_where_it_lies_only(site, root):
    outer = unit(site, root, "Outer")
    inner = unit(site, outer, "Inner")
    _, account = site.member()
    move(site, account, root, inner)

    def listed(parent):
        return [
            each["Id"]
            for each in everything(site.admin, "ListAccountsForParent", "Accounts", ParentId=parent)
        ]

    assert (listed(root), listed(outer), listed(inner)) == ([site.account], [], [account])
    parents = site.admin.organizations("ListParents", ChildId=account)["Parents"]
    assert parents == [{"Id": inner, "Type": "ORGANIZATIONAL_UNIT"}]
    shown = site.admin.organizations("DescribeAccount", AccountId=account)["Account"]
    organization = site.admin.organizations("DescribeOrganization")["Organization"]["Id"]
    assert shown["Paths"] == [f"{organization}/{root}/{outer}/{inner}/{account}/"]


def test_a_move_says_what_is_wrong_with_it(site, root):
    outer = unit(site, root, "Outer")
    _, account = site.member()
    elsewhere = f"ou-{root[2:]}-00000000"
    with refused("SourceParentNotFoundException"):
        move(site, account, outer, root)
    with refused("SourceParentNotFoundException"):
        move(site, account, elsewhere, root)
    with refused("DestinationParentNotFoundException"):
        move(site, account, root, elsewhere)
    with refused("DuplicateAccountException"):
        move(site, account, root, root)
    with refused("AccountNotFoundException"):
        move(site, "123456789012", root, outer)


def test_children_and_parents_are_walked_both_ways(site, root):
    made = {unit(site, root, f"unit {number:02d}") for number in range(23)}
    units = everything(site.admin, "ListChildren", "Children", ParentId=root, ChildType="ORGANIZATIONAL_UNIT")
    assert {each["Id"] for each in units} == made and len(units) == 23
    assert {each["Type"] for each in units} == {"ORGANIZATIONAL_UNIT"}
    for below in everything(
        site.admin, "ListOrganizationalUnitsForParent", "OrganizationalUnits", ParentId=root, MaxResults=7
    ):
        parents = site.admin.organizations("ListParents", ChildId=below["Id"])["Parents"]
        assert parents == [{"Id": root, "Type": "ROOT"}]
    accounts = site.admin.organizations("ListChildren", ParentId=root, ChildType="ACCOUNT")["Children"]
    assert accounts == [{"Id": site.account, "Type": "ACCOUNT"}]


@pytest.mark.parametrize(
    ("operation", "code", "request_"),
    [
        ("ListAccountsForParent", "ParentNotFoundException", {"ParentId": "r-0000"}),
        ("ListOrganizationalUnitsForParent", "ParentNotFoundException", {"ParentId": "ou-0000-00000000"}),
        ("ListChildren", "ParentNotFoundException", {"ParentId": "r-0000", "ChildType": "ACCOUNT"}),
        ("ListParents", "ChildNotFoundException", {"ChildId": "ou-0000-00000000"}),
        ("ListParents", "ChildNotFoundException", {"ChildId": "123456789012"}),
        ("CreateOrganizationalUnit", "ParentNotFoundException", {"ParentId": "r-0000", "Name": "n"}),
        ("DescribeOrganizationalUnit", "OrganizationalUnitNotFoundException", {}),
        ("UpdateOrganizationalUnit", "OrganizationalUnitNotFoundException", {"Name": "n"}),
        ("DeleteOrganizationalUnit", "OrganizationalUnitNotFoundException", {}),
        ("TagResource", "TargetNotFoundException", {"ResourceId": "r-0000", "Tags": []}),
        ("UntagResource", "TargetNotFoundException", {"ResourceId": "123456789012", "TagKeys": []}),
        ("ListTagsForResource", "TargetNotFoundException", {"ResourceId": "ou-0000-00000000"}),
    ],
)
def test_what_is_not_in_the_organization_is_not_there(site, operation, code, request_):
    if code.startswith("OrganizationalUnit"):
        request_ = {"OrganizationalUnitId": "ou-0000-00000000", **request_}
    with refused(code):
        site.admin.organizations(operation, **request_)


def test_everything_in_the_tree_can_be_tagged(site, root):
    _, account = site.member()
    tags = [{"Key": "Team", "Value": "a"}, {"Key": "Stage", "Value": "b"}]
    for resource in (root, unit(site, root, "Test"), account, site.account):
        site.admin.organizations("TagResource", ResourceId=resource, Tags=tags)
        site.admin.organizations("TagResource", ResourceId=resource, Tags=[{"Key": "Team", "Value": "c"}])
        site.admin.organizations("UntagResource", ResourceId=resource, TagKeys=["Stage", "not there"])
        shown = site.admin.organizations("ListTagsForResource", ResourceId=resource)["Tags"]
        assert shown == [{"Key": "Team", "Value": "c"}]


def test_tags_that_cannot_be_are_refused_with_their_reason(site, root):
    def tagged(*keys):
        tags = [{"Key": key, "Value": "v"} for key in keys]
        site.admin.organizations("TagResource", ResourceId=root, Tags=tags)

    with refused("InvalidInputException", "DUPLICATE_TAG_KEY"):
        tagged("a", "A")
    with refused("InvalidInputException", "INVALID_SYSTEM_TAGS_PARAMETER"):
        tagged("aws:x")
    with refused("InvalidInputException", "INVALID_SYSTEM_TAGS_PARAMETER"):
        site.admin.organizations("UntagResource", ResourceId=root, TagKeys=["AWS:x"])
    tagged(*(f"k{number}" for number in range(50)))
    with refused("ConstraintViolationException", "MAX_TAG_LIMIT_EXCEEDED"):
        tagged("one more")
    with refused("ConstraintViolationException", "MAX_TAG_LIMIT_EXCEEDED"):
        tagged(*(f"k{number}" for number in range(51)))


def test_whoever_gives_tags_to_what_is_made_must_be_allowed_to_tag(site, root):
    tags = [{"Key": "Team", "Value": "a"}]
    ann = site.user("ann", allow("organizations:Create*"))
    ann.organizations("CreateOrganizationalUnit", ParentId=root, Name="Plain")
    with refused("AccessDeniedException"):
        ann.organizations("CreateOrganizationalUnit", ParentId=root, Name="Tagged", Tags=tags)
    with refused("AccessDeniedException"):
        ann.organizations("CreateAccount", Email="a@example.com", AccountName="A", Tags=tags)
    made = unit(site, root, "Tagged", Tags=tags)
    assert site.admin.organizations("ListTagsForResource", ResourceId=made)["Tags"] == tags
    asked = site.admin.organizations("CreateAccount", Email="a@example.com", AccountName="A", Tags=tags)
    site.tick()
    account = site.admin.organizations(
        "DescribeCreateAccountStatus", CreateAccountRequestId=asked["CreateAccountStatus"]["Id"]
    )["CreateAccountStatus"]["AccountId"]
    assert site.admin.organizations("ListTagsForResource", ResourceId=account)["Tags"] == tags


def test_policies_may_name_units_and_accounts_by_their_arns(site, root):
    kept, other = unit(site, root, "Kept"), unit(site, root, "Other")
    arn = site.admin.organizations("DescribeOrganizationalUnit", OrganizationalUnitId=kept)
    ann = site.user("ann", allow("organizations:*"), deny("*", arn["OrganizationalUnit"]["Arn"]))
    ann.organizations("UpdateOrganizationalUnit", OrganizationalUnitId=other, Name="Renamed")
    with refused("AccessDeniedException"):
        ann.organizations("UpdateOrganizationalUnit", OrganizationalUnitId=kept, Name="Renamed")
    with refused("AccessDeniedException"):
        move_as(ann, site.account, root, kept)
    move_as(ann, site.account, root, other)


def move_as(caller, account, source, destination):
    caller.organizations(
        "MoveAccount", AccountId=account, SourceParentId=source, DestinationParentId=destination
    )


def test_a_role_name_of_services_is_refused(site):
    with refused("InvalidInputException", "INVALID_ROLE_NAME"):
        site.admin.organizations(
            "CreateAccount", Email="a@example.com", AccountName="A", RoleName="AWSServiceRoleForX"
        )


def test_members_see_only_that_there_is_an_organization(site, root):
    admin, account = site.member()
    assert admin.organizations("DescribeOrganization")["Organization"]["MasterAccountId"] == site.account
    for operation, request in (
        ("ListRoots", {}),
        ("ListAccountsForParent", {"ParentId": root}),
        ("ListChildren", {"ParentId": root, "ChildType": "ACCOUNT"}),
        ("ListParents", {"ChildId": account}),
        ("CreateOrganizationalUnit", {"ParentId": root, "Name": "Mine"}),
        ("TagResource", {"ResourceId": account, "Tags": []}),
        ("MoveAccount", {"AccountId": account, "SourceParentId": root, "DestinationParentId": root}),
    ):
        with refused("AccessDeniedException"):
            admin.organizations(operation, **request)
