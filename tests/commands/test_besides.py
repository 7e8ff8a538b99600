"""What a command is told besides its document: values from Parameter Store, notifications, logs, alarms."""

import json

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.capabilities.commands.actions.moving import NOTIFICATION
from hostreeve.capabilities.commands.actions.wishes import DOORS
from tests.commands.estate import SHELL

TOPIC = "arn:aws:sns:us-east-1:123456789012:runs"


def refused(call, *args, **kwargs):
    with pytest.raises(AwsError) as error:
        call(*args, **kwargs)
    return error.value.code, error.value.message


class TestParameterStore:
    @pytest.fixture
    def store(self, estate):
        estate.call("PutParameter", Name="/web/port", Value="80", Type="String")
        estate.call("PutParameter", Name="/web/port", Value="8080", Type="String", Overwrite=True)
        estate.call("PutParameter", Name="dir", Value="/srv", Type="String")
        return estate

    def test_references_in_values_become_what_they_name_and_history_shows_the_references(self, store):
        node = store.node()
        asked = {
            "commands": ["curl :{{ssm:/web/port}} {{ ssm:/web/port:1 }}", "ls"],
            "workingDirectory": ["{{ ssm:dir }}"],
        }
        command = store.send(node, Parameters=asked)
        values = store.payload(command)["Parameters"]
        assert (values["commands"], values["workingDirectory"]) == (["curl :8080 80", "ls"], "/srv")
        assert store.command(command)["Parameters"] == asked

    def test_references_in_a_document_and_in_its_defaults_do_too(self, store):
        content = {
            "schemaVersion": "2.2",
            "parameters": {"where": {"type": "String", "default": "{{ssm:dir}}"}},
            "mainSteps": [
                {
                    "action": SHELL,
                    "name": "one",
                    "inputs": {"runCommand": ["echo {{ssm:/web/port}}"], "workingDirectory": "{{ where }}"},
                }
            ],
        }
        store.call("CreateDocument", Name="Mine", Content=json.dumps(content), DocumentType="Command")
        payload = store.payload(store.send(store.node(), DocumentName="Mine"))
        assert payload["DocumentContent"]["mainSteps"][0]["inputs"]["runCommand"] == ["echo 8080"]
        assert payload["Parameters"]["where"] == "/srv"

    def test_values_are_those_of_the_moment_of_sending(self, store):
        node = store.node()
        command = store.send(node, Parameters={"commands": ["{{ssm:dir}}"]})
        store.call("PutParameter", Name="dir", Value="/new", Type="String", Overwrite=True)
        assert store.payload(command)["Parameters"]["commands"] == ["/srv"]

    def test_a_missing_parameter_is_refused_and_nothing_is_sent(self, store):
        node = store.node()
        code, message = refused(store.send, node, Parameters={"commands": ["{{ssm:nothing}}"]})
        assert code == "InvalidParameters" and "nothing" in message
        code, _ = refused(store.send, node, Parameters={"commands": ["{{ssm:dir:9}}"]})
        assert code == "InvalidParameters"
        assert store.mailbox() == []

    def test_the_caller_must_be_allowed_to_read_it(self, store):
        node = store.node()
        store.denied.add("arn:aws:ssm:us-east-1:123456789012:parameter/dir")
        code, _ = refused(store.send, node, Parameters={"commands": ["{{ssm:dir}}"]})
        assert code == "AccessDeniedException"
        assert store.mailbox() == []


NOTIFIED = {
    "NotificationConfig": {"NotificationArn": TOPIC, "NotificationEvents": ["Success"]},
    "ServiceRoleArn": "arn:aws:iam::123456789012:role/Notifier",
}


