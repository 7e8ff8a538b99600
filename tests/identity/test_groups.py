"""Groups: who is in them, and what they are allowed."""

import threading

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.persistence.errors import StoreContended
from tests.identity.caller import allow, deny, policy, refused

READ_ONLY = "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"


def names(answer, kind="Group"):
    return [each[f"{kind}Name"] for each in answer[f"{kind}s"]]


def test_a_group_is_created_shown_listed_renamed_and_deleted(site):
    iam = site.admin.iam
    made = iam("CreateGroup", GroupName="Ops", Path="/team/")["Group"]
    assert made["Arn"] == f"arn:aws:iam::{site.account}:group/team/Ops"
    assert made["GroupId"].startswith("AGPA") and len(made["GroupId"]) == 20
    assert iam("GetGroup", GroupName="ops") == {"Group": made, "Users": [], "IsTruncated": False}
    iam("CreateGroup", GroupName="Dev")
    assert names(iam("ListGroups")) == ["Dev", "Ops"]
    assert names(iam("ListGroups", PathPrefix="/team/")) == ["Ops"]
    with refused("EntityAlreadyExists"):
        iam("CreateGroup", GroupName="OPS")
    with refused("EntityAlreadyExists"):
        iam("UpdateGroup", GroupName="Ops", NewGroupName="dev")
    iam("UpdateGroup", GroupName="Ops", NewGroupName="Operators", NewPath="/")
    assert iam("GetGroup", GroupName="Operators")["Group"]["GroupId"] == made["GroupId"]
    iam("DeleteGroup", GroupName="Operators")
    with refused("NoSuchEntity"):
        iam("GetGroup", GroupName="Operators")


def test_a_user_may_what_its_groups_may_and_no_longer_than_it_is_in_them(site):
    iam = site.admin.iam
    ann = site.user("ann")
    iam("CreateGroup", GroupName="Ops")
    iam("PutGroupPolicy", GroupName="Ops", PolicyName="send", PolicyDocument=policy(allow("ssm:Send*")))
    iam("AttachGroupPolicy", GroupName="Ops", PolicyArn=READ_ONLY)
    with refused("AccessDeniedException"):
        ann.may("ssm:SendCommand")
    for _ in range(2):
        iam("AddUserToGroup", GroupName="Ops", UserName="ann")
    ann.may("ssm:SendCommand")
    ann.may("ssm:GetParameter")
    iam("PutGroupPolicy", GroupName="Ops", PolicyName="send", PolicyDocument=policy(deny("ssm:Send*")))
    with refused("AccessDeniedException") as denied:
        ann.may("ssm:SendCommand")
    assert "explicit deny in an identity-based policy" in str(denied.value)
    for _ in range(2):
        iam("RemoveUserFromGroup", GroupName="Ops", UserName="ann")
    with refused("AccessDeniedException"):
        ann.may("ssm:GetParameter")


def test_membership_is_seen_from_both_sides_by_pages(site):
    iam = site.admin.iam
    for name in ("c", "A", "b"):
        iam("CreateUser", UserName=name)
        iam("CreateGroup", GroupName=f"g{name}")
    for name in ("c", "A", "b"):
        iam("AddUserToGroup", GroupName="ga", UserName=name)
        iam("AddUserToGroup", GroupName=f"g{name}", UserName="A")
    first = iam("GetGroup", GroupName="gA", MaxItems=2)
    second = iam("GetGroup", GroupName="gA", MaxItems=2, Marker=first["Marker"])
    assert names(first, "User") + names(second, "User") == ["A", "b", "c"] and not second["IsTruncated"]
    assert names(iam("ListGroupsForUser", UserName="a")) == ["gA", "gb", "gc"]
    assert names(iam("ListGroupsForUser", UserName="a", MaxItems=1)) == ["gA"]


def test_groups_in_use_and_users_in_groups_are_not_deleted(site):
    iam = site.admin.iam
    iam("CreateGroup", GroupName="Ops")
    iam("CreateUser", UserName="ann")
    iam("AddUserToGroup", GroupName="Ops", UserName="ann")
    for operation, request in (("DeleteGroup", {"GroupName": "Ops"}), ("DeleteUser", {"UserName": "ann"})):
        with refused("DeleteConflict") as conflict:
            iam(operation, **request)
        assert str(conflict.value) == "Cannot delete entity, must remove users from group first."
    iam("RemoveUserFromGroup", GroupName="Ops", UserName="ann")
    iam("DeleteUser", UserName="ann")
    iam("AttachGroupPolicy", GroupName="Ops", PolicyArn=READ_ONLY)
    with refused("DeleteConflict"):
        iam("DeleteGroup", GroupName="Ops")
    attached = iam("ListAttachedGroupPolicies", GroupName="Ops")["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonSSMReadOnlyAccess", "PolicyArn": READ_ONLY}]
    iam("DetachGroupPolicy", GroupName="Ops", PolicyArn=READ_ONLY)
    iam("PutGroupPolicy", GroupName="Ops", PolicyName="p", PolicyDocument=policy(allow()))
    assert iam("ListGroupPolicies", GroupName="Ops")["PolicyNames"] == ["p"]
    with refused("DeleteConflict"):
        iam("DeleteGroup", GroupName="Ops")
    iam("DeleteGroupPolicy", GroupName="Ops", PolicyName="p")
    iam("DeleteGroup", GroupName="Ops")


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("GetGroup", {"GroupName": "none"}),
        ("DeleteGroup", {"GroupName": "none"}),
        ("UpdateGroup", {"GroupName": "none"}),
        ("AddUserToGroup", {"GroupName": "none", "UserName": "administrator"}),
        ("AddUserToGroup", {"GroupName": "Ops", "UserName": "none"}),
        ("RemoveUserFromGroup", {"GroupName": "Ops", "UserName": "none"}),
        ("ListGroupsForUser", {"UserName": "none"}),
        ("GetGroupPolicy", {"GroupName": "Ops", "PolicyName": "none"}),
        ("DetachGroupPolicy", {"GroupName": "Ops", "PolicyArn": READ_ONLY}),
    ],
)
def test_groups_and_users_that_are_not_there_are_no_such_entity(site, operation, request_):
    site.admin.iam("CreateGroup", GroupName="Ops")
    with refused("NoSuchEntity"):
        site.admin.iam(operation, **request_)


def test_ten_groups_are_the_most_for_a_user_even_when_many_ask_at_once(site):
    iam = site.admin.iam
    iam("CreateUser", UserName="ann")
    for number in range(13):
        iam("CreateGroup", GroupName=f"g{number}")
    for number in range(8):
        iam("AddUserToGroup", GroupName=f"g{number}", UserName="ann")
    outcomes = []

    def join(number):
        try:
            iam("AddUserToGroup", GroupName=f"g{number}", UserName="ann")
            outcomes.append("joined")
        except (AwsError, StoreContended) as error:
            outcomes.append(getattr(error, "code", "contended"))

    threads = [threading.Thread(target=join, args=(number,)) for number in range(8, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(iam("ListGroupsForUser", UserName="ann"))) == 10
    assert (outcomes.count("joined"), outcomes.count("LimitExceeded")) == (2, 3)


def test_a_group_is_nobody_who_could_be_trusted(site):
    site.admin.iam("CreateGroup", GroupName="Ops")
    with refused("MalformedPolicyDocument"):
        site.role("R", {"AWS": f"arn:aws:iam::{site.account}:group/Ops"})
