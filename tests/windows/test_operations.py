"""The operations of maintenance windows, by a real client: what they answer and what they refuse."""

import json
from datetime import datetime
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError

from hostreeve.capabilities import windows
from hostreeve.capabilities.windows.model.quotas import QUOTAS
from tests.documents.conftest import refused
from tests.windows.estate import DAY_S, HOUR_S

NOBODY = "mw-00000000000000000"
NO_ID = "00000000-0000-4000-8000-000000000000"
both_engines = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def _aws_quotas():
    yield
    windows.set_quotas({})


def message(operation, **request):
    with pytest.raises(ClientError) as error:
        operation(**request)
    return error.value.response["Error"]["Message"]


def plain(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@both_engines
def test_a_window_is_made_shown_changed_and_deleted(estate, ssm):
    window = estate.window(
        "cron(0 09 ? * WED *)",
        Name="Patching",
        Description="of servers",
        ScheduleTimezone="America/Los_Angeles",
        ScheduleOffset=1,
        StartDate="2027-01-01T00:00:00-08:00",
        EndDate="2028-01-01T00:00:00Z",
        Tags=[{"Key": "Team", "Value": "a"}],
    )
    assert window.startswith("mw-") and len(window) == 20
    shown = plain(ssm.get_maintenance_window(WindowId=window))
    created, modified = shown.pop("CreatedDate"), shown.pop("ModifiedDate")
    assert created == modified
    expected = {
        "WindowId": window,
        "Name": "Patching",
        "Description": "of servers",
        "Schedule": "cron(0 09 ? * WED *)",
        "ScheduleTimezone": "America/Los_Angeles",
        "ScheduleOffset": 1,
        "StartDate": "2027-01-01T00:00:00-08:00",
        "EndDate": "2028-01-01T00:00:00Z",
        "Duration": 4,
        "Cutoff": 1,
        "AllowUnassociatedTargets": True,
        "Enabled": True,
        "NextExecutionTime": "2027-01-21T09:00-08:00",
    }
    assert shown == expected
    listed = ssm.describe_maintenance_windows()["WindowIdentities"]
    assert listed == [{k: v for k, v in expected.items() if k != "AllowUnassociatedTargets"}]
    tags = ssm.list_tags_for_resource(ResourceType="MaintenanceWindow", ResourceId=window)["TagList"]
    assert tags == [{"Key": "Team", "Value": "a"}]

    estate.world.advance(60)
    answer = plain(ssm.update_maintenance_window(WindowId=window, Duration=5, Description="of all"))
    del expected["NextExecutionTime"]
    assert answer == expected | {"Duration": 5, "Description": "of all"}
    answer = ssm.update_maintenance_window(
        WindowId=window,
        Name="Other",
        Schedule="rate(7 days)",
        Duration=2,
        Cutoff=0,
        AllowUnassociatedTargets=False,
        Replace=True,
    )
    assert set(plain(answer)) == {
        "WindowId",
        "Name",
        "Schedule",
        "Duration",
        "Cutoff",
        "AllowUnassociatedTargets",
        "Enabled",
    }
    assert ssm.get_maintenance_window(WindowId=window)["ModifiedDate"] > modified
    assert ssm.delete_maintenance_window(WindowId=window)["WindowId"] == window
    assert ssm.delete_maintenance_window(WindowId=window)["WindowId"] == window
    assert refused(ssm.get_maintenance_window, WindowId=window) == "DoesNotExistException"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"Cutoff": 4}, "Cutoff must be less than Duration"),
        ({"Cutoff": 5}, "Cutoff must be less than Duration"),
        ({"Schedule": "rate(1 hours)"}, "Schedule: unit"),
        ({"Schedule": "rate(4 minutes)"}, "Schedule: value"),
        ({"Schedule": "cron(0 25 ? * * *)"}, "Schedule: hours"),
        ({"Schedule": "cron(0 2 ? * SUN)"}, "Schedule: cron"),
        ({"Schedule": "at(2027-02-30T00:00)"}, "Schedule: at"),
        ({"Schedule": "every day"}, "Schedule: expression"),
        ({"ScheduleTimezone": "Mars/Base"}, "ScheduleTimezone: 'Mars/Base' is not a time zone"),
        ({"ScheduleOffset": 2}, "ScheduleOffset: only cron expressions"),
        ({"StartDate": "soon"}, "StartDate: 'soon' is not an ISO 8601 date"),
        ({"StartDate": "2027-02-01", "EndDate": "2027-01-01"}, "EndDate must be after StartDate"),
        ({"Tags": [{"Key": "aws:x", "Value": "y"}]}, "reserved"),
        ({"Tags": [{"Key": f"k{n}", "Value": "y"} for n in range(51)]}, "50 tags"),
    ],
)
def test_a_window_that_cannot_be_is_refused_by_the_member_that_is_wrong(estate, wrong, reason):
    with pytest.raises(ClientError, match=reason) as error:
        estate.window(**{"schedule": wrong.pop("Schedule", "rate(1 day)"), **wrong})
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_an_update_is_checked_as_a_creation_is(estate, ssm):
    window = estate.window()
    update = ssm.update_maintenance_window
    assert refused(update, WindowId=NOBODY, Name="Name") == "DoesNotExistException"
    assert "Cutoff" in message(update, WindowId=window, Duration=1)
    assert "Schedule" in message(update, WindowId=window, Schedule="rate(1 hours)")
    assert "Name must be given" in message(update, WindowId=window, Replace=True)


