"""IAM's policy simulator: the same decisions as those that are made, with what AWS says about each."""

import pytest

from tests.identity.caller import SCHEMAS as SLICES
from tests.identity.caller import Site, allow, deny, policy, refused

SCHEMAS = SLICES
BUCKET = "arn:aws:s3:::b/k"


@pytest.fixture
def site(database, world):
    return Site(database, world)


def custom(caller, *statements, actions=("ssm:GetParameter",), **more):
    return caller.iam(
        "SimulateCustomPolicy", PolicyInputList=[policy(*statements)], ActionNames=list(actions), **more
    )["EvaluationResults"]


def principal(caller, arn, *actions, **more):
    return caller.iam("SimulatePrincipalPolicy", PolicySourceArn=arn, ActionNames=list(actions), **more)[
        "EvaluationResults"
    ]


def verdicts(results):
    return [(each["EvalActionName"], each["EvalResourceName"], each["EvalDecision"]) for each in results]


def entry(name, *values):
    return {"ContextKeyName": name, "ContextKeyValues": list(values), "ContextKeyType": "string"}


def test_every_action_is_tried_on_every_resource(site):
    results = custom(
        site.admin,
        allow("ssm:Get*"),
        deny("ssm:*", "arn:aws:ssm:*:*:parameter/b"),
        actions=("ssm:GetParameter", "ssm:PutParameter"),
        ResourceArns=["arn:aws:ssm:r:1:parameter/a", "arn:aws:ssm:r:1:parameter/b"],
    )
    assert verdicts(results) == [
        ("ssm:GetParameter", "arn:aws:ssm:r:1:parameter/a", "allowed"),
        ("ssm:GetParameter", "arn:aws:ssm:r:1:parameter/b", "explicitDeny"),
        ("ssm:PutParameter", "arn:aws:ssm:r:1:parameter/a", "implicitDeny"),
        ("ssm:PutParameter", "arn:aws:ssm:r:1:parameter/b", "explicitDeny"),
    ]
    assert all(each["ResourceSpecificResults"][0]["EvalResourceDecision"] for each in results)


def test_the_deciding_statements_are_found_in_the_text(site):
    text = "\n".join(
        [
            "{",
            ' "Version": "2012-10-17",',
            ' "Statement": [',
            '  {"Effect":"Deny","Action":"iam:*","Resource":"*"},',
            '  {"Effect":"Allow",',
            '   "Action":"*","Resource":"*"}',
            " ]",
            "}",
        ]
    )
    found = site.admin.iam(
        "SimulateCustomPolicy", PolicyInputList=[text], ActionNames=["ssm:GetParameter", "iam:GetUser"]
    )["EvaluationResults"]
    places = [
        (each["MatchedStatements"][0]["StartPosition"], each["MatchedStatements"][0]["EndPosition"])
        for each in found
    ]
    assert places == [
        ({"Line": 5, "Column": 3}, {"Line": 6, "Column": 32}),
        ({"Line": 4, "Column": 3}, {"Line": 4, "Column": 52}),
    ]
    assert found[0]["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"
    alone = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}, "Version": "2012-10-17"}'
    (one,) = site.admin.iam("SimulateCustomPolicy", PolicyInputList=[alone], ActionNames=["a:B"])[
        "EvaluationResults"
    ]
    assert one["MatchedStatements"][0]["StartPosition"] == {"Line": 1, "Column": 15}


def test_conditions_are_met_by_what_is_given_and_missing_keys_are_told(site):
    conditional = allow("ssm:*", Condition={"StringEquals": {"aws:RequestTag/Team": "${aws:username}"}})
    (bare,) = custom(site.admin, conditional)
    assert bare["EvalDecision"] == "implicitDeny"
    assert bare["MissingContextValues"] == ["aws:RequestTag/Team", "aws:username"]
    entries = [entry("aws:requesttag/team", "ann"), entry("aws:username", "ann")]
    (met,) = custom(site.admin, conditional, ContextEntries=entries)
    assert met["EvalDecision"] == "allowed" and met["MissingContextValues"] == []


