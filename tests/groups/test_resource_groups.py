"""Resource groups through a real client: what they are, what is in them, and what is refused."""

import json

import pytest

from tests.groups.conftest import parameter, refused, tag_query

STACK = "arn:aws:cloudformation:us-east-1:111122223333:stack/s/1d4e5b6a-0000-4000-8000-000000000000"


def stack_query(stack=STACK):
    query = {"ResourceTypeFilters": ["AWS::AllSupported"], "StackIdentifier": stack}
    return {"Type": "CLOUDFORMATION_STACK_1_0", "Query": json.dumps(query)}


def listed(rg, name, **request):
    pages = rg.get_paginator("list_group_resources").paginate(Group=name, **request)
    return [each["Identifier"]["ResourceArn"] for page in pages for each in page["Resources"]]


GENERIC = [{"Type": "AWS::ResourceGroups::Generic"}]


def test_a_group_is_made_shown_changed_and_deleted(rg, account, mark):
    query = tag_query(("Env", ["prod"]))
    made = rg.create_group(
        Name=mark,
        Description="web servers",
        ResourceQuery=query,
        Tags={"Team": "a"},
        Owner="ops",
        Criticality=3,
    )
    arn = f"arn:aws:resource-groups:us-east-1:{account}:group/{mark}"
    group = {"GroupArn": arn, "Name": mark, "Description": "web servers", "Owner": "ops", "Criticality": 3}
    assert made["Group"] == group
    assert made["ResourceQuery"] == query and made["Tags"] == {"Team": "a"}
    assert rg.get_group(Group=mark)["Group"] == group
    assert rg.get_group(GroupName=mark)["Group"] == group == rg.get_group(Group=arn)["Group"]
    assert rg.get_tags(Arn=arn)["Tags"] == {"Team": "a"}
    assert rg.get_group_query(Group=mark)["GroupQuery"] == {"GroupName": mark, "ResourceQuery": query}

    changed = rg.update_group(Group=mark, Description="none")["Group"]
    assert changed == {**group, "Description": "none"}
    other = tag_query(("Env", ["test"]))
    assert rg.update_group_query(Group=mark, ResourceQuery=other)["GroupQuery"]["ResourceQuery"] == other
    assert rg.get_group_query(Group=mark)["GroupQuery"]["ResourceQuery"] == other
    assert rg.delete_group(Group=mark)["Group"]["Name"] == mark
    for call in (rg.get_group, rg.delete_group, rg.get_group_query, rg.list_group_resources):
        assert refused(call, Group=mark) == "NotFoundException"
    assert refused(rg.get_tags, Arn=arn) == "NotFoundException"


def test_members_are_what_the_query_finds_at_the_moment_of_asking(rg, ssm, mark):
    rg.create_group(Name=mark, ResourceQuery=tag_query((mark, ["a", "b"]), ("Role", [])))
    assert listed(rg, mark) == []
    first = parameter(ssm, f"/{mark}/1", **{mark: "a", "Role": "web"})
    parameter(ssm, f"/{mark}/2", **{mark: "c", "Role": "web"})
    parameter(ssm, f"/{mark}/3", **{mark: "a"})
    assert listed(rg, mark) == [first]
    ssm.add_tags_to_resource(
        ResourceType="Parameter", ResourceId=f"/{mark}/3", Tags=[{"Key": "Role", "Value": ""}]
    )
    assert listed(rg, mark) == [first, first[:-1] + "3"]
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=f"/{mark}/1", TagKeys=["Role"])
    assert listed(rg, mark) == [first[:-1] + "3"]
    ssm.delete_parameter(Name=f"/{mark}/3")
    assert listed(rg, mark) == []


def test_members_come_in_pages_of_any_type_and_of_some(rg, ssm, house, mark):
    arns = [parameter(ssm, f"/{mark}/{n}", **{mark: "x"}) for n in range(5)]
    kms = house.client("kms")
    key = kms.create_key(Tags=[{"TagKey": mark, "TagValue": "x"}])["KeyMetadata"]["Arn"]
    rg.create_group(Name=mark, ResourceQuery=tag_query((mark, ["x"])), Tags={mark: "x"})
    group = rg.get_group(Group=mark)["Group"]["GroupArn"]
    assert listed(rg, mark, PaginationConfig={"PageSize": 2}) == [key, group, *arns]
    some = [{"Name": "resource-type", "Values": ["AWS::KMS::Key", "AWS::EC2::Subnet"]}]
    assert listed(rg, mark, Filters=some) == [key]
    page = rg.list_group_resources(Group=mark, MaxResults=1)
    assert page["ResourceIdentifiers"] == [{"ResourceArn": key, "ResourceType": "AWS::KMS::Key"}]
    assert refused(rg.list_group_resources, Group=mark, NextToken="bm8=") == "BadRequestException"


