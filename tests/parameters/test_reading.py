"""Reading parameters: by name and selector, several at once, under a path, and their past."""

import base64
from datetime import UTC, datetime

import pytest


@pytest.fixture
def put(ssm):
    return lambda name, value="v", **more: ssm.put_parameter(
        **{"Name": name, "Value": value, "Type": "String", "Overwrite": True, **more}
    )


def test_selectors_choose_a_version_or_a_label(ssm, root, put, refused, account):
    for value in ("one", "two", "three"):
        put(root, value)
    ssm.label_parameter_version(Name=root, ParameterVersion=1, Labels=["first"])
    arn = f"arn:aws:ssm:us-east-1:{account}:parameter{root}"
    for name, value, selector in (
        (root, "three", None),
        (f"{root}:2", "two", ":2"),
        (f"{root}:3", "three", ":3"),
        (f"{root}:first", "one", ":first"),
        (arn, "three", None),
        (f"{arn}:2", "two", ":2"),
    ):
        found = ssm.get_parameter(Name=name)["Parameter"]
        assert (found["Value"], found.get("Selector"), found["Name"]) == (value, selector, root)
        assert found["ARN"] == arn
    assert refused(ssm.get_parameter, Name=f"{root}:9") == "ParameterVersionNotFound"
    assert refused.message == (
        f"Systems Manager could not find version 9 of {root}. Verify the version and try again."
    )
    assert refused(ssm.get_parameter, Name=f"{root}:none") == "ParameterVersionNotFound"
    assert refused(ssm.get_parameter, Name=f"{root}:{'9' * 99}") == "ParameterVersionNotFound"


@pytest.mark.parametrize(
    "name", ["none", "/none/a", "a b", "a:b:c", "arn:aws:s3:::x", "arn:aws:ssm:x", "/none:1"]
)
def test_what_is_not_there_is_not_found(ssm, refused, name):
    assert refused(ssm.get_parameter, Name=name) == "ParameterNotFound"


def test_a_parameter_of_another_region_is_not_found_by_its_arn(house, ssm, root, put, refused, account):
    put(root)
    elsewhere = house.client("ssm", region="eu-west-1")
    assert refused(elsewhere.get_parameter, Name=root) == "ParameterNotFound"
    arn = f"arn:aws:ssm:us-east-1:{account}:parameter{root}"
    assert refused(elsewhere.get_parameter, Name=arn) == "ParameterNotFound"


def test_several_come_by_name_and_what_is_missing_is_no_error(ssm, root, put, refused):
    for name in ("b", "a", "c"):
        put(f"{root}/{name}", name)
    put(f"{root}/a", "newer")
    names = [f"{root}/c", f"{root}/none", f"{root}/a:1", f"{root}/b:7", "not a name", f"{root}/a"]
    answer = ssm.get_parameters(Names=names)
    shown = [(one["Name"], one["Value"], one.get("Selector")) for one in answer["Parameters"]]
    assert shown == [(f"{root}/a", "a", ":1"), (f"{root}/a", "newer", None), (f"{root}/c", "c", None)]
    assert answer["InvalidParameters"] == [f"{root}/none", f"{root}/b:7", "not a name"]
    assert refused(ssm.get_parameters, Names=["x", "x"]) == "ValidationException"


def test_a_path_shows_its_children_and_recursively_all_below(ssm, root, put):
    for name in ("", "/x", "/b/c", "/b/c/d", "x/not-below"):
        put(root + name, name or "itself")
    assert names_under(ssm, root) == ["/x"]
    assert names_under(ssm, f"{root}/") == ["/x"]
    assert names_under(ssm, root, Recursive=True) == ["/b/c", "/b/c/d", "/x"]
    assert names_under(ssm, f"{root}/none", Recursive=True) == []


def names_under(ssm, path, **more):
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path, **more)
    start = len(path.rstrip("/"))
    return [one["Name"][start:] for page in pages for one in page["Parameters"]]


def test_the_root_path_shows_flat_names(house, root):
    """In a Region of its own, for what lies at the root is everybody's."""
    ssm = house.client("ssm", region="sa-east-1")
    before = names_under(ssm, "/")
    for name in (root[1:], f"{root}/below"):
        ssm.put_parameter(Name=name, Value="v", Type="String")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/")
    found = [one["Name"] for page in pages for one in page["Parameters"]]
    assert len(found) == len(before) + 1 and root[1:] in found


