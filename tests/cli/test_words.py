"""What operators type, read into what the API wants."""

import pytest

from hostreeve.cli import words
from hostreeve.cli.trouble import UsageTrouble


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("tag:Role=web", "tag:Role", ["web"]),
        ("tag:Role=web,db", "tag:Role", ["web", "db"]),
        ("Key=tag:Role,Values=web,db", "tag:Role", ["web", "db"]),
        ("Key=tag:Role,Values=[web,db]", "tag:Role", ["web", "db"]),
        ("InstanceIds=mi-1", "InstanceIds", ["mi-1"]),
        ("tag:a=b=c", "tag:a", ["b=c"]),
    ],
)
def test_targets(text, key, values):
    assert words.target(text) == {"Key": key, "Values": values}


def test_a_tag_without_its_prefix_is_told_how_it_is_written():
    with pytest.raises(UsageTrouble) as told:
        words.target("Role=web,db")
    assert "tag:Role=web,db" in told.value.next_step


@pytest.mark.parametrize(
    ("text", "least"), [("1", 1), ("50", 1), ("10%", 1), ("100%", 1), ("0", 0), ("0%", 0)]
)
def test_a_number_or_a_percentage_is_a_limit(text, least):
    assert words.limit(text, "--max-errors", least) == text


@pytest.mark.parametrize("text", ["0", "0%", "101%", "-1", "1.5", "many", "", "%", "010", "١٠"])
def test_what_is_no_limit_is_refused(text):
    with pytest.raises(UsageTrouble, match="--max-concurrency"):
        words.limit(text, "--max-concurrency", 1)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (40.4, "40 s"),
        (119, "119 s"),
        (120, "2 min"),
        (3600, "60 min"),
        (7200, "2 h"),
        (259_200, "3 d"),
    ],
)
def test_how_long_that_is(seconds, told):
    assert words.span(seconds) == told


@pytest.mark.parametrize("text", ["uptime", "tag:Role=", "=web", "", "Role=web"])
def test_what_is_no_target_is_refused(text):
    with pytest.raises(UsageTrouble):
        words.target(text)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["commands=uptime"], {"commands": ["uptime"]}),
        (["commands=a,b,workingDirectory=/tmp"], {"commands": ["a", "b"], "workingDirectory": ["/tmp"]}),
        (['commands=["a, b","c"],x=y'], {"commands": ["a, b", "c"], "x": ["y"]}),
        (["commands='X=1 make, all'"], {"commands": ["X=1 make, all"]}),
        (["a=1", "b=2"], {"a": ["1"], "b": ["2"]}),
        (
            ['{"commands": ["a"], "n": 5, "m": {"k": "v"}}'],
            {"commands": ["a"], "n": ["5"], "m": ['{"k": "v"}']},
        ),
        (["empty="], {"empty": [""]}),
    ],
)
def test_parameters(texts, found):
    assert words.parameters(texts) == found


def test_parameters_come_from_a_file_too(tmp_path):
    (tmp_path / "p.json").write_text('{"commands": ["ls"]}')
    assert words.parameters([f"file://{tmp_path}/p.json"]) == {"commands": ["ls"]}


@pytest.mark.parametrize("text", ["uptime", "{", "[1]", "file:///nonexistent"])
def test_what_are_no_parameters_is_refused(text):
    with pytest.raises(UsageTrouble):
        words.parameters([text])


@pytest.mark.parametrize(
    ("text", "s"), [("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("7d", 604_800)]
)
def test_durations(text, s):
    assert words.duration_s(text) == s


@pytest.mark.parametrize("text", ["", "soon", "-5", "5y", "1.5h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageTrouble):
        words.duration_s(text)
