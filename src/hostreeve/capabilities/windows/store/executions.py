"""Executions of windows, their tasks and invocations."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.capabilities.windows.lifecycle import (
    EXECUTION_MAY_BECOME,
    INVOCATION_MAY_BECOME,
    TASK_MAY_BECOME,
    TaskStanding,
)
from hostreeve.capabilities.windows.model.execution import (
    Execution,
    Invocation,
    Place,
    Status,
    TaskExecution,
)
from hostreeve.capabilities.windows.model.window import RUN_COMMAND, Task
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPED = "account = :account AND region = :region"
_KEY = f"{_SCOPED} AND execution_id = :execution_id"
_TASK = f"{_KEY} AND task_execution_id = :task_execution_id"
_INVOCATION = f"{_TASK} AND invocation_id = :invocation_id"
_EXECUTION_COLUMNS = (
    "account, region, execution_id, window_id, status, details, started_ms, ended_ms, cutoff_ms, due_ms"
)
_TASK_COLUMNS = "task_execution_id, task, status, details, started_ms, ended_ms"
_INVOCATION_COLUMNS = (
    "task_execution_id, invocation_id, number, place, status, details, run_id, parameters, resources, errors,"
    " started_ms, ended_ms"
)
OPEN = tuple(status for status, after in EXECUTION_MAY_BECOME.items() if after)
_COUNTED = {
    "pending": Status.PENDING,
    "running": Status.IN_PROGRESS,
    "cancelling": Status.CANCELLING,
    "success": Status.SUCCESS,
    "failed": Status.FAILED,
    "timed_out": Status.TIMED_OUT,
    "cancelled": Status.CANCELLED,
}
_COUNTS = ", ".join(
    f"SUM(CASE WHEN status = '{status}' THEN 1 ELSE 0 END) AS {name}" for name, status in _COUNTED.items()
)


def insert(tx: Transaction, execution: Execution) -> None:
    tx.run(
        f"INSERT INTO window_executions ({_EXECUTION_COLUMNS})"
        " VALUES (:account, :region, :execution_id, :window_id, :status, :details, :started_ms, :ended_ms,"
        " :cutoff_ms, :due_ms)",
        **{**msgspec.structs.asdict(execution), "status": str(execution.status)},
    )


def find(tx: Transaction, scope: Scope, execution_id: str) -> Execution | None:
    row = tx.one(
        f"SELECT {_EXECUTION_COLUMNS} FROM window_executions WHERE {_KEY}", **_of(scope, execution_id)
    )
    return _execution(row) if row else None


def find_open(tx: Transaction, scope: Scope, window_id: str) -> Execution | None:
    """The execution of a window that has not ended; there is one at most."""
    row = tx.one(
        f"SELECT {_EXECUTION_COLUMNS} FROM window_executions"
        f" WHERE {_SCOPED} AND window_id = :window_id AND status IN ('PENDING', 'IN_PROGRESS', 'CANCELLING')",
        account=scope.account,
        region=scope.region,
        window_id=window_id,
    )
    return _execution(row) if row else None


def newest(
    tx: Transaction,
    scope: Scope,
    window_id: str,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
    after: tuple[int, str] | None,
    limit: int,
) -> list[Execution]:
    """Executions of a window, the newest first, behind `after` (started_ms, execution_id)."""
    where, given = "", {}
    if since_ms is not None:
        where += " AND started_ms > :since_ms"
        given["since_ms"] = since_ms
    if until_ms is not None:
        where += " AND started_ms < :until_ms"
        given["until_ms"] = until_ms
    if after is not None:
        where += " AND (started_ms, execution_id) < (:after_ms, :after_id)"
        given |= {"after_ms": after[0], "after_id": after[1]}  # type: ignore[dict-item]
    rows = tx.all(
        f"SELECT {_EXECUTION_COLUMNS} FROM window_executions"
        f" WHERE {_SCOPED} AND window_id = :window_id{where}"
        " ORDER BY started_ms DESC, execution_id DESC LIMIT :limit",
        account=scope.account,
        region=scope.region,
        window_id=window_id,
        limit=limit,
        **given,
    )
    return [_execution(row) for row in rows]


def due(tx: Transaction, now_ms: int, limit: int) -> list[tuple[Scope, str]]:
    rows = tx.all(
        "SELECT account, region, execution_id FROM window_executions"
        " WHERE due_ms IS NOT NULL AND due_ms <= :now_ms ORDER BY due_ms LIMIT :limit",
        now_ms=now_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["execution_id"]) for row in rows]


def next_due_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT due_ms FROM window_executions WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1")
    return row["due_ms"] if row else None


def make_due(tx: Transaction, scope: Scope, execution_id: str, due_ms: int | None) -> None:
    """When to look at it again."""
    tx.run(
        f"UPDATE window_executions SET due_ms = :due_ms WHERE {_KEY}",
        **_of(scope, execution_id),
        due_ms=due_ms,
    )


def put_off(tx: Transaction, until_ms: int, *, scope: Scope, execution_id: str) -> None:
    """It could not be moved on: somebody looks at it again then."""
    make_due(tx, scope, execution_id, until_ms)


def become(tx: Transaction, execution: Execution, after: Status, details: str, ended_ms: int | None) -> bool:
    """Change the status of an execution. False when somebody was faster."""
    return bool(
        tx.run(
            "UPDATE window_executions SET status = :after, details = :details, ended_ms = :ended_ms"
            f" WHERE {_KEY} AND status IN :before",
            **_of(execution.scope, execution.execution_id),
            after=str(after),
            details=details,
            ended_ms=ended_ms,
            before=_sources(EXECUTION_MAY_BECOME, after),
        )
    )


def insert_tasks(tx: Transaction, scope: Scope, execution_id: str, tasks: Sequence[tuple[str, Task]]) -> None:
    """Tasks that wait for their turn: (task execution id, task)."""
    tx.many(
        "INSERT INTO window_task_executions"
        f" (account, region, execution_id, {_TASK_COLUMNS})"
        " VALUES (:account, :region, :execution_id, :task_execution_id, :task, 'PENDING', '', NULL, NULL)",
        [
            {
                **_of(scope, execution_id),
                "task_execution_id": task_execution_id,
                "task": msgspec.json.encode(task).decode(),
            }
            for task_execution_id, task in tasks
        ],
    )


def task_executions(
    tx: Transaction,
    scope: Scope,
    execution_id: str,
    *,
    statuses: Sequence[str] | None = None,
    after: str = "",
    limit: int = 10_000,
) -> list[TaskExecution]:
    """The tasks of an execution behind `after`, by id."""
    where, given = _narrowed(statuses)
    rows = tx.all(
        f"SELECT {_TASK_COLUMNS} FROM window_task_executions"
        f" WHERE {_KEY} AND task_execution_id > :after{where} ORDER BY task_execution_id LIMIT :limit",
        **_of(scope, execution_id),
        after=after,
        limit=limit,
        **given,
    )
    return [_task(row) for row in rows]


def find_task(
    tx: Transaction, scope: Scope, execution_id: str, task_execution_id: str
) -> TaskExecution | None:
    row = tx.one(
        f"SELECT {_TASK_COLUMNS} FROM window_task_executions WHERE {_TASK}",
        **_of(scope, execution_id),
        task_execution_id=task_execution_id,
    )
    return _task(row) if row else None


def become_task(
    tx: Transaction,
    execution: Execution,
    task_execution_id: str,
    after: Status,
    *,
    details: str = "",
    now_ms: int,
) -> bool:
    """Change the status of a task; it starts or ends now. False when it may not become that."""
    when = "started_ms" if after is Status.IN_PROGRESS else "ended_ms"
    return bool(
        tx.run(
            f"UPDATE window_task_executions SET status = :after, details = :details, {when} = :now_ms"
            f" WHERE {_TASK} AND status IN :before",
            **_of(execution.scope, execution.execution_id),
            task_execution_id=task_execution_id,
            after=str(after),
            details=details,
            now_ms=now_ms,
            before=_sources(TASK_MAY_BECOME, after),
        )
    )


def insert_invocations(
    tx: Transaction, execution: Execution, task_execution_id: str, places: Sequence[tuple[str, Place]]
) -> None:
    """Invocations that wait for their turn: (invocation id, where), in order."""
    tx.many(
        "INSERT INTO window_invocations"
        f" (account, region, execution_id, {_INVOCATION_COLUMNS})"
        " VALUES (:account, :region, :execution_id, :task_execution_id, :invocation_id, :number, :place,"
        " 'PENDING', '', '', '', 0, 0, NULL, NULL)",
        [
            {
                **_of(execution.scope, execution.execution_id),
                "task_execution_id": task_execution_id,
                "invocation_id": invocation_id,
                "number": number,
                "place": msgspec.json.encode(place).decode(),
            }
            for number, (invocation_id, place) in enumerate(places)
        ],
    )


def standings(
    tx: Transaction, scope: Scope, execution_id: str, tasks: Sequence[TaskExecution]
) -> list[TaskStanding]:
    """Each task with its invocations counted."""
    rows = tx.all(
        f"SELECT task_execution_id, {_COUNTS}, SUM(resources) AS resources, SUM(errors) AS errors"
        f" FROM window_invocations WHERE {_KEY} GROUP BY task_execution_id",
        **_of(scope, execution_id),
    )
    counted = {row.pop("task_execution_id"): {name: int(n or 0) for name, n in row.items()} for row in rows}
    return [
        TaskStanding(
            task_execution_id=one.task_execution_id,
            status=one.status,
            priority=one.task.priority,
            is_command=one.task.task_type == RUN_COMMAND,
            cancels_at_cutoff=one.task.cancels_at_cutoff,
            max_concurrency=one.task.max_concurrency,
            max_errors=one.task.max_errors,
            **counted.get(one.task_execution_id, {}),
        )
        for one in tasks
    ]


def invocations(
    tx: Transaction,
    scope: Scope,
    execution_id: str,
    task_execution_id: str,
    *,
    statuses: Sequence[str] | None = None,
    after: int = -1,
    limit: int,
) -> list[Invocation]:
    """Invocations of a task behind the number `after`, in order."""
    where, given = _narrowed(statuses)
    rows = tx.all(
        f"SELECT {_INVOCATION_COLUMNS} FROM window_invocations"
        f" WHERE {_TASK} AND number > :after{where} ORDER BY number LIMIT :limit",
        **_of(scope, execution_id),
        task_execution_id=task_execution_id,
        after=after,
        limit=limit,
        **given,
    )
    return [_invocation(row) for row in rows]


def find_invocation(
    tx: Transaction, scope: Scope, execution_id: str, task_execution_id: str, invocation_id: str
) -> Invocation | None:
    row = tx.one(
        f"SELECT {_INVOCATION_COLUMNS} FROM window_invocations WHERE {_INVOCATION}",
        **_of(scope, execution_id),
        task_execution_id=task_execution_id,
        invocation_id=invocation_id,
    )
    return _invocation(row) if row else None


def become_invocation(
    tx: Transaction, execution: Execution, one: Invocation, after: Status, **changes: Any
) -> bool:
    """Change the status of an invocation and other columns of it. False when it may not become that."""
    columns = "".join(f", {column} = :{column}" for column in sorted(changes))
    return bool(
        tx.run(
            f"UPDATE window_invocations SET status = :after{columns}"
            f" WHERE {_INVOCATION} AND status IN :before",
            **_of(execution.scope, execution.execution_id),
            task_execution_id=one.task_execution_id,
            invocation_id=one.invocation_id,
            after=str(after),
            before=_sources(INVOCATION_MAY_BECOME, after),
            **changes,
        )
    )


def started_before(tx: Transaction, before_ms: int, limit: int) -> list[tuple[Scope, str]]:
    """Executions that have ended and are older, the oldest first."""
    rows = tx.all(
        "SELECT account, region, execution_id FROM window_executions"
        " WHERE started_ms < :before_ms AND ended_ms IS NOT NULL ORDER BY started_ms LIMIT :limit",
        before_ms=before_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["execution_id"]) for row in rows]


def forget(tx: Transaction, scope: Scope, execution_id: str) -> None:
    """An execution with all that belongs to it."""
    for table in ("window_invocations", "window_task_executions", "window_executions"):
        tx.run(f"DELETE FROM {table} WHERE {_KEY}", **_of(scope, execution_id))


def _narrowed(statuses: Sequence[str] | None) -> tuple[str, dict[str, Any]]:
    return ("", {}) if statuses is None else (" AND status IN :statuses", {"statuses": list(statuses)})


def _sources(machine: Mapping[Status, frozenset[Status]], after: Status) -> list[str]:
    return [str(status) for status, targets in machine.items() if after in targets]


def _execution(row: dict[str, Any]) -> Execution:
    return Execution(**{**row, "status": Status(row["status"])})


def _task(row: dict[str, Any]) -> TaskExecution:
    task = msgspec.json.decode(row["task"], type=Task)
    return TaskExecution(**{**row, "task": task, "status": Status(row["status"])})


def _invocation(row: dict[str, Any]) -> Invocation:
    place = msgspec.json.decode(row["place"], type=Place)
    return Invocation(**{**row, "place": place, "status": Status(row["status"])})


def _of(scope: Scope, execution_id: str) -> dict[str, Any]:
    return {"account": scope.account, "region": scope.region, "execution_id": execution_id}
