"""Tasks registered with windows."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities.windows.actions import changing, registering
from hostreeve.capabilities.windows.model import pseudo
from hostreeve.capabilities.windows.model.quotas import quota
from hostreeve.capabilities.windows.model.window import (
    INSTANCES,
    PARAMETERS_OF,
    RUN_COMMAND,
    TASK_MEMBERS,
    WINDOW_TARGETS,
    Task,
    Window,
    kept_parameters,
)
from hostreeve.capabilities.windows.store import windows as store
from hostreeve.kernel.scope import PARTITION
from hostreeve.platform import identity

error = ServiceErrors(service("ssm"))

SERVICE = "ssm.amazonaws.com"
PLACEHOLDER = "1"
"""What AWS shows as MaxConcurrency and MaxErrors of tasks without targets."""


def register(call: Call, request: Mapping[str, Any]) -> Task:
    """Register a task under a new id. Without a role it acts as Systems Manager's own, which is made if it is
    not there."""
    window = changing.found(call, request["WindowId"]).window
    given = _members(request)
    most = quota("maintenance-window-tasks")
    if len(store.tasks(call.tx, call.scope, window.window_id, limit=most)) >= most:
        raise error.ResourceLimitExceededException(f"A maintenance window can have {most} tasks.")
    given.setdefault("targets", [])
    _fill_limits(given)
    task = Task(
        task_id=call.world.uuid(),
        task_type=request["TaskType"],
        **{**given, "service_role_arn": _role(call, given.get("service_role_arn"))},
    )
    _check(call, window, task)
    store.keep_task(call.tx, call.scope, window.window_id, task)
    return task


def update(call: Call, request: Mapping[str, Any]) -> Task:
    """Change a registered task; with Replace, what the request does not name is as if it never had been."""
    window_id = request["WindowId"]
    window = changing.found(call, window_id).window
    before = found(call, window_id, request["WindowTaskId"])
    given = _members(request)
    if "service_role_arn" in given or request.get("Replace"):
        given["service_role_arn"] = _role(call, given.get("service_role_arn"))
    if request.get("Replace"):
        if "task_arn" not in given:
            raise error.ValidationException("With Replace, TaskArn must be given.")
        given.setdefault("targets", [])
        _fill_limits(given)
        task = Task(task_id=before.task_id, task_type=before.task_type, **given)
    else:
        if not given.get("targets", before.targets):
            given["targets"] = []
            _fill_limits(given)
        task = msgspec.structs.replace(before, **given)
    _check(call, window, task)
    store.keep_task(call.tx, call.scope, window_id, task)
    return task


def found(call: Call, window_id: str, task_id: str) -> Task:
    """DoesNotExistException when there is no such window, or none of it."""
    changing.found(call, window_id)
    task = store.find_task(call.tx, call.scope, window_id, task_id.lower())
    if task is None:
        raise error.DoesNotExistException(f"Task {task_id} does not exist in maintenance window {window_id}")
    return task


def _members(request: Mapping[str, Any]) -> dict[str, Any]:
    if request.get("AlarmConfiguration"):
        # A safety gate that does nothing would be worse than none.
        raise error.ValidationException(
            "AlarmConfiguration needs the service CloudWatch, which this version does not have yet."
        )
    if request.get("TaskParameters") and request.get("TaskInvocationParameters"):
        raise error.ValidationException("TaskParameters and TaskInvocationParameters exclude each other.")
    named = {attribute: request[member] for member, attribute in TASK_MEMBERS.items() if member in request}
    if "parameters" in named:
        named["parameters"] = kept_parameters(named["parameters"])
    if "task_parameters" in named:
        named["task_parameters"] = {
            name: {"Values": each.get("Values", [])} for name, each in named["task_parameters"].items()
        }
    return named


def _fill_limits(given: dict[str, Any]) -> None:
    """Tasks without targets have no limits, and AWS shows a placeholder; all others must have them."""
    for attribute, member in (("max_concurrency", "MaxConcurrency"), ("max_errors", "MaxErrors")):
        if not given["targets"]:
            if attribute in given:
                raise error.ValidationException(
                    f"Maintenance window tasks without targets don't support {member} values"
                )
            given[attribute] = PLACEHOLDER
        elif attribute not in given:
            raise error.ValidationException(f"{member} must be given for a task that has targets.")


def _role(call: Call, role_arn: str | None) -> str:
    if not role_arn:
        role = identity.service_role(
            call.tx, call.world, account=call.scope.account, service=SERVICE, now_ms=call.now_ms
        )
        return role.arn
    if not role_arn.startswith(f"arn:{PARTITION}:iam::{call.scope.account}:role/") or "*" in role_arn:
        raise error.ValidationException(f"ServiceRoleArn: {role_arn[:256]} is not a role of this account.")
    # Whether the role is there, and trusts Systems Manager, shows when the window opens: as at AWS.
    call.require("iam:PassRole", [role_arn], {"iam:PassedToService": [SERVICE]})
    return role_arn


def _check(call: Call, window: Window, task: Task) -> None:
    wrong = set(task.parameters) - {PARAMETERS_OF[task.task_type]}
    if wrong:
        raise error.ValidationException(
            f"TaskInvocationParameters: {sorted(wrong)[0]} does not go with the type {task.task_type}."
        )
    if task.task_type == RUN_COMMAND and not task.targets:
        raise error.ValidationException("A task of the type RUN_COMMAND needs targets.")
    unfit = pseudo.named_in(task.own_parameters) & set(pseudo.OF_ONE_RESOURCE)
    if task.task_type == RUN_COMMAND and unfit:
        raise error.ValidationException(
            f"{{{{{sorted(unfit)[0]}}}}} is not supported in tasks of the type RUN_COMMAND."
        )
    _check_targets(call, window, task)


def _check_targets(call: Call, window: Window, task: Task) -> None:
    for target in task.targets:
        key, values = target.get("Key", ""), target.get("Values") or []
        if key not in (WINDOW_TARGETS, INSTANCES):
            raise error.ValidationException(
                f"The Key of a task's target is {WINDOW_TARGETS} or {INSTANCES}, not {key}."
            )
        if not values:
            raise error.ValidationException(f"The target {key} needs values.")
        if key == INSTANCES and not window.allows_unassociated:
            raise error.ValidationException(
                f"Maintenance window {window.window_id} does not allow unassociated targets: name targets "
                f"that are registered with it, by {WINDOW_TARGETS}."
            )
    ids = registering.window_targets(task.targets)
    most = quota("maintenance-window-targets-per-task")
    if len(ids) > most:
        raise error.ResourceLimitExceededException(f"A task can have {most} targets.")
    for target_id in ids:
        registering.found(call, window.window_id, target_id)
