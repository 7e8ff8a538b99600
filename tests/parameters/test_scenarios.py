"""What users do, from beginning to end: the facts' acceptance list, Terraform's calls, helpers' calls."""

import json
from datetime import UTC, datetime

from tests.parameters.events import events


def test_an_allowed_pattern_guards_a_service_limit(ssm, root, refused):
    name = f"{root}/S/T/Max"
    ssm.put_parameter(Name=name, Value="100", Type="String", AllowedPattern=r"\d{1,4}")
    assert refused(ssm.put_parameter, Name=name, Value="10,000", Overwrite=True) == (
        "ParameterPatternMismatchException"
    )
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "100"


def test_a_secret_stays_closed_to_a_role_without_its_key(house, ssm, root, refused):
    key_id = house.client("kms").create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name=root, Value="hush", Type="SecureString", KeyId=key_id)
    ssm.put_parameter(Name=f"{root}/default", Value="hush", Type="SecureString")
    iam, sts = house.client("iam"), house.client("sts")
    me = sts.get_caller_identity()["Arn"]
    name = f"r{house.world.hex(8)}"
    trust = {"Effect": "Allow", "Principal": {"AWS": me}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]
    statements = [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
    given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    key = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    as_role = house.client("ssm", key)
    assert as_role.get_parameter(Name=root)["Parameter"]["Value"] != "hush"
    # AWS's own key opens for everyone of the account who comes through Parameter Store.
    assert as_role.get_parameter(Name=f"{root}/default", WithDecryption=True)["Parameter"]["Value"] == "hush"
    assert refused(as_role.get_parameter, Name=root, WithDecryption=True) == "AccessDeniedException"
    assert ssm.get_parameter(Name=root, WithDecryption=True)["Parameter"]["Value"] == "hush"


def test_every_change_is_told_in_awss_shape(house, ssm, root):
    ssm.put_parameter(Name=root, Value="v", Type="String", Description="d")
    ssm.put_parameter(Name=root, Value="w", Overwrite=True)
    ssm.label_parameter_version(Name=root, Labels=["live"])
    ssm.label_parameter_version(Name=root, Labels=["live"])
    ssm.delete_parameter(Name=root)
    told = events(house, root)
    assert {kind for kind, _ in told} == {"Parameter Store Change"}
    assert [detail["operation"] for _, detail in told] == [
        "Create",
        "Update",
        "LabelParameterVersion",
        "Delete",
    ]
    for _, detail in told:
        assert detail.items() >= {"name": root, "type": "String", "description": "d"}.items()
        assert len(detail) == 4


def test_terraform_creates_reads_back_updates_imports_and_deletes(ssm, root, refused):
    """The calls that aws_ssm_parameter makes, in their order."""
    name = f"{root}/db/password"
    wanted = {
        "Name": name,
        "Type": "SecureString",
        "Value": "first",
        "Description": "the database",
        "AllowedPattern": "",
        "Tier": "Standard",
        "DataType": "text",
        "Tags": [{"Key": "environment", "Value": "production"}],
    }
    ssm.put_parameter(**wanted, Overwrite=False)

    def read():
        found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
        chosen = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
        (more,) = ssm.describe_parameters(ParameterFilters=chosen)["Parameters"]
        tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
        return {
            **{member: found[member] for member in ("Name", "Type", "Value", "DataType", "ARN", "Version")},
            **{member: more.get(member, "") for member in ("Description", "AllowedPattern", "Tier", "KeyId")},
            "Tags": tags,
        }

    first = read()
    assert {member: first[member] for member in wanted} == wanted
    assert first["KeyId"] == "alias/aws/ssm"
    # A second plan, and an import, read the very same.
    assert read() == first
    ssm.put_parameter(
        Name=name, Type="SecureString", Value="second", Overwrite=True, Tier="Standard", Description="changed"
    )
    tags = [{"Key": "environment", "Value": "test"}, {"Key": "team", "Value": "db"}]
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=tags)
    second = read()
    assert second == first | {"Value": "second", "Version": 2, "Description": "changed", "Tags": tags}
    ssm.delete_parameter(Name=name)
    assert refused(ssm.get_parameter, Name=name, WithDecryption=True) == "ParameterNotFound"


def test_parameter_helpers_fetch_single_values_trees_and_lists_by_name(ssm, root):
    """The calls of the usual Python helpers: decrypted single ones, trees by pages, tens by name."""
    names = [f"{root}/app/{number:02}" for number in range(12)]
    for name in names:
        ssm.put_parameter(Name=name, Value=name[-2:], Type="SecureString" if name < names[6] else "String")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path=f"{root}/app", Recursive=True, WithDecryption=True
    )
    tree = {one["Name"]: one["Value"] for page in pages for one in page["Parameters"]}
    assert tree == {name: name[-2:] for name in names}
    several = ssm.get_parameters(Names=[*names[:8], f"{root}/none"], WithDecryption=True)
    assert [one["Value"] for one in several["Parameters"]] == [f"{number:02}" for number in range(8)]
    assert several["InvalidParameters"] == [f"{root}/none"]


def test_a_golden_image_pipeline_keeps_its_latest_image_in_a_parameter(ssm, root):
    """The sample function of the pipeline: find by prefix in the old form, read, write anew."""
    name = f"{root}/latestAmi"
    ssm.put_parameter(Name=name, Value="ami-1", Type="String", Overwrite=True)
    (found,) = ssm.describe_parameters(Filters=[{"Key": "Name", "Values": [name]}])["Parameters"]
    ssm.put_parameter(Name=name, Value="ami-2", Type=found["Type"], Overwrite=True, AllowedPattern="ami-.*")
    assert ssm.get_parameters(Names=[name])["Parameters"][0]["Value"] == "ami-2"


def test_an_expired_parameter_in_a_standard_tier_is_an_error(house, ssm, root, refused):
    at = datetime.fromtimestamp(house.world.now_ms() / 1000 + 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    policy = json.dumps([{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": at}}])
    request = {"Name": root, "Value": "v", "Type": "String", "Policies": policy}
    assert refused(ssm.put_parameter, **request) == "ValidationException"
    assert ssm.put_parameter(**request, Tier="Advanced")["Version"] == 1


def test_a_rule_on_changes_waits_for_eventbridge_and_says_so(house, ssm, root, refused):
    """Scenario: a rule on `Parameter Store Change`, operation Update, calls a function."""
    rules = house.client("events")
    pattern = {"source": ["aws.ssm"], "detail-type": ["Parameter Store Change"]}
    pattern["detail"] = {"operation": ["Update"], "name": [root]}
    refused(rules.put_rule, Name="changed", EventPattern=json.dumps(pattern))
    assert "Hostreeve" in refused.message
    ssm.put_parameter(Name=root, Value="v", Type="String")
    ssm.put_parameter(Name=root, Value="w", Overwrite=True)
    # What the rule will match is written already.
    kind, detail = events(house, root)[-1]
    assert (kind, detail["operation"], detail["name"]) == ("Parameter Store Change", "Update", root)
