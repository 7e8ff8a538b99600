"""Reading documents: what is a document, what is refused and why, and that nothing can hurt."""

import json
import time

import pytest
import yaml

from hostreeve.capabilities.documents.model import schemas
from hostreeve.capabilities.documents.model.content import Refused, converted, parsed
from hostreeve.capabilities.documents.model.document import drafted

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("format_", "text", "reason"),
    [
        ("JSON", "[" * 30_000, "deeper"),
        ("JSON", '{"a":' * 30_000, "deeper"),
        ("YAML", "[" * 30_000, "deeper"),
        ("YAML", "- " * 30_000, "deeper"),
        ("YAML", BOMB, "values"),
        ("YAML", "a: &x [*x]", "deeper"),
        ("JSON", '{"a": 1, "a": 2}', "twice"),
        ("YAML", "a: 1\na: 2", "twice"),
        ("JSON", "[NaN]", "NaN"),
        ("JSON", "[1e999]", "inf"),
        ("JSON", "1" * 50_000, "digits"),
        ("YAML", "1" * 50_000, "digits"),
        ("JSON", '["\\ud800"]', "surrogate"),
        ("YAML", "a: .nan", "nan"),
        ("YAML", "a: !!python/object:os.system x", "constructor"),
        ("YAML", "a: !!binary aGk=", "bytes"),
        ("YAML", "1: x", "not text"),
        ("YAML", "a: \x00", "not well-formed"),
        ("JSON", '{"a', "line 1, column 2"),
        ("YAML", "a: [", "line 2, column 1"),
        ("JSON", "", "line 1"),
    ],
    ids=lambda value: value[:12],
)
def test_texts_that_are_no_document_are_refused_quickly_with_the_reason(format_, text, reason):
    started = time.process_time()
    with pytest.raises(Refused, match=reason):
        parsed(text, format_)
    assert time.process_time() - started < 2


def test_brackets_inside_texts_are_not_nesting():
    value = {"a": "[" * 1000 + '\\"{'}
    assert parsed(json.dumps(value), "JSON") == value


def test_dates_in_yaml_stay_text_and_a_bare_version_is_one():
    assert parsed("schemaVersion: 2.2\nd: 2012-10-17", "YAML") == {"schemaVersion": "2.2", "d": "2012-10-17"}


def test_yaml_becomes_json_with_its_order_and_lines():
    text = 'b: 1\na:\n  - |\n    line one\n    line two\nschemaVersion: "2.2"\n'
    out = converted(text, json.dumps(parsed(text, "YAML")), stored="YAML", wanted="JSON")
    assert list(json.loads(out)) == ["b", "a", "schemaVersion"]
    assert json.loads(out)["a"] == ["line one\nline two\n"]
    back = converted(out, out, stored="JSON", wanted="YAML")
    assert yaml.safe_load(back) == yaml.safe_load(text)
    assert "- |" in back


def test_the_stored_format_comes_back_byte_for_byte():
    text = '{"b":1,\n  "a" : 2}'
    assert converted(text, text, stored="JSON", wanted="JSON") == text


def document(**changes):
    step = {"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": ["id"]}}
    return {"schemaVersion": "2.2", "mainSteps": [step], **changes}


def step(**changes):
    return document(mainSteps=[{"action": "aws:runShellScript", "name": "one", **changes}])


WRONG = [
    ([], "must be an object"),
    (document(schemaVersion=2.2), "schemaVersion"),
    (document(description=7), "description"),
    (document(mainSteps=[]), "mainSteps"),
    (document(mainSteps=[7]), r"mainSteps\[0\]"),
    (document(runtimeConfig={}), "runtimeConfig"),
    (step(action="aws:bananas"), r"mainSteps\[0\].action"),
    (step(action=None), r"mainSteps\[0\].action"),
    (step(name="../etc"), r"mainSteps\[0\].name"),
    (step(name=""), r"mainSteps\[0\].name"),
    (step(inputs=[]), r"mainSteps\[0\].inputs"),
    (step(precondition="x"), r"mainSteps\[0\].precondition"),
    (step(inputs={"onFailure": "abort"}), "onFailure"),
    (document(mainSteps=[*document()["mainSteps"]] * 2), r"mainSteps\[1\].name"),
    (document(parameters=[]), "parameters"),
    (document(parameters={"a b": {"type": "String"}}), "parameters.a b"),
    (document(parameters={"a": {"type": "Banana"}}), "parameters.a.type"),
    (document(parameters={"a": {"type": "String", "default": ["x"]}}), "parameters.a.default"),
    (document(parameters={"a": {"type": "String", "allowedPattern": "("}}), "allowedPattern"),
    (document(parameters={"a": {"type": "String", "allowedValues": []}}), "allowedValues"),
    (document(parameters={"a": {"type": "StringList", "minItems": -1}}), "minItems"),
    (document(parameters={"a": {"type": "String", "allowedValues": ["x"], "default": "y"}}), "default"),
    ({"schemaVersion": "1.2", "runtimeConfig": {}}, "runtimeConfig"),
    ({"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {}}}, "properties"),
    ({"schemaVersion": "1.2", "mainSteps": []}, "mainSteps"),
]


@pytest.mark.parametrize(("content", "place"), WRONG)
def test_a_wrong_document_is_told_where_and_why(content, place):
    with pytest.raises(Refused, match=place):
        drafted("Command", json.dumps(content), "JSON")


def test_a_schema_that_commands_do_not_have_is_its_own_error():
    with pytest.raises(schemas.SchemaRefused):
        drafted("Command", json.dumps(document(schemaVersion="0.3")), "JSON")


@pytest.mark.parametrize("version", ["2.0", "2.2"])
def test_steps_in_order_are_the_names_and_plugins(version):
    draft = drafted("Command", json.dumps(document(schemaVersion=version)), "JSON")
    assert draft.schema_version == version
    assert schemas.steps(json.loads(draft.body)) == [("one", "aws:runShellScript")]


def test_a_document_runs_where_one_of_its_plugins_does():
    windows = {"action": "aws:applications", "name": "two"}
    both = document(mainSteps=[*document()["mainSteps"], windows])
    assert drafted("Command", json.dumps(both), "JSON").platform_types == ["Windows", "Linux", "MacOS"]
