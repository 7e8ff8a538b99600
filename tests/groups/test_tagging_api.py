"""The tagging API through a real client (which speaks CBOR to it), over what all slices let be tagged."""

import pytest

from tests.groups.conftest import parameter, refused, tag_query

DOCUMENT = (
    '{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"a",'
    '"inputs":{"runCommand":["true"]}}]}'
)


@pytest.fixture
def everything(house, ssm, rg, mark):
    """One resource of each kind with the tag `mark`, by its type in the tagging API."""
    tags = [{"Key": mark, "Value": "x"}]
    ssm.create_document(Name=mark, Content=DOCUMENT, DocumentType="Command", Tags=tags)
    arn = parameter(ssm, f"/{mark}", **{mark: "x"})
    return {
        "ssm:parameter": arn,
        "ssm:document": arn.replace(f"parameter/{mark}", f"document/{mark}"),
        "kms:key": house.client("kms").create_key(Tags=[{"TagKey": mark, "TagValue": "x"}])["KeyMetadata"][
            "Arn"
        ],
        "resource-groups:group": rg.create_group(
            Name=mark, ResourceQuery=tag_query(("k", [])), Tags={mark: "x"}
        )["Group"]["GroupArn"],
    }


def found(tagging, key, values=(), **request):
    filters = [{"Key": key, "Values": list(values)}]
    pages = tagging.get_paginator("get_resources").paginate(TagFilters=filters, **request)
    return [each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]]


def test_resources_of_all_kinds_are_found_by_tag_and_type(tagging, everything, mark):
    assert found(tagging, mark) == sorted(everything.values())
    assert found(tagging, mark, ["x", "y"], PaginationConfig={"PageSize": 1}) == sorted(everything.values())
    assert found(tagging, mark, ["y"]) == []
    for kind, arn in everything.items():
        assert found(tagging, mark, ResourceTypeFilters=[kind]) == [arn]
    ssm = [everything["ssm:document"], everything["ssm:parameter"]]
    assert found(tagging, mark, ResourceTypeFilters=["ssm"]) == ssm
    assert found(tagging, mark, ResourceTypeFilters=["lambda:function"]) == []


def test_resources_are_looked_up_by_arn(tagging, everything, mark):
    arns = [*everything.values(), everything["ssm:parameter"] + "-absent", "arn:aws:s3:::b"]
    mapped = tagging.get_resources(ResourceARNList=arns)["ResourceTagMappingList"]
    assert [each["ResourceARN"] for each in mapped] == list(everything.values())
    assert all(each["Tags"] == [{"Key": mark, "Value": "x"}] for each in mapped)
    both = {"ResourceARNList": arns, "TagFilters": [{"Key": mark}]}
    assert refused(tagging.get_resources, **both) == "InvalidParameterException"


def test_a_page_ends_where_its_tags_are_too_many(tagging, ssm, mark):
    many = {f"{mark}{n:02}": "v" for n in range(39)}
    arns = [parameter(ssm, f"/{mark}/{n}", **{mark: "x"}, **many) for n in range(4)]
    request = {"TagFilters": [{"Key": mark}], "TagsPerPage": 100}
    first = tagging.get_resources(**request)
    assert [each["ResourceARN"] for each in first["ResourceTagMappingList"]] == arns[:2]
    second = tagging.get_resources(**request, PaginationToken=first["PaginationToken"])
    assert [each["ResourceARN"] for each in second["ResourceTagMappingList"]] == arns[2:]
    assert second["PaginationToken"] == ""


@pytest.mark.parametrize(
    "request_",
    [
        {"ResourcesPerPage": 0},
        {"ResourcesPerPage": 101},
        {"TagsPerPage": 150},
        {"TagsPerPage": 600},
        {"TagFilters": [{"Values": ["x"]}]},
        {"TagFilters": [{"Key": "k", "Values": ["v"] * 21}]},
        {"TagFilters": [{"Key": "k"}] * 51},
        {"ResourceTypeFilters": ["AWS::SSM::Parameter"]},
        {"PaginationToken": "nonsense"},
        {"ExcludeCompliantResources": True},
    ],
)
def test_what_cannot_be_asked_is_refused(tagging, request_):
    assert refused(tagging.get_resources, **request_) == "InvalidParameterException"


def test_tags_are_put_on_and_taken_off_everything(tagging, everything, ssm, house, mark):
    arns = list(everything.values())
    answer = tagging.tag_resources(ResourceARNList=arns, Tags={f"{mark}-new": "1", mark: "y"})
    assert answer["FailedResourcesMap"] == {}
    assert found(tagging, f"{mark}-new", ["1"]) == sorted(arns)
    listed = ssm.list_tags_for_resource(ResourceType="Document", ResourceId=mark)["TagList"]
    assert listed == [{"Key": mark, "Value": "y"}, {"Key": f"{mark}-new", "Value": "1"}]
    kept = house.client("kms").list_resource_tags(KeyId=everything["kms:key"])["Tags"]
    assert {tag["TagKey"] for tag in kept} == {mark, f"{mark}-new"}
    answer = tagging.untag_resources(ResourceARNList=arns, TagKeys=[f"{mark}-new", "absent"])
    assert answer["FailedResourcesMap"] == {}
    assert found(tagging, f"{mark}-new") == []