def test_an_update_of_the_schedule_begins_it_anew_and_others_leave_it(estate, ssm):
    window = estate.window("rate(2 hours)")
    first = ssm.get_maintenance_window(WindowId=window)["NextExecutionTime"]
    estate.world.advance(HOUR_S)
    ssm.update_maintenance_window(WindowId=window, Description="no matter", Duration=6)
    assert ssm.get_maintenance_window(WindowId=window)["NextExecutionTime"] == first
    ssm.update_maintenance_window(WindowId=window, Schedule="rate(3 hours)")
    assert ssm.get_maintenance_window(WindowId=window)["NextExecutionTime"] != first
    ssm.update_maintenance_window(WindowId=window, Enabled=False)
    assert "NextExecutionTime" not in ssm.get_maintenance_window(WindowId=window)
    estate.later(DAY_S)
    assert estate.executions(window) == []
    ssm.update_maintenance_window(WindowId=window, Enabled=True)
    estate.later(3 * HOUR_S)
    assert estate.statuses(window) == ["SUCCESS"]


def test_windows_are_listed_in_pages_and_narrowed(estate, ssm):
    made = sorted(estate.window(Name=f"Window{number % 3}") for number in range(12))
    pages = list(
        ssm.get_paginator("describe_maintenance_windows").paginate(PaginationConfig={"PageSize": 10})
    )
    assert [len(page["WindowIdentities"]) for page in pages] == [10, 2]
    assert [each["WindowId"] for page in pages for each in page["WindowIdentities"]] == made
    ssm.update_maintenance_window(WindowId=made[0], Enabled=False)

    def listed(**filters):
        asked = [{"Key": key, "Values": values} for key, values in filters.items()]
        return len(ssm.describe_maintenance_windows(Filters=asked)["WindowIdentities"])

    assert listed(Name=["Window1"]) == 4
    assert listed(Name=["Window0", "Window2"]) == 8
    assert (listed(Enabled=["true"]), listed(Enabled=["False"])) == (11, 1)
    describe = ssm.describe_maintenance_windows
    for wrong in (
        [{"Key": "Color", "Values": ["red"]}],
        [{"Key": "Name", "Values": []}],
        [{"Key": "Enabled", "Values": ["maybe"]}],
        [{"Key": "Name", "Values": ["a"]}] * 2,
    ):
        assert refused(describe, Filters=wrong) == "ValidationException"
    assert refused(describe, NextToken="no token") == "ValidationException"


