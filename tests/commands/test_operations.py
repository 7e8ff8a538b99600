"""Operations of Run Command: what they refuse, what they show, and how history is read."""

import json

import pytest

from hostreeve.api.errors import AwsError
from tests.commands.estate import SHELL, result

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def refused(call, *args, **kwargs):
    with pytest.raises(AwsError) as error:
        call(*args, **kwargs)
    return error.value.code


def test_the_payload_is_what_the_official_agent_reads(estate):
    node = estate.node()
    command = estate.send(node, Parameters={"commands": ["a", "b"], "executionTimeout": ["60"]})
    row = estate.database.read_sync(
        lambda tx: tx.one("SELECT content FROM mailbox_contents WHERE content_id = :id", id=command)
    )
    payload = json.loads(row["content"])
    content = payload.pop("DocumentContent")
    assert content["runtimeConfig"][SHELL]["properties"][0]["runCommand"] == "{{ commands }}"
    assert payload == {
        "Parameters": {"commands": ["a", "b"], "workingDirectory": "", "executionTimeout": "60"},
        "CommandId": command,
        "DocumentName": "AWS-RunShellScript",
        "OutputS3KeyPrefix": "",
        "OutputS3BucketName": "",
        "CloudWatchLogGroupName": "",
        "CloudWatchOutputEnabled": "false",
    }


