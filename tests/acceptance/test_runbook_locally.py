"""`hostreeve runbook run --local` against a served control plane with a node; pictures of real executions."""

import json
import signal
import subprocess
import time

import pytest

from tests.acceptance.conftest import HOSTREEVE

pytestmark = pytest.mark.slow

RUNBOOK = """\
schemaVersion: '0.3'
assumeRole: '{{ AutomationAssumeRole }}'
parameters:
  AutomationAssumeRole: {type: String, default: ''}
  InstanceId: {type: String}
  Wanted: {type: String, default: hello}
variables:
  Seen: {type: StringList, default: []}
mainSteps:
  - name: remember
    action: aws:executeAwsApi
    inputs:
      {Service: ssm, Api: put_parameter, Name: wanted, Value: '{{ Wanted }}', Type: String, Overwrite: true}
    outputs:
      - {Name: Version, Selector: $.Version, Type: Integer}
  - name: say
    action: aws:runCommand
    inputs:
      DocumentName: AWS-RunShellScript
      InstanceIds: ['{{ InstanceId }}']
      Parameters: {commands: ['echo {{ Wanted }}']}
  - name: which
    action: aws:branch
    inputs:
      Choices:
        - {NextStep: wrong, Variable: '{{ say.Output }}', Contains: bye}
      Default: check
  - name: wrong
    action: aws:assertAwsResourceProperty
    inputs:
      Service: ssm
      Api: GetParameter
      Name: wanted
      PropertySelector: $.Parameter.Value
      DesiredValues: [never]
    isEnd: true
  - name: check
    action: aws:waitForAwsResourceProperty
    inputs:
      Service: ssm
      Api: GetParameter
      Name: wanted
      PropertySelector: $.Parameter.Value
      DesiredValues: [hello]
  - name: who
    action: aws:executeAwsApi
    inputs: {Service: sts, Api: GetCallerIdentity}
    outputs:
      - {Name: Arn, Selector: $.Arn, Type: String}
    isEnd: true
outputs: [say.Output, who.Arn]
"""


@pytest.fixture
def runbook(site):
    path = site.folder / "greet.yaml"
    path.write_text(RUNBOOK)
    return str(path)


