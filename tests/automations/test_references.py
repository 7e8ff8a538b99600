"""`{{ }}`: what a reference becomes, and what it must never become."""

import pytest

from hostreeve.capabilities.automations.model import references
from hostreeve.capabilities.automations.model.references import Absent, TooLarge, fill, looked_up, names_in

VALUES = {
    "Name": "web",
    "Count": 3,
    "On": True,
    "Ids": ["i-1", "i-2"],
    "Map": {"Size": "large", "Deep": {"er": [1, 2]}},
    "launch.InstanceIds": ["i-9"],
    "Sly": "{{ Name }}",
    "Dotted.Name": "yes",
}


def known(name):
    def whole(each):
        if each not in VALUES:
            raise Absent(each)
        return VALUES[each]

    return looked_up(name, whole)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("{{ Name }}", "web"),
        ("{{Count}}", 3),
        ("{{ On }}", True),
        ("{{ Ids }}", ["i-1", "i-2"]),
        ("{{ Map }}", VALUES["Map"]),
        (" {{ Count }} ", 3),
    ],
)
def test_a_text_that_is_one_reference_keeps_the_type(text, becomes):
    assert fill(text, known) == becomes


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("a-{{ Name }}-b", "a-web-b"),
        ("{{Name}}{{Count}}", "web3"),
        ("is {{ On }}", "is true"),
        ("all: {{ Ids }}", 'all: ["i-1","i-2"]'),
        ('{"size": {{ Count }}}', '{"size": 3}'),
        ("{{ Name}} and {{Name }}", "web and web"),
    ],
)
def test_references_in_the_middle_of_a_text_become_text(text, becomes):
    assert fill(text, known) == becomes


def test_a_list_in_a_list_of_references_becomes_part_of_it():
    assert fill(["{{ launch.InstanceIds }}"], known) == ["i-9"]
    assert fill(["i-0", "{{ Ids }}", "{{ Name }}"], known) == ["i-0", "i-1", "i-2", "web"]
    assert fill([["{{ Ids }}"]], known) == [["i-1", "i-2"]]


def test_a_reference_can_go_on_into_its_value():
    assert fill("{{ Ids[1] }}", known) == "i-2"
    assert fill("{{ Map.Size }}", known) == "large"
    assert fill("{{ Map.Deep.er[0] }}", known) == 1
    assert fill("{{ launch.InstanceIds[0] }}", known) == "i-9"


def test_a_name_with_a_point_is_one_name():
    assert fill("{{ Dotted.Name }}", known) == "yes"


def test_what_a_value_holds_is_not_looked_at_again():
    assert fill("{{ Sly }}", known) == "{{ Name }}"
    assert fill("x{{ Sly }}", known) == "x{{ Name }}"


def test_maps_are_filled_in_their_names_too():
    assert fill({"{{ Name }}": {"n": ["{{ Count }}"]}}, known) == {"web": {"n": [3]}}


@pytest.mark.parametrize("text", ["{{ nothing }}", "x {{ launch.Other }}", "{{ Ids[7] }}", "{{ Map.Color }}"])
def test_what_has_no_value_is_absent(text):
    with pytest.raises(Absent):
        fill(text, known)


def test_what_grows_beyond_all_bounds_is_refused():
    big = "x" * (references.SIZE_CHARS_MAX // 4)
    with pytest.raises(TooLarge):
        fill(["{{ big }}"] * 5, lambda name: big)


def test_names_are_found_wherever_they_are():
    assert names_in({"a": ["{{ x }}", {"b": "{{y.Z}} {{ x }}"}], "c": 1}) == ["x", "y.Z"]
