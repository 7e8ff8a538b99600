"""EC2 instances as targets: of commands by EC2's tags, of resource groups, of the tagging API."""

import json

from tests.compute.conftest import report


def send(house, ssm, *targets):
    wanted = [{"Key": key, "Values": list(values)} for key, *values in targets]
    asked = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, "Targets": wanted}
    command = ssm.send_command(**asked)["Command"]["CommandId"]
    house.tick()
    found = ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
    return sorted(each["InstanceId"] for each in found)


def made_group(house, name, mark, *types):
    query = {"ResourceTypeFilters": list(types), "TagFilters": [{"Key": "Mark", "Values": [mark]}]}
    asked = {"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)}
    house.client("resource-groups").create_group(Name=name, ResourceQuery=asked)
    return ("resource-groups:Name", name)


def test_commands_reach_instances_by_id_tag_and_group(house, ssm, enrolled, mark):
    web, db = enrolled(Mark=mark, Role="web"), enrolled(Mark=mark, Role="db")
    managed = enrolled("ManagedInstance", Mark=mark, Role="web")
    for node in (web, db, managed):
        report(house, node, PlatformType="Linux")
    assert send(house, ssm, ("tag:Mark", mark)) == sorted([web, db, managed])
    assert send(house, ssm, ("tag:Mark", mark), ("tag:Role", "web")) == sorted([web, managed])
    assert send(house, ssm, ("tag:Mark", mark), ("tag-key", "Role", "Absent")) == sorted([web, db, managed])
    assert send(house, ssm, ("InstanceIds", web, managed), ("tag:Mark", mark)) == sorted([web, managed])
    only = made_group(house, f"{mark}-i", mark, "AWS::EC2::Instance")
    assert send(house, ssm, only) == sorted([web, db])
    both = made_group(house, f"{mark}-m", mark, "AWS::SSM::ManagedInstance")
    assert send(house, ssm, both) == sorted([web, db, managed])
    narrowed = ("resource-groups:ResourceTypeFilters", "AWS::EC2::INSTANCE")
    assert send(house, ssm, both, narrowed) == sorted([web, db])


def test_a_tag_through_ec2_counts_at_once(house, ssm, enrolled, mark):
    instance = enrolled()
    report(house, instance, PlatformType="Linux")
    ec2 = house.client("ec2")
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "Mark", "Value": mark}])
    assert send(house, ssm, ("tag:Mark", mark)) == [instance]
    found = ssm.describe_instance_information(Filters=[{"Key": "tag:Mark", "Values": [mark]}])
    assert [each["InstanceId"] for each in found["InstanceInformationList"]] == [instance]
    ec2.delete_tags(Resources=[instance], Tags=[{"Key": "Mark"}])
    assert send(house, ssm, ("tag:Mark", mark)) == []


def test_policies_name_instances_by_ec2s_arn_and_tags(house, enrolled, limited, account, mark):
    mine, theirs = enrolled(Mark=mark), enrolled()
    for node in (mine, theirs):
        report(house, node, PlatformType="Linux")
    client = limited(
        "ssm",
        {"Action": "ssm:SendCommand", "Resource": "arn:aws:ssm:*:*:document/AWS-RunShellScript"},
        {
            "Action": "ssm:SendCommand",
            "Resource": f"arn:aws:ec2:us-east-1:{account}:instance/*",
            "Condition": {"StringEquals": {"ssm:resourceTag/Mark": mark}},
        },
    )
    asked = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}}
    assert client.send_command(InstanceIds=[mine], **asked)["Command"]["CommandId"]
    try:
        client.send_command(InstanceIds=[theirs], **asked)
    except client.exceptions.ClientError as refused:
        assert refused.response["Error"]["Code"] == "AccessDeniedException"
    else:
        raise AssertionError("a command was sent without leave")


def test_instances_are_tagged_and_found_through_the_tagging_api(house, enrolled, limited, account, mark):
    instance = enrolled(Mark=mark)
    arn = f"arn:aws:ec2:us-east-1:{account}:instance/{instance}"
    tagging = house.client("resourcegroupstaggingapi")

    def found(*values):
        filters = [{"Key": "Mark", "Values": list(values)}]
        answer = tagging.get_resources(TagFilters=filters, ResourceTypeFilters=["ec2:instance"])
        return [each["ResourceARN"] for each in answer["ResourceTagMappingList"]]

    assert found(mark) == [arn]
    assert tagging.tag_resources(ResourceARNList=[arn], Tags={"Mark": f"{mark}2"})["FailedResourcesMap"] == {}
    assert (found(mark), found(f"{mark}2")) == ([], [arn])
    without = limited("resourcegroupstaggingapi", {"Action": ["tag:*", "ssm:*"]})
    failed = without.untag_resources(ResourceARNList=[arn], TagKeys=["Mark"])["FailedResourcesMap"]
    assert failed[arn]["ErrorCode"] == "AccessDeniedException"
    assert tagging.untag_resources(ResourceARNList=[arn], TagKeys=["Mark"])["FailedResourcesMap"] == {}
    assert arn not in found()