def test_a_search_finds_what_a_group_would_have(rg, ssm, mark):
    arn = parameter(ssm, f"/{mark}", **{mark: "x"})
    only = {"types": ("AWS::SSM::Parameter",)}
    found = rg.search_resources(ResourceQuery=tag_query((mark, []), **only))
    assert found["ResourceIdentifiers"] == [{"ResourceArn": arn, "ResourceType": "AWS::SSM::Parameter"}]
    assert found["QueryErrors"] == []
    assert not rg.search_resources(ResourceQuery=tag_query((mark, ["y"]), **only))["ResourceIdentifiers"]
    foreign = tag_query((mark, []), types=("AWS::SSM::Parameter", "AWS::EC2::Subnet"))
    errors = rg.search_resources(ResourceQuery=foreign)["QueryErrors"]
    assert [each["ErrorCode"] for each in errors] == ["RESOURCE_TYPE_NOT_SUPPORTED"]


def test_a_stack_query_says_that_its_stack_is_not_there(rg, mark):
    rg.create_group(Name=mark, ResourceQuery=stack_query())
    answer = rg.list_group_resources(Group=mark)
    assert answer["Resources"] == []
    assert [each["ErrorCode"] for each in answer["QueryErrors"]] == ["CLOUDFORMATION_STACK_NOT_EXISTING"]
    found = rg.search_resources(ResourceQuery=stack_query())
    assert found["QueryErrors"] == answer["QueryErrors"]


@pytest.mark.parametrize(
    "query",
    [
        "no json",
        "[]",
        "{}",
        '{"ResourceTypeFilters": []}',
        '{"ResourceTypeFilters": ["EC2"]}',
        '{"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": {}}',
        '{"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Values": ["x"]}]}',
        '{"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "k", "Values": "x"}]}',
        '{"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "k", "Valeus": ["x"]}]}',
        '{"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "", "Values": ["x"]}]}',
        '{"ResourceTypeFilters": ["AWS::AllSupported"], "Filters": []}',
        json.dumps({"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "k"}] * 51}),
        json.dumps(
            {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "k", "Values": ["v"] * 21}]}
        ),
        "[" * 3000,
        "x" * 4097,
    ],
)
def test_queries_that_make_no_sense_are_refused(rg, mark, query):
    asked = {"Type": "TAG_FILTERS_1_0", "Query": query}
    assert refused(rg.create_group, Name=mark, ResourceQuery=asked) == "BadRequestException"
    assert refused(rg.search_resources, ResourceQuery=asked) == "BadRequestException"
    assert refused(rg.get_group, Group=mark) == "NotFoundException"


@pytest.mark.parametrize(
    "request_",
    [
        {"Name": "AWSgroup"},
        {"Name": "with space"},
        {"Name": "n" * 301},
        {"ResourceQuery": stack_query("arn:aws:s3:::b")},
        {"ResourceQuery": {"Type": "TAG_FILTERS_2_0", "Query": "{}"}},
        {"Configuration": GENERIC},
        {"ResourceQuery": None},
        {"Tags": {"aws:x": "y"}},
        {"Tags": {f"k{n}": "v" for n in range(51)}},
    ],
)
def test_groups_that_cannot_be_are_refused(rg, mark, request_):
    request = {"Name": mark, "ResourceQuery": tag_query(("k", [])), **request_}
    request = {name: value for name, value in request.items() if value is not None}
    assert refused(rg.create_group, **request) == "BadRequestException"


def test_a_name_is_given_once(rg, mark):
    rg.create_group(Name=mark, ResourceQuery=tag_query(("k", [])))
    with pytest.raises(
        rg.exceptions.BadRequestException, match=f"A group with the name {mark} already exists"
    ):
        rg.create_group(Name=mark, ResourceQuery=tag_query(("k", [])))
    assert refused(rg.get_group) == "BadRequestException"
    assert refused(rg.get_group, Group=mark, GroupName=mark) == "BadRequestException"


def test_groups_belong_to_an_account_and_a_region(rg, house, stranger, mark):
    arn = rg.create_group(Name=mark, ResourceQuery=tag_query(("k", [])))["Group"]["GroupArn"]
    elsewhere = house.client("resource-groups", region="eu-west-1")
    for other in (elsewhere, stranger("resource-groups")):
        assert refused(other.list_group_resources, Group=mark) == "NotFoundException"
        assert mark not in str(other.list_groups())
    assert refused(elsewhere.get_group, Group=arn) == "NotFoundException"
    assert refused(stranger("resource-groups").get_group, Group=arn) in (
        "AccessDeniedException",
        "NotFoundException",
    )


