"""Units, accounts and policies in the tagging API and in resource groups, from their management account."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.groups.conftest import tag_query
from tests.house import house_at


@pytest.fixture
def house(tmp_path):
    with house_at(f"sqlite:///{tmp_path}/house.db") as made:
        yield made


def refused(operation, **request):
    with pytest.raises(ClientError) as error:
        operation(**request)
    return error.value.response["Error"]["Code"]


def arns(found):
    return sorted(each["ResourceARN"] for each in found["ResourceTagMappingList"])


@pytest.fixture
def tree(house):
    """The ARNs of the root, a unit, an account and a policy, all tagged Team=a."""
    client, tags = house.client("organizations"), [{"Key": "Team", "Value": "a"}]
    root = client.list_roots()["Roots"][0]
    client.tag_resource(ResourceId=root["Id"], Tags=tags)
    unit = client.create_organizational_unit(ParentId=root["Id"], Name="U", Tags=tags)["OrganizationalUnit"]
    asked = client.create_account(Email="t@example.com", AccountName="T", Tags=tags)["CreateAccountStatus"]
    house.tick()
    made = client.describe_create_account_status(CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
    account = client.describe_account(AccountId=made["AccountId"])["Account"]
    content = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}}
    policy = client.create_policy(
        Name="p",
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps(content),
        Tags=tags,
    )["Policy"]["PolicySummary"]
    return {"root": root["Arn"], "unit": unit["Arn"], "account": account["Arn"], "policy": policy["Arn"]}


def test_they_are_found_with_resources_of_the_region_in_one_order(house, tree):
    tagging, ssm = house.client("resourcegroupstaggingapi"), house.client("ssm")
    tags = [{"Key": "Team", "Value": "a"}, {"Key": "Only", "Value": "here"}]
    ssm.put_parameter(Name="p", Type="String", Value="v", Tags=tags)
    parameter = ssm.get_parameter(Name="p")["Parameter"]["ARN"]
    found = tagging.get_resources(TagFilters=[{"Key": "Team", "Values": ["a"]}])
    assert arns(found) == sorted([*tree.values(), parameter])
    assert all({"Key": "Team", "Value": "a"} in each["Tags"] for each in found["ResourceTagMappingList"])
    pages, token = [], ""
    while True:
        more = {"PaginationToken": token} if token else {}
        page = tagging.get_resources(TagFilters=[{"Key": "Team"}], ResourcesPerPage=2, **more)
        pages += [each["ResourceARN"] for each in page["ResourceTagMappingList"]]
        token = page["PaginationToken"]
        if not token:
            break
    assert pages == sorted([*tree.values(), parameter])
    for filters, kinds in ((["organizations:ou"], ["unit"]), (["organizations"], list(tree))):
        asked = tagging.get_resources(ResourceTypeFilters=filters)
        assert arns(asked) == sorted(tree[kind] for kind in kinds)
    by_arn = tagging.get_resources(ResourceARNList=[tree["account"], parameter])
    assert arns(by_arn) == sorted([tree["account"], parameter])
    assert tagging.get_tag_keys()["TagKeys"] == ["Only", "Team"]
    assert tagging.get_tag_values(Key="Team")["TagValues"] == ["a"]


def test_they_are_found_from_one_region_and_by_their_management_account_only(house, tree):
    elsewhere = house.client("resourcegroupstaggingapi", region="eu-west-1")
    assert elsewhere.get_resources()["ResourceTagMappingList"] == []
    assert elsewhere.get_tag_keys()["TagKeys"] == []
    failed = elsewhere.tag_resources(ResourceARNList=[tree["unit"]], Tags={"a": "b"})["FailedResourcesMap"]
    assert failed[tree["unit"]]["ErrorCode"] == "InvalidParameterException"
    account = tree["account"].rpartition("/")[2]
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    made = house.client("sts").assume_role(RoleArn=role, RoleSessionName="night")["Credentials"]
    key = (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    assert house.client("resourcegroupstaggingapi", key).get_resources()["ResourceTagMappingList"] == []


def test_they_are_tagged_with_the_rights_of_organizations(house, tree):
    tagging, client = house.client("resourcegroupstaggingapi"), house.client("organizations")
    done = tagging.tag_resources(ResourceARNList=list(tree.values()), Tags={"Cost": "1"})
    assert done["FailedResourcesMap"] == {}
    unit = tree["unit"].rpartition("/")[2]
    tags = client.list_tags_for_resource(ResourceId=unit)["Tags"]
    assert tags == [{"Key": "Cost", "Value": "1"}, {"Key": "Team", "Value": "a"}]
    tagging.untag_resources(ResourceARNList=[tree["unit"]], TagKeys=["Cost", "Team"])
    assert client.list_tags_for_resource(ResourceId=unit)["Tags"] == []
    absent = tree["unit"].rpartition("/")[0] + "/ou-aaaa-aaaaaaaa"
    failed = tagging.tag_resources(ResourceARNList=[absent], Tags={"a": "b"})["FailedResourcesMap"]
    assert failed[absent]["ErrorCode"] == "TargetNotFoundException"

    iam = house.client("iam")
    iam.create_user(UserName="u")
    only = {"Effect": "Allow", "Action": "tag:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [only]})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="u")["AccessKey"]
    user = house.client("resourcegroupstaggingapi", (key["AccessKeyId"], key["SecretAccessKey"]))
    failed = user.tag_resources(ResourceARNList=[tree["root"]], Tags={"a": "b"})["FailedResourcesMap"]
    assert failed[tree["root"]]["ErrorCode"] == "AccessDeniedException"


def test_groups_have_them_as_members(house, tree):
    groups = house.client("resource-groups")
    query = tag_query(("Team", ["a"]), types=("AWS::Organizations::Account",))
    groups.create_group(Name="accounts", ResourceQuery=query)
    found = groups.list_group_resources(Group="accounts")
    assert [each["Identifier"]["ResourceArn"] for each in found["Resources"]] == [tree["account"]]
    assert found["QueryErrors"] == []
    every = groups.search_resources(ResourceQuery=tag_query(("Team", ["a"])))["ResourceIdentifiers"]
    assert sorted(each["ResourceArn"] for each in every) == sorted(tree.values())


def test_of_a_dissolved_organization_nothing_is_found(house):
    client = house.client("organizations")
    root = client.list_roots()["Roots"][0]["Id"]
    client.tag_resource(ResourceId=root, Tags=[{"Key": "a", "Value": "b"}])
    client.delete_organization()
    assert house.client("resourcegroupstaggingapi").get_resources()["ResourceTagMappingList"] == []
    assert refused(client.list_tags_for_resource, ResourceId=root) == "AWSOrganizationsNotInUseException"
