"""One step of an execution's life: load where it stands, plan, apply what was planned, in one transaction."""

from hostreeve.api.call import Call, Sealer
from hostreeve.api.errors import AwsError
from hostreeve.capabilities.windows import lifecycle
from hostreeve.capabilities.windows.actions import changing, placing, runners, telling
from hostreeve.capabilities.windows.actions.runners import OWNER
from hostreeve.capabilities.windows.lifecycle import ENDED, Plan, Progress, Verdict
from hostreeve.capabilities.windows.model.execution import (
    DETAILS_CHARS_MAX,
    Execution,
    Invocation,
    Status,
    TaskExecution,
    written,
)
from hostreeve.capabilities.windows.model.window import Task
from hostreeve.capabilities.windows.store import executions
from hostreeve.kernel.scope import PARTITION, Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform import identity

SERVICE = "ssm.amazonaws.com"
ROLE_UNFIT = "The provided role does not contain the correct SSM permissions."
LOOKED_AT_MAX = 1_000
"""Running invocations of one task that one transaction looks at."""
_GOING = (str(Status.IN_PROGRESS), str(Status.CANCELLING))


class Unfit(Exception):
    """A task that cannot be done at all; the text becomes its StatusDetails."""


def ended(tx: Transaction, scope: Scope, execution_id: str, now_ms: int) -> None:
    """Something that an execution started is over: it is looked at right after this transaction."""
    executions.make_due(tx, scope, execution_id, now_ms)
    tx.wake(changing.CHANNEL, execution_id)


def cancel(tx: Transaction, execution: Execution, now_ms: int) -> None:
    """Start nothing more; what runs goes on. No effect on an execution that has ended."""
    if executions.become(tx, execution, Status.CANCELLING, "", None):
        telling.execution(tx, execution, Status.CANCELLING, ended=False, now_ms=now_ms)
        ended(tx, execution.scope, execution.execution_id, now_ms)


def advance(
    tx: Transaction, scope: Scope, execution_id: str, *, world: World, keys: Sealer, now_ms: int
) -> bool:
    """Move one execution on. False when it now waits, for what it started or for its cutoff."""
    execution = executions.find(tx, scope, execution_id)
    if execution is None or execution.status in ENDED:
        executions.make_due(tx, scope, execution_id, None)
        return False
    tasks = executions.task_executions(tx, scope, execution_id)
    for one in tasks:
        if one.status is Status.IN_PROGRESS:
            _take_over(tx, execution, one, now_ms)
    standings = executions.standings(tx, scope, execution_id, tasks)
    progress = Progress(cutoff_ms=execution.cutoff_ms, is_cancelling=execution.status is Status.CANCELLING)
    plan = lifecycle.plan(progress, standings, now_ms)
    if plan.is_nothing:
        # After the cutoff nothing is decided by time any more.
        due_ms = execution.cutoff_ms if now_ms < execution.cutoff_ms else None
        executions.make_due(tx, scope, execution_id, due_ms)
        return False
    executions.make_due(tx, scope, execution_id, now_ms)
    _Step(tx, execution, {one.task_execution_id: one for one in tasks}, world, keys, now_ms).apply(plan)
    return True


def _take_over(tx: Transaction, execution: Execution, one: TaskExecution, now_ms: int) -> None:
    """Write down what has ended since."""
    runner = runners.runner_of(one.task.task_type)
    running = executions.invocations(
        tx,
        execution.scope,
        execution.execution_id,
        one.task_execution_id,
        statuses=_GOING,
        limit=LOOKED_AT_MAX,
    )
    for invocation in running if runner is not None else ():
        outcome = runner.look(tx, execution.scope, invocation.run_id) if runner is not None else None
        if outcome is None:
            continue
        status, details = outcome.status, outcome.details
        if status is Status.CANCELLED and invocation.status is Status.CANCELLING:
            # Nobody but the cutoff cancels what a window has started.
            status, details = Status.TIMED_OUT, lifecycle.CUT_OFF
        _end(
            tx,
            execution,
            invocation,
            Verdict(status, details),
            now_ms=now_ms,
            resources=outcome.resources,
            errors=outcome.errors,
        )


def _end(
    tx: Transaction,
    execution: Execution,
    one: Invocation,
    verdict: Verdict,
    *,
    now_ms: int,
    **changes: int | str,
) -> None:
    details = verdict.details[:DETAILS_CHARS_MAX]
    if executions.become_invocation(
        tx, execution, one, verdict.status, details=details, ended_ms=now_ms, **changes
    ):
        telling.invocation(tx, execution, one, verdict.status, ended=True, now_ms=now_ms)