def test_groups_are_listed_in_pages_and_by_filter(rg, mark):
    for n, types in enumerate([("AWS::EC2::Instance",), ("AWS::SSM::Parameter",), ("AWS::EC2::Instance",)]):
        query = tag_query((mark, []), types=types)
        rg.create_group(Name=f"{mark}-{n}", ResourceQuery=query, Owner=f"{mark}{n}", Criticality=n + 1)
    rg.create_group(Name=f"{mark}-9", Configuration=GENERIC, DisplayName=f"shown {mark}")

    def names(*filters, **request):
        asked = [{"Name": name, "Values": values} for name, values in filters]
        pages = rg.get_paginator("list_groups").paginate(Filters=asked, **request)
        return [
            each["GroupName"][-1]
            for page in pages
            for each in page["GroupIdentifiers"]
            if each["GroupName"].startswith(mark)
        ]

    assert names(PaginationConfig={"PageSize": 2}) == ["0", "1", "2", "9"]
    assert names(("resource-type", ["AWS::EC2::Instance"]), PaginationConfig={"PageSize": 1}) == ["0", "2"]
    assert names(("configuration-type", ["AWS::ResourceGroups::Generic"])) == ["9"]
    assert names(("owner", [f"{mark}0", f"{mark}1"])) == ["0", "1"]
    assert names(("criticality", ["2", "3"]), ("resource-type", ["AWS::EC2::Instance"])) == ["2"]
    assert names(("display-name", [f"shown {mark}"])) == ["9"]


def test_members_of_a_group_without_a_query_are_named_one_by_one(rg, ssm, mark):
    allowed = {"Name": "allowed-resource-types", "Values": ["AWS::SSM::Parameter"]}
    protected = {"Name": "deletion-protection", "Values": ["UNLESS_EMPTY"]}
    configuration = [{**GENERIC[0], "Parameters": [allowed, protected]}]
    made = rg.create_group(Name=mark, Configuration=configuration)
    assert made["GroupConfiguration"]["Configuration"] == configuration
    arn = parameter(ssm, f"/{mark}")
    answer = rg.group_resources(
        Group=mark,
        ResourceArns=[arn, arn + "-absent", "arn:aws:s3:::bucket", arn.replace("parameter", "document")],
    )
    assert answer["Succeeded"] == [arn]
    assert [each["ResourceArn"] for each in answer["Failed"]] == [
        arn + "-absent",
        "arn:aws:s3:::bucket",
        arn.replace("parameter", "document"),
    ]
    assert listed(rg, mark) == [arn]
    assert listed(rg, mark, Filters=[{"Name": "resource-type", "Values": ["AWS::KMS::Key"]}]) == []
    assert refused(rg.delete_group, Group=mark) == "BadRequestException"
    assert rg.ungroup_resources(Group=mark, ResourceArns=[arn])["Succeeded"] == [arn]
    assert listed(rg, mark) == []
    rg.group_resources(Group=mark, ResourceArns=[arn])
    ssm.delete_parameter(Name=f"/{mark}")
    assert listed(rg, mark) == []
    rg.delete_group(Group=mark)


def test_queries_and_configurations_do_not_mix(rg, mark):
    rg.create_group(Name=f"{mark}-c", Configuration=GENERIC)
    rg.create_group(Name=f"{mark}-q", ResourceQuery=tag_query(("k", [])))
    arns = ["arn:aws:ssm:us-east-1:111122223333:parameter/a"]
    assert refused(rg.get_group_query, Group=f"{mark}-c") == "BadRequestException"
    assert (
        refused(rg.update_group_query, Group=f"{mark}-c", ResourceQuery=tag_query(("k", [])))
        == "BadRequestException"
    )
    assert refused(rg.get_group_configuration, Group=f"{mark}-q") == "BadRequestException"
    assert (
        refused(rg.put_group_configuration, Group=f"{mark}-q", Configuration=GENERIC) == "BadRequestException"
    )
    assert refused(rg.group_resources, Group=f"{mark}-q", ResourceArns=arns) == "BadRequestException"
    assert refused(rg.ungroup_resources, Group=f"{mark}-q", ResourceArns=arns) == "BadRequestException"
    assert refused(rg.put_group_configuration, Group=f"{mark}-c", Configuration=[]) == "BadRequestException"


