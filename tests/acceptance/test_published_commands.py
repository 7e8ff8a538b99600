"""Commands on Parameter Store that others have published, as printed but for docs/reference/seed-repairs.md,
typed into a shell beside the plain AWS command line."""

import json
import re
import shlex
from datetime import datetime

import pytest

from tests.acceptance.published import printed, repaired, typed

pytestmark = pytest.mark.slow

POWERSHELL = """#!/bin/sh
# Runs what both languages understand; the agent hands the script over as the last argument.
exec /bin/sh "$6"
"""


def test_a_command_prints_the_value_of_a_parameter(site, tmp_path, monkeypatch):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "pwsh").write_text(POWERSHELL)
    (programs / "pwsh").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    node = site.enrol()
    site.aws(
        "ssm", "put-parameter", "--name", "param", "--value", "Hello from a parameter", "--type", "String"
    )
    sent = typed(site, repaired("A value in a command", node=node))
    done = site.finished(sent["Command"]["CommandId"], node)
    assert (done["Status"], done["StandardOutputContent"]) == ("Success", "Hello from a parameter\n")


def test_a_secret_is_refused_before_anything_is_sent(site):
    node = site.enrol()
    site.aws("ssm", "put-parameter", "--name", "param", "--value", "hush", "--type", "SecureString")
    command = shlex.split(repaired("A value in a command", node=node).replace("\\\n", " "))
    told = site.aws(*command[1:], status=255)
    assert "InvalidParameters" in told and "param" in told and "hush" not in told
    assert site.aws("ssm", "list-commands")["Commands"] == []


def test_the_policy_of_a_node_opens_the_secrets_of_one_key(site):
    iam, sts, ssm = site.client("iam"), site.client("sts"), site.client("ssm")
    me = sts.get_caller_identity()
    key = site.client("kms").create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name="param", Value="hush", Type="SecureString", KeyId=key)
    trust = {"Effect": "Allow", "Principal": {"AWS": me["Arn"]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=document)["Role"]
    reading = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    statement = json.loads(repaired("The right to a key", region="us-east-1", account=me["Account"], key=key))

    def allow(*statements):
        said = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=said)

    given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    as_role = site.as_session(given)
    read = ("ssm", "get-parameter", "--name", "param", "--with-decryption")
    allow(reading)
    assert "AccessDeniedException" in as_role(*read, status=255)
    allow(reading, statement)
    assert as_role(*read)["Parameter"]["Value"] == "hush"


def test_an_association_is_applied_to_every_web_server_and_its_output_is_in_the_bucket(site):
    node, ssm, s3 = site.enrol(), site.client("ssm"), site.client("s3")
    tag = [{"Key": "Name", "Value": "WebServer"}]
    ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node, Tags=tag)
    step = {"action": "aws:runShellScript", "name": "greet", "inputs": {"runCommand": ["echo configured"]}}
    content = json.dumps({"schemaVersion": "2.2", "mainSteps": [step]})
    ssm.create_document(Name="WebServerDocument", Content=content, DocumentType="Command")
    s3.create_bucket(Bucket="mybucket")
    # As at AWS, the node's own role must be allowed to write there.
    writing = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::mybucket/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [writing]})
    site.client("iam").put_role_policy(RoleName="SSMServiceRole", PolicyName="out", PolicyDocument=document)
    made = typed(site, repaired("An association that is applied every half hour"))["AssociationDescription"]
    assert made["Overview"] == {"Status": "Pending", "DetailedStatus": "Creating"}
    which = {"AssociationId": made["AssociationId"]}

    def status():
        return ssm.describe_association(**which)["AssociationDescription"]["Overview"]["Status"]

    site.until(lambda: status() == "Success")
    (execution,) = ssm.describe_association_executions(**which)["AssociationExecutions"]
    (target,) = ssm.describe_association_execution_targets(**which, ExecutionId=execution["ExecutionId"])[
        "AssociationExecutionTargets"
    ]
    assert (target["ResourceId"], target["Status"]) == (node, "Success")
    site.until(lambda: s3.list_objects_v2(Bucket="mybucket", Prefix="MyPrefix/").get("Contents"))
    (found,) = s3.list_objects_v2(Bucket="mybucket", Prefix="MyPrefix/")["Contents"]
    assert s3.get_object(Bucket="mybucket", Key=found["Key"])["Body"].read() == b"configured\n"


def test_the_window_of_the_forms_is_made_for_the_second_tuesdays(site):
    made = typed(site, printed("A maintenance window"))
    ssm = site.client("ssm")
    (window,) = ssm.describe_maintenance_windows()["WindowIdentities"]
    assert (window["Name"], window["Duration"], window["Cutoff"]) == ("demo2", 2, 1)
    (task,) = ssm.describe_maintenance_window_tasks(WindowId=window["WindowId"])["Tasks"]
    assert (task["WindowTaskId"], task["TaskArn"]) == (made["WindowTaskId"], "AWS-ApplyPatchBaseline")
    openings = ssm.describe_maintenance_window_schedule(WindowId=window["WindowId"])
    days = [
        datetime.fromisoformat(each["ExecutionTime"]) for each in openings["ScheduledWindowExecutions"][:12]
    ]
    assert {(day.weekday(), (day.day - 1) // 7, day.hour) for day in days} == {(1, 1, 1)}


def test_an_association_of_a_runbook_runs_it_once(site):
    ssm = site.client("ssm")
    printed_parameters = re.search(r"--parameters '(.*)'", printed("An association of a runbook"))[1]
    parameters = {name: {"type": "String"} for name in json.loads(printed_parameters)}
    step = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}
    runbook = {"schemaVersion": "0.3", "parameters": parameters, "mainSteps": [step]}
    ssm.create_document(
        Name="CSD-AddSoftwarePackageToDistributor", Content=json.dumps(runbook), DocumentType="Automation"
    )
    made = typed(site, repaired("An association of a runbook"))["AssociationDescription"]
    assert (made["AssociationName"], made["ApplyOnlyAtCronInterval"]) == ("csd-association", False)

    def overview():
        shown = ssm.describe_association(AssociationId=made["AssociationId"])
        return shown["AssociationDescription"]["Overview"]

    site.until(lambda: overview()["Status"] == "Success")
    wanted = [{"Key": "DocumentNamePrefix", "Values": ["CSD-"]}]
    (one,) = ssm.describe_automation_executions(Filters=wanted)["AutomationExecutionMetadataList"]
    assert (one["AutomationExecutionStatus"], one["AssociationId"]) == ("Success", made["AssociationId"])
