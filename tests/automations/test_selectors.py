"""Selectors of outputs: the JSONPath that AWS documents, and bounds for what it finds."""

import pytest

from hostreeve.capabilities.automations.model import selectors
from hostreeve.capabilities.automations.model.selectors import BadSelector, select

TREE = {
    "Status": "Active",
    "Reservations": [
        {"Instances": [{"InstanceId": "i-1", "State": {"Name": "running"}}]},
        {"Instances": [{"InstanceId": "i-2", "State": {"Name": "stopped"}}]},
    ],
    "with.point": {"a b": 1},
    "Nothing": None,
    "Empty": [],
}


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ("$.Status", "Active"),
        ("Status", "Active"),
        ("$.Reservations[1].Instances[0].State.Name", "stopped"),
        ("Reservations[0].Instances[0].InstanceId", "i-1"),
        ("$.Reservations[-1].Instances[0].InstanceId", "i-2"),
        ("$..InstanceId", ["i-1", "i-2"]),
        ("$.Reservations..State.Name", ["running", "stopped"]),
        ("$.Reservations[*].Instances[*].InstanceId", ["i-1", "i-2"]),
        ("$.Reservations[0:1]..InstanceId", ["i-1"]),
        ("$['with.point']['a b']", 1),
        ('$["Status"]', "Active"),
        ("$..Nowhere", []),
        ("$.Empty[*]", []),
        ("$.Nothing", None),
        ("$", TREE),
    ],
)
def test_a_selector_finds(selector, value):
    found = select(selector, TREE)
    assert not found.is_nothing
    assert found.value == value


@pytest.mark.parametrize("selector", ["$.Absent", "$.Status.Name", "$.Reservations[9]", "$.Status[0]"])
def test_a_selector_may_find_nothing(selector):
    assert select(selector, TREE).is_nothing


@pytest.mark.parametrize(
    "selector", ["", "$.", "$.a[", "$.a[b]", "$.a b", "$." + ".".join("a" * 60), "$.a[?(@.b)]"]
)
def test_what_is_no_selector_is_refused(selector):
    with pytest.raises(BadSelector):
        select(selector, TREE)


def test_a_selector_that_finds_too_much_is_refused():
    with pytest.raises(BadSelector, match="more than"):
        select("$..a", [{"a": 1}] * (selectors.FOUND_MAX + 1))


def test_deep_trees_do_not_exhaust_the_stack():
    tree = {}
    for _ in range(50_000):
        tree = {"a": tree}
    with pytest.raises(BadSelector):
        select("$..a", tree)
