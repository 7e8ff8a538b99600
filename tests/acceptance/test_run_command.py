"""Run Command's scenarios with real agents: groups of nodes, timeouts, whole output in S3, several steps."""

import json
import time

import pytest

pytestmark = pytest.mark.slow


def ended(site, command_id, timeout_s=30):
    """The command once every node has ended."""
    ssm, deadline = site.client("ssm"), time.monotonic() + timeout_s
    while True:
        (command,) = ssm.list_commands(CommandId=command_id)["Commands"]
        if command["Status"] not in ("Pending", "InProgress", "Cancelling"):
            return command
        assert time.monotonic() < deadline, command
        time.sleep(0.05)


def test_one_failing_node_of_three_stops_the_others_or_does_not(site):
    nodes = sorted(site.enrol(name) for name in ("one", "two", "three"))
    ssm = site.client("ssm")
    for node in nodes:
        tags = [{"Key": "ServerRole", "Value": "WebFrontEnd"}]
        ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node, Tags=tags)
    script = f"[ $AWS_SSM_INSTANCE_ID != {nodes[0]} ]"
    found = {}
    for errors in ("0", "1"):
        sent = ssm.send_command(
            DocumentName="AWS-RunShellScript",
            Targets=[{"Key": "tag:ServerRole", "Values": ["WebFrontEnd"]}],
            Parameters={"commands": [script]},
            MaxConcurrency="1",
            MaxErrors=errors,
        )
        command = ended(site, sent["Command"]["CommandId"])
        listed = ssm.list_command_invocations(CommandId=command["CommandId"])["CommandInvocations"]
        statuses = {each["InstanceId"]: each["StatusDetails"] for each in listed}
        found[errors] = command["StatusDetails"], [statuses[node] for node in nodes]
    assert found == {
        "0": ("Failed", ["Failed", "Terminated", "Terminated"]),
        "1": ("Incomplete", ["Failed", "Success", "Success"]),
    }


def test_a_script_ends_at_its_execution_timeout_and_counts_as_an_error(site):
    node_id = site.enrol()
    sent = site.client("ssm").send_command(
        DocumentName="AWS-RunShellScript",
        InstanceIds=[node_id],
        Parameters={"commands": ["sleep 100"], "executionTimeout": ["5"]},
    )
    command = ended(site, sent["Command"]["CommandId"])
    assert (command["Status"], command["StatusDetails"], command["ErrorCount"]) == (
        "TimedOut",
        "ExecutionTimedOut",
        1,
    )
    found = site.finished(command["CommandId"], node_id)
    assert (found["StatusDetails"], found["ResponseCode"]) == ("ExecutionTimedOut", 137)


def test_the_whole_output_is_in_s3_where_the_field_is_cut(site):
    node_id, s3 = site.enrol(), site.client("s3")
    s3.create_bucket(Bucket="outputs")
    command_id = site.run(
        node_id, "yes | head -c 100000", OutputS3BucketName="outputs", OutputS3KeyPrefix="runs"
    )
    found = site.finished(command_id, node_id)
    assert found["StandardOutputContent"].endswith("--output truncated--")
    key = f"runs/{command_id}/{node_id}/awsrunShellScript/0.awsrunShellScript/stdout"
    assert found["StandardOutputUrl"].endswith(f"/outputs/{key}")
    deadline = time.monotonic() + 20
    while s3.list_objects_v2(Bucket="outputs")["KeyCount"] == 0:
        assert time.monotonic() < deadline, "nothing was put into S3"
        time.sleep(0.05)
    (listed,) = s3.list_objects_v2(Bucket="outputs")["Contents"]
    assert (listed["Key"], listed["Size"]) == (key, 100_000)
    assert s3.get_object(Bucket="outputs", Key=key)["Body"].read() == b"y\n" * 50_000


def test_steps_are_asked_for_by_name_and_parameters_come_from_the_store(site):
    node_id, ssm = site.enrol(), site.client("ssm")
    ssm.put_parameter(Name="/web/port", Value="8080", Type="String")
    steps = [
        {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": [f"echo {text}"]}}
        for name, text in (("installHttpd", "{{ssm:/web/port}}"), ("startHttpd", "{{ who }}"))
    ]
    content = {
        "schemaVersion": "2.2",
        "parameters": {"who": {"type": "String"}},
        "mainSteps": steps,
    }
    ssm.create_document(Name="Httpd", Content=json.dumps(content), DocumentType="Command")
    asked = ["--document", "Httpd", "--parameters", "who=me", "--instance-ids", node_id]
    planned = json.loads(site.hostreeve("run", *asked, "--dry-run", "--json"))
    assert [json.loads(step["Inputs"])["runCommand"] for step in planned["Steps"]] == [
        ["echo 8080"],
        ["echo me"],
    ]
    assert [each["Outcome"] for each in planned["Targets"]] == ["Send"]
    assert ssm.list_commands()["Commands"] == []
    sent = ssm.send_command(DocumentName="Httpd", InstanceIds=[node_id], Parameters={"who": ["me"]})
    command_id = sent["Command"]["CommandId"]
    assert site.finished(command_id, node_id)["StandardOutputContent"] == ""
    texts = [
        ssm.get_command_invocation(CommandId=command_id, InstanceId=node_id, PluginName=name)
        for name in ("installHttpd", "startHttpd")
    ]
    assert [each["StandardOutputContent"] for each in texts] == ["8080\n", "me\n"]
