"""Windows open, run their tasks in order and close: priorities, cutoffs, roles, and what is recorded."""

import json

import pytest

from hostreeve.capabilities.calendars.model import zulu
from hostreeve.capabilities.windows.store import windows as window_rows
from tests.windows.estate import HOUR_S, MINUTE_S

both_engines = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)


@both_engines
def test_a_window_runs_its_command_on_its_targets_and_tells_how_it_went(estate, ssm):
    one, two = estate.node(Env="prod"), estate.node(Env="prod")
    estate.node(Env="test")
    window = estate.window("rate(1 hour)", Duration=2)
    target = estate.target(window, tag="Env=prod", OwnerInformation="the web team")
    estate.task(window, target, MaxConcurrency="50%", MaxErrors="1", Priority=1)
    estate.later(HOUR_S - 1)
    assert estate.executions(window) == []
    estate.later(1)
    assert estate.statuses(window) == ["IN_PROGRESS"]
    (task,) = estate.tasks(window)
    assert (task["Status"], task["TaskArn"], task["Type"]) == (
        "IN_PROGRESS",
        "AWS-RunShellScript",
        "RUN_COMMAND",
    )
    assert task["TaskParameters"] == [
        {"commands": {"Values": ["id"]}, "aws:InstanceId": {"Values": [one, two]}}
    ]
    (run,) = estate.invocations(task)
    command = ssm.list_commands(CommandId=run["ExecutionId"])["Commands"][0]
    assert (command["MaxConcurrency"], command["MaxErrors"], command["TargetCount"]) == ("50%", "1", 2)
    assert json.loads(run["Parameters"]) == {
        "documentName": "AWS-RunShellScript",
        "instanceIds": [one, two],
        "maxConcurrency": "50%",
        "maxErrors": "1",
        "parameters": {"commands": ["id"]},
    }
    assert (run["OwnerInformation"], run["WindowTargetId"]) == ("the web team", target)
    estate.finish()
    estate.finish()
    assert estate.statuses(window) == ["SUCCESS"]
    (task,) = estate.tasks(window)
    assert (task["Status"], estate.runs(window)[0]["Status"]) == ("SUCCESS", "SUCCESS")
    execution = ssm.get_maintenance_window_execution(WindowExecutionId=task["WindowExecutionId"])
    assert execution["TaskIds"] == [task["TaskExecutionId"]]
    shown = ssm.get_maintenance_window_execution_task_invocation(
        WindowExecutionId=task["WindowExecutionId"],
        TaskId=task["TaskExecutionId"],
        InvocationId=run["InvocationId"],
    )
    assert (shown["Status"], shown["ExecutionId"]) == ("SUCCESS", run["ExecutionId"])


def test_a_window_scans_the_production_nodes_by_their_patch_group(estate, ssm):
    """The talk's window: the tag Patch Group, AWS-ApplyPatchBaseline, half at once, one error."""
    production = estate.node(platform="Windows", **{"Patch Group": "Production"})
    estate.node(platform="Windows", **{"Patch Group": "Test"})
    window = estate.window("cron(0 1 ? * SUN *)", Duration=2, Cutoff=1, AllowUnassociatedTargets=False)
    target = estate.target(window, tag="Patch Group=Production")
    estate.task(
        window,
        target,
        TaskArn="AWS-ApplyPatchBaseline",
        Priority=1,
        MaxConcurrency="50%",
        MaxErrors="1",
        TaskInvocationParameters={"RunCommand": {"Parameters": {"Operation": ["Scan"]}}},
    )
    next_ms = estate.database.read_sync(window_rows.next_due_ms)
    estate.later((next_ms - estate.world.now_ms()) / 1000)
    (run,) = estate.runs(window)
    (command,) = ssm.list_commands(CommandId=run["ExecutionId"])["Commands"]
    assert command["DocumentName"] == "AWS-ApplyPatchBaseline"
    (one,) = ssm.list_command_invocations(CommandId=run["ExecutionId"])["CommandInvocations"]
    assert one["InstanceId"] == production
    estate.finish()
    estate.finish()
    assert (estate.statuses(window), estate.runs(window)[0]["Status"]) == (["SUCCESS"], "SUCCESS")


