"""Sharing: an advanced parameter read by another account, and only as far as its policy goes."""

import json

import pytest

from tests.parameters.conftest import OTHER_ACCOUNT


@pytest.fixture
def shared(ssm, root):
    """A parameter worth sharing; its ARN."""
    ssm.put_parameter(Name=root, Value="for you", Type="String", Tier="Advanced")
    return ssm.get_parameter(Name=root)["Parameter"]["ARN"]


def policy(arn, *actions, principal=OTHER_ACCOUNT, **more):
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": list(actions) or ["ssm:GetParameter", "ssm:GetParameters", "ssm:DescribeParameters"],
        "Resource": arn,
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_what_is_shared_is_read_by_its_arn_and_listed(ssm, stranger, shared, refused):
    assert refused(stranger.get_parameter, Name=shared) == "AccessDeniedException"
    made = ssm.put_resource_policy(ResourceArn=shared, Policy=policy(shared))
    assert stranger.get_parameter(Name=shared)["Parameter"]["Value"] == "for you"
    assert stranger.get_parameters(Names=[shared])["Parameters"][0]["ARN"] == shared
    listed = stranger.describe_parameters(Shared=True)["Parameters"]
    assert shared in [one["Name"] for one in listed]
    assert all("Value" not in one for one in listed)
    assert refused(stranger.get_parameter_history, Name=shared) == "AccessDeniedException"
    assert refused(stranger.delete_parameter, Name=shared) == "AccessDeniedException"
    assert refused(stranger.put_resource_policy, ResourceArn=shared, Policy=policy(shared)) == (
        "AccessDeniedException"
    )
    (found,) = ssm.get_resource_policies(ResourceArn=shared)["Policies"]
    assert (found["PolicyId"], found["PolicyHash"]) == (made["PolicyId"], made["PolicyHash"])
    ssm.delete_resource_policy(ResourceArn=shared, **{k: made[k] for k in ("PolicyId", "PolicyHash")})
    assert refused(stranger.get_parameter, Name=shared) == "AccessDeniedException"
    assert ssm.get_resource_policies(ResourceArn=shared)["Policies"] == []
    assert shared not in [one["Name"] for one in stranger.describe_parameters(Shared=True)["Parameters"]]


def test_shared_parameters_are_listed_in_pages(ssm, stranger, root):
    arns = []
    for number in range(5):
        ssm.put_parameter(Name=f"{root}/{number}", Value="v", Type="String", Tier="Advanced")
        arns.append(ssm.get_parameter(Name=f"{root}/{number}")["Parameter"]["ARN"])
        ssm.put_resource_policy(ResourceArn=arns[-1], Policy=policy(arns[-1]))
    pages = stranger.get_paginator("describe_parameters").paginate(
        Shared=True, PaginationConfig={"PageSize": 2}
    )
    found = [one["Name"] for page in pages for one in page["Parameters"]]
    assert [arn for arn in found if arn in arns] == arns
    for key, way, value, hits in (
        ("Name", "Equals", arns[2], [arns[2]]),
        ("Name", "BeginsWith", f"{root}/3", [arns[3]]),
        ("Name", "Contains", root[1:], arns),
        ("Path", "OneLevel", root, arns),
        ("Path", "Recursive", "/", arns),
        ("Path", "OneLevel", "/", []),
        ("Type", "Equals", "StringList", []),
        ("Tier", "Equals", "Advanced", arns),
        ("tag:a", "Equals", "b", []),
    ):
        chosen = [{"Key": key, "Option": way, "Values": [value]}]
        listed = stranger.describe_parameters(Shared=True, ParameterFilters=chosen)["Parameters"]
        assert [one["Name"] for one in listed if one["Name"] in arns] == hits, (key, way)


def test_a_policy_is_changed_by_whoever_knows_its_latest_hash(ssm, stranger, shared, refused):
    made = ssm.put_resource_policy(ResourceArn=shared, Policy=policy(shared))
    again = {"ResourceArn": shared, "Policy": policy(shared, "ssm:GetParameterHistory")}
    assert refused(ssm.put_resource_policy, **again) == "ResourcePolicyLimitExceededException"
    known = {"PolicyId": made["PolicyId"], "PolicyHash": "0" * 64}
    assert refused(ssm.put_resource_policy, **again, **known) == "ResourcePolicyConflictException"
    assert refused(ssm.delete_resource_policy, ResourceArn=shared, **known) == (
        "ResourcePolicyConflictException"
    )
    known["PolicyHash"] = made["PolicyHash"]
    assert ssm.put_resource_policy(**again, **known)["PolicyId"] == made["PolicyId"]
    assert stranger.get_parameter_history(Name=shared)["Parameters"]
    assert refused(stranger.get_parameter, Name=shared) == "AccessDeniedException"
    other = {"PolicyId": "none", "PolicyHash": "x"}
    assert refused(ssm.delete_resource_policy, ResourceArn=shared, **other) == (
        "ResourcePolicyNotFoundException"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "{}",
        "no json",
        policy("*"),
        policy("ARN", "ssm:PutParameter"),
        policy("ARN", "ssm:*"),
        policy("ARN", principal="nobody"),
        policy("ARN", Effect="Perhaps"),
    ],
)
def test_policies_that_cannot_be_are_refused(ssm, shared, refused, wrong):
    text = wrong.replace("ARN", shared)
    assert refused(ssm.put_resource_policy, ResourceArn=shared, Policy=text) == (
        "MalformedResourcePolicyDocumentException"
    )


