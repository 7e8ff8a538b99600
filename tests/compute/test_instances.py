"""Machines as EC2 instances, through a real client: described, filtered, paged, tagged, terminated."""

import json
import re

import pytest
from botocore.exceptions import ClientError

from tests.compute.conftest import refused, report


def ids(ec2, *filters, **request):
    asked = [{"Name": name, "Values": list(values)} for name, *values in filters]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=asked, **request)
    return [each["InstanceId"] for page in pages for r in page["Reservations"] for each in r["Instances"]]


def one(ec2, instance):
    (reservation,) = ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    (shown,) = reservation["Instances"]
    return reservation, shown


def tags_of(ec2, instance):
    return {tag["Key"]: tag["Value"] for tag in one(ec2, instance)[1]["Tags"]}


def test_a_machine_that_enrols_as_an_instance_is_one(ec2, ssm, house, enrolled, account, mark):
    instance = enrolled(name="web-1", Team=mark)
    assert re.fullmatch(r"i-[0-9a-f]{17}", instance)
    report(house, instance, IPAddress="10.0.0.7", ComputerName="web-1.lan", PlatformType="Linux")
    reservation, shown = one(ec2, instance)
    assert reservation["OwnerId"] == account and reservation["ReservationId"].startswith("r-")
    assert shown["State"] == {"Code": 16, "Name": "running"}
    assert (shown["PrivateIpAddress"], shown["PrivateDnsName"]) == ("10.0.0.7", "web-1.lan")
    assert (shown["Architecture"], shown["PlatformDetails"]) == ("arm64", "Linux/UNIX")
    assert shown["Placement"]["AvailabilityZone"] == "us-east-1a"
    assert {tag["Key"]: tag["Value"] for tag in shown["Tags"]} == {"Name": "web-1", "Team": mark}

    (node,) = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [instance]}])[
        "InstanceInformationList"
    ]
    assert (node["ResourceType"], node["SourceType"]) == ("EC2Instance", "AWS::EC2::Instance")
    assert node["ComputerName"] == "web-1.lan"
    assert not {"ActivationId", "IamRole", "Name", "RegistrationDate"} & set(node)
    (properties,) = ssm.describe_instance_properties(
        FiltersWithOperator=[{"Key": "InstanceIds", "Values": [instance]}]
    )["InstanceProperties"]
    assert (properties["InstanceState"], properties["Architecture"]) == ("running", "arm64")
    (listed,) = ssm.list_nodes(Filters=[{"Key": "InstanceId", "Values": [instance]}])["Nodes"]
    assert listed["NodeType"]["Instance"]["ResourceType"] == "EC2Instance"


def test_nodes_are_filtered_by_what_they_are(ssm, enrolled):
    instance, managed = enrolled(), enrolled("ManagedInstance")
    assert managed.startswith("mi-")

    def of(key, value):
        pages = ssm.get_paginator("describe_instance_information").paginate(
            Filters=[{"Key": key, "Values": [value]}]
        )
        return {each["InstanceId"] for page in pages for each in page["InstanceInformationList"]}

    assert instance in of("ResourceType", "EC2Instance") and managed not in of("ResourceType", "EC2Instance")
    assert managed in of("ResourceType", "ManagedInstance")
    assert instance in of("SourceTypes", "AWS::EC2::Instance")
    assert instance not in of("IamRole", "service-role/SSMServiceRole")
    assert managed in of("IamRole", "service-role/SSMServiceRole")


def test_the_same_machine_asking_again_is_the_same_instance(ec2, enrolled, house, mark):
    first = enrolled(Team=mark)
    house.machines -= 1
    second = enrolled(Team=mark)
    assert first != second, "another activation is another instance"
    assert ids(ec2, ("tag:Team", mark)) == sorted([first, second])