@both_engines
def test_the_same_client_token_makes_one_window(estate, ssm):
    asked = {"Name": "Once", "Schedule": "rate(1 day)", "Duration": 2, "Cutoff": 1}
    asked |= {"AllowUnassociatedTargets": True, "ClientToken": f"token-{estate.world.uuid()}"}
    first = ssm.create_maintenance_window(**asked)["WindowId"]
    assert ssm.create_maintenance_window(**asked)["WindowId"] == first
    assert refused(ssm.create_maintenance_window, **asked | {"Duration": 3}) == "IdempotentParameterMismatch"
    token = asked["ClientToken"]
    node = estate.node()
    target = {"WindowId": first, "ResourceType": "INSTANCE", "ClientToken": token}
    target["Targets"] = [{"Key": "InstanceIds", "Values": [node]}]
    registered = ssm.register_target_with_maintenance_window(**target)["WindowTargetId"]
    assert ssm.register_target_with_maintenance_window(**target)["WindowTargetId"] == registered
    task = {
        "WindowId": first,
        "TaskArn": "AWS-RunShellScript",
        "TaskType": "RUN_COMMAND",
        "ClientToken": token,
    }
    task |= {"MaxConcurrency": "1", "MaxErrors": "1"}
    task["Targets"] = [{"Key": "WindowTargetIds", "Values": [registered]}]
    made = ssm.register_task_with_maintenance_window(**task)["WindowTaskId"]
    assert ssm.register_task_with_maintenance_window(**task)["WindowTaskId"] == made
    mismatch = {**task, "Priority": 5}
    assert refused(ssm.register_task_with_maintenance_window, **mismatch) == "IdempotentParameterMismatch"
    # A day later the token is forgotten.
    estate.later(DAY_S + 1)
    assert ssm.create_maintenance_window(**asked)["WindowId"] != first


def test_targets_are_registered_shown_changed_and_deregistered(estate, ssm):
    window = estate.window()
    first = estate.target(
        window, tag="Patch Group=Production", Name="Production", Description="servers", OwnerInformation="me"
    )
    second = estate.target(window, estate.node())
    (shown,) = ssm.describe_maintenance_window_targets(
        WindowId=window, Filters=[{"Key": "OwnerInformation", "Values": ["me"]}]
    )["Targets"]
    assert shown == {
        "WindowId": window,
        "WindowTargetId": first,
        "ResourceType": "INSTANCE",
        "Targets": [{"Key": "tag:Patch Group", "Values": ["Production"]}],
        "Name": "Production",
        "Description": "servers",
        "OwnerInformation": "me",
    }
    by_id = ssm.describe_maintenance_window_targets(
        WindowId=window, Filters=[{"Key": "WindowTargetId", "Values": [second]}]
    )["Targets"]
    assert [each["WindowTargetId"] for each in by_id] == [second]
    answer = plain(ssm.update_maintenance_window_target(WindowId=window, WindowTargetId=first, Name="Prod"))
    assert answer == {k: v for k, v in shown.items() if k != "ResourceType"} | {"Name": "Prod"}
    replaced = ssm.update_maintenance_window_target(
        WindowId=window,
        WindowTargetId=first,
        Targets=[{"Key": "tag-key", "Values": ["Env"]}],
        Replace=True,
    )
    assert set(plain(replaced)) == {"WindowId", "WindowTargetId", "Targets"}
    ssm.deregister_target_from_maintenance_window(WindowId=window, WindowTargetId=first)
    left = ssm.describe_maintenance_window_targets(WindowId=window)["Targets"]
    assert [each["WindowTargetId"] for each in left] == [second]


@pytest.mark.parametrize(
    ("kind", "targets"),
    [
        ("INSTANCE", []),
        ("INSTANCE", [{"Key": "Color", "Values": ["red"]}]),
        ("INSTANCE", [{"Key": "tag:", "Values": ["red"]}]),
        ("INSTANCE", [{"Key": "InstanceIds", "Values": []}]),
        ("INSTANCE", [{"Key": "resource-groups:Name", "Values": ["g"]}]),
        ("INSTANCE", [{"Key": "tag:a", "Values": ["b"]}] * 2),
        ("RESOURCE_GROUP", [{"Key": "InstanceIds", "Values": ["mi-0123456789abcdef0"]}]),
        ("RESOURCE_GROUP", [{"Key": "resource-groups:Name", "Values": ["a", "b"]}]),
        ("RESOURCE_GROUP", [{"Key": "resource-groups:ResourceTypeFilters", "Values": ["AWS::S3::Bucket"]}]),
    ],
)
def test_what_cannot_be_a_target_is_refused(estate, ssm, kind, targets):
    asked = {"WindowId": estate.window(), "ResourceType": kind, "Targets": targets}
    assert refused(ssm.register_target_with_maintenance_window, **asked) == "ValidationException"