def test_a_window_without_tasks_succeeds_at_once(estate):
    window = estate.window("rate(1 hour)")
    estate.later(HOUR_S)
    (execution,) = estate.executions(window)
    assert (execution["Status"], execution["StatusDetails"]) == ("SUCCESS", "No tasks to execute.")
    assert execution["StartTime"] == execution["EndTime"]


def test_targets_that_choose_nobody_are_a_success_without_invocations(estate):
    window = estate.window("rate(1 hour)")
    estate.task(window, estate.target(window, tag="Env=none"))
    estate.later(HOUR_S)
    (task,) = estate.tasks(window)
    assert (task["Status"], task["StatusDetails"]) == ("SUCCESS", "No invocations to execute.")
    assert estate.statuses(window) == ["SUCCESS"]


def test_groups_of_priority_follow_one_another_and_equal_ones_run_together(estate):
    node = estate.node()
    window = estate.window("rate(1 hour)")
    target = estate.target(window, node)
    for priority in (1, 0, 1):
        estate.task(window, target, Priority=priority)
    estate.later(HOUR_S)
    assert [task["Status"] for task in estate.tasks(window)] == ["IN_PROGRESS", "PENDING", "PENDING"]
    assert len(estate.waiting()) == 1
    estate.later(MINUTE_S)
    estate.finish()
    assert [task["Status"] for task in estate.tasks(window)] == ["SUCCESS", "IN_PROGRESS", "IN_PROGRESS"]
    starts = {task["StartTime"] for task in estate.tasks(window)[1:]}
    assert len(starts) == 1
    assert len(estate.waiting()) == 2
    estate.finish()
    assert estate.statuses(window) == ["SUCCESS"]


def test_several_targets_of_one_task_follow_one_another(estate):
    window = estate.window("rate(1 hour)")
    targets = [estate.target(window, estate.node()) for _ in range(3)]
    estate.task(window, *targets)
    estate.later(HOUR_S)
    for left in (2, 1, 0):
        found = [run["Status"] for run in estate.runs(window)]
        assert (found.count("IN_PROGRESS"), found.count("PENDING")) == (1, left)
        estate.finish()
    assert [run["Status"] for run in estate.runs(window)] == ["SUCCESS"] * 3
    assert [run["WindowTargetId"] for run in estate.runs(window)] == targets


def test_an_execution_that_goes_on_makes_the_next_one_skip(estate):
    window = estate.window("rate(1 hour)", Duration=2, Cutoff=0)
    estate.task(window, estate.target(window, estate.node()))
    estate.later(HOUR_S)
    estate.later(HOUR_S)
    assert estate.statuses(window) == ["IN_PROGRESS", "SKIPPED_OVERLAPPING"]
    estate.finish()
    assert estate.statuses(window) == ["SUCCESS", "SKIPPED_OVERLAPPING"]
    estate.later(HOUR_S)
    assert estate.statuses(window)[2] == "IN_PROGRESS"


def test_windows_do_not_wait_for_one_another(estate):
    node = estate.node()
    windows = [estate.window("rate(1 hour)", Name=f"Window{number}") for number in range(2)]
    for window in windows:
        estate.task(window, estate.target(window, node))
    estate.later(HOUR_S)
    assert [estate.statuses(window) for window in windows] == [["IN_PROGRESS"]] * 2


def test_after_the_cutoff_nothing_begins_and_what_runs_goes_on(estate):
    window = estate.window("rate(1 day)", Duration=3, Cutoff=1)
    first, second = (estate.target(window, estate.node()) for _ in range(2))
    estate.task(window, first, second, Priority=0)
    estate.task(window, first, Priority=5)
    estate.later(24 * HOUR_S)
    estate.later(2 * HOUR_S)
    early, late = estate.tasks(window)
    assert (early["Status"], late["Status"]) == ("IN_PROGRESS", "TIMED_OUT")
    assert "cutoff" in late["StatusDetails"]
    # CONTINUE_TASK is the default: the task itself goes on to its end, its other targets included.
    estate.finish()
    assert [run["Status"] for run in estate.invocations(early)] == ["SUCCESS", "IN_PROGRESS"]
    estate.finish()
    assert estate.tasks(window)[0]["Status"] == "SUCCESS"
    (execution,) = estate.executions(window)
    assert (execution["Status"], execution["StatusDetails"]) == (
        "TIMED_OUT",
        "1 of 2 tasks ended as TIMED_OUT.",
    )