class _Step:
    """Does what was planned, in one transaction."""

    def __init__(
        self,
        tx: Transaction,
        execution: Execution,
        tasks: dict[str, TaskExecution],
        world: World,
        keys: Sealer,
        now_ms: int,
    ) -> None:
        self._tx, self._execution, self._tasks = tx, execution, tasks
        self._world, self._keys, self._now_ms = world, keys, now_ms

    def apply(self, plan: Plan) -> None:
        for task_execution_id, verdict in plan.end:
            self._end_task(task_execution_id, verdict)
        for task_execution_id, verdict in plan.drop:
            for one in self._waiting(task_execution_id, LOOKED_AT_MAX):
                _end(self._tx, self._execution, one, verdict, now_ms=self._now_ms)
        for task_execution_id in plan.cancel:
            self._cancel(task_execution_id)
        for task_execution_id in plan.prepare:
            self._prepare(task_execution_id)
        for task_execution_id, room in plan.start:
            for one in self._waiting(task_execution_id, room):
                self._start(self._tasks[task_execution_id].task, one)
        if plan.conclude is not None:
            self._conclude(plan.conclude)

    def _conclude(self, verdict: Verdict) -> None:
        execution, now_ms = self._execution, self._now_ms
        if executions.become(self._tx, execution, verdict.status, verdict.details, now_ms):
            telling.execution(self._tx, execution, verdict.status, ended=True, now_ms=now_ms)
        executions.make_due(self._tx, execution.scope, execution.execution_id, None)

    def _end_task(self, task_execution_id: str, verdict: Verdict) -> None:
        details = verdict.details[:DETAILS_CHARS_MAX]
        if executions.become_task(
            self._tx,
            self._execution,
            task_execution_id,
            verdict.status,
            details=details,
            now_ms=self._now_ms,
        ):
            self._tell_task(task_execution_id, verdict.status, ended=True)

    def _tell_task(self, task_execution_id: str, status: Status, *, ended: bool) -> None:
        started_ms = self._tasks[task_execution_id].started_ms
        telling.task(
            self._tx,
            self._execution,
            task_execution_id,
            status,
            started_ms=started_ms if ended else self._now_ms,
            ended=ended,
            now_ms=self._now_ms,
        )

    def _prepare(self, task_execution_id: str) -> None:
        """The task's turn has come: what it is for is looked up, and becomes invocations that wait."""
        task = self._tasks[task_execution_id].task
        try:
            places = placing.places(self._call(task), self._execution.window_id, task)
        except Unfit as unfit:
            self._end_task(task_execution_id, Verdict(Status.FAILED, str(unfit)))
            return
        except AwsError as refused:
            self._end_task(task_execution_id, Verdict(Status.FAILED, _why(refused)))
            return
        become = executions.become_task
        if become(self._tx, self._execution, task_execution_id, Status.IN_PROGRESS, now_ms=self._now_ms):
            named = [(self._world.uuid(), place) for place in places]
            executions.insert_invocations(self._tx, self._execution, task_execution_id, named)
            self._tell_task(task_execution_id, Status.IN_PROGRESS, ended=False)

    def _start(self, task: Task, one: Invocation) -> None:
        parameters = runners.parameters_of(task, one.place, self._known(task, one))
        shown = written(parameters)
        runner = runners.runner_of(task.task_type)
        owner = f"{OWNER}:{self._execution.execution_id}"
        try:
            if runner is None:
                raise Unfit(runners.missing(task.task_type))
            run_id = runner.start(self._call(task), task, one.place, parameters, owner)
        except (Unfit, AwsError) as refused:
            why = _why(refused) if isinstance(refused, AwsError) else str(refused)
            _end(
                self._tx,
                self._execution,
                one,
                Verdict(Status.FAILED, why),
                now_ms=self._now_ms,
                started_ms=self._now_ms,
                parameters=shown,
                resources=1,
                errors=1,
            )
            return
        if executions.become_invocation(
            self._tx,
            self._execution,
            one,
            Status.IN_PROGRESS,
            run_id=run_id,
            parameters=shown,
            started_ms=self._now_ms,
        ):
            telling.invocation(
                self._tx, self._execution, one, Status.IN_PROGRESS, ended=False, now_ms=self._now_ms
            )

    def _cancel(self, task_execution_id: str) -> None:
        runner = runners.runner_of(self._tasks[task_execution_id].task.task_type)
        running = executions.invocations(
            self._tx,
            self._execution.scope,
            self._execution.execution_id,
            task_execution_id,
            statuses=[str(Status.IN_PROGRESS)],
            limit=LOOKED_AT_MAX,
        )
        for one in running:
            if runner is None or not executions.become_invocation(
                self._tx, self._execution, one, Status.CANCELLING
            ):
                continue
            runner.cancel(self._tx, self._execution.scope, one.run_id, self._now_ms)
            telling.invocation(
                self._tx, self._execution, one, Status.CANCELLING, ended=False, now_ms=self._now_ms
            )

    def _waiting(self, task_execution_id: str, limit: int) -> list[Invocation]:
        return executions.invocations(
            self._tx,
            self._execution.scope,
            self._execution.execution_id,
            task_execution_id,
            statuses=[str(Status.PENDING)],
            limit=limit,
        )

    def _call(self, task: Task) -> Call:
        """Systems Manager as the task's role. Unfit when it cannot become that."""
        account = self._execution.account
        name = task.service_role_arn.removeprefix(f"arn:{PARTITION}:iam::{account}:role/")
        role = identity.find_role(self._tx, account, name)
        if role is None or role.arn != task.service_role_arn:
            raise Unfit(f"The role {task.service_role_arn} does not exist.")
        if not identity.trusts(role, SERVICE):
            raise Unfit(f"Systems Manager cannot assume the role {role.arn}: it does not trust {SERVICE}.")
        return identity.act_as(
            self._tx,
            self._execution.scope,
            role,
            self._execution.execution_id,
            service=SERVICE,
            world=self._world,
            keys=self._keys,
            now_ms=self._now_ms,
        )

    def _known(self, task: Task, one: Invocation) -> dict[str, str]:
        """The values of the pseudo-parameters."""
        return {
            "WINDOW_ID": self._execution.window_id,
            "WINDOW_TASK_ID": task.task_id,
            "WINDOW_TARGET_ID": one.place.window_target_id,
            "WINDOW_EXECUTION_ID": self._execution.execution_id,
            "TASK_EXECUTION_ID": one.task_execution_id,
            "INVOCATION_ID": one.invocation_id,
            "TARGET_TYPE": one.place.target_type,
            "TARGET_ID": one.place.target_id,
            "RESOURCE_ID": one.place.resource_id,
        }


def _why(refused: AwsError) -> str:
    if refused.code == "AccessDeniedException":
        return f"{ROLE_UNFIT} {refused.message}"
    return f"{refused.code}: {refused.message}"