def test_a_target_that_a_task_uses_is_not_deregistered_safely(estate, ssm):
    window = estate.window()
    target = estate.target(window, estate.node())
    task = estate.task(window, target)
    asked = {"WindowId": window, "WindowTargetId": target}
    deregister = ssm.deregister_target_from_maintenance_window
    assert refused(deregister, **asked, Safe=True) == "TargetInUseException"
    ssm.deregister_task_from_maintenance_window(WindowId=window, WindowTaskId=task)
    assert plain(deregister(**asked, Safe=True)) == asked
    assert refused(deregister, **asked) == "DoesNotExistException"


@both_engines
def test_tasks_are_registered_shown_changed_and_deregistered(estate, ssm):
    window = estate.window()
    target = estate.target(window, estate.node())
    command = {"Parameters": {"Operation": ["Scan"]}, "Comment": "patching", "TimeoutSeconds": 600}
    task = estate.task(
        window,
        target,
        TaskArn="AWS-RunPatchBaseline",
        Name="Patch",
        Description="all",
        Priority=3,
        MaxConcurrency="50%",
        MaxErrors="1",
        CutoffBehavior="CANCEL_TASK",
        TaskInvocationParameters={"RunCommand": command},
    )
    linked = f"arn:aws:iam::{estate.scope.account}:role/aws-service-role/ssm.amazonaws.com/"
    linked += "AWSServiceRoleForAmazonSSM"
    shown = plain(ssm.get_maintenance_window_task(WindowId=window, WindowTaskId=task))
    assert shown == {
        "WindowId": window,
        "WindowTaskId": task,
        "Targets": [{"Key": "WindowTargetIds", "Values": [target]}],
        "TaskArn": "AWS-RunPatchBaseline",
        "TaskType": "RUN_COMMAND",
        "ServiceRoleArn": linked,
        "TaskParameters": {},
        "TaskInvocationParameters": {"RunCommand": command},
        "Priority": 3,
        "MaxConcurrency": "50%",
        "MaxErrors": "1",
        "Name": "Patch",
        "Description": "all",
        "CutoffBehavior": "CANCEL_TASK",
    }
    (listed,) = ssm.describe_maintenance_window_tasks(WindowId=window)["Tasks"]
    assert (listed["WindowTaskId"], listed["Type"], listed["Priority"]) == (task, "RUN_COMMAND", 3)
    for key, value, found in (
        ("Priority", "3", 1),
        ("Priority", "4", 0),
        ("TaskArn", "AWS-RunPatchBaseline", 1),
        ("TaskType", "LAMBDA", 0),
        ("WindowTaskId", task, 1),
    ):
        asked = [{"Key": key, "Values": [value]}]
        assert len(ssm.describe_maintenance_window_tasks(WindowId=window, Filters=asked)["Tasks"]) == found
    changed = plain(ssm.update_maintenance_window_task(WindowId=window, WindowTaskId=task, Priority=1))
    assert changed == {k: v for k, v in shown.items() if k != "TaskType"} | {"Priority": 1}
    replaced = ssm.update_maintenance_window_task(
        WindowId=window,
        WindowTaskId=task,
        TaskArn="AWS-RunShellScript",
        Targets=[{"Key": "WindowTargetIds", "Values": [target]}],
        MaxConcurrency="1",
        MaxErrors="0",
        Replace=True,
    )
    assert (replaced["Priority"], "Name" in replaced, replaced["TaskInvocationParameters"]) == (0, False, {})
    asked = {"WindowId": window, "WindowTaskId": task}
    assert plain(ssm.deregister_task_from_maintenance_window(**asked)) == asked
    for operation in (
        ssm.deregister_task_from_maintenance_window,
        ssm.get_maintenance_window_task,
        ssm.update_maintenance_window_task,
    ):
        assert refused(operation, **asked) == "DoesNotExistException"


