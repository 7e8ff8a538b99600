"""The state machines of a window's execution: statuses, transitions, and what to do next.

Pure: `plan` sees how each task of an execution stands, counted, and the time; never a row or a clock.
"""

from collections.abc import Sequence

from msgspec import Struct

from hostreeve.capabilities.windows.model.execution import NO_INVOCATIONS, NO_TASKS, Status

ENDED = frozenset(
    {Status.SUCCESS, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED, Status.SKIPPED_OVERLAPPING}
)
_OUTCOMES = frozenset({Status.SUCCESS, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED})

EXECUTION_MAY_BECOME: dict[Status, frozenset[Status]] = {
    Status.PENDING: _OUTCOMES | {Status.IN_PROGRESS, Status.CANCELLING},
    Status.IN_PROGRESS: _OUTCOMES | {Status.CANCELLING},
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    **{status: frozenset() for status in ENDED},
}
TASK_MAY_BECOME: dict[Status, frozenset[Status]] = {
    Status.PENDING: _OUTCOMES | {Status.IN_PROGRESS},
    Status.IN_PROGRESS: _OUTCOMES,
    **{status: frozenset() for status in _OUTCOMES},
}
INVOCATION_MAY_BECOME: dict[Status, frozenset[Status]] = {
    # What cannot be started fails at once.
    Status.PENDING: _OUTCOMES | {Status.IN_PROGRESS},
    Status.IN_PROGRESS: _OUTCOMES | {Status.CANCELLING},
    # A command may have finished before the cancel reached its nodes.
    Status.CANCELLING: _OUTCOMES,
    **{status: frozenset() for status in _OUTCOMES},
}

NOT_STARTED = "The task was not started before the cutoff of the maintenance window."
CUT_OFF = "The task was not finished at the cutoff of the maintenance window."
CANCELLED = "The execution of the maintenance window was cancelled."
TOO_MANY_ERRORS = "MaxErrors of the task was exceeded."
BATCH_MAX = 200
"""Invocations that one transaction starts."""


class Progress(Struct, frozen=True, kw_only=True):
    """What `plan` needs to know of an execution besides its tasks."""

    cutoff_ms: int
    is_cancelling: bool = False


class TaskStanding(Struct, frozen=True, kw_only=True):
    """A task counted: its invocations by where they stand, and what those that ended were done to.

    `is_command`: Run Command does its own rate control, so its targets come one after another.
    """

    task_execution_id: str
    status: Status = Status.PENDING
    priority: int = 0
    is_command: bool = True
    cancels_at_cutoff: bool = False
    max_concurrency: str = "1"
    max_errors: str = "1"
    pending: int = 0
    running: int = 0
    cancelling: int = 0
    success: int = 0
    failed: int = 0
    timed_out: int = 0
    cancelled: int = 0
    resources: int = 0
    errors: int = 0

    @property
    def total(self) -> int:
        ended = self.success + self.failed + self.timed_out + self.cancelled
        return self.pending + self.running + self.cancelling + ended

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


class Verdict(Struct, frozen=True):
    """A final status and its StatusDetails."""

    status: Status
    details: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """What should be done now, by the ids of task executions.

    `prepare`: find out what the task is to be done to, and make its invocations. `start`: so many of those
    that wait. `drop`: those that wait end so. `cancel`: those that run are asked to stop. `end`: the task
    ends so. `conclude`: the execution does.
    """

    prepare: tuple[str, ...] = ()
    start: tuple[tuple[str, int], ...] = ()
    drop: tuple[tuple[str, Verdict], ...] = ()
    cancel: tuple[str, ...] = ()
    end: tuple[tuple[str, Verdict], ...] = ()
    conclude: Verdict | None = None

    @property
    def is_nothing(self) -> bool:
        return self == Plan()


