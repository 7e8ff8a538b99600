"""Associations over time: when they are applied, to whom, and what is told of it. The scenarios of State
Manager that AWS's documentation describes, and the rules behind them."""

import functools
import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from hostreeve.api.errors import AwsError
from hostreeve.kernel.world import RealWorld, SimulatedWorld
from tests.associations.conftest import HOUR_S, MINUTE_S
from tests.house import house_at

TAGGED = [{"Key": "tag:Name", "Values": ["WebServer"]}]
HALF_HOUR = "cron(0 */30 * * * ? *)"


def refused(call, *args, **kwargs):
    with pytest.raises(AwsError) as error:
        call(*args, **kwargs)
    return error.value.code


def tag(estate, node, **tags):
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    estate.call("AddTagsToResource", ResourceType="ManagedInstance", ResourceId=node, Tags=listed)


def test_a_new_association_is_pending_and_creating_and_then_runs_on_every_tagged_node(estate):
    one, two, other = estate.node(Name="WebServer"), estate.node(Name="WebServer"), estate.node(Name="db")
    made = estate.call(
        "CreateAssociation",
        Name="AWS-RunShellScript",
        Parameters={"commands": ["id"]},
        Targets=TAGGED,
        ScheduleExpression=HALF_HOUR,
    )["AssociationDescription"]
    assert made["Overview"] == {"Status": "Pending", "DetailedStatus": "Creating"}
    estate.work()
    estate.end()
    (execution,) = estate.executions(made["AssociationId"])
    assert (execution["Status"], execution["ResourceCountByStatus"]) == ("Success", "{Success=2}")
    assert estate.targets(made["AssociationId"], execution["ExecutionId"]) == {one: "Success", two: "Success"}
    assert other not in estate.targets(made["AssociationId"], execution["ExecutionId"])
    shown = estate.standing(made["AssociationId"])
    assert shown["Overview"]["Status"] == "Success"
    assert shown["Overview"]["AssociationStatusAggregatedCount"] == {"Success": 2}
    assert shown["LastSuccessfulExecutionDate"] == shown["LastExecutionDate"]


@pytest.mark.parametrize(
    "expression", ["rate(1 hours)", "rate(5 minutes)", "cron(0 2 1 6 ? *)", "every day", "rate(31 days)"]
)
def test_schedules_that_state_manager_does_not_take_are_refused(estate, expression):
    assert refused(estate.associate, estate.node(), ScheduleExpression=expression) == "InvalidSchedule"


def test_one_that_waits_for_its_schedule_does_nothing_before(estate):
    node = estate.node()
    waiting = estate.associate(node, ScheduleExpression=HALF_HOUR, ApplyOnlyAtCronInterval=True)
    estate.later(MINUTE_S)
    assert estate.executions(waiting) == []
    estate.later(HOUR_S / 2)
    assert len(estate.executions(waiting)) == 1


def test_an_offset_needs_cron_and_to_wait_for_the_schedule(estate):
    node = estate.node()
    assert (
        refused(estate.associate, node, ScheduleExpression=HALF_HOUR, ScheduleOffset=3)
        == "ValidationException"
    )
    rate = {"ScheduleExpression": "rate(1 day)", "ApplyOnlyAtCronInterval": True}
    assert refused(estate.associate, node, ScheduleOffset=3, **rate) == "ValidationException"
    made = estate.associate(
        node, ScheduleExpression="cron(0 0 ? * THU#2 *)", ScheduleOffset=3, ApplyOnlyAtCronInterval=True
    )
    # It is Friday, 2027-01-15, 08:00: this month's Thursday is over, the next is 2027-02-11.
    estate.later(29 * 24 * HOUR_S + 16 * HOUR_S - 1)
    assert estate.executions(made) == []
    estate.later(1)
    (execution,) = estate.executions(made)
    when = datetime.fromtimestamp(execution["CreatedTime"], UTC)
    assert f"{when:%a %Y-%m-%d %H:%M}" == "Sun 2027-02-14 00:00"


