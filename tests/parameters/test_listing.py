"""DescribeParameters: every filter, both forms, pages that lose nothing and never look at everything."""

import pytest

from hostreeve.capabilities.parameters.actions import listing as listing_actions
from hostreeve.capabilities.parameters.store import listing

NAMES = ("app/db/host", "app/db/port", "app/web", "apple", "list", "big", "flat")


@pytest.fixture(scope="module")
def estate(house):
    """An ssm client of a Region in which nothing else lies."""
    ssm = house.client("ssm", region="ap-south-1")
    for name in NAMES[:4]:
        ssm.put_parameter(Name=f"/{name}", Value="v", Type="String", Description=f"about {name}")
    ssm.put_parameter(Name="/list", Value="a,b", Type="StringList")
    ssm.put_parameter(Name="/big", Value="v", Type="String", Tier="Advanced")
    tags = [{"Key": "Env", "Value": "prod"}, {"Key": "Team", "Value": "a"}]
    ssm.put_parameter(Name="flat", Value="v", Type="String", Tags=tags)
    ssm.add_tags_to_resource(
        ResourceType="Parameter", ResourceId="/app/web", Tags=[{"Key": "Env", "Value": "test"}]
    )
    return ssm


def found(ssm, *filters, **more):
    chosen = [dict(zip(("Key", "Option", "Values"), one, strict=True)) for one in filters]
    chosen = [{key: value for key, value in one.items() if value is not None} for one in chosen]
    pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=chosen, **more)
    return [one["Name"].removeprefix("/") for page in pages for one in page["Parameters"]]


def test_without_filters_everything_is_listed_by_name(estate):
    assert found(estate) == sorted(NAMES)
    assert found(estate, PaginationConfig={"PageSize": 2}) == sorted(NAMES)