def test_instances_are_filtered(ec2, enrolled, house, mark):
    web = enrolled(Name=f"{mark}-web", Env="prod", Mark=mark)
    db = enrolled(Name=f"{mark}-db", Env="test", Mark=mark)
    report(house, web, IPAddress="10.9.9.1", ComputerName=f"{mark}.lan")
    mine = ("tag:Mark", mark)
    assert ids(ec2, mine) == sorted([web, db])
    assert ids(ec2, mine, ("tag:Env", "prod", "stage")) == [web]
    assert ids(ec2, ("tag:Name", f"{mark}-*")) == sorted([web, db])
    assert ids(ec2, ("tag:Name", f"{mark}-w?b")) == [web]
    assert ids(ec2, ("tag:Name", f"{mark}-\\*")) == []
    assert ids(ec2, mine, ("tag-key", "Env")) == sorted([web, db])
    assert ids(ec2, mine, ("tag-key", "Nothing")) == []
    assert ids(ec2, mine, ("tag-value", "test")) == [db]
    assert ids(ec2, ("private-dns-name", f"{mark}.lan"), ("private-ip-address", "10.9.9.*")) == [web]
    assert ids(ec2, ("instance-id", web)) == [web]
    assert ids(ec2, ("instance-id", web[:12] + "*"), mine) == [web]
    assert ids(ec2, mine, ("instance-state-name", "running"), ("architecture", "arm64")) == sorted([web, db])
    assert ids(ec2, mine, ("instance-state-name", "stopped")) == []
    assert ids(ec2, mine, ("vpc-id", "*")) == []
    assert ids(ec2, mine, ("instance-id", db), InstanceIds=[web, db]) == [db]
    assert ids(ec2, ("tag:Env",)) == []