def test_a_configuration_is_replaced_and_read_back(rg, mark):
    rg.create_group(Name=mark, Configuration=GENERIC)
    wanted = [{**GENERIC[0], "Parameters": [{"Name": "allowed-resource-types", "Values": ["AWS::KMS::Key"]}]}]
    rg.put_group_configuration(Group=mark, Configuration=wanted)
    read = rg.get_group_configuration(Group=mark)["GroupConfiguration"]
    assert read == {"Configuration": wanted, "Status": "UPDATE_COMPLETE"}


@pytest.mark.parametrize(
    "configuration",
    [
        [{"Type": "AWS::EC2::CapacityReservationPool"}],
        [*GENERIC, *GENERIC],
        [{**GENERIC[0], "Parameters": [{"Name": "colour", "Values": ["red"]}]}],
        [{**GENERIC[0], "Parameters": [{"Name": "allowed-resource-types", "Values": ["parameter"]}]}],
        [{**GENERIC[0], "Parameters": [{"Name": "deletion-protection", "Values": ["ALWAYS"]}]}],
        [{**GENERIC[0], "Parameters": [{"Name": "deletion-protection"}]}],
    ],
)
def test_configurations_that_mean_nothing_here_are_refused(rg, mark, configuration):
    assert refused(rg.create_group, Name=mark, Configuration=configuration) == "BadRequestException"


def test_groups_have_tags_of_their_own(rg, mark):
    arn = rg.create_group(Name=mark, ResourceQuery=tag_query(("k", [])))["Group"]["GroupArn"]
    assert rg.tag(Arn=arn, Tags={"A": "1", "B": "2"})["Tags"] == {"A": "1", "B": "2"}
    rg.tag(Arn=arn, Tags={"A": "3"})
    assert rg.untag(Arn=arn, Keys=["B", "absent"])["Keys"] == ["B", "absent"]
    assert rg.get_tags(Arn=arn)["Tags"] == {"A": "3"}
    assert refused(rg.tag, Arn=arn, Tags={"aws:x": "y"}) == "BadRequestException"
    assert refused(rg.untag, Arn=arn, Keys=["aws:x"]) == "BadRequestException"
    absent = arn + "-absent"
    assert refused(rg.tag, Arn=absent, Tags={"A": "1"}) == "NotFoundException"
    rg.delete_group(Group=mark)
    rg.create_group(Name=mark, ResourceQuery=tag_query(("k", [])))
    assert rg.get_tags(Arn=arn)["Tags"] == {}


def test_rights_are_asked_for_the_group_and_its_tags(rg, limited, account, mark):
    arn = rg.create_group(Name=mark, ResourceQuery=tag_query(("k", [])), Tags={"Team": mark})["Group"][
        "GroupArn"
    ]
    mine = {"StringEquals": {"aws:ResourceTag/Team": mark}}
    reader = limited("resource-groups", {"Action": "resource-groups:ListGroupResources", "Condition": mine})
    assert reader.list_group_resources(Group=mark)["Resources"] == []
    assert refused(reader.get_group, Group=mark) == "AccessDeniedException"
    assert refused(reader.list_group_resources, Group="other") == "AccessDeniedException"
    tagger = limited(
        "resource-groups",
        {"Action": "resource-groups:*ag", "Condition": {"StringLike": {"aws:RequestTag/Team": "*"}}},
    )
    assert tagger.tag(Arn=arn, Tags={"Team": "x"})
    assert refused(tagger.tag, Arn=arn, Tags={"Name": "x"}) == "AccessDeniedException"
    searcher = limited("resource-groups", {"Action": "resource-groups:*"})
    assert refused(searcher.search_resources, ResourceQuery=tag_query(("k", []))) == "AccessDeniedException"


def test_the_wish_for_events_is_kept_and_said_not_to_come_true(rg, stranger):
    other = stranger("resource-groups")
    assert other.get_account_settings()["AccountSettings"] == {
        "GroupLifecycleEventsDesiredStatus": "INACTIVE",
        "GroupLifecycleEventsStatus": "INACTIVE",
    }
    answer = other.update_account_settings(GroupLifecycleEventsDesiredStatus="ACTIVE")["AccountSettings"]
    assert answer["GroupLifecycleEventsDesiredStatus"] == "ACTIVE"
    assert answer["GroupLifecycleEventsStatus"] == "ERROR"
    assert "EventBridge" in answer["GroupLifecycleEventsStatusMessage"]
    assert other.get_account_settings()["AccountSettings"] == answer
    other.update_account_settings(GroupLifecycleEventsDesiredStatus="INACTIVE")
    assert rg.get_account_settings()["AccountSettings"]["GroupLifecycleEventsStatus"] == "INACTIVE"
