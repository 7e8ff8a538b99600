"""Which nodes a command is for: ids and tags, AND across keys, OR within one, in pages."""

import json

import pytest

from hostreeve.capabilities import nodes, parameters
from hostreeve.platform import groups
from hostreeve.platform.groups.operations import resource_groups
from hostreeve.platform.groups.store import groups as group_rows
from tests.calls import SCOPE
from tests.nodes import make

SCHEMAS = make.SCHEMAS


@pytest.fixture
def call(database, world):
    return make.caller(database, world)


def targeted(call, *targets, after="", limit=1000):
    wanted = [{"Key": key, "Values": list(values)} for key, *values in targets]
    found = call.database.read_sync(lambda tx: nodes.targeted(tx, SCOPE, wanted, after, limit))
    return [node.node_id for node in found]


def test_ids_and_tags_choose_together(call):
    one = make.node(call, 1, tags={"Env": "prod", "Role": "web"})
    two = make.node(call, 2, tags={"Env": "prod", "Role": "db"})
    three = make.node(call, 3, tags={"Env": "test", "Role": "web"})
    four = make.node(call, 4)
    assert targeted(call, ("tag:Env", "prod")) == [one, two]
    assert targeted(call, ("tag:Env", "prod", "test")) == [one, two, three]
    assert targeted(call, ("tag:Env", "prod"), ("tag:Role", "web")) == [one]
    assert targeted(call, ("tag-key", "Role")) == [one, two, three]
    assert targeted(call, ("tag:Role",)) == [one, two, three]
    assert targeted(call, ("InstanceIds", four, one)) == [one, four]
    assert targeted(call, ("instanceids", four, one, two), ("tag:Env", "prod")) == [one, two]
    assert targeted(call, ("InstanceIds", one, two), ("InstanceIds", two, four)) == [two]
    assert targeted(call, ("InstanceIds", "mi-99999999999999999")) == []
    assert targeted(call) == []


def test_tags_of_nodes_that_are_gone_choose_nobody(call):
    make.node(call, 1, tags={"Env": "prod"})
    call.database.write_sync(lambda tx: tx.run("DELETE FROM nodes"))
    assert targeted(call, ("tag:Env", "prod")) == []


def test_pages_meet_without_gap_or_repetition_however_sparse_the_second_tag(call):
    made = [
        make.node(call, number, tags={"Env": "prod"} | ({"Role": "web"} if number % 7 == 0 else {}))
        for number in range(450)
    ]
    wanted = [node_id for number, node_id in enumerate(made) if number % 7 == 0]
    seen: list[str] = []
    while page := targeted(
        call, ("tag:Env", "prod"), ("tag:Role", "web"), after=seen[-1] if seen else "", limit=10
    ):
        assert len(page) <= 10
        seen += page
    assert seen == wanted


def test_a_key_that_nodes_cannot_be_chosen_by_is_a_mistake(call):
    with pytest.raises(ValueError, match="colour"):
        targeted(call, ("colour", "x"))


def group(call, name, *filters, types=("AWS::AllSupported",)):
    query = {
        "ResourceTypeFilters": list(types),
        "TagFilters": [{"Key": key, "Values": list(values)} for key, *values in filters],
    }
    asked = {"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)}
    call(resource_groups, "CreateGroup", Name=name, ResourceQuery=asked)
    return ("resource-groups:Name", name)


def test_a_group_chooses_what_its_query_finds_when_it_is_asked(call):
    one = make.node(call, 1, tags={"Env": "prod", "Role": "web"})
    two = make.node(call, 2, tags={"Env": "prod", "Role": "db"})
    make.node(call, 3)
    prod = group(call, "prod", ("Env", "prod", "test"), ("Role",))
    assert targeted(call, prod) == [one, two]
    assert targeted(call, prod, after=one) == [two]
    assert targeted(call, prod, ("tag:Role", "db", "web"), ("InstanceIds", two)) == [two]
    everything = group(call, "everything")
    assert targeted(call, everything) == targeted(call, everything, ("InstanceIds", "*")) == [one, two]
    call.database.write_sync(lambda tx: groups.remove_tags(tx, SCOPE, nodes.node_arn(SCOPE, one), ["Env"]))
    assert targeted(call, prod) == [two]
    assert targeted(call, ("resource-groups:Name", "absent")) == []


def test_a_group_of_other_resources_chooses_nobody(call):
    node = make.node(call, 1, tags={"Env": "prod"})
    of = {
        types: group(call, f"g{number}", ("Env", "prod"), types=types)
        for number, types in enumerate(
            [("AWS::S3::Bucket",), ("AWS::EC2::Instance",), ("AWS::SSM::ManagedInstance", "AWS::S3::Bucket")]
        )
    }
    assert [targeted(call, each) for each in of.values()] == [[], [], [node]]
    everything = group(call, "all", ("Env", "prod"))

    def narrowed(*types):
        return targeted(call, everything, ("resource-groups:ResourceTypeFilters", *types))

    assert narrowed("AWS::SSM::MANAGEDINSTANCE") == [node]
    assert narrowed("AWS::EC2::INSTANCE", "AWS::EC2::VPC") == []
    assert narrowed("AWS::EC2::Instance", "AWS::SSM::ManagedInstance") == [node]


def test_a_group_whose_members_are_named_chooses_those_of_them_that_are_nodes(call):
    groups.declare(nodes.TAGGABLE, parameters.TAGGABLE)
    made = [make.node(call, number, tags={"Role": "web" if number % 2 else "db"}) for number in range(450)]
    call(resource_groups, "CreateGroup", Name="g", Configuration=[{"Type": "AWS::ResourceGroups::Generic"}])
    arns = {nodes.node_arn(SCOPE, node_id): "AWS::SSM::ManagedInstance" for node_id in made[:400]}
    arns[SCOPE.arn("ssm", "parameter/x/zz")] = "AWS::SSM::Parameter"
    call.database.write_sync(lambda tx: group_rows.add_members(tx, SCOPE, "g", arns, 0))
    g = ("resource-groups:Name", "g")
    assert targeted(call, g) == made[:400]
    assert targeted(call, g, limit=3, after=made[5]) == made[6:9]
    assert targeted(call, g, ("tag:Role", "web"), limit=1000) == made[1:400:2]
    assert targeted(call, g, ("InstanceIds", made[3], made[420], made[4]), ("tag:Role", "web")) == [made[3]]
    assert targeted(call, g, ("resource-groups:ResourceTypeFilters", "AWS::EC2::Instance")) == []


def test_a_group_of_a_stack_chooses_nobody_until_there_are_stacks(call):
    make.node(call, 1, tags={"Env": "prod"})
    stack = "arn:aws:cloudformation:us-east-1:111122223333:stack/s/1d4e5b6a-0000-4000-8000-000000000000"
    query = {"ResourceTypeFilters": ["AWS::AllSupported"], "StackIdentifier": stack}
    asked = {"Type": "CLOUDFORMATION_STACK_1_0", "Query": json.dumps(query)}
    call(resource_groups, "CreateGroup", Name="s", ResourceQuery=asked)
    assert targeted(call, ("resource-groups:Name", "s")) == []
