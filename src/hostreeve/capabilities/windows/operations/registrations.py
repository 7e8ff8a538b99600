"""Targets and tasks of windows: registered, changed, shown, deregistered."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.capabilities.windows.actions import changing, registering, tasking, tokens
from hostreeve.capabilities.windows.model.window import described_target, described_task
from hostreeve.capabilities.windows.operations.service import (
    PAGE,
    PAGE_MAX,
    filters,
    next_page,
    ssm,
    window_arns,
)
from hostreeve.capabilities.windows.store import windows as store

_NOT_LISTED = ("TaskInvocationParameters", "TaskType", "WindowTaskId")
_EVERY = 10_000


@ssm.writes("RegisterTargetWithMaintenanceWindow", on=window_arns)
def register_target_with_maintenance_window(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    def make() -> dict[str, Any]:
        return {"WindowTargetId": registering.register(call, request).target_id}

    return tokens.once(call, "RegisterTargetWithMaintenanceWindow", request, make)


@ssm.writes("UpdateMaintenanceWindowTarget", on=window_arns)
def update_maintenance_window_target(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    shown = described_target(request["WindowId"], registering.update(call, request))
    del shown["ResourceType"]
    return shown


@ssm.writes("DeregisterTargetFromMaintenanceWindow", on=window_arns)
def deregister_target_from_maintenance_window(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    registering.deregister(call, request)
    return {"WindowId": request["WindowId"], "WindowTargetId": request["WindowTargetId"]}


@ssm.reads("DescribeMaintenanceWindowTargets", on=window_arns)
def describe_maintenance_window_targets(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    asked = filters(request, ("Type", "WindowTargetId", "OwnerInformation"))
    changing.found(call, request["WindowId"])
    found = [
        target
        for target in store.targets(call.tx, call.scope, request["WindowId"], after=page.after, limit=_EVERY)
        if target.resource_type in asked.get("Type", [target.resource_type])
        and target.target_id in asked.get("WindowTargetId", [target.target_id])
        and target.owner_information in asked.get("OwnerInformation", [target.owner_information])
    ]
    listed = [described_target(request["WindowId"], target) for target in found[: page.limit]]
    return {"Targets": listed} | next_page(page.token(found, lambda target: target.target_id))


@ssm.writes("RegisterTaskWithMaintenanceWindow", on=window_arns)
def register_task_with_maintenance_window(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    def make() -> dict[str, Any]:
        return {"WindowTaskId": tasking.register(call, request).task_id}

    return tokens.once(call, "RegisterTaskWithMaintenanceWindow", request, make)


@ssm.writes("UpdateMaintenanceWindowTask", on=window_arns)
def update_maintenance_window_task(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    shown = described_task(request["WindowId"], tasking.update(call, request))
    del shown["TaskType"]
    return shown


@ssm.writes("DeregisterTaskFromMaintenanceWindow", on=window_arns)
def deregister_task_from_maintenance_window(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    window_id, task_id = request["WindowId"], request["WindowTaskId"]
    tasking.found(call, window_id, task_id)
    store.remove(call.tx, call.scope, window_id, "task", task_id)
    return {"WindowId": window_id, "WindowTaskId": task_id}


@ssm.reads("GetMaintenanceWindowTask", on=window_arns)
def get_maintenance_window_task(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    window_id = request["WindowId"]
    return described_task(window_id, tasking.found(call, window_id, request["WindowTaskId"]))


@ssm.reads("DescribeMaintenanceWindowTasks", on=window_arns)
def describe_maintenance_window_tasks(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    asked = filters(request, ("WindowTaskId", "TaskArn", "Priority", "TaskType"))
    window_id = request["WindowId"]
    changing.found(call, window_id)
    found = [
        task
        for task in store.tasks(call.tx, call.scope, window_id, after=page.after, limit=_EVERY)
        if task.task_id in asked.get("WindowTaskId", [task.task_id])
        and task.task_arn in asked.get("TaskArn", [task.task_arn])
        and str(task.priority) in asked.get("Priority", [str(task.priority)])
        and task.task_type in asked.get("TaskType", [task.task_type])
    ]
    listed = []
    for task in found[: page.limit]:
        shown = described_task(window_id, task)
        kept = {name: value for name, value in shown.items() if name not in _NOT_LISTED}
        listed.append(kept | {"WindowTaskId": task.task_id, "Type": task.task_type})
    return {"Tasks": listed} | next_page(page.token(found, lambda task: task.task_id))