def test_a_node_that_gets_the_tag_has_it_at_once_and_nobody_has_it_twice(estate):
    first = estate.node(Name="WebServer")
    made = estate.associate(Targets=TAGGED, ScheduleExpression="rate(12 hours)")
    estate.work()
    estate.end()
    late = estate.node()
    tag(estate, late, Name="WebServer")
    estate.later(1)
    _, second = estate.executions(made)
    assert estate.targets(made, second["ExecutionId"]) == {late: "Pending"}
    estate.end()
    tag(estate, late, Name="WebServer", Other="x")
    tag(estate, first, Other="y")
    estate.work()
    assert len(estate.executions(made)) == 2
    assert estate.standing(made)["Overview"]["AssociationStatusAggregatedCount"] == {"Success": 2}


def test_one_that_waits_for_its_schedule_takes_no_newcomers(estate):
    made = estate.associate(Targets=TAGGED, ScheduleExpression="rate(12 hours)", ApplyOnlyAtCronInterval=True)
    tag(estate, estate.node(), Name="WebServer")
    estate.later(MINUTE_S)
    assert estate.executions(made) == []


def test_a_node_that_missed_a_run_has_it_when_it_is_back(estate):
    node = estate.node()
    made = estate.associate(node)
    estate.later(0)
    estate.later(3 * HOUR_S)
    assert estate.standing(made)["Overview"]["Status"] == "Failed"
    estate.come_back(node)
    estate.work()
    first, second = estate.executions(made)
    assert (first["Status"], first["ResourceCountByStatus"]) == ("Failed", "{TimedOut=1}")
    estate.end()
    assert estate.standing(made)["Overview"]["Status"] == "Success"
    assert estate.targets(made, second["ExecutionId"]) == {node: "Success"}


def test_all_nodes_are_a_target_of_associations(estate):
    nodes = [estate.node() for _ in range(3)]
    made = estate.associate(Targets=[{"Key": "InstanceIds", "Values": ["*"]}])
    estate.work()
    estate.end()
    (execution,) = estate.executions(made)
    assert estate.targets(made, execution["ExecutionId"]) == dict.fromkeys(nodes, "Success")


def test_an_update_needs_the_newest_version_and_forgets_what_it_leaves_out(estate):
    node = estate.node()
    made = estate.associate(node, AssociationName="web")
    update = {"AssociationId": made, "Parameters": {"commands": ["ls"]}}
    estate.call(
        "UpdateAssociation",
        **update,
        AssociationVersion="1",
        Targets=[{"Key": "InstanceIds", "Values": [node]}],
    )
    assert (
        refused(estate.call, "UpdateAssociation", **update, AssociationVersion="1")
        == "InvalidAssociationVersion"
    )
    estate.call(
        "UpdateAssociation",
        AssociationId=made,
        AssociationVersion="$LATEST",
        Name="AWS-Noop",
        ScheduleExpression="rate(1 day)",
    )
    shown = estate.standing(made)
    assert shown["AssociationVersion"] == "3"
    assert not {"Parameters", "Targets", "AssociationName"} & set(shown)
    listed = estate.call("ListAssociationVersions", AssociationId=made)["AssociationVersions"]
    assert [each["AssociationVersion"] for each in listed] == ["3", "2", "1"]
    old = estate.call("DescribeAssociation", AssociationId=made, AssociationVersion="1")[
        "AssociationDescription"
    ]
    assert old["AssociationName"] == "web"


def test_an_edit_of_what_it_does_applies_it_again_and_one_of_its_name_does_not(estate):
    node = estate.node()
    made = estate.associate(node)
    estate.work()
    estate.end()
    same = {"Targets": [{"Key": "InstanceIds", "Values": [node]}], "Parameters": {"commands": ["id"]}}
    estate.call(
        "UpdateAssociation", AssociationId=made, AssociationName="renamed", Name="AWS-RunShellScript", **same
    )
    estate.work()
    assert len(estate.executions(made)) == 1
    estate.call("UpdateAssociation", AssociationId=made, **(same | {"Parameters": {"commands": ["ls"]}}))
    estate.work()
    assert len(estate.executions(made)) == 2


