"""Which nodes a command is for: ids and tags, AND across keys, OR within one, in pages."""

import pytest

from hostreeve.capabilities import nodes
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
    with pytest.raises(ValueError, match="resource-groups:Name"):
        targeted(call, ("resource-groups:Name", "x"))