def test_cancel_task_cancels_the_command_at_the_cutoff(estate, ssm):
    window = estate.window("rate(1 day)", Duration=3, Cutoff=1)
    first, second = (estate.target(window, estate.node()) for _ in range(2))
    estate.task(window, first, second, CutoffBehavior="CANCEL_TASK")
    estate.later(24 * HOUR_S)
    (command,) = estate.waiting()
    estate.later(2 * HOUR_S)
    (task,) = estate.tasks(window)
    assert ssm.list_commands(CommandId=command)["Commands"][0]["Status"] in ("Cancelling", "Cancelled")
    assert [run["Status"] for run in estate.invocations(task)] == ["TIMED_OUT", "TIMED_OUT"]
    assert all("cutoff" in run["StatusDetails"] for run in estate.invocations(task))
    assert task["Status"] == "TIMED_OUT"
    assert estate.statuses(window) == ["TIMED_OUT"]


def test_a_command_that_finished_before_its_cancel_came_has_succeeded(estate):
    window = estate.window("rate(1 day)", Duration=3, Cutoff=1)
    estate.task(window, estate.target(window, estate.node()), CutoffBehavior="CANCEL_TASK")
    estate.later(24 * HOUR_S)
    (command,) = estate.waiting()
    node = estate._handed(command)[0]
    estate._end(command, node, "Success")
    estate.later(2 * HOUR_S)
    assert estate.statuses(window) == ["SUCCESS"]


def test_too_many_errors_stop_the_targets_that_follow(estate):
    window = estate.window("rate(1 hour)")
    targets = [estate.target(window, estate.node()) for _ in range(4)]
    estate.task(window, *targets, MaxErrors="1")
    estate.later(HOUR_S)
    estate.finish(status="Failed")
    assert [run["Status"] for run in estate.runs(window)] == ["FAILED", "IN_PROGRESS", "PENDING", "PENDING"]
    estate.finish(status="Failed")
    runs = estate.runs(window)
    assert [run["Status"] for run in runs] == ["FAILED", "FAILED", "CANCELLED", "CANCELLED"]
    assert runs[2]["StatusDetails"] == "MaxErrors of the task was exceeded."
    (task,) = estate.tasks(window)
    assert task["Status"] == "FAILED"
    (execution,) = estate.executions(window)
    assert (execution["Status"], execution["StatusDetails"]) == ("FAILED", "1 of 1 tasks ended as FAILED.")


def test_a_failed_group_does_not_keep_the_next_from_running(estate):
    window = estate.window("rate(1 hour)")
    target = estate.target(window, estate.node())
    for priority in (0, 1):
        estate.task(window, target, Priority=priority)
    estate.later(HOUR_S)
    estate.finish(status="Failed")
    assert [task["Status"] for task in estate.tasks(window)] == ["FAILED", "IN_PROGRESS"]


def test_an_execution_can_be_cancelled_and_what_runs_goes_on(estate, ssm):
    window = estate.window("rate(1 hour)")
    target = estate.target(window, estate.node())
    for priority in (0, 1):
        estate.task(window, target, Priority=priority)
    estate.later(HOUR_S)
    execution_id = estate.executions(window)[0]["WindowExecutionId"]
    answer = ssm.cancel_maintenance_window_execution(WindowExecutionId=execution_id)
    assert answer["WindowExecutionId"] == execution_id
    estate.house.tick()
    assert estate.statuses(window) == ["CANCELLING"]
    assert [task["Status"] for task in estate.tasks(window)] == ["IN_PROGRESS", "CANCELLED"]
    estate.finish()
    assert [task["Status"] for task in estate.tasks(window)] == ["SUCCESS", "CANCELLED"]
    assert estate.statuses(window) == ["CANCELLED"]
    ssm.cancel_maintenance_window_execution(WindowExecutionId=execution_id)
    assert estate.statuses(window) == ["CANCELLED"]