def test_a_boundary_and_control_policies_can_be_given(site):
    given = {"PermissionsBoundaryPolicyInputList": [policy(allow("iam:*"))]}
    (bound,) = custom(site.admin, allow("*"), **given)
    assert bound["EvalDecision"] == "implicitDeny"
    assert bound["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    levels = [
        {"ServiceControlPolicyInputList": [policy(allow("*"))]},
        {"ServiceControlPolicyInputList": [policy(allow("iam:*"))]},
    ]
    (limited,) = custom(site.admin, allow("*"), OrderedOrganizationPolicyInputList=levels)
    assert limited["EvalDecision"] == "implicitDeny"
    assert limited["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}


def test_a_resources_policy_counts_for_the_caller_that_is_named(site):
    me = f"arn:aws:iam::{site.account}:user/administrator"
    theirs = policy({**allow("s3:GetObject"), "Principal": {"AWS": me}})
    request = {"actions": ("s3:GetObject",), "ResourceArns": [BUCKET], "ResourcePolicy": theirs}
    (same,) = custom(site.admin, allow("ssm:*"), CallerArn=me, **request)
    assert same["EvalDecision"] == "allowed"
    assert same["MatchedStatements"][0]["SourcePolicyType"] == "resource"
    assert "EvalDecisionDetails" not in same
    owner = {"ResourceOwner": "arn:aws:iam::123456789012:root"}
    (abroad,) = custom(site.admin, allow("ssm:*"), CallerArn=me, **owner, **request)
    assert abroad["EvalDecision"] == "implicitDeny"
    assert abroad["EvalDecisionDetails"] == {
        "identity-based policy": "implicitDeny",
        "resource-based policy": "allowed",
    }
    with refused("InvalidInput"):
        custom(site.admin, allow("ssm:*"), **request)
    with refused("InvalidInput"):
        custom(site.admin, allow("ssm:*"), CallerArn="arn:aws:sts::1:assumed-role/r/s", **request)


def test_a_principal_is_simulated_with_all_that_it_holds(site):
    ann = site.user("ann", allow("ssm:Get*"))
    site.admin.iam("CreateGroup", GroupName="g")
    site.admin.iam(
        "PutGroupPolicy", GroupName="g", PolicyName="more", PolicyDocument=policy(allow("iam:Get*"))
    )
    site.admin.iam("AddUserToGroup", GroupName="g", UserName="ann")
    read_only = "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"
    site.admin.iam("AttachUserPolicy", UserName="ann", PolicyArn=read_only)
    results = principal(site.admin, ann.arn(), "ssm:GetParameter", "iam:GetUser", "s3:GetObject")
    assert [each["EvalDecision"] for each in results] == ["allowed", "allowed", "implicitDeny"]
    sources = {
        (s["SourcePolicyId"], s["SourcePolicyType"]) for each in results for s in each["MatchedStatements"]
    }
    assert sources == {
        ("user_ann_own", "user"),
        ("group_g_more", "group"),
        ("AmazonSSMReadOnlyAccess", "aws-managed"),
    }
    added = principal(site.admin, ann.arn(), "s3:GetObject", PolicyInputList=[policy(allow("s3:*"))])
    assert added[0]["EvalDecision"] == "allowed"


@pytest.mark.parametrize(
    ("excluded", "verdict"),
    [
        ({"PolicyType": "inline"}, "implicitDeny"),
        ({"PolicyType": "aws-managed"}, "allowed"),
        ({"PolicyArn": "arn:aws:iam::aws:policy/*"}, "allowed"),
        (
            {
                "InlinePolicyIdentifier": {
                    "PolicyName": "own",
                    "AttachmentType": "user",
                    "AttachmentName": "a?n",
                }
            },
            "implicitDeny",
        ),
        (
            {
                "InlinePolicyIdentifier": {
                    "PolicyName": "own",
                    "AttachmentType": "role",
                    "AttachmentName": "*",
                }
            },
            "allowed",
        ),
    ],
)
def test_policies_can_be_left_out(site, excluded, verdict):
    ann = site.user("ann", allow("ssm:*"))
    results = principal(site.admin, ann.arn(), "ssm:GetParameter", PolicyExclusionList=[excluded])
    assert results[0]["EvalDecision"] == verdict


def test_roles_and_groups_are_simulated_too(site):
    role = site.role("reader", {"Service": "ssm.amazonaws.com"}, allow("ssm:Get*"))
    assert principal(site.admin, role, "ssm:GetParameter")[0]["EvalDecision"] == "allowed"
    group = site.admin.iam("CreateGroup", GroupName="g")["Group"]["Arn"]
    assert principal(site.admin, group, "ssm:GetParameter")[0]["EvalDecision"] == "implicitDeny"


def test_the_boundary_and_the_control_policies_of_a_principal_count(site):
    admin, account = site.member()
    root = site.admin.organizations("ListRoots")["Roots"][0]["Id"]
    kind = "SERVICE_CONTROL_POLICY"
    site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=kind)
    made = site.admin.organizations(
        "CreatePolicy", Name="n", Description="", Type=kind, Content=policy(deny("ssm:*"))
    )["Policy"]["PolicySummary"]["Id"]
    site.admin.organizations("AttachPolicy", PolicyId=made, TargetId=account)
    arn = f"arn:aws:iam::{account}:user/administrator"
    (limited,) = principal(admin, arn, "ssm:GetParameter")
    assert limited["EvalDecision"] == "explicitDeny" and limited["MatchedStatements"] == []
    assert limited["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    (free,) = principal(admin, arn, "ssm:GetParameter", PolicyExclusionList=[{"PolicyType": "scp"}])
    assert free["EvalDecision"] == "allowed" and "OrganizationsDecisionDetail" not in free
    bound = admin.iam("CreatePolicy", PolicyName="b", PolicyDocument=policy(allow("iam:*")))["Policy"]["Arn"]
    ann = site.user("ann", allow("*"), by=admin)
    admin.iam("PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=bound)
    (bounded,) = principal(admin, ann.arn(), "sqs:SendMessage")
    assert bounded["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    without = [{"PolicyType": "permission-boundary"}]
    (unbounded,) = principal(admin, ann.arn(), "sqs:SendMessage", PolicyExclusionList=without)
    assert unbounded["EvalDecision"] == "allowed"


def test_results_come_on_pages_in_the_order_of_the_request(site):
    actions = [f"ssm:Action{number}" for number in range(5)]
    found, marker = [], {}
    while True:
        page = site.admin.iam(
            "SimulateCustomPolicy",
            PolicyInputList=[policy(allow("*"))],
            ActionNames=actions,
            MaxItems=2,
            **marker,
        )
        found += [each["EvalActionName"] for each in page["EvaluationResults"]]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert found == actions
    with refused("InvalidInput"):
        custom(site.admin, allow("*"), Marker="x")


def test_the_keys_that_policies_ask_for_are_listed(site):
    conditional = allow(
        "ssm:*",
        "arn:aws:ssm:*:*:parameter/${aws:username}/*",
        Condition={
            "StringLike": {"aws:RequestTag/Team": ["${aws:PrincipalTag/Team, 'none'}", "a*"]},
            "Null": {"ssm:Overwrite": "true"},
        },
    )
    found = site.admin.iam("GetContextKeysForCustomPolicy", PolicyInputList=[policy(conditional)])
    assert sorted(found["ContextKeyNames"]) == [
        "aws:PrincipalTag/Team",
        "aws:RequestTag/Team",
        "aws:username",
        "ssm:Overwrite",
    ]
    ann = site.user("ann", conditional)
    more = site.admin.iam(
        "GetContextKeysForPrincipalPolicy",
        PolicySourceArn=ann.arn(),
        PolicyInputList=[policy(allow("*", Condition={"Bool": {"aws:SecureTransport": "true"}}))],
    )
    assert sorted(more["ContextKeyNames"]) == sorted([*found["ContextKeyNames"], "aws:SecureTransport"])


def test_bad_input_is_told_in_words(site):
    with refused("NoSuchEntity"):
        principal(site.admin, f"arn:aws:iam::{site.account}:user/nobody", "ssm:GetParameter")
    with refused("NoSuchEntity"):
        principal(site.admin, "arn:aws:iam::123456789012:user/administrator", "ssm:GetParameter")
    for broken in ("{}", "no"):
        with refused("InvalidInput"):
            site.admin.iam("SimulateCustomPolicy", PolicyInputList=[broken], ActionNames=["a:B"])
        with refused("InvalidInput"):
            site.admin.iam("GetContextKeysForCustomPolicy", PolicyInputList=[broken])
    with refused("InvalidInput"):
        custom(site.admin, allow("*"), actions=("GetParameter",))
    with refused("InvalidInput"):
        custom(site.admin, allow("*"), ResourceHandlingOption="EC2-VPC-InstanceStore")
    with refused("InvalidInput"):
        custom(site.admin, allow("*"), ResourcePolicy="{}", CallerArn=site.admin.arn())


def test_simulating_needs_a_policy(site):
    ann = site.user("ann", allow("iam:SimulateCustomPolicy"))
    assert custom(ann, allow("*"))
    for operation in ("SimulatePrincipalPolicy", "GetContextKeysForPrincipalPolicy"):
        with refused("AccessDeniedException"):
            more = {"ActionNames": ["a:B"]} if operation.startswith("Simulate") else {}
            ann.iam(operation, PolicySourceArn=ann.arn(), **more)
    with refused("AccessDeniedException"):
        ann.iam("GetContextKeysForCustomPolicy", PolicyInputList=[policy(allow("*"))])
