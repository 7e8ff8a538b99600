"""What a command would do, told without sending it."""

import json

import pytest

from hostreeve.api.errors import AwsError
from tests.commands.estate import SHELL

DOCUMENT = {
    "schemaVersion": "2.2",
    "parameters": {
        "who": {"type": "String", "default": "world"},
        "lines": {"type": "StringList", "default": ["a"]},
        "safe": {"type": "String", "default": "x", "interpolationType": "ENV_VAR"},
    },
    "mainSteps": [
        {
            "action": SHELL,
            "name": "greet",
            "precondition": {"StringEquals": ["platformType", "Linux"]},
            "inputs": {"runCommand": ["echo {{ who }} {{safe}} {{ lines }}"], "workingDirectory": "/srv"},
        },
        {"action": SHELL, "name": "all", "inputs": {"runCommand": "{{ lines }}"}},
    ],
}


def plan(estate, *node_ids, **request):
    asked = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, **request}
    if node_ids:
        asked["InstanceIds"] = list(node_ids)
    return estate.call("PlanCommand", **asked)


def outcomes(planned):
    return {each["InstanceId"]: each["Outcome"] for each in planned["Targets"]}


def arn(node):
    return f"arn:aws:ssm:us-east-1:123456789012:managed-instance/{node}"


def test_a_plan_sends_nothing(estate):
    node = estate.node()
    planned = plan(estate, node)
    assert outcomes(planned) == {node: "Send"}
    assert estate.call("ListCommands")["Commands"] == []
    assert estate.mailbox() == []


def test_tagged_targets_are_found_and_judged_one_by_one(estate):
    mine, theirs = estate.node(role="web"), estate.node(role="web")
    windows = estate.node("Windows", role="web")
    estate.node(role="db")
    estate.denied.add(arn(theirs))
    planned = plan(estate, Targets=[{"Key": "tag:role", "Values": ["web"]}])
    assert outcomes(planned) == {mine: "Send", theirs: "AccessDenied", windows: "InvalidPlatform"}
    assert "ssm:SendCommand" in planned["Targets"][1]["Reason"]
    assert planned["Targets"][0]["InstanceName"] == "host1"
    # The real thing agrees.
    command = estate.send_to_tagged("role", "web")
    estate.tick()
    assert estate.statuses(command) == {mine: "Pending", theirs: "AccessDenied", windows: "InvalidPlatform"}


def test_named_targets_that_would_refuse_the_whole_command_are_each_told(estate):
    node, windows = estate.node(), estate.node("Windows")
    hidden, nobody = "mi-0000000000000dead", "mi-0000000000000beef"
    estate.denied.add(arn(hidden))
    planned = plan(estate, node, windows, hidden, nobody)
    assert outcomes(planned) == {
        node: "Send",
        windows: "UnsupportedPlatformType",
        hidden: "AccessDenied",
        nobody: "InvalidInstanceId",
    }
    assert next(each for each in planned["Targets"] if each["InstanceId"] == hidden).keys() == {
        "InstanceId",
        "Outcome",
        "Reason",
    }


def test_steps_are_shown_as_a_node_would_see_them(estate):
    estate.call("CreateDocument", Name="Greet", Content=json.dumps(DOCUMENT), DocumentType="Command")
    node = estate.node()
    planned = plan(estate, node, DocumentName="Greet", Parameters={"who": ["you"], "lines": ["b", "c"]})
    first, second = planned["Steps"]
    assert (first["Name"], first["Action"]) == ("greet", SHELL)
    assert json.loads(first["Inputs"]) == {
        "runCommand": ['echo you ${SSM_safe} ["b","c"]'],
        "workingDirectory": "/srv",
    }
    assert json.loads(first["Precondition"]) == {"StringEquals": ["platformType", "Linux"]}
    assert (json.loads(second["Inputs"]), second["Precondition"]) == ({"runCommand": ["b", "c"]}, "")
    assert (planned["DocumentName"], planned["DocumentVersion"]) == ("Greet", "1")


def test_a_plan_pages_through_all_targets_once(estate):
    nodes = [estate.node(role="web") for _ in range(7)]
    found, more = [], {}
    while True:
        page = plan(estate, Targets=[{"Key": "tag:role", "Values": ["web"]}], MaxResults=3, **more)
        found += outcomes(page)
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert found == nodes
    first = plan(estate, *nodes, MaxResults=5)
    rest = plan(estate, *nodes, MaxResults=5, NextToken=first["NextToken"])
    assert [*outcomes(first), *outcomes(rest)] == nodes


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"DocumentName": "Nothing"}, "InvalidDocument"),
        ({"Parameters": {}}, "InvalidParameters"),
        ({"OutputS3BucketName": "none"}, "InvalidOutputFolder"),
        ({"Targets": [{"Key": "tag:a", "Values": ["b"]}]}, "ValidationException"),
    ],
)
def test_what_could_not_be_sent_cannot_be_planned(estate, asked, code):
    with pytest.raises(AwsError) as refused:
        plan(estate, estate.node(), **asked)
    assert refused.value.code == code


def test_a_document_that_the_caller_may_not_send_is_refused(estate):
    estate.denied.add("arn:aws:ssm:us-east-1::document/AWS-RunShellScript")
    with pytest.raises(AwsError) as refused:
        plan(estate, estate.node())
    assert refused.value.code == "AccessDeniedException"