def test_nodes_that_have_vanished_do_not_keep_the_others_from_their_task(estate):
    gone, there = estate.node(), estate.node()
    window = estate.window("rate(1 hour)")
    estate.task(window, estate.target(window, gone, there))
    estate.leave(gone)
    estate.later(HOUR_S)
    assert json.loads(estate.runs(window)[0]["Parameters"])["instanceIds"] == [there]
    estate.leave(there)
    estate.later(HOUR_S)
    estate.later(HOUR_S)
    # A node that leaves while it runs the command is found to be gone, in time.
    estate.later(3 * HOUR_S)
    assert estate.statuses(window)[0] in ("FAILED", "TIMED_OUT")


def test_a_target_that_was_deregistered_meanwhile_is_nobody(estate, ssm):
    window = estate.window("rate(1 hour)")
    target = estate.target(window, estate.node())
    estate.task(window, target)
    ssm.deregister_target_from_maintenance_window(WindowId=window, WindowTargetId=target)
    estate.later(HOUR_S)
    assert estate.tasks(window)[0]["StatusDetails"] == "No invocations to execute."


def test_pseudo_parameters_are_put_into_a_command(estate):
    node = estate.node()
    window = estate.window("rate(1 hour)")
    target = estate.target(window, node)
    line = "echo {{WINDOW_ID}} {{ WINDOW_TASK_ID }} {{WINDOW_TARGET_ID}} {{WINDOW_EXECUTION_ID}} "
    line += "{{TASK_EXECUTION_ID}} {{INVOCATION_ID}} {{TARGET_TYPE}} {{OTHER}}"
    parameters = {"Parameters": {"commands": [line]}, "Comment": "of {{WINDOW_ID}}"}
    task_id = estate.task(window, target, TaskInvocationParameters={"RunCommand": parameters})
    estate.later(HOUR_S)
    (run,) = estate.runs(window)
    said = json.loads(run["Parameters"])["parameters"]["commands"][0]
    ids = [window, task_id, target, run["WindowExecutionId"], run["TaskExecutionId"], run["InvocationId"]]
    assert said == f"echo {' '.join(ids)} INSTANCE {{{{OTHER}}}}"
    command = estate.ssm.list_commands(CommandId=run["ExecutionId"])["Commands"][0]
    assert (command["Parameters"]["commands"], command["Comment"]) == ([said], f"of {window}")


def test_what_cannot_run_in_this_version_fails_and_names_the_service(estate):
    window = estate.window("rate(1 hour)")
    for task_type, service in (
        ("LAMBDA", "AWS Lambda"),
        ("STEP_FUNCTIONS", "AWS Step Functions"),
    ):
        estate.task(window, TaskType=task_type, TaskArn="SSMThing", Name=task_type, Priority=len(service))
    estate.later(HOUR_S)
    runs = {run["TaskType"]: run["StatusDetails"] for run in estate.runs(window)}
    assert len(runs) == 2
    assert "AWS Lambda" in runs["LAMBDA"]
    assert "AWS Step Functions" in runs["STEP_FUNCTIONS"]
    assert estate.statuses(window) == ["FAILED"]


def test_other_services_get_one_invocation_per_resource_with_its_ids(estate):
    one, two = estate.node(Env="prod"), estate.node(Env="prod")
    groups = estate.house.client("resource-groups")
    query = {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "Env", "Values": ["prod"]}]}
    groups.create_group(Name="Prod", ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)})
    window = estate.window("rate(1 hour)")
    target = estate.ssm.register_target_with_maintenance_window(
        WindowId=window,
        ResourceType="RESOURCE_GROUP",
        Targets=[{"Key": "resource-groups:Name", "Values": ["Prod"]}],
    )["WindowTargetId"]
    parameters = {"InstanceId": ["{{RESOURCE_ID}}"], "Arn": ["{{TARGET_ID}}"], "Kind": ["{{TARGET_TYPE}}"]}
    estate.task(
        window,
        target,
        TaskType="AUTOMATION",
        TaskArn="AWS-RestartEC2Instance",
        TaskInvocationParameters={"Automation": {"Parameters": parameters}},
    )
    estate.later(HOUR_S)
    found = [json.loads(run["Parameters"])["parameters"] for run in estate.runs(window)]
    prefix = f"arn:aws:ssm:us-east-1:{estate.scope.account}:managed-instance/"
    assert found == [
        {"InstanceId": [node], "Arn": [prefix + node], "Kind": ["RESOURCE_GROUP"]} for node in (one, two)
    ]