def test_of_five_failing_nodes_one_at_a_time_with_one_error_allowed_two_run(estate):
    nodes = [estate.node() for _ in range(5)]
    made = estate.associate(*nodes, MaxConcurrency="1", MaxErrors="1")
    estate.work()
    for _ in range(5):
        estate.end("Failed")
    (execution,) = estate.executions(made)
    assert execution["Status"] == "Failed"
    assert execution["ResourceCountByStatus"] == "{Failed=2, Skipped=3}"


def test_eleven_at_once_cannot_be_started(tmp_path):
    ids = [f"{n:08x}-0000-0000-0000-000000000000" for n in range(11)]
    world = SimulatedWorld(7, RealWorld().now_ms())
    with (
        house_at(f"sqlite://{tmp_path}/house.db", world) as house,
        pytest.raises(ClientError, match="ValidationException"),
    ):
        house.client("ssm").start_associations_once(AssociationIds=ids)


def test_starting_it_once_runs_it_now_and_leaves_the_schedule(estate):
    node = estate.node()
    made = estate.associate(node, ScheduleExpression=HALF_HOUR, ApplyOnlyAtCronInterval=True)
    estate.call("StartAssociationsOnce", AssociationIds=[made])
    estate.work()
    estate.end()
    estate.later(HOUR_S / 2)
    assert len(estate.executions(made)) == 2
    missing = "00000000-0000-0000-0000-000000000000"
    assert (
        refused(estate.call, "StartAssociationsOnce", AssociationIds=[missing]) == "AssociationDoesNotExist"
    )


def test_a_deleted_association_is_gone_and_what_runs_goes_on(estate):
    node = estate.node()
    made = estate.associate(node, ScheduleExpression=HALF_HOUR)
    estate.work()
    estate.call("DeleteAssociation", AssociationId=made)
    estate.end()
    assert refused(estate.call, "DescribeAssociation", AssociationId=made) == "AssociationDoesNotExist"
    estate.later(HOUR_S)
    assert len(estate.commands()) == 1


def test_a_run_that_takes_longer_than_its_interval_has_had_its_time(estate):
    node = estate.node()
    made = estate.associate(node, ScheduleExpression=HALF_HOUR)
    estate.work()
    estate.later(HOUR_S / 2)
    first, second = estate.executions(made)
    assert (first["Status"], second["Status"]) == ("TimedOut", "InProgress")
    assert estate.statuses(estate.commands()[0]) == {node: "Cancelled"}


def test_times_that_passed_while_the_server_was_down_are_made_up_for_once(estate):
    made = estate.associate(estate.node(), ScheduleExpression=HALF_HOUR)
    estate.work()
    estate.end()
    estate.world.advance(10 * HOUR_S)
    estate.work()
    estate.end()
    assert len(estate.executions(made)) == 2


def test_a_duration_ends_what_still_runs(estate):
    node = estate.node()
    made = estate.associate(node, ScheduleExpression="rate(1 day)", ApplyOnlyAtCronInterval=True, Duration=1)
    estate.later(24 * HOUR_S)
    estate.later(HOUR_S)
    estate.work()
    (execution,) = estate.executions(made)
    assert execution["ResourceCountByStatus"] == "{Cancelled=1}"
    assert refused(estate.associate, node, Duration=1) == "ValidationException"