def test_tasks_without_targets_have_no_limits(estate, ssm):
    window = estate.window()
    register = ssm.register_task_with_maintenance_window
    asked = {"WindowId": window, "TaskArn": "SSMFunction", "TaskType": "LAMBDA"}
    text = "Maintenance window tasks without targets don't support {} values"
    assert message(register, **asked, MaxConcurrency="1") == text.format("MaxConcurrency")
    assert message(register, **asked, MaxErrors="1") == text.format("MaxErrors")
    payload = {"Lambda": {"Payload": b'{"a": "{{WINDOW_ID}}"}', "Qualifier": "1"}}
    task = register(**asked, TaskInvocationParameters=payload)["WindowTaskId"]
    shown = ssm.get_maintenance_window_task(WindowId=window, WindowTaskId=task)
    assert (shown["MaxConcurrency"], shown["MaxErrors"]) == ("1", "1")
    assert shown["TaskInvocationParameters"]["Lambda"]["Payload"] == payload["Lambda"]["Payload"]
    update = ssm.update_maintenance_window_task
    assert "don't support" in message(update, WindowId=window, WindowTaskId=task, MaxErrors="2")
    estate.later(DAY_S)
    (run,) = estate.runs(window)
    assert json.loads(run["Parameters"])["payload"] == f'{{"a": "{window}"}}'


def test_what_cannot_be_a_task_is_refused(estate, ssm):
    window, strict = estate.window(), estate.window(AllowUnassociatedTargets=False)
    target, foreign = estate.target(window, estate.node()), estate.target(strict, estate.node())
    register = ssm.register_task_with_maintenance_window
    command = {"WindowId": window, "TaskArn": "AWS-RunShellScript", "TaskType": "RUN_COMMAND"}
    limits = {"MaxConcurrency": "1", "MaxErrors": "1"}
    on = {"Targets": [{"Key": "WindowTargetIds", "Values": [target]}], **limits}
    by_id = {"Targets": [{"Key": "InstanceIds", "Values": ["mi-0123456789abcdef0"]}], **limits}

    def why(**request):
        return message(register, **{**command, **request})

    assert "needs targets" in why()
    assert "MaxConcurrency must be given" in why(Targets=on["Targets"], MaxErrors="1")
    assert "MaxErrors must be given" in why(Targets=on["Targets"], MaxConcurrency="1")
    assert "does not allow unassociated targets" in why(**{**by_id, "WindowId": strict})
    assert "not tag:a" in why(Targets=[{"Key": "tag:a", "Values": ["b"]}], **limits)
    assert "needs values" in why(Targets=[{"Key": "WindowTargetIds", "Values": []}], **limits)
    assert f"Target {foreign} does not exist" in why(
        Targets=[{"Key": "WindowTargetIds", "Values": [foreign]}], **limits
    )
    assert "Automation does not go with" in why(**on, TaskInvocationParameters={"Automation": {}})
    both = {"TaskParameters": {"a": {"Values": ["b"]}}, "TaskInvocationParameters": {"RunCommand": {}}}
    assert "exclude each other" in why(**on, **both)
    for name in ("TARGET_ID", "RESOURCE_ID"):
        parameters = {"RunCommand": {"Parameters": {"commands": [f"echo {{{{ {name} }}}}"]}}}
        assert f"{{{{{name}}}}} is not supported" in why(**on, TaskInvocationParameters=parameters)
    alarm = {"Alarms": [{"Name": "a"}]}
    assert "CloudWatch" in why(**on, AlarmConfiguration=alarm)
    assert "is not a role of this account" in why(**on, ServiceRoleArn="arn:aws:iam::111122223333:role/R")
    assert refused(register, **{**command, **on, "WindowId": NOBODY}) == "DoesNotExistException"


def test_whoever_registers_a_role_must_be_allowed_to_pass_it(estate, ssm):
    iam = estate.house.client("iam")
    role = estate.role("Passed")
    iam.create_user(UserName="registrar")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="registrar", PolicyName="p", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="registrar")["AccessKey"]
    registrar = estate.house.client("ssm", (key["AccessKeyId"], key["SecretAccessKey"]))
    asked = {"WindowId": estate.window(), "TaskArn": "SSMFunction", "TaskType": "LAMBDA"}
    registrar.register_task_with_maintenance_window(**asked)
    register = registrar.register_task_with_maintenance_window
    assert refused(register, **asked, ServiceRoleArn=role) == "AccessDeniedException"


