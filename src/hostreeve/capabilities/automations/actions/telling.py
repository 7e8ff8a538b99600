"""The events of executions and steps, in AWS's shapes (source aws.ssm)."""

from datetime import UTC, datetime
from typing import Any

from hostreeve.capabilities.automations.model.execution import Execution, StepRow
from hostreeve.kernel.scope import PARTITION
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction

STEP = "EC2 Automation Step Status-change Notification"
EXECUTION = "EC2 Automation Execution Status-change Notification"


def execution(tx: Transaction, one: Execution, now_ms: int) -> None:
    """An execution has the status that it has."""
    detail = _of(one, str(one.status), one.started_ms, one.ended_ms, now_ms)
    detail["ExecutedBy"] = one.asked.principal.get("arn", "")
    _put(tx, one, EXECUTION, detail, now_ms)


def step(tx: Transaction, one: Execution, row: StepRow, now_ms: int) -> None:
    """A step has the status that it has."""
    detail = _of(one, str(row.status), row.started_ms or now_ms, row.ended_ms, now_ms)
    detail |= {"StepName": row.name, "Action": row.action}
    _put(tx, one, STEP, detail, now_ms)


def definition_arn(one: Execution) -> str:
    """As events and policies name the runbook."""
    name = one.asked.document_name.rpartition("/")[2]
    owner = one.asked.document_arn.split(":")[4] if one.asked.document_arn.count(":") > 4 else one.account
    return (
        f"arn:{PARTITION}:ssm:{one.region}:{owner}:automation-definition/{name}:{one.asked.document_version}"
    )


def _of(one: Execution, status: str, started_ms: int, ended_ms: int | None, now_ms: int) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "ExecutionId": one.execution_id,
        "Definition": one.asked.document_name,
        "DefinitionVersion": float(one.asked.document_version),
        "Status": status,
        "StartTime": _written(started_ms),
    }
    if ended_ms is not None:
        detail["EndTime"] = _written(ended_ms)
        detail["Time"] = float(ended_ms - started_ms)
    return detail


def _put(tx: Transaction, one: Execution, detail_type: str, detail: dict[str, Any], now_ms: int) -> None:
    # All that happens to one execution stays in order.
    outbox.put(
        tx, one.scope, detail_type=detail_type, aggregate=one.execution_id, detail=detail, now_ms=now_ms
    )


def _written(at_ms: int) -> str:
    """`Nov 29, 2016 7:43:25 PM`, as these events have times."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{at:%b} {at.day}, {at.year} {at.hour % 12 or 12}:{at:%M:%S %p}"
