"""Values given for a document's parameters, and the pattern matcher that nothing can stall."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostreeve.api.patterns import Pattern
from hostreeve.capabilities.documents.model.parameters import Unfit, described, resolved

DECLARED = {
    "commands": {"type": "StringList", "minItems": 1, "maxItems": 3},
    "folder": {"type": "String", "default": "", "maxChars": 5, "description": "where"},
    "mode": {"type": "String", "default": "on", "allowedValues": ["on", "off"]},
    "seconds": {"type": "String", "default": "60", "allowedPattern": "[1-9][0-9]{0,3}"},
    "force": {"type": "Boolean", "default": False},
    "count": {"type": "Integer", "default": 1},
    "source": {"type": "StringMap", "default": {}},
    "rows": {"type": "MapList", "default": []},
}


PATTERNS = [
    r"^$",
    r"^a*$",
    r"[^abc\d]{2,3}x?",
    r"(?i)abc|d",
    r".*",
    r"a{0}b",
    r"(?:x|y)+?z",
    r"\S+@\w+\.(com|org)",
    r"(a|b)*c{2,}",
    r"[a-cx-z]?\s",
    r"(a?){3}",
    r"((ab)+c)*",
    r"\A\d{1,3}(\.\d{1,3}){3}\Z",
    r"[^\s]+",
    r"()*",
]


def test_defaults_are_merged_and_types_are_what_agents_want():
    values = resolved(
        DECLARED,
        {
            "commands": ["a", "b"],
            "force": ["True"],
            "count": ["7"],
            "source": ['{"path": "x"}'],
            "rows": ['{"a": 1}', '{"b": 2}'],
        },
    )
    assert values == {
        "commands": ["a", "b"],
        "folder": "",
        "mode": "on",
        "seconds": "60",
        "force": True,
        "count": 7,
        "source": {"path": "x"},
        "rows": [{"a": 1}, {"b": 2}],
    }


@pytest.mark.parametrize(
    ("given_", "name"),
    [
        ({}, "commands"),
        ({"commands": []}, "commands"),
        ({"commands": ["a"] * 4}, "commands"),
        ({"bananas": ["x"]}, "bananas"),
        ({"folder": ["123456"]}, "folder"),
        ({"folder": ["a", "b"]}, "folder"),
        ({"folder": []}, "folder"),
        ({"mode": ["maybe"]}, "mode"),
        ({"seconds": ["0"]}, "seconds"),
        ({"seconds": ["60 "]}, "seconds"),
        ({"seconds": ["60\n"]}, "seconds"),
        ({"force": ["yes"]}, "force"),
        ({"count": ["1.5"]}, "count"),
        ({"count": ["true"]}, "count"),
        ({"source": ["[]"]}, "source"),
        ({"source": ["{" * 100_000]}, "source"),
        ({"rows": ["7"]}, "rows"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_the_parameters_name(given_, name):
    with pytest.raises(Unfit, match=name):
        resolved(DECLARED, {"commands": ["x"], **given_} if "commands" not in given_ and given_ else given_)


def test_parameters_are_described_with_defaults_as_text():
    rows = {row["Name"]: row for row in described(DECLARED)}
    assert rows["folder"] == {"Name": "folder", "Type": "String", "Description": "where", "DefaultValue": ""}
    assert "DefaultValue" not in rows["commands"]
    assert rows["source"]["DefaultValue"] == "{}"


@given(
    pattern=st.sampled_from(PATTERNS),
    text=st.text(alphabet="abcdxyzABZ019 .@com\n", max_size=8),
)
def test_patterns_match_what_pythons_own_matcher_does(pattern, text):
    assert Pattern(pattern).matches(text) == bool(re.fullmatch(pattern, text))


def test_a_pattern_that_stalls_backtracking_matchers_is_decided_at_once():
    started = time.process_time()
    assert not Pattern(r"(a+)+$").matches("a" * 5_000 + "b")
    assert not Pattern(r"(\w+\s?)*\.").matches("word " * 1_000)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", r"(?=a)", r"(?<!a)b", r"\bword\b", "(", "a{5000}b{5000}", "(){999999999}"]
)
def test_patterns_beyond_the_supported_are_refused(pattern):
    with pytest.raises(ValueError, match=r"."):
        Pattern(pattern)
