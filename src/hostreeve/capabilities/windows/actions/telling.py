"""The events of maintenance windows, in AWS's shapes (source aws.ssm)."""

from datetime import UTC, datetime
from typing import Any

from hostreeve.capabilities.windows.model.execution import Execution, Invocation, Status
from hostreeve.kernel.scope import Scope
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction

WINDOW = "Maintenance Window State-change Notification"
TARGET = "Maintenance Window Target Registration Notification"
EXECUTION = "Maintenance Window Execution State-change Notification"
TASK = "Maintenance Window Task Execution State-change Notification"
INVOCATION = "Maintenance Window Task Target Invocation State-change Notification"
ENABLED, DISABLED = "ENABLED", "DISABLED"
REGISTERED, DEREGISTERED = "REGISTERED", "DEREGISTERED"


def window(tx: Transaction, scope: Scope, window_id: str, *, is_enabled: bool, now_ms: int) -> None:
    detail = {"window-id": window_id, "status": ENABLED if is_enabled else DISABLED}
    _put(tx, scope, window_id, WINDOW, detail, now_ms)


def target(
    tx: Transaction, scope: Scope, window_id: str, target_id: str, *, status: str, now_ms: int
) -> None:
    """`status` is REGISTERED or DEREGISTERED."""
    detail = {"window-target-id": target_id, "window-id": window_id, "status": status}
    _put(tx, scope, window_id, TARGET, detail, now_ms)


def execution(tx: Transaction, one: Execution, status: Status, *, ended: bool, now_ms: int) -> None:
    _put(tx, one.scope, one.window_id, EXECUTION, _of(one, status, one.started_ms, ended, now_ms), now_ms)


def task(
    tx: Transaction,
    one: Execution,
    task_execution_id: str,
    status: Status,
    *,
    started_ms: int | None,
    ended: bool,
    now_ms: int,
) -> None:
    detail = _of(one, status, started_ms, ended, now_ms) | {"task-execution-id": task_execution_id}
    _put(tx, one.scope, one.window_id, TASK, detail, now_ms)


def invocation(
    tx: Transaction, one: Execution, of: Invocation, status: Status, *, ended: bool, now_ms: int
) -> None:
    detail = _of(one, status, of.started_ms or now_ms, ended, now_ms)
    detail["task-execution-id"] = of.task_execution_id
    place = {
        "window-target-id": of.place.window_target_id,
        "owner-information": of.place.owner_information,
    }
    detail |= {member: value for member, value in place.items() if value}
    _put(tx, one.scope, one.window_id, INVOCATION, detail, now_ms)


def _of(one: Execution, status: Status, started_ms: int | None, ended: bool, now_ms: int) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "window-id": one.window_id,
        "window-execution-id": one.execution_id,
        "status": str(status),
    }
    if started_ms is not None:
        detail["start-time"] = _zulu(started_ms)
    return detail | ({"end-time": _zulu(now_ms)} if ended else {})


def _put(
    tx: Transaction, scope: Scope, window_id: str, detail_type: str, detail: dict[str, Any], now_ms: int
) -> None:
    # All that happens to one window stays in order.
    outbox.put(tx, scope, detail_type=detail_type, aggregate=window_id, detail=detail, now_ms=now_ms)


def _zulu(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