def test_a_job_is_named_and_expires_as_the_protocol_says(estate):
    node = estate.node()
    now_ms = estate.world.now_ms()
    command = estate.send(node, TimeoutSeconds=30)
    job = estate.database.read_sync(lambda tx: tx.one("SELECT * FROM mailbox_jobs"))
    assert job["job_id"] == f"aws.ssm.{command}.{node}"
    assert job["topic"] == "aws.ssm.sendCommand.us-east-1"
    assert job["expires_ms"] == now_ms + 30_000


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"DocumentName": "Nothing"}, "InvalidDocument"),
        ({"DocumentVersion": "9"}, "InvalidDocumentVersion"),
        ({"DocumentHash": "0" * 64}, "InvalidDocument"),
        ({"Parameters": {}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["x"], "other": ["y"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["x"], "executionTimeout": ["soon"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["x"], "executionTimeout": ["1", "2"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["x" * 65_536]}}, "MaxDocumentSizeExceeded"),
        ({"OutputS3BucketName": "bucket"}, "InvalidOutputFolder"),
        ({"NotificationConfig": {"NotificationArn": "arn"}}, "InvalidNotificationConfig"),
        ({"ServiceRoleArn": "arn"}, "InvalidRole"),
        ({"OutputS3KeyPrefix": "prefix"}, "InvalidOutputFolder"),
        ({"CloudWatchOutputConfig": {"CloudWatchOutputEnabled": True}}, "InvalidParameters"),
        ({"AlarmConfiguration": {"Alarms": [{"Name": "a"}]}}, "InvalidParameters"),
        ({"Comment": "a\x00b"}, "ValidationException"),
        ({"Targets": [{"Key": "tag:a", "Values": ["b"]}]}, "ValidationException"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_awss_code(estate, request_, code):
    node = estate.node()
    assert refused(estate.send, node, **request_) == code
    assert estate.call("ListCommands")["Commands"] == []
    assert estate.mailbox() == []


@pytest.mark.parametrize(
    ("targets", "code"),
    [
        ([], "ValidationException"),
        ([{"Key": "InstanceIds", "Values": ["*"]}], "InvalidInstanceId"),
        ([{"Key": "InstanceIds", "Values": []}], "InvalidInstanceId"),
        ([{"Key": "InstanceIds", "Values": ["mi-00000000000000009"]}], "InvalidInstanceId"),
        ([{"Key": "resource-groups:Name", "Values": []}], "ValidationException"),
        ([{"Key": "hostname", "Values": ["g"]}], "ValidationException"),
        ([{"Key": "tag:", "Values": ["g"]}], "ValidationException"),
        ([{"Key": "tag-key", "Values": []}], "ValidationException"),
    ],
)
def test_targets_that_choose_nothing_are_refused(estate, targets, code):
    assert refused(estate.send, Targets=targets) == code


def test_unknown_and_double_nodes_are_refused_and_nothing_is_sent(estate):
    node = estate.node()
    assert refused(estate.send, node, "mi-0000000000000dead") == "InvalidInstanceId"
    assert refused(estate.send, node, node) == "DuplicateInstanceId"
    assert estate.mailbox() == []


def test_nodes_the_caller_may_not_reach_are_refused_before_it_is_told_whether_they_exist(estate):
    estate.denied.add("arn:aws:ssm:us-east-1:123456789012:managed-instance/mi-0000000000000dead")
    assert refused(estate.send, "mi-0000000000000dead") == "AccessDeniedException"


def test_the_document_is_a_resource_that_is_asked_for(estate):
    node = estate.node()
    estate.denied.add("arn:aws:ssm:us-east-1::document/AWS-RunShellScript")
    assert refused(estate.send, node) == "AccessDeniedException"
    assert refused(estate.send_to_tagged, "role", "web") == "AccessDeniedException"


def test_instance_ids_as_a_target_are_like_instance_ids(estate):
    node = estate.node()
    targets = [{"Key": "InstanceIds", "Values": [node]}]
    answer = estate.call(
        "SendCommand",
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": ["id"]},
        Targets=targets,
    )["Command"]
    assert estate.mailbox() == [node]
    assert (answer["Targets"], answer["InstanceIds"], answer["TargetCount"]) == (targets, [], 1)


def test_targets_of_several_keys_choose_what_all_of_them_choose(estate):
    both = estate.node(role="web", stage="test")
    estate.node(role="web", stage="live")
    estate.node(role="db", stage="test")
    command = estate.send(
        Targets=[{"Key": "tag:role", "Values": ["web", "cache"]}, {"Key": "tag:stage", "Values": ["test"]}]
    )
    estate.tick()
    assert list(estate.statuses(command)) == [both]


def test_the_document_may_be_named_by_its_arn(estate):
    node = estate.node()
    command = estate.send(
        node,
        DocumentName="arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
        Parameters={"commands": ["id"]},
    )
    assert estate.command(command)["DocumentName"] == "AWS-RunShellScript"


def test_a_hash_pins_the_content(estate):
    node = estate.node()
    digest = estate.call("DescribeDocument", Name="AWS-RunShellScript")["Document"]["Hash"]
    assert estate.send(node, DocumentHash=digest, DocumentHashType="Sha256")


def test_unknown_commands_and_nodes_have_their_own_errors(estate):
    node = estate.node()
    command = estate.send(node)
    assert refused(estate.invocation, UNKNOWN, node) == "InvocationDoesNotExist"
    assert refused(estate.invocation, command, "mi-0000000000000dead") == "InvocationDoesNotExist"
    assert refused(estate.invocation, "x" * 36, node) == "InvalidCommandId"
    assert refused(estate.call, "CancelCommand", CommandId=UNKNOWN) == "InvalidCommandId"
    cancel = {"CommandId": command, "InstanceIds": ["mi-0000000000000dead"]}
    assert refused(estate.call, "CancelCommand", **cancel) == "InvalidInstanceId"
    assert estate.call("ListCommands", CommandId=UNKNOWN)["Commands"] == []


def test_history_is_the_newest_first_and_pages_through_everything_once(estate):
    node = estate.node()
    sent = []
    for _ in range(7):
        sent.append(estate.send(node))
        estate.world.advance(1)
    listed, more = [], {}
    while True:
        page = estate.call("ListCommands", MaxResults=3, **more)
        listed += [each["CommandId"] for each in page["Commands"]]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert listed == sent[::-1]
    of_node = estate.call("ListCommandInvocations", InstanceId=node, MaxResults=50)["CommandInvocations"]
    assert [each["CommandId"] for each in of_node] == sent[::-1]
    first = estate.call("ListCommandInvocations", MaxResults=4)
    rest = estate.call("ListCommandInvocations", MaxResults=4, NextToken=first["NextToken"])
    both = first["CommandInvocations"] + rest["CommandInvocations"]
    assert [each["CommandId"] for each in both] == sent[::-1]


def test_a_token_of_another_list_is_refused(estate):
    node = estate.node()
    for _ in range(3):
        estate.send(node)
    token = estate.call("ListCommands", MaxResults=1)["NextToken"]
    assert refused(estate.call, "ListCommandInvocations", NextToken=token) == "InvalidNextToken"
    assert refused(estate.call, "ListCommands", NextToken="garbage") == "InvalidNextToken"


def listed(estate, *filters, name="ListCommands", **request):
    member = "Commands" if name == "ListCommands" else "CommandInvocations"
    chosen = [{"key": key, "value": value} for key, value in filters]
    return {each["CommandId"] for each in estate.call(name, Filters=chosen, **request)[member]}


@pytest.mark.parametrize("name", ["ListCommands", "ListCommandInvocations"])
def test_history_is_narrowed_by_filters(estate, name):
    node, other = estate.node(), estate.node()
    done = estate.send(node)
    estate.finish(done, node)
    estate.tick()
    estate.world.advance(60)
    running = estate.send(other)
    estate.acknowledge(running, other)
    both = {done, running}
    assert listed(estate, ("Status", "Success"), name=name) == {done}
    assert listed(estate, ("Status", "InProgress"), name=name) == {running}
    assert listed(estate, ("DocumentName", "AWS-RunShellScript"), name=name) == both
    assert listed(estate, ("DocumentName", "Other"), name=name) == set()
    assert listed(estate, ("InvokedAfter", "2027-01-15T08:00:30Z"), name=name) == {running}
    assert listed(estate, ("InvokedBefore", "2027-01-15T08:00:30Z"), name=name) == {done}
    assert listed(estate, ("Status", "Success"), ("InvokedAfter", "2027-01-15T08:00:30Z"), name=name) == set()
    assert listed(estate, ("Status", "Success"), name=name, InstanceId=other) == set()
    assert listed(estate, ("Status", "InProgress"), name=name, InstanceId=other) == {running}


def test_both_kinds_of_time_out_answer_to_timed_out(estate):
    node = estate.node()
    late, slow = estate.send(node, TimeoutSeconds=30), estate.send(node)
    estate.finish(slow, node, status="TimedOut")
    estate.world.advance(3700)
    estate.tick()
    assert listed(estate, ("Status", "TimedOut")) == {late, slow}
    assert listed(estate, ("Status", "ExecutionTimedOut")) == {slow}


def test_the_execution_stage_is_a_filter_of_commands_only(estate):
    node = estate.node()
    done, running = estate.send(node), estate.send(node)
    estate.finish(done, node)
    estate.tick()
    assert listed(estate, ("ExecutionStage", "Complete")) == {done}
    assert listed(estate, ("ExecutionStage", "Executing")) == {running}
    wrong = [{"key": "ExecutionStage", "value": "Complete"}]
    assert refused(estate.call, "ListCommandInvocations", Filters=wrong) == "InvalidFilterKey"


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ([{"key": "Status", "value": "Bananas"}], "ValidationException"),
        ([{"key": "InvokedAfter", "value": "yesterday"}], "ValidationException"),
        ([{"key": "ExecutionStage", "value": "Bananas"}], "ValidationException"),
        ([{"key": "Status", "value": "Pending"}, {"key": "Status", "value": "Failed"}], "InvalidFilterKey"),
    ],
)
def test_filters_that_mean_nothing_are_refused(estate, filters, code):
    assert refused(estate.call, "ListCommands", Filters=filters) == code


def test_commands_of_a_node_cannot_be_narrowed_to_pending(estate):
    pending = [{"key": "Status", "value": "Pending"}]
    answer = refused(estate.call, "ListCommands", InstanceId="mi-00000000000000001", Filters=pending)
    assert answer == "InvalidFilterKey"


def test_an_invocation_shows_the_nodes_name(estate):
    node = estate.node()
    command = estate.send(node, Comment="nightly")
    (shown,) = estate.call("ListCommandInvocations", CommandId=command)["CommandInvocations"]
    assert (shown["InstanceName"], shown["Comment"]) == ("host1", "nightly")


def test_a_step_that_runs_shows_when_it_began(estate):
    node = estate.node()
    command = estate.send(node)
    estate.acknowledge(command, node)
    estate.reply(command, node, "InProgress", **{SHELL: result("InProgress")})
    found = estate.invocation(command, node)
    assert found["ExecutionStartDateTime"] == "2026-11-22T15:28:30.988Z"
    assert (found["ExecutionEndDateTime"], found["ExecutionElapsedTime"]) == ("", "")
    assert found["ResponseCode"] == -1