def test_each_resource_fails_by_itself(tagging, everything, mark):
    parameter_arn = everything["ssm:parameter"]
    wrong = {
        parameter_arn + "-absent": "InvalidResourceId",
        "arn:aws:s3:::b": "InvalidParameterException",
        parameter_arn.replace("us-east-1", "eu-west-1"): "InvalidParameterException",
        everything["kms:key"][:-1] + "x": "NotFoundException",
        everything["resource-groups:group"] + "-absent": "NotFoundException",
    }
    answer = tagging.tag_resources(ResourceARNList=[*wrong, parameter_arn], Tags={f"{mark}-new": "1"})
    failed = answer["FailedResourcesMap"]
    assert {arn: why["ErrorCode"] for arn, why in failed.items()} == wrong
    assert all(why["StatusCode"] >= 400 and why["ErrorMessage"] for why in failed.values())
    assert found(tagging, f"{mark}-new") == [parameter_arn]
    for call, tags in (
        (tagging.tag_resources, {"Tags": {"aws:x": "1"}}),
        (tagging.untag_resources, {"TagKeys": ["aws:x"]}),
    ):
        assert refused(call, ResourceARNList=[parameter_arn], **tags) == "InvalidParameterException"
    over = {f"k{n}": "v" for n in range(50)}
    failed = tagging.tag_resources(ResourceARNList=[parameter_arn], Tags=over)["FailedResourcesMap"]
    assert failed[parameter_arn]["ErrorCode"] == "TooManyTagsError"


def test_both_the_tagging_right_and_the_services_own_are_needed(tagging, everything, limited, mark):
    arns = list(everything.values())
    without = limited("resourcegroupstaggingapi", {"Action": "tag:*"})
    failed = without.tag_resources(ResourceARNList=arns, Tags={f"{mark}-new": "1"})["FailedResourcesMap"]
    assert {why["ErrorCode"] for why in failed.values()} == {"AccessDeniedException"} and len(failed) == 4
    failed = without.untag_resources(ResourceARNList=arns, TagKeys=[mark])["FailedResourcesMap"]
    assert {why["ErrorCode"] for why in failed.values()} == {"AccessDeniedException"} and len(failed) == 4
    assert found(tagging, mark, ["x"]) == sorted(arns)
    only = limited("resourcegroupstaggingapi", {"Action": "ssm:*"}, {"Action": "kms:*"})
    assert refused(only.tag_resources, ResourceARNList=arns, Tags={"a": "b"}) == "AccessDeniedException"
    some = limited(
        "resourcegroupstaggingapi",
        {"Action": ["tag:TagResources", "ssm:AddTagsToResource"], "Resource": ["*"]},
    )
    failed = some.tag_resources(ResourceARNList=arns, Tags={f"{mark}-new": "1"})["FailedResourcesMap"]
    assert set(failed) == {everything["kms:key"], everything["resource-groups:group"]}


def test_a_condition_on_the_tags_of_the_request_holds_through_the_tagging_api(everything, limited, mark):
    client = limited(
        "resourcegroupstaggingapi",
        {"Action": "tag:*"},
        {"Action": "ssm:AddTagsToResource", "Condition": {"StringEquals": {f"aws:RequestTag/{mark}": "ok"}}},
    )
    arn = everything["ssm:parameter"]
    assert client.tag_resources(ResourceARNList=[arn], Tags={mark: "ok"})["FailedResourcesMap"] == {}
    failed = client.tag_resources(ResourceARNList=[arn], Tags={mark: "no"})["FailedResourcesMap"]
    assert failed[arn]["ErrorCode"] == "AccessDeniedException"


def test_keys_and_values_in_use_are_listed(tagging, ssm, mark, stranger):
    for n, value in enumerate(["b", "a", "", "a"]):
        parameter(ssm, f"/{mark}/{n}", **{mark: value})
    pages = tagging.get_paginator("get_tag_keys").paginate()
    assert mark in [key for page in pages for key in page["TagKeys"]]
    pages = tagging.get_paginator("get_tag_values").paginate(Key=mark)
    assert [value for page in pages for value in page["TagValues"]] == ["", "a", "b"]
    assert tagging.get_tag_values(Key=mark + "-absent")["TagValues"] == []
    other = stranger("resourcegroupstaggingapi")
    assert mark not in other.get_tag_keys()["TagKeys"]
    assert other.get_tag_values(Key=mark)["TagValues"] == []
    assert found(other, mark) == []


def test_what_needs_tag_policies_says_that_it_is_not_there(tagging):
    assert refused(tagging.get_compliance_summary) == "NotImplemented"
    assert refused(tagging.start_report_creation, S3Bucket="bucket") == "NotImplemented"
    assert refused(tagging.describe_report_creation) == "NotImplemented"
