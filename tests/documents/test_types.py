"""Every document type: a good one is taken, a wrong one is told where and why."""

import json
import time

import pytest
import yaml

from hostreeve.api.service_models import service
from hostreeve.capabilities.documents.model import owned, parameters
from hostreeve.capabilities.documents.model.content import Refused, converted
from hostreeve.capabilities.documents.model.document import drafted
from hostreeve.capabilities.documents.model.schemas import SCHEMAS

STACK = {"Resources": {"Rule": {"Type": "AWS::Config::ConfigRule", "Properties": {}}}}
SESSION = {
    "schemaVersion": "1.0",
    "sessionType": "Standard_Stream",
    "inputs": {"idleSessionTimeout": "20", "maxSessionDuration": "", "runAsEnabled": False},
}
PORT = {"schemaVersion": "1.0", "sessionType": "Port", "properties": {"portNumber": "{{ port }}"}}
LINES = {"schemaVersion": "1.0", "sessionType": "InteractiveCommands"}
PACKAGE = {
    "schemaVersion": "2.0",
    "version": "1.0",
    "packages": {"_any": {"_any": {"_any": {"file": "a.zip"}}}},
    "files": {"a.zip": {"checksums": {"sha256": "0" * 64}, "size": 3}},
}
CALENDAR = "BEGIN:VCALENDAR\nVERSION:2.0\nX-CALENDAR-TYPE:DEFAULT_OPEN\n{}END:VCALENDAR\n"
EVENT = "BEGIN:VEVENT\nDTSTART:20261201T220000Z\nDTEND:20261202T060000Z\n{}END:VEVENT\n"
CEDAR = """// who may
@id("one")
permit (principal in G::"x;y", action == AWS::SSM::Action::"getToken", resource)
when { resource.hasTag("A") && principal.b like "E-1*" };
"""
APPROVAL = {
    "name": "a1",
    "action": "aws:approve",
    "inputs": {"EnhancedApprovals": {"Approvers": []}},
}


def runbook(*steps, **members):
    return {"schemaVersion": "0.3", "mainSteps": list(steps) or [sleep("one")], **members}


