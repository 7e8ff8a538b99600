"""Values and their types."""

import pytest

from hostreeve.capabilities.automations.model.values import (
    OUTPUT_CHARS_MAX,
    WrongType,
    check_variable,
    listed,
    output,
)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("a", ["a"]),
        (3, ["3"]),
        (True, ["true"]),
        (["a", "b"], ["a", "b"]),
        ({"a": 1}, ['{"a":1}']),
        ([{"a": 1}, {"b": 2}], ['{"a":1}', '{"b":2}']),
        (None, []),
        ([], []),
    ],
)
def test_every_type_travels_as_a_list_of_texts(value, texts):
    assert listed(value) == texts


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("String", 3),
        ("String", ["a"]),
        ("StringList", "a"),
        ("StringList", [1]),
        ("Integer", "3"),
        ("Integer", True),
        ("Integer", 1.5),
        ("Boolean", "true"),
        ("StringMap", "{}"),
        ("MapList", [{}, "a"]),
    ],
)
def test_an_output_must_be_of_its_type(type_, value):
    with pytest.raises(WrongType, match="The output x is"):
        output("x", type_, value)


def test_a_whole_number_is_an_integer_however_it_is_written():
    assert output("x", "Integer", 3.0) == 3


def test_an_output_has_an_end():
    with pytest.raises(WrongType, match="longer"):
        output("x", "String", "a" * (OUTPUT_CHARS_MAX + 1))


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("String", ""),
        ("String", "a" * 513),
        ("StringList", ["a"] * 51),
        ("MapList", [{}] * 201),
        ("Integer", "1"),
        ("Boolean", "true"),
    ],
)
def test_a_variable_takes_exactly_its_type_within_bounds(type_, value):
    with pytest.raises(WrongType):
        check_variable("x", type_, value)