def test_a_command_can_be_for_a_resource_group(estate):
    node = estate.node(Env="prod")
    groups = estate.house.client("resource-groups")
    query = {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "Env", "Values": ["prod"]}]}
    groups.create_group(
        Name="Commanded", ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)}
    )
    window = estate.window("rate(1 hour)")
    target = estate.ssm.register_target_with_maintenance_window(
        WindowId=window,
        ResourceType="RESOURCE_GROUP",
        Targets=[{"Key": "resource-groups:Name", "Values": ["Commanded"]}],
    )["WindowTargetId"]
    estate.task(window, target)
    estate.later(HOUR_S)
    assert json.loads(estate.runs(window)[0]["Parameters"])["instanceIds"] == [node]
    estate.finish()
    assert estate.statuses(window) == ["SUCCESS"]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            lambda estate: estate.role("Bare"),
            "The provided role does not contain the correct SSM permissions.",
        ),
        (
            lambda estate: estate.role("Other", service="lambda.amazonaws.com"),
            "does not trust ssm.amazonaws.com",
        ),
        (lambda estate: f"arn:aws:iam::{estate.scope.account}:role/Nobody", "does not exist"),
    ],
)
def test_a_role_that_is_not_fit_fails_the_task_and_says_so(estate, made, reason):
    window = estate.window("rate(1 hour)")
    estate.task(window, estate.target(window, estate.node()), ServiceRoleArn=made(estate))
    estate.later(HOUR_S)
    (task,) = estate.tasks(window)
    said = task.get("StatusDetails") or estate.invocations(task)[0]["StatusDetails"]
    assert reason in said
    assert estate.statuses(window) == ["FAILED"]
    assert not estate.waiting()


def test_a_role_of_ones_own_runs_the_task_with_its_rights(estate):
    role = estate.role("Window", "service-role/AmazonSSMMaintenanceWindowRole")
    window = estate.window("rate(1 hour)")
    estate.task(window, estate.target(window, estate.node(Env="x")), ServiceRoleArn=role)
    estate.task(window, estate.target(window, tag="Env=x"), ServiceRoleArn=role)
    estate.later(HOUR_S)
    estate.finish()
    assert estate.statuses(window) == ["SUCCESS"]
    assert {task["ServiceRole"] for task in estate.tasks(window)} == {role}


