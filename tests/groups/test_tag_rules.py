"""What tag policies ask of tags, and that who breaks an enforced one is refused everywhere."""

import json

import pytest
from botocore.exceptions import ClientError

from hostreeve.platform.groups.model.tag_rules import TagRule, compliance, enforced
from tests.groups.conftest import parameter, refused, tag_query

STAGE = TagRule("Stage", ("test", "prod-*", "*-x-*"), frozenset({"ssm:parameter", "ec2:*"}))
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "s.b"}, "Action": "sts:AssumeRole"}],
    }
)
NONE = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
)


@pytest.mark.parametrize(
    ("tags", "keys", "values"),
    [
        ({}, [], []),
        ({"Other": "any"}, [], []),
        ({"Stage": "test"}, [], []),
        ({"Stage": "prod-1"}, [], []),
        ({"Stage": "prod-"}, [], []),
        ({"Stage": "a-x-b"}, [], []),
        ({"Stage": "-x-"}, [], []),
        ({"Stage": "-x"}, [], ["Stage"]),
        ({"Stage": "Test"}, [], ["Stage"]),
        ({"Stage": "test "}, [], ["Stage"]),
        ({"Stage": ""}, [], ["Stage"]),
        ({"stage": "test"}, ["stage"], []),
        ({"STAGE": "no"}, ["STAGE"], ["STAGE"]),
    ],
)
def test_a_tag_is_as_its_rule_says(tags, keys, values):
    found = compliance([STAGE], tags)
    assert (list(found.keys), list(found.values)) == (keys, values)
    assert bool(found) is not (keys or values)


def test_pieces_between_stars_come_in_their_order_and_do_not_overlap():
    assert TagRule("k", ("ab*ba",)).allows("abba") and not TagRule("k", ("ab*ba",)).allows("aba")
    assert TagRule("k", ("*a*b*",)).allows("xaxbx") and not TagRule("k", ("*a*b*",)).allows("xbxa")
    assert TagRule("k", ("*",)).allows("") and TagRule("k", ("**",)).allows("x") and TagRule("k").allows("x")
    assert not TagRule("k", ("*a" * 100 + "*",)).allows("a" * 99 + "b" * 1000)


@pytest.mark.parametrize(
    ("kind", "is_so"),
    [("ssm:parameter", True), ("ssm:document", False), ("ec2:instance", True), ("kms:key", False)],
)
def test_rules_are_enforced_for_the_kinds_that_they_name(kind, is_so):
    assert bool(enforced([STAGE], kind)) is is_so
    assert enforced([TagRule("k", (), frozenset({"kms:ALL_SUPPORTED"}))], "kms:key")


@pytest.fixture
def policed(house):
    """`policed(values…, kinds=…)`: a tag policy on the root, enforced for these kinds; gone afterwards."""
    client = house.client("organizations")
    root = client.list_roots()["Roots"][0]["Id"]
    client.enable_policy_type(RootId=root, PolicyType="TAG_POLICY")

    def make(*values, kinds):
        stage = {
            "tag_key": {"@@assign": "Stage"},
            "tag_value": {"@@assign": list(values)},
            "enforced_for": {"@@assign": list(kinds)},
        }
        made = client.create_policy(
            Name=house.world.hex(8),
            Description="",
            Type="TAG_POLICY",
            Content=json.dumps({"tags": {"stage": stage}}),
        )
        client.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=root)

    yield make
    client.disable_policy_type(RootId=root, PolicyType="TAG_POLICY")


