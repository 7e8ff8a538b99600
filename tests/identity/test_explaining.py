"""Why somebody may or may not: every layer is heard, in AWS's order, and shown to whom it concerns."""

import json

import pytest

from tests.identity.caller import SCHEMAS as SLICES
from tests.identity.caller import Site, allow, deny, policy, refused

SCHEMAS = SLICES
CONTROL = "SERVICE_CONTROL_POLICY"


@pytest.fixture
def site(database, world):
    return Site(database, world)


def explain(caller, action, resource="*", principal=None, **more):
    named = {"Principal": principal} if principal else {}
    return caller.hostreeve("ExplainAuthorization", Action=action, Resource=resource, **named, **more)


def kinds(found):
    return [(layer["Kind"], layer["Verdict"]) for layer in found["Layers"]]


def test_a_permission_is_traced_to_its_statement(site):
    ann = site.user("ann", allow("ssm:Get*", Sid="Reading"), allow("ssm:Put*"))
    found = explain(site.admin, "ssm:GetParameter", principal=ann.arn())
    assert found["Allowed"] and found["Decision"] == "allowed" and found["Message"] == ""
    assert found["DecidedBy"] == "own#Reading"
    assert kinds(found) == [("identity-based policy", "allowed")]
    (heard,) = found["Layers"][0]["Statements"]
    assert (heard["Policy"], heard["Sid"], heard["Effect"], heard["Applies"]) == (
        "own",
        "Reading",
        "Allow",
        True,
    )
    assert json.loads(heard["Statement"])["Action"] == "ssm:Get*"


def test_what_keeps_a_statement_from_applying_is_named(site):
    only_linux = {"StringEquals": {"aws:RequestTag/os": "linux"}, "Bool": {"aws:SecureTransport": "true"}}
    ann = site.user(
        "ann",
        allow("ssm:PutParameter", "arn:aws:ssm:*:*:parameter/a", Sid="Elsewhere"),
        allow("ssm:PutParameter", Sid="Conditional", Condition=only_linux),
        deny("ssm:PutParameter", "arn:aws:ssm:*:*:parameter/b", Sid="Never"),
    )
    arn = f"arn:aws:ssm:us-east-1:{site.account}:parameter/c"
    found = explain(site.admin, "ssm:PutParameter", arn, ann.arn())
    assert found["Decision"] == "implicitDeny"
    assert found["Message"] == (
        f"User: {ann.arn()} is not authorized to perform: ssm:PutParameter on resource: {arn} "
        "because no identity-based policy allows the ssm:PutParameter action"
    )
    unmet = {each["Sid"]: each["Unmet"] for each in found["Layers"][0]["Statements"]}
    assert unmet == {
        "Never": "Resource",
        "Elsewhere": "Resource",
        "Conditional": "Condition StringEquals aws:RequestTag/os",
    }
    given = [{"Key": "aws:RequestTag/os", "Values": ["linux"]}]
    assert (
        explain(site.admin, "ssm:PutParameter", arn, ann.arn(), Context=given)["DecidedBy"]
        == "own#Conditional"
    )


def test_names_are_understood_in_short(site):
    site.user("ann", allow("ssm:*"))
    site.role("reader", {"Service": "ssm.amazonaws.com"}, allow("ssm:Get*"))
    for name, arn in (
        ("user/ann", f"arn:aws:iam::{site.account}:user/ann"),
        ("role/reader", f"arn:aws:sts::{site.account}:assumed-role/reader/explained"),
        (
            f"arn:aws:sts::{site.account}:assumed-role/reader/s1",
            f"arn:aws:sts::{site.account}:assumed-role/reader/s1",
        ),
        (f"arn:aws:iam::{site.account}:root", f"arn:aws:iam::{site.account}:root"),
        (None, site.admin.arn()),
    ):
        found = explain(site.admin, "ssm:GetParameter", principal=name)
        assert (found["Principal"], found["Allowed"]) == (arn, True)
    for name in ("user/nobody", "nobody", f"arn:aws:iam::{site.account}:group/g", "arn:aws:s3:::x"):
        with refused("PrincipalNotFound"):
            explain(site.admin, "ssm:GetParameter", principal=name)


def test_a_services_way_into_a_role_is_explained_by_its_trust(site):
    arn = site.role("reader", {"Service": "ssm.amazonaws.com"})
    found = explain(site.admin, "sts:AssumeRole", arn, "ssm.amazonaws.com")
    assert found["Allowed"] and ("role trust policy", "allowed") in kinds(found)
    other = explain(site.admin, "sts:AssumeRole", arn, "ec2.amazonaws.com")
    assert not other["Allowed"]
    assert other["Layers"][0]["Statements"][0]["Unmet"] == "Principal"