def test_a_role_reaches_by_tags_only_whom_it_may(estate, ssm):
    allowed, other = estate.node(Env="x", Team="a"), estate.node(Env="x", Team="b")
    role = estate.role("Narrow")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ssm:*:*:document/*"},
            {
                "Effect": "Allow",
                "Action": "ssm:SendCommand",
                "Resource": "*",
                "Condition": {"StringEquals": {"ssm:resourceTag/Team": "a"}},
            },
        ],
    }
    estate.house.client("iam").put_role_policy(
        RoleName="Narrow", PolicyName="p", PolicyDocument=json.dumps(policy)
    )
    window = estate.window("rate(1 hour)")
    estate.task(window, estate.target(window, tag="Env=x"), ServiceRoleArn=role)
    estate.later(HOUR_S)
    (run,) = estate.runs(window)
    listed = ssm.list_command_invocations(CommandId=run["ExecutionId"])["CommandInvocations"]
    assert {each["InstanceId"]: each["StatusDetails"] for each in listed} == {
        allowed: "Pending",
        other: "AccessDenied",
    }


def test_what_run_command_refuses_is_shown_at_the_invocation(estate):
    window = estate.window("rate(1 hour)")
    target = estate.target(window, estate.node())
    estate.task(window, target, TaskArn="NoSuchDocument", Priority=0)
    estate.task(window, target, TaskInvocationParameters={"RunCommand": {"Parameters": {}}}, Priority=1)
    notified = {"NotificationConfig": {"NotificationArn": "arn:aws:sns:us-east-1:111122223333:t"}}
    command = {"Parameters": {"commands": ["id"]}, **notified}
    estate.task(window, target, TaskInvocationParameters={"RunCommand": command}, Priority=2)
    estate.later(HOUR_S)
    said = [run["StatusDetails"] for run in estate.runs(window)]
    assert said[0].startswith("InvalidDocument: ")
    assert said[1].startswith("InvalidParameters: ")
    assert "Simple Notification Service" in said[2]


def test_old_parameters_of_tasks_are_understood(estate):
    window = estate.window("rate(1 hour)")
    target = estate.target(window, estate.node())
    estate.house.client("s3").create_bucket(Bucket="logs")
    estate.task(
        window,
        target,
        TaskParameters={"commands": {"Values": ["uptime"]}},
        TaskInvocationParameters={},
        LoggingInfo={"S3BucketName": "logs", "S3KeyPrefix": "p", "S3Region": "us-east-1"},
    )
    estate.later(HOUR_S)
    (run,) = estate.runs(window)
    command = estate.ssm.list_commands(CommandId=run["ExecutionId"])["Commands"][0]
    assert command["Parameters"] == {"commands": ["uptime"]}
    assert (command["OutputS3BucketName"], command["OutputS3KeyPrefix"]) == ("logs", "p")


def test_unregistered_nodes_can_be_named_by_a_task_where_the_window_allows_it(estate):
    one, two = estate.node(), estate.node()
    window = estate.window("rate(1 hour)")
    estate.task(window, Targets=[{"Key": "InstanceIds", "Values": [one, two]}])
    estate.later(HOUR_S)
    (run,) = estate.runs(window)
    assert json.loads(run["Parameters"])["instanceIds"] == [one, two]
    assert "WindowTargetId" not in run


def test_every_change_of_state_is_told_in_aws_shape(estate):
    window = estate.window("rate(1 hour)")
    target = estate.target(window, estate.node(), OwnerInformation="me")
    estate.task(window, target)
    estate.ssm.update_maintenance_window(WindowId=window, Enabled=False)
    estate.ssm.update_maintenance_window(WindowId=window, Enabled=True)
    assert [e["status"] for e in estate.events(window, "Maintenance Window State-change Notification")] == [
        "DISABLED",
        "ENABLED",
    ]
    registered = estate.events(window, "Maintenance Window Target Registration Notification")
    assert registered == [{"window-target-id": target, "window-id": window, "status": "REGISTERED"}]
    estate.later(HOUR_S)
    began_ms = estate.world.now_ms()
    estate.later(MINUTE_S)
    estate.finish()
    told = {
        kind: estate.events(window, f"Maintenance Window {kind} State-change Notification")
        for kind in ("Execution", "Task Execution", "Task Target Invocation")
    }
    assert {kind: [each["status"] for each in events] for kind, events in told.items()} == {
        kind: ["IN_PROGRESS", "SUCCESS"] for kind in told
    }
    (run,) = estate.runs(window)
    assert told["Task Target Invocation"][1] == {
        "window-id": window,
        "window-execution-id": run["WindowExecutionId"],
        "task-execution-id": run["TaskExecutionId"],
        "window-target-id": target,
        "owner-information": "me",
        "status": "SUCCESS",
        "start-time": zulu(began_ms),
        "end-time": zulu(began_ms + 60_000),
    }


def test_what_is_patched_in_one_opening_shares_its_snapshot(estate):
    window = estate.window("rate(1 hour)")
    target = estate.target(window, estate.node())
    own = {"Operation": ["Scan"], "SnapshotId": ["521c3536-930c-4aa9-950e-01234567abcd"]}
    for parameters in ({"Operation": ["Scan"]}, own):
        estate.task(
            window,
            target,
            TaskArn="AWS-RunPatchBaseline",
            TaskInvocationParameters={"RunCommand": {"Parameters": parameters}},
        )
    estate.later(HOUR_S)
    runs = estate.runs(window)
    told = [json.loads(run["Parameters"])["parameters"]["SnapshotId"] for run in runs]
    assert sorted(told) == sorted([[runs[0]["WindowExecutionId"]], own["SnapshotId"]])