def sleep(name, **members):
    return {"name": name, "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, **members}


def branch(name, **choice):
    given = {"NextStep": "b", "Variable": "{{ x }}", "StringEquals": "1", **choice}
    return {"name": name, "action": "aws:branch", "inputs": {"Choices": [given]}}


TEMPLATE = runbook(APPROVAL, executableRunBooks=[{"name": "X"}], emergencyChange=False)

GOOD = [
    (
        "Automation",
        runbook(sleep("a", nextStep="c"), sleep("b", isEnd=True), sleep("c", onFailure="step:b", isEnd=True)),
    ),
    ("Automation", runbook(parameters={"Id": {"type": "AWS::EC2::Instance::Id", "default": ""}})),
    ("Automation", runbook(parameters={"Ids": {"type": "List<AWS::EC2::Instance::Id>"}})),
    ("Automation", runbook(parameters={"Ami": {"type": "String", "default": "{{ssm:ami}}"}})),
    ("Automation.ChangeTemplate", TEMPLATE),
    ("Session", SESSION),
    ("Session", {**PORT, "parameters": {"port": {"type": "String"}}}),
    ("Package", PACKAGE),
    ("ApplicationConfiguration", [1, 2]),
    ("ApplicationConfigurationSchema", {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}),
    ("DeploymentStrategy", {}),
    ("ProblemAnalysis", {}),
    ("ProblemAnalysisTemplate", {}),
    ("CloudFormation", {"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}),
    ("ConformancePackTemplate", STACK),
    ("QuickSetup", {"any": "thing"}),
    ("ManualApprovalPolicy", {"accessDuration": 336}),
    ("Policy", {"schemaVersion": "2.0", "mainSteps": [{"action": "aws:softwareInventory", "name": "i"}]}),
    ("Command", {"schemaVersion": "2.0", "mainSteps": [{"action": "aws:runShellScript", "name": "i"}]}),
    (
        "ChangeCalendar",
        CALENDAR.format("BEGIN:VTODO\nSUMMARY:Add\nEND:VTODO\n" + EVENT.format("RRULE:FREQ=DAILY\n")),
    ),
    ("AutoApprovalPolicy", CEDAR * 2),
]


@pytest.mark.parametrize(
    ("kind", "content"), GOOD, ids=lambda value: value if isinstance(value, str) and len(value) < 40 else ""
)
def test_a_good_document_of_every_type_is_taken_in_every_format_of_its_type(kind, content):
    if isinstance(content, str):
        assert drafted(kind, content, "TEXT").value == content
        return
    assert drafted(kind, json.dumps(content), "JSON").value == content
    assert drafted(kind, yaml.safe_dump(content), "YAML").value == content


def test_no_type_that_aws_has_is_missing():
    assert set(SCHEMAS) == set(service("ssm").shapes["DocumentType"]["enum"])
    assert {kind for kind, _ in GOOD} == set(SCHEMAS)


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("Automation", runbook(schemaVersion="2.2"), "schemaVersion"),
        ("Automation", runbook(sleep("a"), sleep("a")), r"mainSteps\[1\].name: a is already"),
        ("Automation", runbook(sleep("a b")), r"mainSteps\[0\].name"),
        ("Automation", runbook(sleep("a", bananas=1)), r"mainSteps\[0\].bananas"),
        ("Automation", runbook(sleep("a", nextStep="z")), "no step 'z'"),
        ("Automation", runbook(sleep("a", onFailure="step:z")), "no step 'z'"),
        ("Automation", runbook(sleep("a", onFailure="Retry")), "onFailure: must be Abort or Continue"),
        ("Automation", runbook(sleep("a"), sleep("b", nextStep="a")), "circle: a -> b -> a"),
        ("Automation", runbook(sleep("a", nextStep="a")), "circle: a -> a"),
        ("Automation", runbook(sleep("a", onCancel="step:b"), sleep("b")), "cannot run then"),
        ("Automation", runbook({"name": "a", "action": "aws:nope"}), r"mainSteps\[0\].action"),
        ("Automation", runbook({"name": "a", "action": "aws:copyImage"}), "inputs.SourceRegion: is missing"),
        ("Automation", runbook({"name": "a", "action": "aws:sleep"}), "either Duration or Timestamp"),
        ("Automation", runbook(sleep("a", maxAttempts=0)), "maxAttempts"),
        ("Automation", runbook(branch("a", Bananas="1"), sleep("b")), "one operator"),
        ("Automation", runbook(branch("a", Variable="x"), sleep("b")), "must be a reference"),
        ("Automation", runbook(branch("a"), sleep("b")), "no parameter or step 'x'"),
        (
            "Automation",
            runbook({"name": "a", "action": "aws:sleep", "inputs": {"Duration": "{{ssm:x}}"}}),
            "defaults of parameters only",
        ),
        (
            "Automation",
            runbook({"name": "a", "action": "aws:sleep", "inputs": {"Duration": "{{ {{x}} }}"}}),
            "inside",
        ),
        ("Automation", runbook(assumeRole="{{ssm:role}}"), "assumeRole"),
        ("Automation.ChangeTemplate", runbook(), "aws:approve"),
        ("Automation.ChangeTemplate", {**TEMPLATE, "autoApprovable": "yes"}, "autoApprovable"),
        ("Session", {**SESSION, "sessionType": "Shell"}, "sessionType"),
        ("Session", {**SESSION, "inputs": {"bananas": 1}}, "inputs.bananas"),
        ("Session", {**SESSION, "inputs": {"idleSessionTimeout": "61"}}, "idleSessionTimeout"),
        ("Session", {**SESSION, "inputs": {"runAsDefaultUser": "root"}}, "root"),
        ("Session", {**PORT, "properties": {"portNumber": "65536"}}, "portNumber"),
        ("Session", {**LINES, "properties": {"linux": {}}}, "linux.commands"),
        ("Package", {**PACKAGE, "files": {}}, "files: must be 1"),
        ("Package", {**PACKAGE, "packages": {"_any": {}}}, "packages._any"),
        ("Package", {**PACKAGE, "files": {"b.zip": PACKAGE["files"]["a.zip"]}}, "a.zip is not among"),
        ("Package", {**PACKAGE, "files": {"a.zip": {"checksums": {"sha256": "x"}}}}, "sha256"),
        ("ApplicationConfigurationSchema", {"properties": {"a": {"type": "text"}}}, "properties.a.type"),
        ("CloudFormation", {"Resources": {"a-b": {"Type": "A::B"}}}, "logical id"),
        ("CloudFormation", {"Bananas": 1}, "Bananas"),
        ("ConformancePackTemplate", {"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}, "AWS::Config"),
        ("ManualApprovalPolicy", {"accessDuration": 337}, "accessDuration"),
        ("QuickSetup", [], "must be an object"),
        ("ChangeCalendar", "BEGIN:VEVENT\n", "line 1"),
        ("ChangeCalendar", CALENDAR.format("").replace("2.0", "1.0"), "VERSION"),
        ("ChangeCalendar", CALENDAR.format("").replace("_OPEN", ""), "X-CALENDAR-TYPE"),
        ("ChangeCalendar", CALENDAR.format("BEGIN:VEVENT\n"), "line 5: END:VCALENDAR"),
        ("ChangeCalendar", CALENDAR.format(EVENT.format("").replace("DTSTART", "X")), "no DTSTART"),
        ("ChangeCalendar", CALENDAR.format(EVENT.format("RRULE:FREQ=HOURLY\n")), "line 7: FREQ"),
        ("ChangeCalendar", CALENDAR.format("") + "X:1\n", "behind the calendar"),
        ("ChangeCalendar", CALENDAR.format("no colon\n"), "line 4"),
        ("AutoApprovalPolicy", "", "at least one"),
        ("AutoApprovalPolicy", "allow (principal, action, resource);", "line 1: a statement begins"),
        ("AutoApprovalPolicy", "permit (principal, action);", "scope"),
        ("AutoApprovalPolicy", "permit (principal, action, resource)", "semicolon"),
        ("AutoApprovalPolicy", "permit (principal, action, resource", "never closed"),
        ("AutoApprovalPolicy", 'permit (principal == "x, action, resource);', "no end"),
        ("AutoApprovalPolicy", "permit", "missing"),
        ("AutoApprovalPolicy", "}" * 1000, "closes nothing"),
        ("AutoApprovalPolicy", "@" * 30_000, "missing"),
    ],
)  # fmt: skip
def test_a_wrong_document_of_any_type_is_told_where_and_why(kind, content, reason):
    started = time.process_time()
    is_text = isinstance(content, str)
    with pytest.raises(Refused, match=reason):
        drafted(kind, content if is_text else json.dumps(content), "TEXT" if is_text else "JSON")
    assert time.process_time() - started < 2


ODD = [
    None,
    7,
    "x",
    [],
    {},
    {"schemaVersion": 7},
    {"schemaVersion": "0.3", "mainSteps": {}},
    {"schemaVersion": "0.3", "mainSteps": [[]]},
    {"Resources": 7},
    {"parameters": {"a": {"type": []}}},
]


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
@pytest.mark.parametrize("value", ODD, ids=str)
def test_nothing_that_is_sent_does_more_than_be_refused(kind, value):
    for format_ in ("JSON", "YAML", "TEXT"):
        try:
            drafted(kind, json.dumps(value), format_)
        except Refused as wrong:
            assert str(wrong)


@pytest.mark.parametrize(
    ("declared", "place"),
    [
        ({"type": "String", "bananas": 1}, "parameters.p.bananas"),
        ({"type": "String", "displayType": "box"}, "displayType"),
        ({"type": "String", "interpolationType": "TEXT"}, "interpolationType"),
        ({"type": "Boolean", "interpolationType": "ENV_VAR"}, "interpolationType"),
        ({"type": "String", "minChars": 3, "maxChars": 2}, "minChars"),
        ({"type": ["String"]}, "type"),
        ({"type": "Boolean", "default": "true"}, "default"),
        ({"type": "AWS::EC2::Instance::Id"}, "type"),
    ],
)
def test_a_parameter_is_declared_as_the_schema_says(declared, place):
    step = {"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": ["id"]}}
    content = {"schemaVersion": "2.2", "parameters": {"p": declared}, "mainSteps": [step]}
    with pytest.raises(Refused, match=place):
        drafted("Command", json.dumps(content), "JSON")


def test_parameters_must_fit_the_script_they_fill_and_secrets_stand_in_downloads_only():
    def command(script, action="aws:runShellScript"):
        step = {"action": action, "name": "one", "inputs": script}
        content = {"schemaVersion": "2.2", "parameters": {"p": {"type": "StringMap"}}, "mainSteps": [step]}
        return drafted("Command", json.dumps(content), "JSON")

    with pytest.raises(Refused, match="StringMap"):
        command({"runCommand": "{{ p }}"})
    with pytest.raises(Refused, match="every line"):
        command({"runCommand": [7]})
    with pytest.raises(Refused, match="ssm-secure"):
        command({"runCommand": ["echo {{ssm-secure:x}}"]})
    command({"sourceType": "HTTP", "sourceInfo": {"password": "{{ ssm-secure:x }}"}}, "aws:downloadContent")


def test_stacks_written_with_short_functions_become_json_in_full():
    text = (
        "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Name: !Sub 'x-${A}'\n    R: !GetAtt B.Arn\n"
        "    S: !Ref A\n    J: !Join [',', [!Ref A]]\n"
    )
    draft = drafted("CloudFormation", text, "YAML")
    assert json.loads(converted(text, draft.body, stored="YAML", wanted="JSON"))["Resources"]["B"] == {
        "Type": "AWS::S3::Bucket",
        "Name": {"Fn::Sub": "x-${A}"},
        "R": {"Fn::GetAtt": ["B", "Arn"]},
        "S": {"Ref": "A"},
        "J": {"Fn::Join": [",", [{"Ref": "A"}]]},
    }
    with pytest.raises(Refused, match="constructor"):
        drafted("QuickSetup", "a: !Ref b", "YAML")


@pytest.mark.parametrize("name", owned.names())
def test_documents_of_aws_are_good_ones_whose_references_are_all_declared(name):
    document = owned.find(name, "us-east-1")
    used = set(parameters_in(document.text))
    assert used <= set(document.parameters), "a reference that is no parameter would reach the node as it is"
    assert used == set(document.parameters) - ENVIRONMENT.get(name, set())
    required = {n: ["x"] for n, p in document.parameters.items() if "default" not in p}
    assert all("(Required)" in document.parameters[n]["description"] for n in required)
    optional = {n: p for n, p in document.parameters.items() if "default" in p}
    assert parameters.resolved(optional, {}) == {n: p["default"] for n, p in optional.items()}


ENVIRONMENT = {"AWS-RunAnsiblePlaybook": {"playbook"}, "AWS-RunSaltState": {"pillars"}}
"""Parameters that scripts read from their environment instead (interpolationType ENV_VAR)."""


def parameters_in(text):
    return [part.split("}}")[0].strip() for part in text.split("{{")[1:]]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("AWS-ApplyAnsiblePlaybooks", {"PlaybookFile": ["x';id;'.yml"]}),
        ("AWS-ApplyAnsiblePlaybooks", {"ExtraVariables": ["a=1\nHOSTREEVE_END_OF_VARIABLES\nid"]}),
        ("AWS-ApplyAnsiblePlaybooks", {"Check": ["True' ]; id; '"]}),
        ("AWS-RunAnsiblePlaybook", {"playbookurl": ["https://x/'$(id)'"]}),
        ("AWS-RunSaltState", {"stateurl": ["https://x/';id"]}),
        ("AWS-ConfigureWindowsUpdate", {"updateLevel": ["'; id"]}),
    ],
)
def test_no_value_breaks_out_of_the_scripts_of_documents_of_aws(name, given):
    declared = owned.find(name, "us-east-1").parameters
    with pytest.raises(parameters.Unfit):
        parameters.resolved({n: p for n, p in declared.items() if n in given}, given)
