"""`hostreeve runbook`: files are judged as CreateDocument would judge them, and drawn."""

import json
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostreeve.__main__ import main
from hostreeve.app.runbook.lanes import Jump, lanes
from hostreeve.capabilities import automations, documents

GOOD = """\
schemaVersion: '0.3'
description: Restart what does not answer.
mainSteps:
  - name: look
    action: aws:executeAwsApi
    inputs:
      Service: ssm
      Api: DescribeInstanceInformation
    outputs:
      - {Name: State, Selector: $.State, Type: String}
    onFailure: step:tell
  - name: decide
    action: aws:branch
    inputs:
      Choices:
        - NextStep: turns
          Variable: '{{ look.State }}'
          StringEquals: down
        - NextStep: tell
          Or:
            - {Variable: '{{ look.State }}', StartsWith: <odd>}
            - Not: {Variable: '{{ look.State }}', Contains: '"&'}
      Default: tell
  - name: turns
    action: aws:loop
    inputs:
      Iterators: [1, 2]
      IteratorDataType: Integer
      Steps:
        - name: rest
          action: aws:sleep
          inputs: {Duration: PT1S}
  - name: tell
    action: aws:sleep
    inputs: {Duration: PT1S}
"""


@pytest.fixture
def file(tmp_path):
    def write(text, name="runbook.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def run(capsys, *words):
    status = main(["runbook", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_a_good_runbook_is_said_to_be_good(file, capsys):
    path = file(GOOD)
    assert run(capsys, "check", path) == (0, f"{path}: good, 4 steps\n", "")


@pytest.mark.parametrize(
    ("wrong", "right", "line", "reason"),
    [
        ("action: aws:branch", "action: aws:brunch", 13, "mainSteps[1].action: must be one of"),
        ("onFailure: step:tell", "onFailure: step:nobody", 4, "there is no step 'nobody'"),
        (
            "Duration: PT1S}\n  - name: tell",
            "Length: 1}\n  - name: tell",
            32,
            "give either Duration or Timestamp",
        ),
        ("StringEquals: down", "LooksLike: down", 16, "must be one of"),
        ("'0.3'", "'2.2'", 1, "schemaVersion"),
        ("  - name: tell", "  - name: look", 33, "already the name of an earlier step"),
        ("description: Restart", "  description: Restart", 2, "YAML not well-formed"),
    ],
)
def test_a_wrong_runbook_is_told_with_its_line(file, capsys, wrong, right, line, reason):
    assert wrong in GOOD
    path = file(GOOD.replace(wrong, right, 1))
    status, said, _ = run(capsys, "check", path)
    assert status == 1
    assert said.startswith(f"{path}:{line}: "), said
    assert reason in said


def test_a_wrong_runbook_in_json_is_told_with_its_line(file, capsys):
    content = json.dumps(
        {"schemaVersion": "0.3", "mainSteps": [{"name": "a", "action": "aws:pase"}]}, indent=1
    )
    path = file(content, "runbook.json")
    status, said, _ = run(capsys, "check", path)
    assert (status, said.split(": ")[0]) == (1, f"{path}:6")


def test_several_files_are_one_answer_for_programs(file, capsys):
    paths = file(GOOD), file(GOOD.replace("'0.3'", "'9.9'"), "other.yaml")
    status, said, _ = run(capsys, "check", *paths, "--json")
    good, bad = json.loads(said)
    assert status == 1
    assert good == {"File": paths[0], "Good": True, "Steps": ["look", "decide", "turns", "tell"]}
    assert (bad["Good"], bad["Line"]) == (False, 1)


@pytest.mark.parametrize("command", ["check", "graph"])
def test_what_cannot_be_read_is_a_wrong_command_line(file, capsys, command, tmp_path):
    status, _, said = run(capsys, command, str(tmp_path / "nowhere.yaml"))
    assert status == 2 and "No such file" in said
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    status, _, said = run(capsys, command, str(tmp_path / "bytes"))
    assert status == 2 and "not UTF-8" in said


def test_the_ways_are_those_of_the_engine():
    graph = automations.graph(documents.read_file(GOOD, "Automation"))
    ways = {(e.source, e.target, e.way.value, e.label) for e in graph.edges}
    assert ways == {
        (automations.START, "look", "next", ""),
        ("look", "decide", "next", ""),
        ("look", "tell", "failure", ""),
        ("decide", "turns", "choice", 'look.State = "down"'),
        ("decide", "tell", "choice", 'look.State starts with "<odd>" or not look.State contains ""&"'),
        ("decide", "tell", "default", ""),
        ("turns", "tell", "next", ""),
        ("tell", automations.END, "next", ""),
    }
    assert [e.target for e in graph.inner["turns"].edges] == ["rest", automations.END]


def test_mermaid_text_names_every_step_and_escapes_what_it_would_misread(file, capsys):
    status, said, _ = run(capsys, "graph", file(GOOD))
    assert status == 0
    assert said.startswith("flowchart TD\n")
    assert 'subgraph step_turns["<b>turns</b><br/>aws:loop"]' in said
    assert "#60;odd#62;" in said and "<odd>" not in said


def test_a_picture_is_a_whole_svg_with_every_step_and_label(file, capsys, tmp_path):
    path = tmp_path / "picture.svg"
    assert run(capsys, "graph", file(GOOD), "--output", str(path))[0] == 0
    root = ElementTree.fromstring(path.read_text())
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"look", "decide", "turns", "rest", "tell", 'look.State = "down"', "otherwise"} <= set(texts)


def test_statuses_colour_the_steps_and_are_told_in_words():
    graph = automations.graph(documents.read_file(GOOD, "Automation"))
    from hostreeve.app.runbook import mermaid, svg

    for drawn in (mermaid.drawn, svg.drawn):
        picture = drawn(graph, {"look": "Failed", "tell": "Success"})
        assert "Failed" in picture and "Success" in picture and "InProgress" not in picture


def test_a_runbook_that_is_none_is_not_drawn(file, capsys):
    status, said, wrong = run(capsys, "graph", file("mainSteps: 3\n"))
    assert (status, said) == (2, "")
    assert "schemaVersion" in wrong


def test_either_a_file_or_an_execution_is_drawn(file, capsys):
    assert run(capsys, "graph")[0] == 2
    assert run(capsys, "graph", file(GOOD), "--execution", "x")[0] == 2


@given(st.lists(st.builds(Jump, st.integers(0, 12), st.integers(0, 12)), max_size=20))
def test_two_ways_in_one_lane_share_no_stretch_unless_they_lead_to_one_place(jumps):
    chosen = lanes(jumps)
    for n, one in enumerate(jumps):
        for m in range(n):
            other = jumps[m]
            if chosen[n] == chosen[m] and one.target != other.target:
                assert one.span[1] < other.span[0] or other.span[1] < one.span[0]
