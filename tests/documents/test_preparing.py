"""References to Parameter Store: who may use them, what they become, and what they cannot smuggle in."""

import json

import pytest

from hostreeve.api.call import Call, Principal
from hostreeve.api.errors import AwsError, common
from hostreeve.capabilities import documents
from hostreeve.kernel.scope import Scope

LINES = ["echo {{ssm:plain}} {{ text }}", "echo {{ list }}"]
DECLARED = {
    "text": {"type": "String", "default": "{{ssm:plain}}", "allowedPattern": "[a-z]*"},
    "list": {"type": "StringList", "default": ["{{ ssm:plain:1 }}"]},
    "map": {"type": "StringMap", "default": {}},
}


class Desk:
    """Prepares one document with parameters in the store; `denied` are names that the caller may not get."""

    def __init__(self, house):
        self.house = house
        self.ssm = house.client("ssm")
        self.scope = Scope(house.client("sts").get_caller_identity()["Account"], "us-east-1")
        self.denied = set()
        for name, value in {
            "plain": "hello",
            "quoting": 'a", "b": "c',
            "opening": "{{ssm:pl",
            "closing": "ain}}",
            "shouting": "HELLO",
            "large": "x" * 4000,
        }.items():
            self.ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
        self.ssm.put_parameter(Name="secret", Value="s", Type="SecureString", Overwrite=True)

    def document(self, name, lines=LINES, **members):
        step = {"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": lines}, **members}
        content = {"schemaVersion": "2.2", "parameters": DECLARED, "mainSteps": [step]}
        self.ssm.create_document(Name=name, Content=json.dumps(content))
        return name

    def prepare(self, name, **given):
        return self.house.app.database.write_sync(lambda tx: self._prepare(tx, name, given))

    def refused(self, name, **given):
        with pytest.raises(AwsError) as error:
            self.prepare(name, **given)
        return error.value.code

    def _prepare(self, tx, name, given):
        def require(action, resources, context=None, *, policy=None):
            if any(one.endswith(f"parameter/{name}") for one in resources for name in self.denied):
                raise common.AccessDeniedException(f"not authorized to perform {action}")

        world = self.house.world
        principal = Principal(self.scope.account, f"arn:aws:iam::{self.scope.account}:user/a", "A", "AKIA")
        call = Call(tx, self.scope, principal, world, world.now_ms(), "r", require, print, self.house.keys)
        return documents.prepare(call, documents.resolve(tx, self.scope, name), given)


@pytest.fixture
def desk(house):
    return Desk(house)


def test_references_are_replaced_in_content_defaults_and_given_values(desk, name):
    done = desk.prepare(desk.document(name), map=['{"k": "{{ssm:plain}}"}'])
    assert done.content["mainSteps"][0]["inputs"]["runCommand"][0] == "echo hello {{ text }}"
    assert done.values == {"text": "hello", "list": ["hello"], "map": {"k": "hello"}}
    assert desk.prepare(name, text=["{{ ssm:plain }}"]).values["text"] == "hello"


def test_a_stored_value_is_checked_as_if_it_had_been_given(desk, name):
    desk.document(name)
    assert desk.refused(name, text=["{{ssm:shouting}}"]) == "InvalidParameters"
    assert desk.refused(name, text=["{{ssm:nothing}}"]) == "InvalidParameters"
    assert desk.refused(name, text=["{{ssm:secret}}"]) == "InvalidParameters"


def test_a_stored_value_cannot_break_out_of_json_or_refer_further(desk, name):
    desk.document(name)
    done = desk.prepare(name, map=['{"a": "{{ssm:quoting}}"}'], list=["{{ssm:opening}}{{ssm:closing}}"])
    assert done.values["map"] == {"a": 'a", "b": "c'}
    assert done.values["list"] == ["{{ssm:plain}}"]


def test_who_may_not_get_a_parameter_cannot_read_it_through_a_document(desk, name):
    desk.document(name)
    desk.denied.add("plain")
    assert desk.refused(name) == "AccessDeniedException"


def test_expanding_stops_at_the_size_of_a_document(desk, name):
    desk.document(name, lines=["{{ssm:large}}"] * 50)
    assert desk.refused(name) == "MaxDocumentSizeExceeded"


def test_what_the_node_resolves_and_preconditions_stay_as_they_are(desk, name):
    precondition = {"StringEquals": ["{{ssm:plain}}", "x"]}
    desk.document(name, lines=["echo {{ssm-secure}} {{ unknown }}"], precondition=precondition)
    step = desk.prepare(name).content["mainSteps"][0]
    assert step["precondition"] == precondition
    assert step["inputs"]["runCommand"] == ["echo {{ssm-secure}} {{ unknown }}"]


def test_all_references_of_a_run_are_told(desk, name):
    desk.document(name)
    found = desk.house.app.database.read_sync(
        lambda tx: documents.references(documents.resolve(tx, desk.scope, name), {"map": ['"{{ssm:other}}"']})
    )
    assert set(found) == {"plain", "plain:1", "other"}


def test_a_hash_is_that_of_the_default_version(desk, name):
    desk.document(name)

    def resolved():
        return desk.house.app.database.read_sync(lambda tx: documents.resolve(tx, desk.scope, name))

    first = resolved().hash
    assert resolved().has_hash(first, "Sha256")
    desk.ssm.update_document(Name=name, Content=json.dumps({**resolved().content, "description": "two"}))
    assert resolved().has_hash(first, "Sha256")
    desk.ssm.update_document_default_version(Name=name, DocumentVersion="2")
    assert not resolved().has_hash(first, "Sha256")