def test_a_policy_of_the_resource_may_be_given(site):
    ann = site.user("ann")
    theirs = policy({**allow("s3:GetObject"), "Principal": {"AWS": ann.arn()}})
    found = explain(site.admin, "s3:GetObject", "arn:aws:s3:::b/k", ann.arn(), ResourcePolicy=theirs)
    assert found["Allowed"] and found["DecidedBy"].startswith("resource policy#")
    abroad = explain(
        site.admin,
        "s3:GetObject",
        "arn:aws:s3:::b/k",
        ann.arn(),
        ResourcePolicy=theirs,
        ResourceOwner="123456789012",
    )
    assert not abroad["Allowed"], "between accounts both sides must allow"
    with refused("InvalidPolicy"):
        explain(site.admin, "s3:GetObject", "*", ann.arn(), ResourcePolicy="{}")


def test_boundaries_and_control_policies_are_layers_in_their_order(site):
    admin, account = site.member()
    root = site.admin.organizations("ListRoots")["Roots"][0]["Id"]
    site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=CONTROL)
    bound = admin.iam("CreatePolicy", PolicyName="bound", PolicyDocument=policy(allow("iam:*")))["Policy"][
        "Arn"
    ]
    ann = site.user("ann", allow("*"), by=admin)
    admin.iam("PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=bound)
    found = explain(site.admin, "ssm:GetParameter", principal=ann.arn())
    assert kinds(found) == [
        ("service control policy", "allowed"),
        ("service control policy", "allowed"),
        ("identity-based policy", "allowed"),
        ("permissions boundary", "implicitDeny"),
    ]
    assert [layer["Name"] for layer in found["Layers"][:2]] == [root, account]
    assert "because no permissions boundary allows" in found["Message"]
    seen_below = explain(admin, "ssm:GetParameter", principal=ann.arn())
    assert all(not layer["Statements"] for layer in seen_below["Layers"][:2])
    assert any("management account" in note for note in seen_below["Notes"])


def test_a_denial_by_a_control_policy_does_not_show_it_to_the_account(site):
    admin, account = site.member()
    root = site.admin.organizations("ListRoots")["Roots"][0]["Id"]
    site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=CONTROL)
    made = site.admin.organizations(
        "CreatePolicy", Name="n", Description="", Type=CONTROL, Content=policy(deny("iam:*", Sid="Kept"))
    )["Policy"]["PolicySummary"]["Id"]
    site.admin.organizations("AttachPolicy", PolicyId=made, TargetId=account)
    mine, theirs = (explain(caller, "iam:GetUser", principal=admin.arn()) for caller in (admin, site.admin))
    assert mine["Message"] == theirs["Message"]
    assert theirs["DecidedBy"] == f"{made} (n)#Kept" and mine["DecidedBy"] == ""
    assert "Kept" in json.dumps(theirs) and "Kept" not in json.dumps(mine)


def test_explaining_others_is_for_those_who_manage_them_and_are_allowed_to(site):
    first, _ = site.member()
    second, account = site.member()
    with refused("AccessDeniedException"):
        explain(first, "iam:GetUser", principal=second.arn())
    with refused("AccessDeniedException"):
        explain(first, "iam:GetUser", principal=site.admin.arn())
    with refused("AccessDeniedException"):
        explain(first, "iam:GetUser", principal=f"arn:aws:iam::{account}:user/nobody")
    ann = site.user("ann", allow("iam:*"))
    with refused("AccessDeniedException"):
        explain(ann, "iam:GetUser")
    bob = site.user("bob", allow("hostreeve:ExplainAuthorization", f"arn:aws:iam::{site.account}:user/bob"))
    assert explain(bob, "iam:GetUser")["Allowed"] is False
    with refused("AccessDeniedException"):
        explain(bob, "iam:GetUser", principal=site.admin.arn())


def test_tags_of_principals_count(site):
    ann = site.user("ann", allow("ssm:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}))
    assert not explain(site.admin, "ssm:GetParameter", principal=ann.arn())["Allowed"]
    site.admin.iam("TagUser", UserName="ann", Tags=[{"Key": "team", "Value": "a"}])
    assert explain(site.admin, "ssm:GetParameter", principal=ann.arn())["Allowed"]