def plan(progress: Progress, tasks: Sequence[TaskStanding], now_ms: int) -> Plan:
    """Decide."""
    if all(task.has_ended for task in tasks):
        return Plan(conclude=verdict(progress, tasks))
    is_over = now_ms >= progress.cutoff_ms
    if progress.is_cancelling or is_over:
        # What has not begun does not any more; AWS lets tasks that run go on when an execution is cancelled.
        left = Verdict(Status.CANCELLED, CANCELLED)
        if not progress.is_cancelling:
            left = Verdict(Status.TIMED_OUT, NOT_STARTED)
        never = tuple((t.task_execution_id, left) for t in tasks if t.status is Status.PENDING)
        if never:
            return Plan(end=never)
    running = [task for task in tasks if task.status is Status.IN_PROGRESS]
    waiting = [task for task in tasks if task.status is Status.PENDING]
    # A group of equal priority begins when nothing of a lower number is left.
    turn = min(task.priority for task in (*running, *waiting))
    return Plan(
        prepare=tuple(task.task_execution_id for task in waiting if task.priority == turn),
        start=tuple((t.task_execution_id, room) for t in running if (room := _room(t, is_over))),
        drop=tuple((t.task_execution_id, why) for t in running if (why := _dropped(t, is_over))),
        cancel=tuple(task.task_execution_id for task in running if _is_cancelled(task, is_over)),
        end=tuple(
            (task.task_execution_id, outcome(task))
            for task in running
            if not (task.pending or task.running or task.cancelling)
        ),
    )


def _room(task: TaskStanding, is_over: bool) -> int:
    """How many more invocations may start now."""
    if _dropped(task, is_over) is not None:
        return 0
    most = 1 if task.is_command else concurrency(task.max_concurrency, task.total)
    return max(0, min(task.pending, most - task.running - task.cancelling, BATCH_MAX))


def _dropped(task: TaskStanding, is_over: bool) -> Verdict | None:
    """Why what waits is not started any more."""
    if not task.pending:
        return None
    reached = task.resources if task.is_command else task.total
    if task.errors > errors_allowed(task.max_errors, reached):
        return Verdict(Status.CANCELLED, TOO_MANY_ERRORS)
    if is_over and task.cancels_at_cutoff:
        return Verdict(Status.TIMED_OUT, CUT_OFF)
    return None


def _is_cancelled(task: TaskStanding, is_over: bool) -> bool:
    """At the cutoff AWS cancels commands; automations, functions and state machines go on."""
    return is_over and task.cancels_at_cutoff and task.is_command and task.running > 0


def outcome(task: TaskStanding) -> Verdict:
    """How a task ends whose invocations have: as the worst of them."""
    if not task.total:
        return Verdict(Status.SUCCESS, NO_INVOCATIONS)
    if task.failed:
        return Verdict(Status.FAILED)
    if task.timed_out:
        return Verdict(Status.TIMED_OUT)
    return Verdict(Status.CANCELLED if task.cancelled else Status.SUCCESS)


def verdict(progress: Progress, tasks: Sequence[TaskStanding]) -> Verdict:
    """How an execution ends whose tasks have."""
    if progress.is_cancelling:
        return Verdict(Status.CANCELLED, CANCELLED)
    if not tasks:
        return Verdict(Status.SUCCESS, NO_TASKS)
    found = {task.status for task in tasks}
    for status in (Status.FAILED, Status.TIMED_OUT, Status.CANCELLED):
        if status in found:
            count = sum(task.status is status for task in tasks)
            return Verdict(status, f"{count} of {len(tasks)} tasks ended as {status}.")
    return Verdict(Status.SUCCESS)


def concurrency(limit: str, total: int) -> int:
    """MaxConcurrency as a number: a percentage is of the targets, rounded down, but at least one."""
    return max(1, _amount(limit, total))


def errors_allowed(limit: str, total: int) -> int:
    """MaxErrors as a number: the error after that many stops the task."""
    return _amount(limit, total)


def _amount(limit: str, total: int) -> int:
    return int(limit[:-1]) * total // 100 if limit.endswith("%") else int(limit)
