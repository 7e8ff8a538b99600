"""What a document means: cases in files, and properties that hold for every document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostreeve.agent import document
from hostreeve.agent.document import (
    RUN,
    SKIP,
    Ended,
    InvalidDocument,
    Platform,
    concluded,
    decide,
    read,
)
from hostreeve.agent.order import timeout_s
from hostreeve.agent.output import combined, cut
from hostreeve.agent.parameters import InvalidParameters, effective, substituted
from hostreeve.contract import jobs

CASES = Path(__file__).parent / "cases"
HERE = Platform("Linux", frozenset(["aws:runShellScript"]))


def cases(name: str) -> list[Any]:
    found = json.loads((CASES / f"{name}.json").read_text())
    return [pytest.param(case, id=case["name"]) for case in found]


def played(found: document.Document, ends: dict[str, tuple[str, int]]) -> tuple[list[Ended], list[str]]:
    """Go through a document as the agent does, with the given ends of the steps that run."""
    ended: list[Ended] = []
    texts: list[str] = []
    for index, step in enumerate(found.steps):
        decision = decide(found, index, ended, HERE)
        if decision.verb == RUN:
            ended.append(concluded(step, *ends[step.step_id]))
        else:
            ended.append(Ended(jobs.SKIPPED if decision.verb == SKIP else jobs.FAILED))
        texts.append(decision.text + ended[-1].stdout_note)
    return ended, texts


@pytest.mark.parametrize("case", cases("flow"))
def test_flow(case: dict[str, Any]):
    steps = [{"action": "aws:runShellScript", **step} for step in case["steps"]]
    found = read({"schemaVersion": case["schema"], "mainSteps": steps}, {})
    ended, texts = played(found, {name: (end[0], end[1]) for name, end in case["ends"].items()})
    told = [[step.step_id, end.status, end.code] for step, end in zip(found.steps, ended, strict=True)]
    assert told == case["expect"]
    assert document.document_status(ended, len(found.steps)) == case["status"]
    for name, note in case.get("notes", {}).items():
        assert note in texts[[step.step_id for step in found.steps].index(name)]


@pytest.mark.parametrize("case", cases("preconditions"))
def test_preconditions_and_platforms(case: dict[str, Any]):
    step = {"action": case.get("action", "aws:runShellScript"), "name": "s"}
    if "precondition" in case:
        step["precondition"] = case["precondition"]
    content = {
        "schemaVersion": case.get("schema", "2.2"),
        "parameters": {"color": {"type": "String", "default": "red"}},
        "mainSteps": [step],
    }
    decision = decide(read(content, {}), 0, [], HERE)
    assert decision.verb == case["expect"]
    assert case.get("text", "") in decision.text


@pytest.mark.parametrize("case", cases("parameters"))
def test_parameters(case: dict[str, Any]):
    if case.get("refused"):
        with pytest.raises(InvalidParameters):
            effective(case["declared"], case["supplied"])
        return
    assert substituted(case["input"], effective(case["declared"], case["supplied"])) == case["expect"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"schemaVersion": "1.1", "runtimeConfig": {"a": {}}},
        {"schemaVersion": "2.1", "mainSteps": [{}]},
        {"schemaVersion": "0.3", "mainSteps": [{}]},
        {"schemaVersion": "2.2", "mainSteps": []},
        {"schemaVersion": "2.2", "mainSteps": {"a": 1}},
        {"schemaVersion": "2.2", "mainSteps": ["a"]},
        {"schemaVersion": "2.2", "mainSteps": [{"name": "a"}, {"name": "a"}]},
        {"schemaVersion": "1.2", "runtimeConfig": {}},
        {"schemaVersion": "1.2"},
    ],
)
def test_what_cannot_be_run_is_refused(content: Any):
    with pytest.raises(InvalidDocument):
        read(content, {})


@pytest.mark.parametrize("version", ["2.0", "2.0.1", "2.0.2", "2.0.3", "2.2"])
def test_every_schema_of_the_official_agent_is_read(version: str):
    found = read(
        {"schemaVersion": version, "mainSteps": [{"action": "aws:runShellScript", "name": "a"}]}, None
    )
    assert decide(found, 0, [], HERE).verb == RUN


def test_schema_1_names_its_steps_by_their_plugins():
    content = {
        "schemaVersion": "1.2",
        "parameters": {"commands": {"type": "StringList"}},
        "runtimeConfig": {
            "aws:runShellScript": {"properties": [{"runCommand": "{{ commands }}"}, {"id": "x"}]}
        },
    }
    found = read(content, {"commands": ["a", "b"]})
    assert [step.step_id for step in found.steps] == ["aws:runShellScript"]
    assert found.steps[0].parts == [{"runCommand": ["a", "b"]}, {"id": "x"}]


def schema_1(plugins: dict[str, Any], version: str = "1.2") -> document.Document:
    return read({"schemaVersion": version, "runtimeConfig": plugins}, {})


def test_schema_1_knows_no_skipping_of_what_it_cannot_do():
    for action, text in (
        ("aws:noSuchThing", "not supported by this version of ssm agent"),
        ("aws:psModule", "not supported in current platform"),
        ("aws:domainJoin", "not found"),
    ):
        found = schema_1({action: {"properties": {}}})
        decision = decide(found, 0, [], HERE)
        assert (decision.verb, text in decision.text) == (document.FAIL, True)


def test_schema_1_takes_one_object_for_a_list_of_one_and_nothing_for_no_inputs():
    assert schema_1({"aws:runShellScript": {"properties": {"a": 1}}}).steps[0].parts == [{"a": 1}]
    assert schema_1({"aws:runShellScript": {"properties": []}}).steps[0].parts == [[]]
    assert schema_1({"aws:runShellScript": {}}, "1.0").steps[0].parts == [None]


def test_of_several_parts_the_first_code_that_is_not_zero_counts():
    assert document.merged([(jobs.SUCCESS, 0), (jobs.FAILED, 3), (jobs.FAILED, 4)]) == (jobs.FAILED, 3)
    assert document.merged([(jobs.SUCCESS, 0), (jobs.SUCCESS, 0)]) == (jobs.SUCCESS, 0)


def test_flow_control_of_schema_1_stands_in_its_only_property():
    plugins = {"aws:runShellScript": {"properties": [{"onFailure": "successAndExit"}]}}
    step = schema_1(plugins).steps[0]
    assert concluded(step, jobs.FAILED, 9).status == jobs.SUCCESS
    several = schema_1({"aws:runShellScript": {"properties": [{"onFailure": "exit"}, {}]}}).steps[0]
    assert several.flag("onFailure") is None


def test_a_restart_wanted_outweighs_everything_that_has_ended():
    ended = [Ended(jobs.FAILED, 1), Ended(jobs.SUCCESS_AND_REBOOT, 194)]
    assert document.document_status(ended, 3) == jobs.SUCCESS_AND_REBOOT


STATUSES = st.sampled_from(
    [(jobs.SUCCESS, 0), (jobs.FAILED, 1), (jobs.FAILED, 168), (jobs.FAILED, 169), (jobs.TIMED_OUT, 137)]
)
INPUTS = st.fixed_dictionaries(
    {},
    optional={
        "onFailure": st.sampled_from(["exit", "successAndExit", "other"]),
        "onSuccess": st.just("exit"),
        "finallyStep": st.booleans(),
    },
)


@given(st.lists(st.tuples(INPUTS, STATUSES), min_size=1, max_size=6))
def test_every_document_ends_and_after_an_exit_only_a_last_finally_step_runs(drawn: Any):
    steps = [
        {"action": "aws:runShellScript", "name": f"s{n}", "inputs": inputs}
        for n, (inputs, _) in enumerate(drawn)
    ]
    found = read({"schemaVersion": "2.2", "mainSteps": steps}, {})
    ended, _ = played(found, {f"s{n}": end for n, (_, end) in enumerate(drawn)})
    assert document.document_status(ended, len(steps)) in jobs.TERMINAL_STATUSES
    skipped = [index for index, end in enumerate(ended) if end.status == jobs.SKIPPED]
    if skipped:
        later = range(skipped[0], len(steps))
        ran = [index for index in later if index not in skipped]
        assert ran in ([], [len(steps) - 1])
        assert not ran or steps[-1]["inputs"]["finallyStep"] is True


@given(
    st.lists(
        st.sampled_from([jobs.SUCCESS, jobs.FAILED, jobs.TIMED_OUT, jobs.CANCELLED]), min_size=1, max_size=5
    )
)
def test_a_step_of_several_parts_is_as_bad_as_its_worst(statuses: list[str]):
    status, _ = document.merged([(each, 0) for each in statuses])
    order = [jobs.SUCCESS, jobs.CANCELLED, jobs.TIMED_OUT, jobs.FAILED]
    assert status == max(statuses, key=order.index)


@given(st.text(max_size=3000), st.text(max_size=3000))
def test_combined_output_fits_and_shows_both_ends_of_the_story(stdout: str, stderr: str):
    both = combined(stdout, stderr)
    assert len(both) <= 2500
    assert ("----------ERROR-------" in both) == bool(stderr) or "----------ERROR-------" in stdout
    if len(stdout) + len(stderr) < 2400:
        assert stdout in both and stderr in both


@given(st.text(max_size=200), st.integers(30, 150))
def test_a_cut_text_says_that_it_was_cut(text: str, limit: int):
    shown = cut(text, limit)
    assert len(shown) <= limit
    assert shown == text or shown.endswith("--output truncated--")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("60", 60),
        (60, 60),
        ("2", 3600),
        (None, 3600),
        ("", 3600),
        ("x", 3600),
        (172_801, 3600),
        (5, 5),
        (" 7 ", 7),
    ],
)
def test_a_timeout_outside_its_limits_means_the_default(written: Any, seconds: int):
    assert timeout_s(written) == seconds