def test_quotas_are_aws_s_and_can_be_raised(estate, ssm):
    window = estate.window()
    windows.set_quotas(
        {
            "maintenance-windows": 2,
            "maintenance-window-targets": 2,
            "maintenance-window-tasks": 1,
            "maintenance-window-targets-per-task": 1,
        }
    )
    estate.window()
    with pytest.raises(ClientError, match="2 maintenance windows") as error:
        estate.window()
    assert error.value.response["Error"]["Code"] == "ResourceLimitExceededException"
    targets = [estate.target(window, estate.node()) for _ in range(2)]
    with pytest.raises(ClientError, match="2 targets"):
        estate.target(window, estate.node())
    with pytest.raises(ClientError, match="A task can have 1 targets"):
        estate.task(window, *targets)
    estate.task(window, targets[0])
    with pytest.raises(ClientError, match="1 tasks"):
        estate.task(window, targets[0])
    assert {key: quota.default for key, quota in QUOTAS.items()}["maintenance-windows"] == 50
    with pytest.raises(ValueError, match="nothing is not one of"):
        windows.set_quotas({"nothing": 1})


def test_the_schedule_lists_the_next_sundays(estate, ssm):
    window = estate.window("cron(0 1 ? * SUN *)", Name="PatchWin", Duration=2)
    page = ssm.describe_maintenance_window_schedule(WindowId=window, MaxResults=3)
    token = page["NextToken"]
    more = ssm.describe_maintenance_window_schedule(WindowId=window, MaxResults=2, NextToken=token)
    listed = [*page["ScheduledWindowExecutions"], *more["ScheduledWindowExecutions"]]
    assert {(each["WindowId"], each["Name"]) for each in listed} == {(window, "PatchWin")}
    times = [datetime.fromisoformat(each["ExecutionTime"]) for each in listed]
    assert all(each["ExecutionTime"].endswith("T01:00Z") for each in listed)
    assert {time.isoweekday() for time in times} == {7}
    assert [(later - sooner).days for sooner, later in pairwise(times)] == [7] * 4
    # A client that asks for every page comes to an end.
    pages = ssm.get_paginator("describe_maintenance_window_schedule").paginate(WindowId=window)
    assert len([each for page in pages for each in page["ScheduledWindowExecutions"]]) == 50
    describe = ssm.describe_maintenance_window_schedule
    assert refused(describe, WindowId=NOBODY) == "DoesNotExistException"
    assert (
        refused(describe, WindowId=window, Filters=[{"Key": "a", "Values": ["b"]}]) == "ValidationException"
    )


def test_windows_are_found_by_those_they_are_for(estate, ssm):
    tagged, other = estate.node(Env="prod"), estate.node(Env="test")
    by_tag, by_id = estate.window("rate(1 day)", Name="ByTag"), estate.window("rate(2 days)", Name="ById")
    estate.target(by_tag, tag="Env=prod")
    estate.target(by_id, tagged, other)

    def names(key, value, kind="INSTANCE"):
        answer = ssm.describe_maintenance_windows_for_target(
            Targets=[{"Key": key, "Values": [value]}], ResourceType=kind
        )
        return {each["Name"] for each in answer["WindowIdentities"]}

    assert names("InstanceIds", tagged) == {"ByTag", "ById"}
    assert names("InstanceIds", other) == {"ById"}
    assert names("tag:Env", "prod") == {"ByTag", "ById"}
    assert names("tag:Env", "none") == set()
    assert names("resource-groups:Name", "g", "RESOURCE_GROUP") == set()
    schedule = ssm.describe_maintenance_window_schedule(
        Targets=[{"Key": "InstanceIds", "Values": [tagged]}], ResourceType="INSTANCE", MaxResults=3
    )["ScheduledWindowExecutions"]
    assert [each["Name"] for each in schedule] == ["ByTag", "ById", "ByTag"] or [
        each["Name"] for each in schedule
    ] == ["ByTag", "ByTag", "ById"]
    targets = [{"Key": "InstanceIds", "Values": [tagged]}]
    assert refused(ssm.describe_maintenance_window_schedule, Targets=targets) == "ValidationException"


