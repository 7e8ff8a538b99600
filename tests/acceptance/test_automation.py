"""Automation with real processes: nodes run commands, scripts call as their role, servers are killed."""

import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest
from tools.bench.control_plane import serving

from tests.acceptance.conftest import Site
from tests.automations.shop import api, put, step

ROLE = "automation"


def write(ssm, name, *steps, **content):
    body = {"schemaVersion": "0.3", "mainSteps": list(steps), **content}
    ssm.create_document(Content=json.dumps(body), Name=name, DocumentType="Automation")


def ended(site, execution_id, timeout_s=60):
    ssm = site.client("ssm")

    def found():
        one = ssm.get_automation_execution(AutomationExecutionId=execution_id)["AutomationExecution"]
        return one if "ExecutionEndTime" in one else None

    return site.until(found, timeout_s)


def role(site, *actions):
    iam = site.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=ROLE, PolicyName="p", PolicyDocument=policy)
    return arn


def test_a_runbook_runs_a_command_on_a_node_and_uses_what_it_printed(site):
    node = site.enrol()
    ssm = site.client("ssm")
    inputs = {
        "DocumentName": "AWS-RunShellScript",
        "InstanceIds": ["{{ Node }}"],
        "Parameters": {"commands": ["echo from $(id -u)"]},
    }
    write(
        ssm,
        "Said",
        step("ask", "aws:runCommand", inputs),
        put("keep", "said", "{{ ask.Output }}"),
        parameters={"Node": {"type": "String"}},
    )
    answer = site.aws(
        "ssm", "start-automation-execution", "--document-name", "Said", "--parameters", f"Node={node}"
    )
    one = ended(site, answer["AutomationExecutionId"])
    assert one["AutomationExecutionStatus"] == "Success", one.get("FailureMessage")
    assert ssm.get_parameter(Name="said")["Parameter"]["Value"].startswith("from ")


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_a_script_calls_this_control_plane_with_the_rights_of_its_role_and_no_others(site):
    arn = role(site, "ssm:PutParameter")
    ssm = site.client("ssm")
    lines = [
        "import boto3",
        "def main(events, context):",
        "    ssm = boto3.client('ssm')",
        "    ssm.put_parameter(Name='scripted', Value=events['word'], Type='String')",
        "    try:",
        "        ssm.describe_parameters()",
        "    except Exception as wrong:",
        "        who = boto3.client('sts').get_caller_identity()['Arn']",
        "        return {'refused': type(wrong).__name__, 'who': who}",
    ]
    given = {
        "Runtime": "python3.11",
        "Handler": "main",
        "Script": "\n".join(lines),
        "InputPayload": {"word": "{{ Word }}"},
    }
    outputs = [{"Name": n, "Selector": f"$.Payload.{n}", "Type": "String"} for n in ("refused", "who")]
    parameters = {"Word": {"type": "String", "default": "hello"}}
    write(
        ssm,
        "Scripted",
        {**step("call", "aws:executeScript", given), "outputs": outputs},
        assumeRole=arn,
        parameters=parameters,
    )
    execution_id = ssm.start_automation_execution(DocumentName="Scripted")["AutomationExecutionId"]
    one = ended(site, execution_id)
    assert one["AutomationExecutionStatus"] == "Success", one.get("FailureMessage")
    said = one["StepExecutions"][0]["Outputs"]
    assert said["refused"] == ["AccessDeniedException"]
    assert said["who"][0].endswith(f":assumed-role/{ROLE}/Automation-{execution_id}")
    assert ssm.get_parameter(Name="scripted")["Parameter"]["Value"] == "hello"


@pytest.mark.slow
def test_executions_go_on_after_the_server_was_killed_again_and_again(tmp_path):
    """Twenty executions of twelve steps; the server is killed five times in the middle of them."""
    steps = [put(f"s{n}", f"k-{{{{ automation:EXECUTION_ID }}}}-{n}") for n in range(10)]
    steps.insert(5, step("nap", inputs={"Duration": "PT2S"}))
    steps.append(api("last", "GetParameter", Name="k-{{ automation:EXECUTION_ID }}-9"))
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        state = Path(folder) / "state"
        ids = []
        for death in range(5):
            with serving(state) as plane:
                site = Site(plane, tmp_path)
                ssm = site.client("ssm")
                if not ids:
                    write(ssm, "Killed", *steps)
                ids += [
                    ssm.start_automation_execution(DocumentName="Killed")["AutomationExecutionId"]
                    for _ in range(4)
                ]
                time.sleep(0.05 + death * 0.4)
                os.kill(plane.process_id, signal.SIGKILL)
        with serving(state) as plane:
            site = Site(plane, tmp_path)
            ssm = site.client("ssm")
            for execution_id in ids:
                one = ended(site, execution_id)
                assert one["AutomationExecutionStatus"] == "Success", one
                names = [f"k-{execution_id}-{n}" for n in range(10)]
                found = ssm.get_parameters(Names=names)["Parameters"]
                assert {each["Version"] for each in found} == {1}
                assert len(found) == 10
