"""A maintenance window, its registered targets and tasks, as values, and how AWS callers see them."""

import base64
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

from msgspec import Struct

from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.scheduling import clock, rules
from hostreeve.scheduling.clock import date_ms, wall_time, zone
from hostreeve.scheduling.expressions import Timing, parse
from hostreeve.scheduling.refusal import InvalidExpression

HOUR_MS = 3_600_000
RUN_COMMAND, AUTOMATION, LAMBDA, STEP_FUNCTIONS = "RUN_COMMAND", "AUTOMATION", "LAMBDA", "STEP_FUNCTIONS"
PARAMETERS_OF = {
    RUN_COMMAND: "RunCommand",
    AUTOMATION: "Automation",
    LAMBDA: "Lambda",
    STEP_FUNCTIONS: "StepFunctions",
}
"""The member of TaskInvocationParameters that goes with each type of task."""

INSTANCE, RESOURCE_GROUP = "INSTANCE", "RESOURCE_GROUP"
WINDOW_TARGETS, INSTANCES = "WindowTargetIds", "InstanceIds"
CONTINUE_TASK, CANCEL_TASK = "CONTINUE_TASK", "CANCEL_TASK"


class Window(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A window as it was asked for. Hours and days are numbers of them, dates the texts that were given.

    `anchor_ms` is when its schedule was made or last changed: rates and offsets count from it.
    """

    window_id: str
    name: str
    schedule: str
    duration_h: int
    cutoff_h: int
    allows_unassociated: bool
    created_ms: int
    modified_ms: int
    anchor_ms: int
    is_enabled: bool = True
    description: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    timezone: str | None = None
    offset_days: int | None = None

    @property
    def timing(self) -> Timing:
        """When it opens. InvalidExpression for what cannot be."""
        return Timing(
            expression=parse(self.schedule),
            zone=zone(self.timezone) if self.timezone else UTC,
            anchor_ms=self.anchor_ms,
            offset_days=self.offset_days or 0,
            start_ms=date_ms(self.start_date) if self.start_date else None,
            end_ms=date_ms(self.end_date) if self.end_date else None,
        )

    def following(self, after_ms: int) -> int | None:
        """When it opens next after that; None when it does not, or is not enabled."""
        return self.timing.following(after_ms) if self.is_enabled else None

    def ends_ms(self, opened_ms: int) -> int:
        return opened_ms + self.duration_h * HOUR_MS

    def cutoff_ms(self, opened_ms: int) -> int:
        """When it stops starting anything."""
        return opened_ms + (self.duration_h - self.cutoff_h) * HOUR_MS

    def shown_time(self, at_ms: int) -> str:
        """`2027-01-06T09:00-08:00`: by the clock of its zone, seconds only where there are some, as AWS's."""
        wall = wall_time(at_ms // 1000, zone(self.timezone) if self.timezone else UTC)
        text = f"{wall:%Y-%m-%dT%H:%M}" + (f":{wall:%S}" if wall.second else "")
        offset = wall.utcoffset() or timedelta()
        return text + ("Z" if not offset else f"{wall:%z}"[:3] + ":" + f"{wall:%z}"[3:5])


WINDOW_MEMBERS = {
    "Name": "name",
    "Description": "description",
    "StartDate": "start_date",
    "EndDate": "end_date",
    "Schedule": "schedule",
    "ScheduleTimezone": "timezone",
    "ScheduleOffset": "offset_days",
    "Duration": "duration_h",
    "Cutoff": "cutoff_h",
    "AllowUnassociatedTargets": "allows_unassociated",
    "Enabled": "is_enabled",
}
WINDOW_REQUIRED = ("Name", "Schedule", "Duration", "Cutoff", "AllowUnassociatedTargets")
SCHEDULE_MEMBERS = frozenset({"schedule", "timezone", "offset_days", "start_date", "end_date", "is_enabled"})


class Target(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Targets that are registered under one id: `targets` are AWS's (Key, Values)."""

    target_id: str
    resource_type: str
    targets: list[dict[str, Any]]
    owner_information: str | None = None
    name: str | None = None
    description: str | None = None


TARGET_MEMBERS = {
    "Targets": "targets",
    "OwnerInformation": "owner_information",
    "Name": "name",
    "Description": "description",
}


class Task(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task as it is registered. `parameters` is TaskInvocationParameters, its blobs in base64."""

    task_id: str
    task_arn: str
    task_type: str
    service_role_arn: str
    targets: list[dict[str, Any]]
    max_concurrency: str
    max_errors: str
    priority: int = 0
    task_parameters: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    logging_info: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    cutoff_behavior: str | None = None

    @property
    def own_parameters(self) -> dict[str, Any]:
        """What TaskInvocationParameters says for its type."""
        found: dict[str, Any] = self.parameters.get(PARAMETERS_OF[self.task_type], {})
        return found

    @property
    def cancels_at_cutoff(self) -> bool:
        return self.cutoff_behavior == CANCEL_TASK


TASK_MEMBERS = {
    "Targets": "targets",
    "TaskArn": "task_arn",
    "ServiceRoleArn": "service_role_arn",
    "TaskParameters": "task_parameters",
    "TaskInvocationParameters": "parameters",
    "Priority": "priority",
    "MaxConcurrency": "max_concurrency",
    "MaxErrors": "max_errors",
    "LoggingInfo": "logging_info",
    "Name": "name",
    "Description": "description",
    "CutoffBehavior": "cutoff_behavior",
}


def new_window_id(world: World) -> str:
    return "mw-" + world.hex(17)


def window_arn(scope: Scope, window_id: str) -> str:
    return scope.arn("ssm", f"maintenancewindow/{window_id}")


def check(window: Window) -> None:
    """ValueError says what of a window cannot be, beginning with the member's name."""
    if window.cutoff_h >= window.duration_h:
        raise ValueError("Cutoff must be less than Duration")
    try:
        expression = parse(window.schedule)
        rules.check_window(expression)
    except InvalidExpression as wrong:
        raise ValueError(f"Schedule: {wrong}") from None
    for member, text, read in (
        ("ScheduleTimezone", window.timezone, clock.zone),
        ("StartDate", window.start_date, date_ms),
        ("EndDate", window.end_date, date_ms),
    ):
        try:
            if text is not None:
                read(text)
        except InvalidExpression as wrong:
            raise ValueError(f"{member}: {wrong.problem}") from None
    try:
        timing = window.timing
    except InvalidExpression as wrong:
        raise ValueError(f"ScheduleOffset: {wrong.problem}") from None
    if timing.start_ms is not None and timing.end_ms is not None and timing.end_ms <= timing.start_ms:
        raise ValueError("EndDate must be after StartDate")


def described_window(window: Window, *, next_ms: int | None = None) -> dict[str, Any]:
    """The members that windows have in AWS's answers."""
    shown = {"WindowId": window.window_id, **_shown(window, WINDOW_MEMBERS)}
    return shown | ({} if next_ms is None else {"NextExecutionTime": window.shown_time(next_ms)})


def described_target(window_id: str, target: Target) -> dict[str, Any]:
    """The members of MaintenanceWindowTarget."""
    shown = {"WindowId": window_id, "WindowTargetId": target.target_id}
    return shown | {"ResourceType": target.resource_type} | _shown(target, TARGET_MEMBERS)


def described_task(window_id: str, task: Task) -> dict[str, Any]:
    """The members of GetMaintenanceWindowTask."""
    shown = {"WindowId": window_id, "WindowTaskId": task.task_id, "TaskType": task.task_type}
    return shown | _shown(task, TASK_MEMBERS) | {"TaskInvocationParameters": _opened(task.parameters)}


def kept_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """TaskInvocationParameters as a task keeps them: a function's payload in base64."""
    function = given.get("Lambda", {})
    if "Payload" not in function:
        return dict(given)
    payload = base64.b64encode(function["Payload"]).decode()
    return {**given, "Lambda": {**function, "Payload": payload}}


def _opened(kept: Mapping[str, Any]) -> dict[str, Any]:
    function = kept.get("Lambda", {})
    if "Payload" not in function:
        return dict(kept)
    return {**kept, "Lambda": {**function, "Payload": base64.b64decode(function["Payload"])}}


def _shown(value: Struct, members: Mapping[str, str]) -> dict[str, Any]:
    found = {member: getattr(value, attribute) for member, attribute in members.items()}
    return {member: each for member, each in found.items() if each is not None}