class TestNotifications:
    @pytest.fixture
    def topics(self, estate):
        """The notification service is there, with one topic; and a role that may be passed."""
        estate.role("Notifier", "ssm.amazonaws.com")
        estate.role("Stranger", "ec2.amazonaws.com")
        DOORS.has_topic = lambda tx, scope, arn: arn == TOPIC
        yield estate
        DOORS.has_topic = None

    def messages(self, estate):
        rows = estate.database.read_sync(
            lambda tx: tx.all("SELECT detail FROM outbox_event WHERE detail_type = :type", type=NOTIFICATION)
        )
        return [json.loads(row["detail"]) for row in rows]

    def test_one_message_tells_that_the_command_succeeded(self, topics):
        node = topics.node()
        command = topics.send(node, **NOTIFIED)
        topics.finish(command, node)
        topics.tick()
        (told,) = self.messages(topics)
        assert (told["TopicArn"], told["RoleArn"]) == (TOPIC, NOTIFIED["ServiceRoleArn"])
        message = told["Message"]
        assert (message["commandId"], message["status"], message["instanceIds"]) == (
            command,
            "Success",
            [node],
        )
        assert message.keys() == {
            "commandId",
            "documentName",
            "instanceIds",
            "requestedDateTime",
            "expiresAfter",
            "outputS3BucketName",
            "outputS3KeyPrefix",
            "status",
            "eventTime",
        }
        shown = topics.command(command)
        assert shown["ServiceRole"] == NOTIFIED["ServiceRoleArn"]
        assert shown["NotificationConfig"] == {
            **NOTIFIED["NotificationConfig"],
            "NotificationType": "Command",
        }

    def test_messages_of_invocations_name_their_node_and_never_tell_of_waiting(self, topics):
        one, two = topics.node(), topics.node()
        config = {"NotificationArn": TOPIC, "NotificationEvents": ["All"], "NotificationType": "Invocation"}
        command = topics.send(one, two, **{**NOTIFIED, "NotificationConfig": config})
        topics.world.advance(61)
        topics.tick()
        topics.finish(command, one)
        topics.finish(command, two, status="Failed")
        topics.tick()
        told = {(each["Message"]["instanceId"], each["Message"]["status"]) for each in self.messages(topics)}
        assert told == {(one, "InProgress"), (one, "Success"), (two, "InProgress"), (two, "Failed")}

    def test_a_command_chosen_by_tags_names_no_nodes(self, topics):
        node = topics.node(role="web")
        command = topics.send_to_tagged("role", "web", **NOTIFIED)
        topics.tick()
        topics.finish(command, node)
        topics.tick()
        (told,) = self.messages(topics)
        assert told["Message"]["instanceIds"] == []

    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            ({"NotificationConfig": {"NotificationArn": TOPIC + "x"}}, "InvalidNotificationConfig"),
            ({"NotificationConfig": {"NotificationEvents": ["All"]}}, "InvalidNotificationConfig"),
            ({"ServiceRoleArn": ""}, "InvalidRole"),
            ({"ServiceRoleArn": "arn:aws:iam::123456789012:role/Stranger"}, "InvalidRole"),
            ({"ServiceRoleArn": "arn:aws:iam::123456789012:role/Nobody"}, "InvalidRole"),
        ],
    )
    def test_a_topic_or_role_that_cannot_be_used_is_refused(self, topics, asked, code):
        assert refused(topics.send, topics.node(), **{**NOTIFIED, **asked})[0] == code
        assert topics.mailbox() == []

    def test_a_role_that_the_caller_may_not_pass_is_refused(self, topics):
        topics.denied.add(NOTIFIED["ServiceRoleArn"])
        assert refused(topics.send, topics.node(), **NOTIFIED)[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("asked", "code", "service"),
    [
        (NOTIFIED, "InvalidNotificationConfig", "Simple Notification Service"),
        (
            {"CloudWatchOutputConfig": {"CloudWatchOutputEnabled": True}},
            "InvalidParameters",
            "CloudWatch Logs",
        ),
        ({"AlarmConfiguration": {"Alarms": [{"Name": "a"}]}}, "InvalidParameters", "CloudWatch"),
    ],
)
def test_what_needs_a_service_that_is_not_there_is_refused_naming_it(estate, asked, code, service):
    found, message = refused(estate.send, estate.node(), **asked)
    assert found == code and f"needs the service {service}" in message
    assert estate.call("ListCommands")["Commands"] == []


def test_a_log_group_that_is_named_and_not_used_is_shown(estate):
    config = {"CloudWatchLogGroupName": "runs", "CloudWatchOutputEnabled": False}
    node = estate.node()
    command = estate.send(node, CloudWatchOutputConfig=config)
    assert estate.command(command)["CloudWatchOutputConfig"] == config
    assert estate.invocation(command, node)["CloudWatchOutputConfig"] == config
    assert estate.payload(command)["CloudWatchOutputEnabled"] == "false"


@pytest.mark.parametrize(
    "targets",
    [
        [{"Key": "resource-groups:Name", "Values": ["a", "b"]}],
        [{"Key": "resource-groups:Name", "Values": []}],
        [{"Key": "resource-groups:Name", "Values": ["a"]}, {"Key": "resource-groups:Name", "Values": ["b"]}],
        [
            {"Key": "resource-groups:Name", "Values": ["a"]},
            {"Key": "resource-groups:ResourceTypeFilters", "Values": ["t"] * 6},
        ],
        [{"Key": "resource-groups:ResourceTypeFilters", "Values": ["AWS::EC2::Instance"]}],
        [{"Key": "resource-groups:Colour", "Values": ["red"]}],
    ],
)
def test_a_resource_group_target_that_makes_no_sense_is_refused(estate, targets):
    code, message = refused(estate.send, Targets=targets)
    assert code == "ValidationException" and "this version" not in message


def test_tag_keys_choose_by_the_presence_of_any_of_them(estate):
    web, db = estate.node(web="1"), estate.node(db="x")
    estate.node(cache="1")
    command = estate.send(Targets=[{"Key": "tag-key", "Values": ["web", "db"]}])
    estate.tick()
    assert set(estate.statuses(command)) == {web, db}
    both = estate.send(
        Targets=[{"Key": "tag-key", "Values": ["web", "db"]}, {"Key": "tag:db", "Values": ["x"]}]
    )
    estate.tick()
    assert set(estate.statuses(both)) == {db}