def told(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


WRONG, RIGHT = {"Key": "Stage", "Value": "dev"}, {"Key": "Stage", "Value": "prod"}


def test_a_parameter_is_not_tagged_against_the_policy_in_any_way(house, policed, mark):
    ssm, tagging = house.client("ssm"), house.client("resourcegroupstaggingapi")
    arn = parameter(ssm, mark, Stage="dev")
    policed("prod", "test", kinds=["ssm:parameter"])
    add = {"ResourceType": "Parameter", "ResourceId": mark}
    assert told(ssm.add_tags_to_resource, **add, Tags=[WRONG]) == (
        "TagPolicyException",
        "The tag policy does not allow the specified value for the following tag key: 'Stage'.",
    )
    small = [{"Key": "stage", "Value": "prod"}]
    code, message = told(ssm.add_tags_to_resource, **add, Tags=small)
    assert code == "TagPolicyException" and "'stage': it is written 'Stage'" in message
    new = {"Name": f"{mark}-new", "Type": "String", "Value": "v"}
    assert refused(ssm.put_parameter, **new, Tags=[WRONG]) == "TagPolicyException"
    assert refused(ssm.get_parameter, Name=f"{mark}-new") == "ParameterNotFound"
    failed = tagging.tag_resources(ResourceARNList=[arn], Tags={"Stage": "dev"})["FailedResourcesMap"]
    assert failed[arn]["ErrorCode"] == "TagPolicyException"

    # What is tagged already stays so, and other tags are nobody's business.
    ssm.add_tags_to_resource(**add, Tags=[{"Key": "Team", "Value": "x"}])
    tags = ssm.list_tags_for_resource(**add)["TagList"]
    assert {each["Key"]: each["Value"] for each in tags} == {"Stage": "dev", "Team": "x"}
    ssm.add_tags_to_resource(**add, Tags=[RIGHT])
    ssm.put_parameter(**new, Tags=[RIGHT])
    ssm.remove_tags_from_resource(**add, TagKeys=["Stage"])


def test_every_kind_that_has_tags_is_policed(house, policed, mark):
    ssm, kms, iam = house.client("ssm"), house.client("kms"), house.client("iam")
    groups = house.client("resource-groups")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    policed("prod", kinds=["ssm:*", "kms:key", "resource-groups:ALL_SUPPORTED", "iam:*"])
    document = {"Content": json.dumps({"schemaVersion": "2.2", "mainSteps": [_step()]})}
    window = {"Schedule": "rate(1 day)", "Duration": 2, "Cutoff": 0, "AllowUnassociatedTargets": True}
    role = {"IamRole": "service-role/SSMServiceRole"}
    kms_tag = [{"TagKey": "Stage", "TagValue": "dev"}]
    for call, request, code in (
        (
            ssm.create_document,
            {"Name": mark, "DocumentType": "Command", "Tags": [WRONG], **document},
            "TagPolicyException",
        ),
        (ssm.create_maintenance_window, {"Name": mark, "Tags": [WRONG], **window}, "TagPolicyException"),
        (ssm.create_patch_baseline, {"Name": mark, "Tags": [WRONG]}, "TagPolicyException"),
        (ssm.create_activation, {"Tags": [WRONG], **role}, "TagPolicyException"),
        (kms.create_key, {"Tags": kms_tag}, "TagException"),
        (kms.tag_resource, {"KeyId": key, "Tags": kms_tag}, "TagException"),
        (
            groups.create_group,
            {"Name": mark, "ResourceQuery": tag_query(("a", ["b"])), "Tags": {"Stage": "dev"}},
            "TagPolicyException",
        ),
        (
            iam.create_policy,
            {"PolicyName": mark, "PolicyDocument": NONE, "Tags": [WRONG]},
            "InvalidInput",
        ),
        (iam.create_instance_profile, {"InstanceProfileName": mark, "Tags": [WRONG]}, "InvalidInput"),
        (iam.create_virtual_mfa_device, {"VirtualMFADeviceName": mark, "Tags": [WRONG]}, "InvalidInput"),
    ):
        assert refused(call, **request) == code, request
    iam.create_role(RoleName=mark, AssumeRolePolicyDocument=TRUST, Tags=[WRONG])
    iam.create_user(UserName=mark, Tags=[WRONG])
    policy = iam.create_policy(PolicyName=mark, PolicyDocument=NONE, Tags=[RIGHT])["Policy"]["Arn"]
    assert refused(iam.tag_policy, PolicyArn=policy, Tags=[WRONG]) == "InvalidInput"


def _step():
    return {"action": "aws:runShellScript", "name": "s", "inputs": {"runCommand": ["true"]}}


def test_policies_hold_for_the_accounts_below_them_only(house, policed, stranger, mark):
    policed("prod", kinds=["ssm:*"])
    ssm = stranger("ssm")
    ssm.put_parameter(Name=mark, Type="String", Value="v", Tags=[WRONG])


def test_compliance_is_shown_with_the_resources(house, policed, mark):
    ssm, tagging = house.client("ssm"), house.client("resourcegroupstaggingapi")
    good = parameter(ssm, f"{mark}-a", Stage="prod", Mark=mark)
    bad = parameter(ssm, f"{mark}-b", stage="prod", Mark=mark)
    worse = parameter(ssm, f"{mark}-c", Stage="dev", Mark=mark)
    policed("prod", kinds=[])
    asked = {"TagFilters": [{"Key": "Mark", "Values": [mark]}], "IncludeComplianceDetails": True}
    found = tagging.get_resources(**asked)["ResourceTagMappingList"]
    details = {each["ResourceARN"]: each["ComplianceDetails"] for each in found}
    assert details[good] == {
        "NoncompliantKeys": [],
        "KeysWithNoncompliantValues": [],
        "ComplianceStatus": True,
    }
    assert details[bad]["NoncompliantKeys"] == ["stage"] and not details[bad]["ComplianceStatus"]
    assert details[worse]["KeysWithNoncompliantValues"] == ["Stage"]
    left = tagging.get_resources(**asked, ExcludeCompliantResources=True)["ResourceTagMappingList"]
    assert [each["ResourceARN"] for each in left] == [bad, worse]
    by_arn = tagging.get_resources(ResourceARNList=[worse], IncludeComplianceDetails=True)
    assert not by_arn["ResourceTagMappingList"][0]["ComplianceDetails"]["ComplianceStatus"]
    assert refused(tagging.get_resources, ExcludeCompliantResources=True) == "InvalidParameterException"
