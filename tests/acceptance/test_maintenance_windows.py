"""A maintenance window with a real agent in it, made with the plain AWS command line."""

from datetime import UTC, datetime, timedelta

import pytest

pytestmark = pytest.mark.slow


def soon(seconds=4):
    """An expression of a time so many seconds ahead."""
    return f"at({datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S})"


def window_with_production(site, script, schedule):
    """A window in which the production nodes run the script, by their tag `Patch Group`; its id."""
    made = site.aws(
        *("ssm", "create-maintenance-window", "--name", "demo2", "--schedule", schedule),
        *("--duration", "2", "--cutoff", "1", "--no-allow-unassociated-targets"),
    )
    window = ("--window-id", made["WindowId"])
    target = site.aws(
        *("ssm", "register-target-with-maintenance-window", *window, "--resource-type", "INSTANCE"),
        *("--targets", "Key=tag:Patch Group,Values=Production"),
    )
    run = '{"RunCommand":{"Parameters":{"commands":["%s"]}}}' % script  # noqa: UP031 - braces
    site.aws(
        *("ssm", "register-task-with-maintenance-window", *window, "--task-type", "RUN_COMMAND"),
        *("--task-arn", "AWS-RunShellScript", "--max-concurrency", "1", "--max-errors", "0"),
        *("--targets", f"Key=WindowTargetIds,Values={target['WindowTargetId']}"),
        *("--task-invocation-parameters", run),
    )
    return made["WindowId"]


def tagged(site, name, group):
    node = site.enrol(name)
    tag = [{"Key": "Patch Group", "Value": group}]
    site.client("ssm").add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node, Tags=tag)
    return node


def execution(site, window_id, *statuses):
    def found():
        shown = site.client("ssm").describe_maintenance_window_executions(WindowId=window_id)
        return [each for each in shown["WindowExecutions"] if each["Status"] in statuses]

    (one,) = site.until(found, 60)
    return one


def test_a_window_opens_and_its_task_runs_on_the_production_node_alone(site, tmp_path):
    node, other = tagged(site, "one", "Production"), tagged(site, "two", "Staging")
    window_id = window_with_production(site, f"id -u; echo ran >>{tmp_path}/runs", soon())
    assert not (tmp_path / "runs").exists()
    done = execution(site, window_id, "SUCCESS", "FAILED")
    assert done["Status"] == "SUCCESS", done
    which = ("--window-execution-id", done["WindowExecutionId"])
    (task,) = site.aws("ssm", "describe-maintenance-window-execution-tasks", *which)[
        "WindowExecutionTaskIdentities"
    ]
    assert (task["Status"], task["TaskArn"]) == ("SUCCESS", "AWS-RunShellScript")
    commands = site.client("ssm").list_command_invocations()["CommandInvocations"]
    assert [each["InstanceId"] for each in commands] == [node] and other != node
    assert site.finished(commands[0]["CommandId"], node)["StandardOutputContent"].strip().isdigit()
    assert (tmp_path / "runs").read_text() == "ran\n"


def test_what_runs_in_a_cancelled_execution_goes_on_and_what_waits_does_not_begin(site, tmp_path):
    node = tagged(site, "one", "Production")
    script = f"touch {tmp_path}/begun; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done; echo through"
    window_id = window_with_production(site, script, soon())
    ssm = site.client("ssm")
    (target,) = ssm.describe_maintenance_window_targets(WindowId=window_id)["Targets"]
    ssm.register_task_with_maintenance_window(
        WindowId=window_id,
        TaskType="RUN_COMMAND",
        TaskArn="AWS-RunShellScript",
        Priority=5,
        MaxConcurrency="1",
        MaxErrors="0",
        Targets=[{"Key": "WindowTargetIds", "Values": [target["WindowTargetId"]]}],
        TaskInvocationParameters={"RunCommand": {"Parameters": {"commands": [f"touch {tmp_path}/second"]}}},
    )
    started = execution(site, window_id, "IN_PROGRESS")
    site.until((tmp_path / "begun").exists)
    which = ("--window-execution-id", started["WindowExecutionId"])
    site.aws("ssm", "cancel-maintenance-window-execution", *which)
    (tmp_path / "go").touch()
    assert execution(site, window_id, "CANCELLED")["WindowExecutionId"] == started["WindowExecutionId"]
    (command,) = ssm.list_commands()["Commands"]
    assert site.finished(command["CommandId"], node)["StandardOutputContent"] == "through\n"
    assert not (tmp_path / "second").exists()