def test_the_history_is_narrowed_and_paged(estate, ssm):
    window = estate.window("rate(1 hour)", Duration=1, Cutoff=0)
    for _ in range(12):
        estate.later(HOUR_S)
    described = ssm.describe_maintenance_window_executions
    first = described(WindowId=window, MaxResults=10)
    second = described(WindowId=window, MaxResults=10, NextToken=first["NextToken"])
    times = [each["StartTime"] for page in (first, second) for each in page["WindowExecutions"]]
    assert len(times) == 12 and times == sorted(times, reverse=True)
    middle = times[5].isoformat()
    for key, count in (("ExecutedAfter", 5), ("ExecutedBefore", 6)):
        asked = [{"Key": key, "Values": [middle]}]
        assert len(described(WindowId=window, Filters=asked)["WindowExecutions"]) == count
    assert refused(described, WindowId=window, Filters=[{"Key": "ExecutedAfter", "Values": ["x"]}]) == (
        "ValidationException"
    )
    assert described(WindowId=NOBODY)["WindowExecutions"] == []


def test_tasks_and_invocations_are_narrowed_by_status(estate, ssm):
    window = estate.window("rate(1 hour)")
    targets = [estate.target(window, estate.node()) for _ in range(3)]
    estate.task(window, *targets)
    estate.later(HOUR_S)
    (task,) = estate.tasks(window)
    assert len(estate.invocations(task, Filters=[{"Key": "STATUS", "Values": ["PENDING"]}])) == 2
    assert len(estate.invocations(task, Filters=[{"Key": "STATUS", "Values": ["FAILED"]}])) == 0
    execution = task["WindowExecutionId"]
    listed = ssm.describe_maintenance_window_execution_tasks(
        WindowExecutionId=execution, Filters=[{"Key": "STATUS", "Values": ["IN_PROGRESS"]}]
    )["WindowExecutionTaskIdentities"]
    assert [each["TaskExecutionId"] for each in listed] == [task["TaskExecutionId"]]
    for wrong in ([{"Key": "STATUS", "Values": ["DONE"]}], [{"Key": "Name", "Values": ["x"]}]):
        asked = {"WindowExecutionId": execution, "Filters": wrong}
        assert refused(ssm.describe_maintenance_window_execution_tasks, **asked) == "ValidationException"


def test_what_is_not_there_does_not_exist(estate, ssm):
    window = estate.window("rate(1 hour)")
    estate.task(window, estate.target(window, estate.node()))
    estate.later(HOUR_S)
    (task,) = estate.tasks(window)
    execution, task_id = task["WindowExecutionId"], task["TaskExecutionId"]
    for operation, request in (
        (ssm.describe_maintenance_window_targets, {"WindowId": NOBODY}),
        (ssm.describe_maintenance_window_tasks, {"WindowId": NOBODY}),
        (ssm.update_maintenance_window_target, {"WindowId": window, "WindowTargetId": NO_ID}),
        (ssm.update_maintenance_window_task, {"WindowId": NOBODY, "WindowTaskId": NO_ID}),
        (ssm.get_maintenance_window_execution, {"WindowExecutionId": NO_ID}),
        (ssm.cancel_maintenance_window_execution, {"WindowExecutionId": NO_ID}),
        (ssm.describe_maintenance_window_execution_tasks, {"WindowExecutionId": NO_ID}),
        (ssm.get_maintenance_window_execution_task, {"WindowExecutionId": execution, "TaskId": NO_ID}),
        (
            ssm.describe_maintenance_window_execution_task_invocations,
            {"WindowExecutionId": execution, "TaskId": NO_ID},
        ),
        (
            ssm.get_maintenance_window_execution_task_invocation,
            {"WindowExecutionId": execution, "TaskId": task_id, "InvocationId": NO_ID},
        ),
    ):
        assert refused(operation, **request) == "DoesNotExistException", operation


def test_a_window_that_is_gone_keeps_its_history_for_thirty_days(estate, ssm):
    window = estate.window("rate(1 hour)")
    estate.task(window, estate.target(window, estate.node()))
    estate.later(HOUR_S)
    ssm.delete_maintenance_window(WindowId=window)
    estate.finish()
    assert estate.statuses(window) == ["SUCCESS"]
    estate.later(29 * DAY_S)
    assert estate.statuses(window) == ["SUCCESS"]
    estate.later(2 * DAY_S)
    assert estate.statuses(window) == []