def test_pages_hold_at_most_ten_and_lose_nothing(ssm, root, put, refused):
    for number in range(23):
        put(f"{root}/n{number:02}")
    sizes, token = [], {}
    while True:
        page = ssm.get_parameters_by_path(Path=root, MaxResults=7, **token)
        sizes.append(len(page["Parameters"]))
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert sizes == [7, 7, 7, 2]
    assert len(ssm.get_parameters_by_path(Path=root)["Parameters"]) == 10
    assert refused(ssm.get_parameters_by_path, Path=root, MaxResults=11) == "ValidationException"
    assert refused(ssm.get_parameters_by_path, Path=root, NextToken="garbage") == "InvalidNextToken"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"Path": "no-slash"}, "ValidationException"),
        ({"Path": "/a b"}, "ValidationException"),
        ({"Path": "/a//b"}, "ValidationException"),
        ({"Path": "/a:1"}, "ValidationException"),
        ({"ParameterFilters": [{"Key": "Name", "Values": ["x"]}]}, "InvalidFilterKey"),
        ({"ParameterFilters": [{"Key": "tag:x", "Values": ["x"]}]}, "InvalidFilterKey"),
        (
            {"ParameterFilters": [{"Key": "Label", "Option": "BeginsWith", "Values": ["x"]}]},
            "InvalidFilterOption",
        ),
        ({"ParameterFilters": [{"Key": "Label"}]}, "InvalidFilterValue"),
        ({"ParameterFilters": [{"Key": "Type", "Values": ["Text"]}]}, "InvalidFilterValue"),
        ({"ParameterFilters": [{"Key": "Nonsense", "Values": ["x"]}]}, "ValidationException"),
    ],
)
def test_paths_and_filters_that_cannot_be_are_refused(ssm, root, refused, request_, code):
    assert refused(ssm.get_parameters_by_path, **{"Path": root, **request_}) == code


def test_a_path_is_narrowed_by_type_key_and_label(ssm, root, put):
    put(f"{root}/list", "a,b", Type="StringList")
    put(f"{root}/plain", "old")
    put(f"{root}/plain", "new")
    put(f"{root}/deep/plain", "p")
    ssm.label_parameter_version(Name=f"{root}/plain", ParameterVersion=1, Labels=["prod", "blue"])
    ssm.label_parameter_version(Name=f"{root}/deep/plain", Labels=["prod"])

    def found(key, *values, option="Equals", **more):
        chosen = [{"Key": key, "Option": option, "Values": list(values)}]
        return names_under(ssm, root, ParameterFilters=chosen, **more)

    assert found("Type", "StringList") == ["/list"]
    assert found("Type", "String", option="BeginsWith") == ["/list", "/plain"]
    assert found("KeyId", "alias/none") == []
    assert found("Label", "prod") == ["/plain"]
    assert found("Label", "prod", "blue", Recursive=True) == ["/deep/plain", "/plain"]
    chosen = [{"Key": "Label", "Values": ["prod"]}]
    (marked,) = ssm.get_parameters_by_path(Path=root, ParameterFilters=chosen)["Parameters"]
    assert (marked["Value"], marked["Version"]) == ("old", 1)


def test_labelled_parameters_are_paged_too(ssm, root, put):
    for number in range(12):
        put(f"{root}/n{number:02}")
        ssm.label_parameter_version(Name=f"{root}/n{number:02}", Labels=["live", "blue"])
    chosen = [{"Key": "Label", "Values": ["live", "blue"]}]
    found = names_under(ssm, root, ParameterFilters=chosen, PaginationConfig={"PageSize": 5})
    assert found == [f"/n{number:02}" for number in range(12)]


def test_the_past_shows_every_version_with_its_labels_in_pages(ssm, root, put, refused):
    for number in range(5):
        put(root, f"v{number}", Description=f"d{number}")
    ssm.label_parameter_version(Name=root, ParameterVersion=2, Labels=["b", "a"])
    pages = list(
        ssm.get_paginator("get_parameter_history").paginate(Name=root, PaginationConfig={"PageSize": 2})
    )
    found = [one for page in pages for one in page["Parameters"]]
    assert [len(page["Parameters"]) for page in pages] == [2, 2, 1]
    assert [(one["Version"], one["Value"], one["Description"]) for one in found] == [
        (number + 1, f"v{number}", f"d{number}") for number in range(5)
    ]
    assert [one["Labels"] for one in found] == [[], ["a", "b"], [], [], []]
    assert all(":user/administrator" in one["LastModifiedUser"] for one in found)
    assert refused(ssm.get_parameter_history, Name=f"{root}/none") == "ParameterNotFound"
    assert refused(ssm.get_parameter_history, Name=root, MaxResults=51) == "ValidationException"
    assert refused(ssm.get_parameter_history, Name=root, NextToken="x") == "InvalidNextToken"


def test_the_time_of_a_change_is_shown(ssm, root, put, house):
    put(root)
    found = ssm.get_parameter(Name=root)["Parameter"]["LastModifiedDate"]
    assert found == datetime.fromtimestamp(house.world.now_ms() / 1000, UTC)


def test_a_secret_is_opaque_unless_asked_for(ssm, root, put):
    put(root, "hush", Type="SecureString")
    opaque = ssm.get_parameter(Name=root)["Parameter"]["Value"]
    assert b"hush" not in base64.b64decode(opaque, validate=True)
    assert ssm.get_parameter(Name=root, WithDecryption=True)["Parameter"]["Value"] == "hush"
