"""EC2's tags under a tag policy that is enforced."""

import json

import pytest
from botocore.exceptions import ClientError


def test_instances_are_not_tagged_against_an_enforced_policy(house, ec2, enrolled):
    organizations, instance = house.client("organizations"), enrolled(Stage="dev")
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="TAG_POLICY")
    stage = {
        "tag_key": {"@@assign": "Stage"},
        "tag_value": {"@@assign": ["prod"]},
        "enforced_for": {"@@assign": ["ec2:instance"]},
    }
    made = organizations.create_policy(
        Name="stage",
        Description="",
        Type="TAG_POLICY",
        Content=json.dumps({"tags": {"stage": stage}}),
    )
    account = house.client("sts").get_caller_identity()["Account"]
    organizations.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=account)
    with pytest.raises(ClientError) as told:
        ec2.create_tags(Resources=[instance], Tags=[{"Key": "Stage", "Value": "test"}])
    assert told.value.response["Error"] == {
        "Code": "TagPolicyViolation",
        "Message": "The tag policy does not allow the specified value for the following tag key: 'Stage'.",
    }
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "Stage", "Value": "prod"}])
    organizations.disable_policy_type(RootId=root, PolicyType="TAG_POLICY")
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "Stage", "Value": "test"}])