def test_only_advanced_parameters_of_ones_own_are_shared(ssm, stranger, root, shared, refused, account):
    ssm.put_parameter(Name=f"{root}/standard", Value="v", Type="String")
    arn = f"{shared}/standard"
    put = {"ResourceArn": arn, "Policy": policy(arn)}
    assert refused(ssm.put_resource_policy, **put) == "ResourcePolicyInvalidParameterException"
    arn = f"{shared}/none"
    assert (
        refused(ssm.put_resource_policy, ResourceArn=arn, Policy=policy(arn)) == "ResourceNotFoundException"
    )
    assert refused(ssm.get_resource_policies, ResourceArn=arn) == "ResourceNotFoundException"
    group = f"arn:aws:ssm:us-east-1:{account}:opsitemgroup/default"
    assert refused(ssm.get_resource_policies, ResourceArn=group) == "ResourcePolicyInvalidParameterException"
    assert "OpsCenter" in refused.message


def test_a_secret_is_shared_with_a_key_of_ones_own_and_opened_by_who_may_use_that_key(
    house, ssm, stranger, root, account, refused
):
    ssm.put_parameter(Name=f"{root}/default", Value="s", Type="SecureString", Tier="Advanced")
    arn = ssm.get_parameter(Name=f"{root}/default")["Parameter"]["ARN"]
    put = {"ResourceArn": arn, "Policy": policy(arn)}
    assert refused(ssm.put_resource_policy, **put) == "ResourcePolicyInvalidParameterException"
    kms = house.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    wanted = {"Name": f"{root}/own", "Value": "hush", "Type": "SecureString", "Tier": "Advanced"}
    ssm.put_parameter(**wanted, KeyId=key)
    arn = ssm.get_parameter(Name=f"{root}/own")["Parameter"]["ARN"]
    ssm.put_resource_policy(ResourceArn=arn, Policy=policy(arn))
    assert stranger.get_parameter(Name=arn)["Parameter"]["Value"] != "hush"
    assert refused(stranger.get_parameter, Name=arn, WithDecryption=True) == "AccessDeniedException"
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": OTHER_ACCOUNT}, "Action": "kms:Decrypt", "Resource": "*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document)
    assert stranger.get_parameter(Name=arn, WithDecryption=True)["Parameter"]["Value"] == "hush"


def test_sharing_ends_with_the_parameter(ssm, stranger, root, shared, refused):
    ssm.put_resource_policy(ResourceArn=shared, Policy=policy(shared))
    ssm.delete_parameter(Name=root)
    ssm.put_parameter(Name=root, Value="another", Type="String", Tier="Advanced")
    assert refused(stranger.get_parameter, Name=shared) == "AccessDeniedException"


def test_a_user_made_anew_has_nothing_of_what_was_shared_with_the_first(
    house, ssm, stranger, shared, refused
):
    """`stranger` makes the other account; its administrator makes a user there, twice."""
    stranger.describe_parameters()
    iam = house.client("iam", house.stranger_key)
    name = f"guest-{house.world.hex(8)}"
    allowed = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})

    def guest():
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return arn, key["AccessKeyId"], house.client("ssm", (key["AccessKeyId"], key["SecretAccessKey"]))

    arn, key_id, first = guest()
    nobody = f"{arn}-nobody"
    given = {"ResourceArn": shared, "Policy": policy(shared, "ssm:GetParameter", principal=nobody)}
    assert refused(ssm.put_resource_policy, **given) == "MalformedResourcePolicyDocumentException"
    assert nobody in refused.message
    ssm.put_resource_policy(ResourceArn=shared, Policy=policy(shared, "ssm:GetParameter", principal=arn))
    assert first.get_parameter(Name=shared)["Parameter"]["Value"] == "for you"
    (shown,) = ssm.get_resource_policies(ResourceArn=shared)["Policies"]
    assert json.loads(shown["Policy"])["Statement"][0]["Principal"]["AWS"] == arn

    iam.delete_access_key(UserName=name, AccessKeyId=key_id)
    iam.delete_user_policy(UserName=name, PolicyName="own")
    iam.delete_user(UserName=name)
    _, _, second = guest()
    assert refused(second.get_parameter, Name=shared) == "AccessDeniedException"
    (shown,) = ssm.get_resource_policies(ResourceArn=shared)["Policies"]
    assert json.loads(shown["Policy"])["Statement"][0]["Principal"]["AWS"].startswith("AIDA")
