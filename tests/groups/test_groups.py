"""Tags: the store that slices use, and the operations that callers use."""

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.app import compose
from hostreeve.kernel.scope import Scope
from hostreeve.platform import groups
from hostreeve.platform.groups.actions import kinds
from hostreeve.platform.groups.operations import ssm
from tests.calls import SCOPE, Caller

SCHEMAS = list(compose.SCHEMAS)
PREFIX = SCOPE.arn("ssm", "thing/")

THING = groups.Taggable(
    "OpsMetadata",
    lambda scope, name: scope.arn("ssm", f"thing/{name}"),
    lambda tx, scope, name: name.startswith("real"),
)


@pytest.fixture
def caller(database, world):
    groups.declare(THING)
    yield Caller(database, world)
    del kinds._declared["OpsMetadata"]


def tag(database, name, **tags):
    database.write_sync(lambda tx: groups.set_tags(tx, SCOPE, PREFIX + name, tags))


def found(database, key, values=None, **which):
    arns = database.read_sync(lambda tx: groups.arns_tagged(tx, SCOPE, PREFIX, key, values, **which))
    return [arn.removeprefix(PREFIX) for arn in arns]


def test_tags_are_set_changed_removed_and_forgotten(database):
    tag(database, "a", Env="prod", Role="web")
    tag(database, "a", Env="test")
    arn = PREFIX + "a"
    assert database.read_sync(lambda tx: groups.tags_of(tx, SCOPE, arn)) == {"Env": "test", "Role": "web"}
    database.write_sync(lambda tx: groups.remove_tags(tx, SCOPE, arn, ["Env", "absent"]))
    assert database.read_sync(lambda tx: groups.tags_of(tx, SCOPE, arn)) == {"Role": "web"}
    database.write_sync(lambda tx: groups.forget(tx, SCOPE, arn))
    assert database.read_sync(lambda tx: groups.tags_of(tx, SCOPE, arn)) == {}


def test_resources_are_found_by_tag_in_order_and_in_pages(database):
    for name in ("c", "a", "b", "d"):
        tag(database, name, Env="test" if name == "d" else "prod")
    assert found(database, "Env", ["prod"]) == ["a", "b", "c"]
    assert found(database, "Env", ["prod", "test"]) == ["a", "b", "c", "d"]
    assert found(database, "Env") == ["a", "b", "c", "d"]
    assert found(database, "Env", [""]) == []
    assert found(database, "env", ["prod"]) == []
    assert found(database, "Env", ["prod"], limit=2) == ["a", "b"]
    assert found(database, "Env", ["prod"], after=PREFIX + "b") == ["c"]
    assert found(database, "Env", ["prod"], among=[PREFIX + "c", PREFIX + "d"]) == ["c"]


def test_resources_are_found_by_key_alone_once_each(database):
    tag(database, "a", Env="prod", Role="web")
    tag(database, "b", Role="db")
    arns = database.read_sync(lambda tx: groups.arns_with_key(tx, SCOPE, PREFIX, ["Env", "Role"]))
    assert arns == [PREFIX + "a", PREFIX + "b"]


def test_tags_of_other_accounts_and_other_kinds_stay_apart(database):
    stranger = Scope("999999999999", SCOPE.region)
    tag(database, "a", Env="prod")
    database.write_sync(lambda tx: groups.set_tags(tx, stranger, PREFIX + "z", {"Env": "prod"}))
    database.write_sync(lambda tx: groups.set_tags(tx, SCOPE, SCOPE.arn("ssm", "window/w"), {"Env": "prod"}))
    assert found(database, "Env", ["prod"]) == ["a"]


def test_tags_of_many_resources_are_read_at_once(database):
    tag(database, "a", Env="prod")
    tag(database, "b", Role="db")
    arns = [PREFIX + name for name in "abc"]
    assert database.read_sync(lambda tx: groups.tags_of_many(tx, SCOPE, arns)) == {
        PREFIX + "a": {"Env": "prod"},
        PREFIX + "b": {"Role": "db"},
    }


def add(caller, name="real", **tags):
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    return caller(ssm, "AddTagsToResource", ResourceType="OpsMetadata", ResourceId=name, Tags=given)


def listed(caller, name="real"):
    answer = caller(ssm, "ListTagsForResource", ResourceType="OpsMetadata", ResourceId=name)
    return {tag["Key"]: tag["Value"] for tag in answer["TagList"]}


def test_callers_add_list_and_remove_tags(caller):
    add(caller, B="2", A="1")
    add(caller, A="3")
    assert listed(caller) == {"A": "3", "B": "2"}
    caller(ssm, "RemoveTagsFromResource", ResourceType="OpsMetadata", ResourceId="real", TagKeys=["A", "x"])
    assert listed(caller) == {"B": "2"}


def test_access_is_decided_on_the_tagged_resource(caller):
    add(caller, A="1")
    assert caller.required[-1][:2] == ("ssm:AddTagsToResource", [PREFIX + "real"])
    caller.denied = {"ssm:AddTagsToResource"}
    with pytest.raises(AwsError) as refused:
        add(caller, "absent", A="1")
    assert refused.value.code == "AccessDeniedException"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ResourceType": "OpsItem"}, "InvalidResourceType"),
        ({"ResourceId": "absent"}, "InvalidResourceId"),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "ValidationException"),
        ({"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}, "TooManyTagsError"),
    ],
)
def test_adding_tags_is_refused(caller, change, code):
    request = {
        "ResourceType": "OpsMetadata",
        "ResourceId": "real",
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    with pytest.raises(AwsError) as refused:
        caller(ssm, "AddTagsToResource", **(request | change))
    assert refused.value.code == code


def test_the_limit_counts_the_tags_that_a_resource_has(caller):
    add(caller, **{f"k{n}": "" for n in range(50)})
    add(caller, k1="changed")
    with pytest.raises(AwsError) as refused:
        add(caller, more="")
    assert refused.value.code == "TooManyTagsError"


@pytest.mark.parametrize("name", ["RemoveTagsFromResource", "ListTagsForResource"])
def test_what_does_not_exist_has_no_tags(caller, name):
    for request, code in (
        ({"ResourceType": "OpsMetadata", "ResourceId": "absent"}, "InvalidResourceId"),
        ({"ResourceType": "OpsItem", "ResourceId": "x"}, "InvalidResourceType"),
    ):
        with pytest.raises(AwsError) as refused:
            caller(ssm, name, TagKeys=["a"], **request)
        assert refused.value.code == code


def test_two_slices_cannot_claim_one_type(caller):
    other = groups.Taggable("OpsMetadata", lambda scope, name: name, lambda tx, scope, name: True)
    with pytest.raises(AssertionError, match="OpsMetadata"):
        groups.declare(other)