def typed(site, *words, said="", status=0):
    done = subprocess.run(
        [*HOSTREEVE, "runbook", *words],
        env=site.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        input=said,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


def statuses(run):
    return {each["StepName"]: each["StepStatus"] for each in run["StepExecutions"]}


def test_a_runbook_is_carried_out_here_and_acts_there(site, runbook):
    node = site.enrol()
    given = ("--local", "--parameters", f"InstanceId={node}")
    done = typed(site, "run", runbook, *given, "--json")
    run = json.loads(done.stdout)
    assert run["Status"] == "Success"
    assert run["Outputs"]["say.Output"] == ["hello\n"]
    assert run["Outputs"]["who.Arn"] == [site.client("sts").get_caller_identity()["Arn"]]
    assert statuses(run)["wrong"] == "Pending"
    assert "Success     say  aws:runCommand" in done.stderr
    ssm = site.client("ssm")
    assert ssm.get_parameter(Name="wanted")["Parameter"]["Value"] == "hello"
    (command,) = ssm.list_commands()["Commands"]
    assert command["InstanceIds"] == [node]
    assert ssm.describe_automation_executions()["AutomationExecutionMetadataList"] == []

    failed = typed(site, "run", runbook, *given, "Wanted=bye", "--json", status=1)
    run = json.loads(failed.stdout)
    assert (run["Status"], statuses(run)["wrong"], statuses(run)["check"]) == ("Failed", "Failed", "Pending")
    assert "not one of: never" in failed.stderr


def test_it_stops_before_a_step_until_somebody_says_so(site, runbook):
    node = site.enrol()
    given = ("--local", "--parameters", f"InstanceId={node}", "--break-at", "say", "--json")
    stopped = typed(site, "run", runbook, *given, said="n\n", status=1)
    run = json.loads(stopped.stdout)
    assert (run["Status"], statuses(run)["remember"]) == ("Cancelled", "Success")
    assert site.client("ssm").list_commands()["Commands"] == []
    assert "Before say: go on?" in stopped.stderr
    assert json.loads(typed(site, "run", runbook, *given, said="y\n").stdout)["Status"] == "Success"


def test_what_is_wrong_is_said_before_anything_is_done(site, runbook):
    assert "--local" in typed(site, "run", runbook, status=2).stderr
    missing = typed(site, "run", runbook, "--local", status=2)
    assert "InstanceId" in missing.stderr
    unknown = typed(site, "run", runbook, "--local", "--break-at", "nowhere", status=2)
    assert "has no step nowhere" in unknown.stderr


def test_the_picture_of_an_execution_shows_how_each_step_ended(site, runbook):
    node = site.enrol()
    ssm = site.client("ssm")
    ssm.create_document(Name="Greet", Content=RUNBOOK, DocumentFormat="YAML", DocumentType="Automation")
    begun = ssm.start_automation_execution(DocumentName="Greet", Parameters={"InstanceId": [node]})
    which = {"AutomationExecutionId": begun["AutomationExecutionId"]}
    site.until(
        lambda: (
            ssm.get_automation_execution(**which)["AutomationExecution"]["AutomationExecutionStatus"]
            == "Success"
        )
    )
    drawn = typed(site, "graph", "--execution", begun["AutomationExecutionId"]).stdout
    assert "say" in drawn and "Success" in drawn and "Pending" in drawn
    picture = site.folder / "what.svg"
    typed(site, "graph", "--execution", begun["AutomationExecutionId"], "--output", str(picture))
    assert "<svg" in picture.read_text() and "Success" in picture.read_text()


def test_a_past_execution_is_decided_anew_from_what_its_steps_came_to(site, runbook):
    node = site.enrol()
    ssm = site.client("ssm")
    ssm.create_document(Name="Greet", Content=RUNBOOK, DocumentFormat="YAML", DocumentType="Automation")
    begun = ssm.start_automation_execution(DocumentName="Greet", Parameters={"InstanceId": [node]})
    execution_id = begun["AutomationExecutionId"]

    def status():
        found = ssm.get_automation_execution(AutomationExecutionId=execution_id)["AutomationExecution"]
        return found["AutomationExecutionStatus"]

    site.until(lambda: status() == "Success")
    commands = len(ssm.list_commands()["Commands"])
    same = typed(site, "replay", execution_id)
    assert same.stdout == "" and "no differences" in same.stderr
    changed = site.folder / "changed.yaml"
    changed.write_text(RUNBOOK.replace("Contains: bye", "Contains: hello"))
    found = json.loads(
        typed(site, "replay", execution_id, "--runbook", str(changed), "--json", status=1).stdout
    )
    choices, unknown = found["Differences"]
    assert choices.startswith("which: Choices was [") and '"hello"' in choices
    assert unknown == "wrong: not done then, begun now; what it would come to is not known"
    assert len(ssm.list_commands()["Commands"]) == commands


def test_a_recorded_run_is_replayed_without_a_server(site, runbook, tmp_path):
    record = tmp_path / "run.json"
    loop = tmp_path / "loop.yaml"
    loop.write_text(LOOP)
    record.write_text(typed(site, "run", str(loop), "--local", "--json", status=1).stdout)
    site.kill_server()
    assert "no differences" in typed(site, "replay", str(record)).stderr
    caught = tmp_path / "caught.yaml"
    caught.write_text(
        LOOP.replace("action: aws:executeAwsApi", "action: aws:executeAwsApi\n          isCritical: false")
    )
    told = typed(site, "replay", str(record), "--runbook", str(caught), status=1).stdout
    assert told == "the execution: Failed then, Success now\n"
    other = tmp_path / "other.yaml"
    other.write_text(LOOP.replace("Name: 'missing-", "Name: 'absent-"))
    told = typed(site, "replay", str(record), "--runbook", str(other), status=1).stdout
    assert told.splitlines()[0] == 'ask[1]: Name was "missing-a", is "absent-a"'
    record.write_text("{}")
    assert "is no run" in typed(site, "replay", str(record), status=2).stderr


def test_an_interrupted_run_cancels_what_its_step_began(site, tmp_path):
    node = site.enrol()
    path = tmp_path / "long.yaml"
    path.write_text(LONG)
    words = [
        *HOSTREEVE,
        "runbook",
        "run",
        str(path),
        "--local",
        "--parameters",
        f"InstanceId={node}",
        "--json",
    ]
    run = subprocess.Popen(
        words, env=site.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    ssm = site.client("ssm")
    site.until(lambda: [each["Status"] for each in ssm.list_commands()["Commands"]] == ["InProgress"], 60)
    time.sleep(1)
    run.send_signal(signal.SIGINT)
    said, told = run.communicate(timeout=60)
    assert run.returncode == 1, told
    ended = json.loads(said)
    assert (ended["Status"], statuses(ended)) == ("Cancelled", {"wait": "Cancelled", "tidy": "Success"})
    site.until(lambda: ssm.list_commands()["Commands"][0]["Status"] == "Cancelled")


LONG = """\
schemaVersion: '0.3'
parameters:
  InstanceId: {type: String}
mainSteps:
  - name: wait
    action: aws:runCommand
    onCancel: step:tidy
    inputs:
      DocumentName: AWS-RunShellScript
      InstanceIds: ['{{ InstanceId }}']
      Parameters: {commands: ['sleep 300']}
    isEnd: true
  - name: tidy
    action: aws:executeAwsApi
    inputs: {Service: ssm, Api: PutParameter, Name: tidied, Value: 'yes', Type: String}
    isEnd: true
"""
LOOP = """\
schemaVersion: '0.3'
mainSteps:
  - name: turns
    action: aws:loop
    inputs:
      Iterators: [a, b]
      IteratorDataType: String
      Steps:
        - name: ask
          action: aws:executeAwsApi
          onFailure: step:tell
          inputs: {Service: ssm, Api: GetParameter, Name: 'missing-{{ loop.CurrentIteratorValue }}'}
        - name: tell
          action: aws:sleep
          inputs: {Duration: PT1S}
"""