def test_a_document_that_is_gone_is_an_execution_that_failed(estate):
    step = {"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["id"]}}
    content = json.dumps({"schemaVersion": "2.2", "mainSteps": [step]})
    estate.call("CreateDocument", Name="mine", Content=content, DocumentType="Command", DocumentFormat="JSON")
    made = estate.associate(estate.node(), Name="mine", Parameters={}, ScheduleExpression=HALF_HOUR)
    estate.work()
    estate.end()
    estate.call("DeleteDocument", Name="mine")
    estate.later(HOUR_S / 2)
    execution = estate.executions(made)[-1]
    assert execution["Status"] == "Failed"
    assert execution["DetailedStatus"].startswith("InvalidDocument: ")


def test_how_it_stands_on_a_node_is_told(estate):
    node = estate.node()
    made = estate.associate(node, AssociationName="web")
    estate.work()
    estate.end("Failed")
    (info,) = estate.call("DescribeInstanceAssociationsStatus", InstanceId=node)[
        "InstanceAssociationStatusInfos"
    ]
    assert (info["AssociationId"], info["Status"], info["ErrorCode"]) == (made, "Failed", "Failed")
    (one,) = estate.call("DescribeEffectiveInstanceAssociations", InstanceId=node)["Associations"]
    assert one["AssociationId"] == made and "aws:runShellScript" in one["Content"]
    gone = "mi-0ffffffffffffffff"
    assert refused(estate.call, "DescribeInstanceAssociationsStatus", InstanceId=gone) == "InvalidInstanceId"


def test_associations_are_narrowed_by_node_name_and_status(estate):
    node, other = estate.node(Name="WebServer"), estate.node()
    tagged = estate.associate(Targets=TAGGED, AssociationName="web")
    estate.associate(other)

    def listed(**filters):
        asked = [{"key": key, "value": value} for key, value in filters.items()]
        return [
            each["AssociationId"]
            for each in estate.call("ListAssociations", AssociationFilterList=asked)["Associations"]
        ]

    assert (
        listed(InstanceId=node) == listed(AssociationName="web") == listed(AssociationId=tagged) == [tagged]
    )
    assert len(listed(Name="AWS-RunShellScript")) == len(listed(AssociationStatusName="Pending")) == 2
    assert listed(LastExecutedAfter="2020-01-01T00:00:00Z") == []
    assert refused(listed, LastExecutedAfter="yesterday") == "ValidationException"


def test_events_tell_how_it_stands(estate):
    node = estate.node()
    estate.associate(node)
    estate.work()
    estate.end()
    assert estate.events("EC2 State Manager Association State Change") == ["Pending", "Success"]
    assert estate.events("EC2 State Manager Instance Association State Change") == ["Success"]


CLOSED = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//AWS//Change Calendar 1.0//EN
X-CALENDAR-TYPE:DEFAULT_CLOSED
END:VCALENDAR
"""


def calendar(estate, kind):
    content = CLOSED.replace("DEFAULT_CLOSED", kind).replace("\n", "\r\n")
    how = {"Name": "freeze", "DocumentFormat": "TEXT", "Content": content}
    if kind == "DEFAULT_CLOSED":
        estate.call("CreateDocument", DocumentType="ChangeCalendar", **how)
        return
    made = estate.call("UpdateDocument", DocumentVersion="$LATEST", **how)["DocumentDescription"]
    estate.call("UpdateDocumentDefaultVersion", Name="freeze", DocumentVersion=made["DocumentVersion"])


def test_a_closed_calendar_skips_what_is_due_and_the_next_time_runs_when_it_is_open(estate):
    calendar(estate, "DEFAULT_CLOSED")
    made = estate.associate(estate.node(), ScheduleExpression=HALF_HOUR, CalendarNames=["freeze"])
    once = estate.associate(estate.node(), CalendarNames=["freeze"])
    estate.later(1)
    assert [each["Status"] for each in estate.executions(made)] == ["Skipped"]
    calendar(estate, "DEFAULT_OPEN")
    estate.later(HOUR_S / 2)
    assert [each["Status"] for each in estate.executions(made)] == ["Skipped", "InProgress"]
    # One without a schedule had its only time.
    assert [each["DetailedStatus"] for each in estate.executions(once)] == ["CalendarClosed"]
    missing = {"CalendarNames": ["no-such"]}
    assert refused(estate.associate, estate.node(), **missing) == "InvalidDocument"


def test_a_new_latest_version_applies_those_again_that_follow_it(estate):
    step = {"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["id"]}}
    document = {"schemaVersion": "2.2", "mainSteps": [step]}
    how = {"Name": "mine", "DocumentFormat": "JSON"}
    estate.call("CreateDocument", DocumentType="Command", Content=json.dumps(document), **how)
    node, more = estate.node(), {"Name": "mine", "Parameters": {}}
    latest = estate.associate(node, DocumentVersion="$LATEST", **more)
    others = [estate.associate(node, **more), estate.associate(node, DocumentVersion="1", **more)]
    waiting = estate.associate(
        node,
        DocumentVersion="$LATEST",
        ScheduleExpression=HALF_HOUR,
        ApplyOnlyAtCronInterval=True,
        **more,
    )
    estate.later(1)
    estate.end()
    changed = json.dumps(document | {"description": "new"})
    estate.call("UpdateDocument", DocumentVersion="$LATEST", Content=changed, **how)
    estate.later(1)
    estate.end()
    runs = [len(estate.executions(each)) for each in (latest, *others, waiting)]
    assert runs == [2, 1, 1, 0]
    estate.call("DeleteDocument", Name="mine", DocumentVersion="2")
    estate.later(1)
    assert len(estate.executions(latest)) == 3


def test_a_parameter_s_new_value_applies_those_again_that_refer_to_it(estate):
    put = functools.partial(estate.call, "PutParameter", Name="/app/word", Type="String", Overwrite=True)
    put(Value="one")
    put(Value="two")
    estate.call("PutParameter", Name="/app/wo", Type="String", Value="another")
    estate.call("LabelParameterVersion", Name="/app/word", ParameterVersion=1, Labels=["live"])
    node = estate.node()
    words = ("/app/word", "/app/word:2", "/app/word:live", "/app/wo")
    newest, numbered, labelled, other = [
        estate.associate(node, Parameters={"commands": ["echo {{ssm:" + each + "}}"]}) for each in words
    ]
    waiting = estate.associate(
        node,
        Parameters={"commands": ["echo {{ ssm:/app/word }}"]},
        ScheduleExpression=HALF_HOUR,
        ApplyOnlyAtCronInterval=True,
    )

    def runs():
        estate.later(1)
        estate.end()
        return [len(estate.executions(each)) for each in (newest, numbered, labelled, other, waiting)]

    assert runs() == [1, 1, 1, 1, 0]
    put(Value="three")
    assert runs() == [2, 1, 1, 1, 0]
    estate.call("LabelParameterVersion", Name="/app/word", ParameterVersion=3, Labels=["live"])
    assert runs() == [2, 1, 2, 1, 0]
    # Gone, there is no value that could be applied; made again, there is one.
    estate.call("DeleteParameter", Name="/app/word")
    assert runs() == [2, 1, 2, 1, 0]
    put(Value="four")
    assert runs() == [3, 1, 2, 1, 0]


def test_a_new_default_of_its_document_applies_it_again(estate):
    step = {"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["id"]}}
    document = {"schemaVersion": "2.2", "mainSteps": [step]}
    how = {"Name": "mine", "DocumentFormat": "JSON"}
    estate.call("CreateDocument", DocumentType="Command", Content=json.dumps(document), **how)
    made = estate.associate(estate.node(), Name="mine", Parameters={})
    pinned = estate.associate(estate.node(), Name="mine", Parameters={}, DocumentVersion="1")
    estate.later(1)
    estate.end()
    changed = json.dumps(document | {"description": "new"})
    estate.call("UpdateDocument", DocumentVersion="$LATEST", Content=changed, **how)
    estate.later(1)
    assert len(estate.executions(made)) == 1
    estate.call("UpdateDocumentDefaultVersion", Name="mine", DocumentVersion="2")
    estate.later(1)
    assert (len(estate.executions(made)), len(estate.executions(pinned))) == (2, 1)


@pytest.mark.parametrize(
    "target",
    [
        {},
        {"Key": "tag:"},
        {"Values": ["x"]},
        {"Key": "InstanceIds"},
        {"Key": "InstanceIds", "Values": ["*", "x"]},
    ],
)
def test_targets_that_name_nobody_are_refused(estate, target):
    assert refused(estate.associate, Targets=[target]) == "InvalidTarget"
