"""A window that opened: its execution, tasks and invocations, as values and as AWS callers see them."""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from hostreeve.capabilities.windows.model.window import RUN_COMMAND, Task
from hostreeve.kernel.scope import Scope

DETAILS_CHARS_MAX = 250
NO_TASKS = "No tasks to execute."
NO_INVOCATIONS = "No invocations to execute."


class Status(StrEnum):
    """Of executions, their tasks and their invocations."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    SKIPPED_OVERLAPPING = "SKIPPED_OVERLAPPING"


class Execution(Struct, frozen=True, kw_only=True):
    """A window's opening. `cutoff_ms`: nothing is started from then on."""

    account: str
    region: str
    execution_id: str
    window_id: str
    status: Status
    details: str
    started_ms: int
    ended_ms: int | None
    cutoff_ms: int
    due_ms: int | None

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)


class TaskExecution(Struct, frozen=True, kw_only=True):
    """A task in an execution, as it was registered when the window opened."""

    task_execution_id: str
    task: Task
    status: Status
    details: str
    started_ms: int | None
    ended_ms: int | None


class Place(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an invocation does its work: nodes (`targets` choose them, `node_ids` are some of them), or one
    resource (`target_id`, `resource_id`), or nowhere in particular."""

    window_target_id: str = ""
    owner_information: str = ""
    target_type: str = ""
    targets: list[dict[str, Any]] = []
    node_ids: list[str] = []
    target_id: str = ""
    resource_id: str = ""


class Invocation(Struct, frozen=True, kw_only=True):
    """A task on one of its targets. `run_id` is what does it (a command's id); `resources` and `errors` count
    what it was done to once it has ended."""

    task_execution_id: str
    invocation_id: str
    number: int
    place: Place
    status: Status
    details: str
    run_id: str
    parameters: str
    resources: int
    errors: int
    started_ms: int | None
    ended_ms: int | None


def described_execution(execution: Execution) -> dict[str, Any]:
    """The members of MaintenanceWindowExecution."""
    return {
        "WindowId": execution.window_id,
        "WindowExecutionId": execution.execution_id,
        **_standing(execution),
    }


def described_task_identity(execution_id: str, one: TaskExecution) -> dict[str, Any]:
    """The members of MaintenanceWindowExecutionTaskIdentity."""
    return {
        "WindowExecutionId": execution_id,
        "TaskExecutionId": one.task_execution_id,
        "TaskArn": one.task.task_arn,
        "TaskType": one.task.task_type,
        **_standing(one),
    }


def described_task_execution(
    execution_id: str, one: TaskExecution, invocations: list[Invocation]
) -> dict[str, Any]:
    """The members of GetMaintenanceWindowExecutionTask."""
    task = one.task
    return {
        "WindowExecutionId": execution_id,
        "TaskExecutionId": one.task_execution_id,
        "TaskArn": task.task_arn,
        "ServiceRole": task.service_role_arn,
        "Type": task.task_type,
        "TaskParameters": _task_parameters(task, invocations),
        "Priority": task.priority,
        "MaxConcurrency": task.max_concurrency,
        "MaxErrors": task.max_errors,
        **_standing(one),
    }


def described_invocation(execution_id: str, task: Task, one: Invocation) -> dict[str, Any]:
    """The members of MaintenanceWindowExecutionTaskInvocationIdentity."""
    shown = {
        "WindowExecutionId": execution_id,
        "TaskExecutionId": one.task_execution_id,
        "InvocationId": one.invocation_id,
        "ExecutionId": one.run_id,
        "TaskType": task.task_type,
        "Parameters": one.parameters,
        "OwnerInformation": one.place.owner_information,
        "WindowTargetId": one.place.window_target_id,
    }
    return {member: value for member, value in shown.items() if value} | _standing(one)


def _task_parameters(task: Task, invocations: list[Invocation]) -> list[dict[str, Any]]:
    parameters = dict(task.task_parameters)
    if task.task_type == RUN_COMMAND:
        given = task.own_parameters.get("Parameters", {})
        parameters |= {name: {"Values": list(values)} for name, values in given.items()}
    ids = [node_id for one in invocations for node_id in one.place.node_ids]
    if ids:
        parameters["aws:InstanceId"] = {"Values": ids}
    return [parameters] if parameters else []


def _standing(one: Execution | TaskExecution | Invocation) -> dict[str, Any]:
    shown: dict[str, Any] = {"Status": str(one.status)}
    if one.details:
        shown["StatusDetails"] = one.details
    if one.started_ms is not None:
        shown["StartTime"] = one.started_ms / 1000
    if one.ended_ms is not None:
        shown["EndTime"] = one.ended_ms / 1000
    return shown


def written(value: object) -> str:
    """JSON, as AWS shows an invocation's Parameters."""
    return msgspec.json.encode(value).decode()
