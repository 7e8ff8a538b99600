"""What windows did: executions, their tasks and invocations; and stopping one."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.windows.actions import advancing
from hostreeve.capabilities.windows.model.execution import (
    Execution,
    Status,
    TaskExecution,
    described_execution,
    described_invocation,
    described_task_execution,
    described_task_identity,
)
from hostreeve.capabilities.windows.operations.service import (
    PAGE,
    PAGE_MAX,
    error,
    filters,
    next_page,
    ssm,
    window_arns,
)
from hostreeve.capabilities.windows.store import executions as store
from hostreeve.scheduling.clock import date_ms
from hostreeve.scheduling.refusal import InvalidExpression

_SHOWN_IN_PARAMETERS = 100
_STATUSES = [str(status) for status in Status]


@ssm.reads("DescribeMaintenanceWindowExecutions", on=window_arns)
def describe_maintenance_window_executions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The newest first. A window that is gone still has its history."""
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    asked = filters(request, ("ExecutedBefore", "ExecutedAfter"))
    after_ms, after_id = page.parts(int, str)
    found = store.newest(
        call.tx,
        call.scope,
        request["WindowId"],
        since_ms=_time(asked, "ExecutedAfter"),
        until_ms=_time(asked, "ExecutedBefore"),
        after=(after_ms, after_id) if after_id else None,
        limit=page.limit + 1,
    )
    token = page.token(found, lambda one: (one.started_ms, one.execution_id))
    return {"WindowExecutions": [described_execution(one) for one in found[: page.limit]]} | next_page(token)


@ssm.reads("GetMaintenanceWindowExecution", on=anything)
def get_maintenance_window_execution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    execution = _execution(call, request)
    tasks = store.task_executions(call.tx, call.scope, execution.execution_id)
    shown = described_execution(execution)
    del shown["WindowId"]
    return shown | {"TaskIds": [one.task_execution_id for one in tasks]}


@ssm.writes("CancelMaintenanceWindowExecution", on=anything)
def cancel_maintenance_window_execution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    execution = _execution(call, request)
    advancing.cancel(call.tx, execution, call.now_ms)
    return {"WindowExecutionId": execution.execution_id}


@ssm.reads("DescribeMaintenanceWindowExecutionTasks", on=anything)
def describe_maintenance_window_execution_tasks(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    statuses = _statuses(request)
    execution = _execution(call, request)
    found = store.task_executions(
        call.tx,
        call.scope,
        execution.execution_id,
        statuses=statuses,
        after=page.after,
        limit=page.limit + 1,
    )
    listed = [described_task_identity(execution.execution_id, one) for one in found[: page.limit]]
    token = page.token(found, lambda one: one.task_execution_id)
    return {"WindowExecutionTaskIdentities": listed} | next_page(token)


@ssm.reads("GetMaintenanceWindowExecutionTask", on=anything)
def get_maintenance_window_execution_task(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    execution, task = _task(call, request)
    invocations = store.invocations(
        call.tx,
        call.scope,
        execution.execution_id,
        task.task_execution_id,
        limit=_SHOWN_IN_PARAMETERS,
    )
    return described_task_execution(execution.execution_id, task, invocations)


@ssm.reads("DescribeMaintenanceWindowExecutionTaskInvocations", on=anything)
def describe_maintenance_window_execution_task_invocations(
    call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    statuses = _statuses(request)
    execution, task = _task(call, request)
    (after,) = page.parts(int)
    found = store.invocations(
        call.tx,
        call.scope,
        execution.execution_id,
        task.task_execution_id,
        statuses=statuses,
        # Numbers count from 0, and 0 is what a first page says too.
        after=after - 1,
        limit=page.limit + 1,
    )
    listed = [described_invocation(execution.execution_id, task.task, one) for one in found[: page.limit]]
    token = page.token(found, lambda one: one.number + 1)
    return {"WindowExecutionTaskInvocationIdentities": listed} | next_page(token)


@ssm.reads("GetMaintenanceWindowExecutionTaskInvocation", on=anything)
def get_maintenance_window_execution_task_invocation(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    execution, task = _task(call, request)
    found = store.find_invocation(
        call.tx,
        call.scope,
        execution.execution_id,
        task.task_execution_id,
        request["InvocationId"].lower(),
    )
    if found is None:
        raise error.DoesNotExistException(f"Task invocation {request['InvocationId']} does not exist")
    return described_invocation(execution.execution_id, task.task, found)


def _execution(call: Call, request: dict[str, Any]) -> Execution:
    execution_id = request["WindowExecutionId"]
    execution = store.find(call.tx, call.scope, execution_id.lower())
    if execution is None:
        raise error.DoesNotExistException(f"Maintenance window execution {execution_id} does not exist")
    return execution


def _task(call: Call, request: dict[str, Any]) -> tuple[Execution, TaskExecution]:
    execution = _execution(call, request)
    task_id = request["TaskId"]
    task = store.find_task(call.tx, call.scope, execution.execution_id, task_id.lower())
    if task is None:
        raise error.DoesNotExistException(f"Maintenance window execution task {task_id} does not exist")
    return execution, task


def _statuses(request: dict[str, Any]) -> list[str] | None:
    asked = filters(request, ("STATUS",)).get("STATUS")
    wrong = [value for value in asked or () if value not in _STATUSES]
    if wrong:
        raise error.ValidationException(f"{wrong[0][:40]} is not a status of executions.")
    return asked


def _time(asked: dict[str, list[str]], key: str) -> int | None:
    if key not in asked:
        return None
    try:
        return date_ms(asked[key][0])
    except InvalidExpression as wrong:
        raise error.ValidationException(f"The filter {key}: {wrong.problem}.") from None
