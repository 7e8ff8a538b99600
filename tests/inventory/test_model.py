"""Entries taken apart and put together, and what became different between two inventories."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from hostreeve.capabilities.inventory.model.conditions import Condition, Unreadable, read
from hostreeve.capabilities.inventory.model.items import (
    digest_of,
    joined,
    packed,
    split,
    told_apart,
    unpacked,
)
from hostreeve.capabilities.inventory.model.types import AWS_TYPES, is_custom

NAMES = ("Name", "Version", "Architecture", "InstalledTime", "InstalledDate", "Size")
ROWS = some.lists(some.dictionaries(some.sampled_from(NAMES), some.text(max_size=3), max_size=6), max_size=8)


def counted(rows):
    return Counter(tuple(sorted(row.items())) for row in rows)


@given(ROWS)
def test_entries_are_the_same_when_they_are_put_together_again(rows):
    shared, moments = split(rows)
    contents = [msgspec.json.decode(each) for each in shared]
    assert joined(contents, moments) == rows
    assert not any(name.endswith(("Time", "Date")) for content in contents for name in content)


@given(ROWS, ROWS)
def test_what_became_different_leads_from_one_inventory_to_the_other(before, after):
    came = list((counted(after) - counted(before)).elements())
    went = list((counted(before) - counted(after)).elements())
    added, removed, changed = told_apart("AWS:Application", map(dict, came), map(dict, went))
    there = counted(before) - counted(removed) - counted(each for each, _ in changed)
    assert there + counted(added) + counted(each for _, each in changed) == counted(after)
    for earlier, later in changed:
        assert [earlier.get(n, "") for n in ("Name", "Architecture")] == [
            later.get(n, "") for n in ("Name", "Architecture")
        ]


@given(some.lists(some.integers(1, 2**62)))
def test_ids_are_packed_and_unpacked(ids):
    assert list(unpacked(packed(ids))) == ids


def test_the_order_of_attributes_makes_no_other_entry():
    (one,), _ = split([{"Name": "a", "Version": "1"}])
    (other,), _ = split([{"Version": "1", "Name": "a"}])
    assert one == other and digest_of(one) == digest_of(other)


@pytest.mark.parametrize(
    ("operator", "found", "value", "holds"),
    [
        ("LessThan", "1.9", "1.10", True),
        ("GreaterThan", "1.10", "1.9", True),
        ("LessThan", "10", "9", False),
        ("GreaterThan", "b", "a", True),
        ("LessThan", "10a", "9", True),
        ("LessThan", "1.2", "1.2", False),
        ("BeginWith", "nginx", "ngi", True),
        ("Equal", "a", "A", False),
        ("Exists", "anything", "", True),
    ],
)
def test_values_are_compared(operator, found, value, holds):
    assert Condition("AWS:Application", "Version", operator, (value,)).holds(found) is holds


@pytest.mark.parametrize("key", ["Name", "AWS:Application.", ".Name", "Colour.Name", "AWS:Application"])
def test_keys_name_an_attribute_of_a_type(key):
    with pytest.raises(Unreadable):
        read([{"Key": key, "Values": ["x"]}])


def test_every_identity_and_every_aggregate_is_an_attribute_of_its_type():
    for each in AWS_TYPES.values():
        assert {*each.identity, *each.counted, *each.numbers} <= set(each.attributes), each.name
        assert not is_custom(each.name)