def test_instances_come_in_pages(ec2, enrolled, mark):
    made = sorted(enrolled(Mark=mark) for _ in range(12))
    first = ec2.describe_instances(Filters=[{"Name": "tag:Mark", "Values": [mark]}], MaxResults=5)
    assert len(first["Reservations"]) == 5
    assert ids(ec2, ("tag:Mark", mark), PaginationConfig={"PageSize": 5}) == made
    assert ids(ec2, ("tag:Mark", f"{mark}*"), PaginationConfig={"PageSize": 5}) == made


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"InstanceIds": ["i-00000000000000000"]}, "InvalidInstanceID.NotFound"),
        ({"InstanceIds": ["mi-00000000000000000"]}, "InvalidInstanceID.Malformed"),
        ({"InstanceIds": ["i-zz"]}, "InvalidInstanceID.Malformed"),
        ({"InstanceIds": ["i-00000000000000000"], "MaxResults": 5}, "InvalidParameterCombination"),
        ({"MaxResults": 4}, "InvalidParameterValue"),
        ({"NextToken": "nonsense"}, "InvalidNextToken"),
        ({"Filters": [{"Name": "colour", "Values": ["red"]}]}, "InvalidParameterValue"),
        ({"Filters": [{"Name": "vpc-id", "Values": ["v"] * 201}]}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_what_cannot_be_described_is_refused(ec2, request_, code):
    assert refused(ec2.describe_instances, **request_) == code


def test_tags_of_instances_are_ec2s(ec2, ssm, enrolled, mark):
    web, db = enrolled(Env="prod"), enrolled(Env="prod")
    ec2.create_tags(Resources=[web, db], Tags=[{"Key": "Mark", "Value": mark}, {"Key": "Env", "Value": ""}])
    assert tags_of(ec2, web) == tags_of(ec2, db) == {"Env": "", "Mark": mark}
    ec2.delete_tags(Resources=[web], Tags=[{"Key": "Mark", "Value": "other"}, {"Key": "Absent"}])
    assert tags_of(ec2, web) == {"Env": "", "Mark": mark}
    ec2.delete_tags(Resources=[web], Tags=[{"Key": "Mark", "Value": mark}])
    ec2.delete_tags(Resources=[db], Tags=[{"Key": "Mark"}])
    assert tags_of(ec2, web) == tags_of(ec2, db) == {"Env": ""}
    ec2.delete_tags(Resources=[web, db])
    assert tags_of(ec2, web) == tags_of(ec2, db) == {}
    for call, more in (
        (ssm.add_tags_to_resource, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (ssm.remove_tags_from_resource, {"TagKeys": ["a"]}),
        (ssm.list_tags_for_resource, {}),
    ):
        assert refused(call, ResourceType="ManagedInstance", ResourceId=web, **more) == "InvalidResourceId"


@pytest.mark.parametrize(
    ("resources", "tags", "code"),
    [
        (["i-00000000000000000"], [{"Key": "a", "Value": "b"}], "InvalidInstanceID.NotFound"),
        (["vol-00000000000000000"], [{"Key": "a", "Value": "b"}], "InvalidID"),
        ([None], [{"Key": "aws:a", "Value": "b"}], "InvalidParameterValue"),
        ([None], [{"Key": "k" * 129, "Value": "b"}], "InvalidParameterValue"),
        ([None], [{"Key": "", "Value": "b"}], "InvalidParameterValue"),
        ([None], [{"Key": "a", "Value": "b" * 257}], "InvalidParameterValue"),
        ([None], [{"Key": f"k{n}", "Value": ""} for n in range(51)], "TagLimitExceeded"),
        ([None, "i-00000000000000000"], [{"Key": "a", "Value": "b"}], "InvalidInstanceID.NotFound"),
    ],
)
def test_tags_that_cannot_be_are_refused_and_nobody_gets_any(ec2, enrolled, resources, tags, code):
    instance = enrolled()
    named = [each or instance for each in resources]
    assert refused(ec2.create_tags, Resources=named, Tags=tags) == code
    assert tags_of(ec2, instance) == {}


def test_tags_are_described_by_resource_key_and_value(ec2, enrolled, mark):
    made = sorted(enrolled(**{f"{mark}{n}": "v", "Mark": mark}) for n in range(4) for _ in range(2))

    def described(*filters, **request):
        asked = [{"Name": name, "Values": list(values)} for name, *values in filters]
        pages = ec2.get_paginator("describe_tags").paginate(Filters=asked, **request)
        return [(each["ResourceId"], each["Key"], each["Value"]) for page in pages for each in page["Tags"]]

    assert described(("key", "Mark"), ("value", mark)) == [(each, "Mark", mark) for each in made]
    assert {key for _, key, _ in described(("resource-id", made[0]))} >= {"Mark"}
    assert described(("key", f"{mark}?"), PaginationConfig={"PageSize": 5}) == described(("key", f"{mark}*"))
    assert len(described(("key", f"{mark}?"))) == 8
    everything = described(("resource-id", *made), PaginationConfig={"PageSize": 5})
    assert len(everything) == len(set(everything)) == 16
    assert described(("tag:Mark", mark)) == [(each, "Mark", mark) for each in made]
    assert described(("resource-type", "volume")) == []
    assert (
        refused(ec2.describe_tags, Filters=[{"Name": "colour", "Values": ["x"]}]) == "InvalidParameterValue"
    )


def test_a_terminated_instance_is_no_node_any_more_and_lingers_for_an_hour(ec2, ssm, house, enrolled, mark):
    instance = enrolled(Mark=mark)
    assert refused(ec2.terminate_instances, InstanceIds=[instance], DryRun=True) == "DryRunOperation"
    (ended,) = ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"]
    assert (ended["PreviousState"]["Name"], ended["CurrentState"]["Name"]) == ("running", "terminated")
    (ended,) = ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"]
    assert ended["PreviousState"]["Name"] == "terminated"
    assert ids(ec2, ("instance-state-name", "terminated"), ("tag:Mark", mark)) == [instance]
    code = refused(
        ssm.send_command,
        DocumentName="AWS-RunShellScript",
        InstanceIds=[instance],
        Parameters={"commands": ["id"]},
    )
    assert code == "InvalidInstanceId"
    house.world.advance(3700)
    assert ids(ec2, ("tag:Mark", mark)) == []
    other = enrolled()
    ec2.terminate_instances(InstanceIds=[other])
    assert refused(ec2.describe_instances, InstanceIds=[instance]) == "InvalidInstanceID.NotFound"
    house.world.advance(-3700)


def test_statuses_tell_whether_the_agent_is_there(ec2, house, enrolled, mark):
    instance, silent = enrolled(), enrolled()
    report(house, instance, PlatformType="Linux")

    def statuses(**request):
        answer = ec2.describe_instance_status(InstanceIds=[instance, silent], **request)["InstanceStatuses"]
        return {each["InstanceId"]: each["InstanceStatus"]["Status"] for each in answer}

    assert statuses() == {instance: "ok", silent: "impaired"}
    ec2.terminate_instances(InstanceIds=[silent])
    assert statuses() == {instance: "ok"}
    assert statuses(IncludeAllInstances=True) == {instance: "ok", silent: "not-applicable"}
    zone = [{"Name": "availability-zone", "Values": ["us-east-1b"]}]
    assert ec2.describe_instance_status(Filters=zone)["InstanceStatuses"] == []
    wrong = [{"Name": "event.code", "Values": ["x"]}]
    assert refused(ec2.describe_instance_status, Filters=wrong) == "InvalidParameterValue"


def test_instances_belong_to_an_account_and_a_region(ec2, house, enrolled, stranger, mark):
    instance = enrolled(Mark=mark)
    for other in (house.client("ec2", region="eu-west-1"), stranger("ec2")):
        assert refused(other.describe_instances, InstanceIds=[instance]) == "InvalidInstanceID.NotFound"
        assert ids(other, ("tag:Mark", mark)) == []
        tags = [{"Key": "a", "Value": "b"}]
        assert refused(other.create_tags, Resources=[instance], Tags=tags) == "InvalidInstanceID.NotFound"
        assert refused(other.terminate_instances, InstanceIds=[instance]) == "InvalidInstanceID.NotFound"
    assert tags_of(ec2, instance) == {"Mark": mark}


def test_rights_are_asked_for_the_instance_and_its_tags(ec2, enrolled, limited, mark):
    mine, theirs = enrolled(Team=mark), enrolled(Team="other")
    tagged = {"StringEquals": {"aws:ResourceTag/Team": mark}}
    client = limited("ec2", {"Action": ["ec2:CreateTags", "ec2:DeleteTags"], "Condition": tagged})
    tags = [{"Key": "a", "Value": "b"}]
    client.create_tags(Resources=[mine], Tags=tags)
    assert refused(client.create_tags, Resources=[mine, theirs], Tags=tags) == "UnauthorizedOperation"
    assert refused(client.delete_tags, Resources=[theirs]) == "UnauthorizedOperation"
    assert refused(client.describe_instances) == "UnauthorizedOperation"
    assert refused(client.describe_instances, DryRun=True) == "UnauthorizedOperation"
    assert refused(client.terminate_instances, InstanceIds=[mine]) == "UnauthorizedOperation"
    only = {"ForAllValues:StringEquals": {"aws:TagKeys": ["Env"]}}
    client = limited("ec2", {"Action": "ec2:CreateTags", "Condition": only})
    client.create_tags(Resources=[mine], Tags=[{"Key": "Env", "Value": "x"}])
    assert refused(client.create_tags, Resources=[mine], Tags=tags) == "UnauthorizedOperation"


def test_a_denial_says_why_and_is_decoded_by_who_may(ec2, enrolled, limited, house):
    instance = enrolled(Team="other")
    never = {"Action": "ec2:DescribeInstances", "Effect": "Deny", "Sid": "Never"}
    client = limited("ec2", never)
    with pytest.raises(ClientError) as told:
        client.describe_instances(InstanceIds=[instance])
    shown = told.value.response["Error"]
    assert shown["Code"] == "UnauthorizedOperation"
    words, _, encoded = shown["Message"].partition(" Encoded authorization failure message: ")
    assert words.startswith("You are not authorized to perform this operation. User: arn:aws:iam::")
    assert words.endswith(
        "is not authorized to perform: ec2:DescribeInstances on resource: * with an explicit deny in an "
        "identity-based policy."
    )
    sts = house.client("sts")
    message = json.loads(sts.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert message["explicitDeny"] and not message["allowed"]
    assert message["matchedStatements"]["items"][0]["statementId"].endswith("#Never")
    assert message["context"]["action"] == "ec2:DescribeInstances"
    keys = {each["key"]: each["values"]["items"] for each in message["context"]["conditions"]["items"]}
    assert keys["aws:requestedregion"] == [{"value": "us-east-1"}]
    with pytest.raises(ClientError) as told:
        client.terminate_instances(InstanceIds=[instance])
    encoded = told.value.response["Error"]["Message"].rpartition(" ")[2]
    message = json.loads(sts.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert not message["explicitDeny"] and message["matchedStatements"]["items"] == []
    assert message["context"]["resource"].endswith(f":instance/{instance}")


def test_a_long_denial_can_be_decoded_too(enrolled, limited, house):
    client, instance = limited("ec2", {"Action": "ec2:Describe*"}), enrolled()
    tags = [
        {"Key": house.world.hex(120) + str(number), "Value": house.world.hex(250)} for number in range(50)
    ]
    with pytest.raises(ClientError) as told:
        client.create_tags(Resources=[instance], Tags=tags)
    encoded = told.value.response["Error"]["Message"].rpartition(" ")[2]
    decoded = house.client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"]
    assert json.loads(decoded)["context"]["action"] == "ec2:CreateTags"


def test_regions_are_those_that_are_served(ec2):
    names = [each["RegionName"] for each in ec2.describe_regions()["Regions"]]
    assert "us-east-1" in names and names == sorted(names)
    one_region = [{"Name": "region-name", "Values": ["us-east-1"]}]
    (shown,) = ec2.describe_regions(Filters=one_region)["Regions"]
    assert shown["OptInStatus"] == "opt-in-not-required" and ":8443" in shown["Endpoint"]
    assert refused(ec2.describe_regions, RegionNames=["moon-1"]) == "InvalidParameterValue"
    assert refused(ec2.describe_regions, Filters=[{"Name": "x", "Values": ["y"]}]) == "InvalidParameterValue"


def test_launching_is_not_there_yet_and_says_so(ec2):
    code = refused(ec2.run_instances, ImageId="ami-12345678", MinCount=1, MaxCount=1)
    assert code == "NotImplemented"