def test_the_metadata_tells_everything_but_the_value(estate):
    chosen = [{"Key": "Name", "Values": ["/app/web"]}]
    (one,) = estate.describe_parameters(ParameterFilters=chosen)["Parameters"]
    assert one["ARN"].endswith(":parameter/app/web")
    assert (one["Description"], one["Tier"], one["Version"], one["Policies"]) == (
        "about app/web",
        "Standard",
        1,
        [],
    )
    assert "Value" not in one


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([("Name", None, ["/apple", "flat", "/none"])], ["apple", "flat"]),
        ([("Name", "Equals", ["/flat"])], ["flat"]),
        ([("Name", "BeginsWith", ["/app"])], ["app/db/host", "app/db/port", "app/web", "apple"]),
        (
            [("Name", "BeginsWith", ["/app/", "/appl", "/app/db"])],
            ["app/db/host", "app/db/port", "app/web", "apple"],
        ),
        ([("Name", "BeginsWith", ["fl", "/big"])], ["big", "flat"]),
        ([("Name", "Contains", ["db", "is"])], ["app/db/host", "app/db/port", "list"]),
        ([("Name", "Contains", ["%"])], []),
        ([("Name", "Contains", ["_"])], []),
        ([("Type", "Equals", ["StringList"])], ["list"]),
        ([("Type", "BeginsWith", ["Secure"])], []),
        ([("Tier", None, ["Advanced"])], ["big"]),
        ([("Tier", None, ["Intelligent-Tiering"])], []),
        ([("DataType", None, ["text"])], sorted(NAMES)),
        ([("KeyId", "BeginsWith", ["alias/"])], []),
        ([("Path", None, ["/app"])], ["app/web"]),
        ([("Path", "OneLevel", ["/app/db", "/app/"])], ["app/db/host", "app/db/port", "app/web"]),
        ([("Path", "Recursive", ["/app"])], ["app/db/host", "app/db/port", "app/web"]),
        ([("Path", "Recursive", ["/app", "/app/db"])], ["app/db/host", "app/db/port", "app/web"]),
        ([("Path", "OneLevel", ["/"])], ["apple", "big", "flat", "list"]),
        ([("tag:Env", None, ["prod", "test"])], ["app/web", "flat"]),
        ([("tag:Env", "Equals", ["prod"])], ["flat"]),
        ([("tag:Env", None, None)], ["app/web", "flat"]),
        ([("tag:Env", None, ["prod", "test"]), ("tag:Team", None, ["a"])], ["flat"]),
        ([("tag:Env", None, None), ("Path", "Recursive", ["/app"])], ["app/web"]),
        ([("tag:None", None, ["x"])], []),
        ([("Name", "BeginsWith", ["/app"]), ("Path", "OneLevel", ["/"])], ["apple"]),
        (
            [("Path", "Recursive", ["/app"]), ("Name", "Contains", ["p"]), ("Type", None, ["String"])],
            ["app/db/host", "app/db/port", "app/web"],
        ),
    ],
)
def test_filters_narrow_the_list_in_pages_of_any_size(estate, filters, names):
    assert sorted(found(estate, *filters)) == names
    assert sorted(found(estate, *filters, PaginationConfig={"PageSize": 1})) == names


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([{"Key": "Name", "Values": ["/app"]}], ["app/db/host", "app/db/port", "app/web", "apple"]),
        ([{"Key": "Type", "Values": ["StringL"]}], ["list"]),
        ([{"Key": "KeyId", "Values": ["alias"]}], []),
        (
            [{"Key": "Name", "Values": ["/app", "fl"]}, {"Key": "Type", "Values": ["String"]}],
            ["app/db/host", "app/db/port", "app/web", "apple", "flat"],
        ),
    ],
)
def test_the_old_form_of_filters_matches_beginnings(estate, filters, names):
    answer = estate.describe_parameters(Filters=filters)
    assert [one["Name"].removeprefix("/") for one in answer["Parameters"]] == names


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"ParameterFilters": [{"Key": "Label", "Values": ["x"]}]}, "InvalidFilterKey"),
        ({"ParameterFilters": [{"Key": "Nonsense", "Values": ["x"]}]}, "ValidationException"),
        (
            {"ParameterFilters": [{"Key": "Name", "Option": "Recursive", "Values": ["x"]}]},
            "InvalidFilterOption",
        ),
        (
            {"ParameterFilters": [{"Key": "Tier", "Option": "BeginsWith", "Values": ["S"]}]},
            "InvalidFilterOption",
        ),
        (
            {"ParameterFilters": [{"Key": "tag:a", "Option": "BeginsWith", "Values": ["S"]}]},
            "InvalidFilterOption",
        ),
        ({"ParameterFilters": [{"Key": "Name"}]}, "InvalidFilterValue"),
        ({"ParameterFilters": [{"Key": "Type", "Values": ["Text"]}]}, "InvalidFilterValue"),
        ({"ParameterFilters": [{"Key": "Path", "Values": ["x"]}]}, "ValidationException"),
        ({"ParameterFilters": [{"Key": "Name", "Values": ["x"]}] * 2}, "InvalidFilterKey"),
        (
            {
                "Filters": [{"Key": "Name", "Values": ["x"]}],
                "ParameterFilters": [{"Key": "Tier", "Values": ["Standard"]}],
            },
            "ValidationException",
        ),
        ({"MaxResults": 51}, "ValidationException"),
        ({"NextToken": "x"}, "InvalidNextToken"),
    ],
)
def test_filters_that_cannot_be_are_refused(estate, refused, request_, code):
    assert refused(estate.describe_parameters, **request_) == code


def test_a_page_looks_at_a_bounded_number_of_rows_and_says_that_there_is_more(estate, monkeypatch):
    monkeypatch.setattr(listing, "LOOKED_AT_MAX", 3)
    monkeypatch.setattr(listing_actions, "LOOKED_AT_MAX", 1)
    chosen = [{"Key": "Tier", "Values": ["Advanced"]}]
    first = estate.describe_parameters(ParameterFilters=chosen)
    assert first["Parameters"] == [] and first["NextToken"]
    assert found(estate, ("Tier", None, ["Advanced"])) == ["big"]
    assert found(estate, ("Name", "Contains", ["l"])) == ["apple", "flat", "list"]
    assert found(estate, ("tag:Env", None, None)) == ["app/web", "flat"]


@pytest.mark.parametrize("place", [("x",), (-5, "x"), (10**12, "x"), (1,), ("a", "b")])
def test_a_token_that_another_list_made_does_no_harm(estate, root, refused, place):
    from hostreeve.api import paging

    token = paging.read({"MaxResults": 1}).token([place, place], lambda one: one)
    for operation, request in (
        (estate.describe_parameters, {}),
        (estate.get_parameters_by_path, {"Path": root}),
        (estate.get_parameter_history, {"Name": "flat"}),
    ):
        try:
            operation(**request, NextToken=token)
        except estate.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "InvalidNextToken"
