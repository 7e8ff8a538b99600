"""Policies that speak of tags: of the resource that is touched, and of those that a request sets or takes."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.gateway.callers import Callers
from tests.gateway.planted import registered
from tests.house import house_at


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with house_at(f"sqlite:///{tmp_path_factory.mktemp('tags')}/house.db") as made:
        yield made


@pytest.fixture(scope="module")
def nodes(house):
    """A node of production and one of test."""
    ssm, found = house.client("ssm"), {}
    for number, stage in enumerate(("prod", "test")):
        found[stage] = registered(
            Callers(house), house, ssm.create_activation(IamRole="SSMServiceRole"), number
        )
        ssm.add_tags_to_resource(
            ResourceType="ManagedInstance", ResourceId=found[stage], Tags=[{"Key": "Stage", "Value": stage}]
        )
    return found


def allowed(house, name, condition, *actions, **further):
    """A client of a new user who may do this under the condition."""
    iam = house.client("iam")
    iam.create_user(UserName=name, **further)
    statement = {"Effect": "Allow", "Action": actions or "ssm:*", "Resource": "*", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return house.client("ssm", key=(key["AccessKeyId"], key["SecretAccessKey"]))


def is_denied(call, **request):
    try:
        call(**request)
    except ClientError as refused:
        if refused.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return True
    return False


@pytest.mark.parametrize("key", ["aws:ResourceTag/Stage", "ssm:resourceTag/Stage", "AWS:RESOURCETAG/stage"])
def test_a_node_is_managed_by_who_may_touch_its_tag(house, nodes, key):
    ssm = allowed(house, f"by{len(key)}-{ord(key[0])}", {"StringEquals": {key: "test"}})
    role = {"IamRole": "SSMServiceRole"}
    assert is_denied(ssm.deregister_managed_instance, InstanceId=nodes["prod"])
    assert is_denied(ssm.update_managed_instance_role, InstanceId=nodes["prod"], **role)
    assert is_denied(ssm.list_tags_for_resource, ResourceType="ManagedInstance", ResourceId=nodes["prod"])
    seen = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=nodes["test"])
    assert seen["TagList"] == [{"Key": "Stage", "Value": "test"}]
    assert is_denied(ssm.describe_instance_information)


def test_a_denial_by_tag_stands_beside_a_permission(house, nodes):
    ssm = allowed(house, "all-but-prod", {"StringNotEquals": {"aws:ResourceTag/Stage": "prod"}})
    assert is_denied(ssm.deregister_managed_instance, InstanceId=nodes["prod"])
    assert not is_denied(ssm.get_connection_status, Target=nodes["test"])


def test_the_tag_of_the_caller_and_that_of_the_resource_are_held_together(house, nodes):
    same = {"StringEquals": {"aws:ResourceTag/Stage": "${aws:PrincipalTag/Stage}"}}
    ssm = allowed(house, "of-test", same, Tags=[{"Key": "Stage", "Value": "test"}])
    assert is_denied(ssm.get_connection_status, Target=nodes["prod"])
    assert not is_denied(ssm.get_connection_status, Target=nodes["test"])


def test_documents_have_tags_too(house):
    owner = house.client("ssm")
    content = {"schemaVersion": "2.2", "mainSteps": []}
    content["mainSteps"] = [{"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["true"]}}]
    for stage in ("prod", "test"):
        owner.create_document(
            Name=f"Of-{stage}",
            Content=json.dumps(content),
            DocumentType="Command",
            Tags=[{"Key": "Stage", "Value": stage}],
        )
    ssm = allowed(house, "documents", {"StringEquals": {"aws:ResourceTag/Stage": "test"}})
    assert is_denied(ssm.get_document, Name="Of-prod")
    assert not is_denied(ssm.get_document, Name="Of-test")


def test_a_request_may_set_only_the_tags_that_its_caller_may_set(house, nodes):
    within = {"ForAllValues:StringEquals": {"aws:TagKeys": ["Owner"]}}
    ssm = allowed(house, "tagger", within | {"StringNotEquals": {"aws:RequestTag/Owner": "root"}})
    node = {"ResourceType": "ManagedInstance", "ResourceId": nodes["test"]}
    assert not is_denied(ssm.add_tags_to_resource, **node, Tags=[{"Key": "Owner", "Value": "me"}])
    assert is_denied(ssm.add_tags_to_resource, **node, Tags=[{"Key": "Owner", "Value": "root"}])
    assert is_denied(ssm.add_tags_to_resource, **node, Tags=[{"Key": "Stage", "Value": "prod"}])
    assert not is_denied(ssm.remove_tags_from_resource, **node, TagKeys=["Owner"])
    assert is_denied(ssm.remove_tags_from_resource, **node, TagKeys=["Owner", "Stage"])


def test_what_is_made_must_carry_the_tag_that_its_maker_owes(house):
    ssm = allowed(house, "maker", {"StringEquals": {"aws:RequestTag/Owner": "me"}}, "ssm:*", "iam:PassRole")
    assert is_denied(ssm.create_activation, IamRole="SSMServiceRole")
    assert not is_denied(
        ssm.create_activation, IamRole="SSMServiceRole", Tags=[{"Key": "Owner", "Value": "me"}]
    )
