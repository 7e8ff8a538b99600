"""The steps of an execution, as they are listed."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.capabilities.automations.actions.laying import layout
from hostreeve.capabilities.automations.model import showing
from hostreeve.capabilities.automations.model.execution import Execution, StepRow
from hostreeve.capabilities.automations.operations.service import (
    PAGE_MAX,
    error,
    execution_arns,
    filters,
    found,
    moment_ms,
    next_page,
    ssm,
)
from hostreeve.capabilities.automations.store import narrowing
from hostreeve.capabilities.automations.store import steps as step_rows


@ssm.reads("DescribeAutomationStepExecutions", on=execution_arns)
def describe_automation_step_executions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    one = found(call, request)
    page = paging.read(request, maximum=PAGE_MAX, error=error.InvalidNextToken)
    (after,) = page.parts(int)
    listed = step_rows.listed(
        call.tx,
        call.scope,
        one.execution_id,
        _conditions(filters(request)),
        after=after if request.get("NextToken") else None,
        limit=page.limit + 1,
        is_reversed=bool(request.get("ReverseOrder")),
    )
    token = page.token(listed, lambda row: row.number)
    return {"StepExecutions": described(call, one, listed[: page.limit])} | next_page(token)


def described(call: Call, one: Execution, listed: Sequence[StepRow]) -> list[dict[str, Any]]:
    """Rows as StepExecution, with the loops that they are in."""
    if one.asked.locations:
        return [showing.location(row) for row in listed]
    steps = {step.name: step for step in layout(call.tx, one).every()}
    loops = {row.step_execution_id: row for row in listed}
    missing = {row.loop_id for row in listed if row.loop_id and row.loop_id not in loops}
    if missing:
        wanted = [narrowing.among("step_execution_id", sorted(missing))]
        more = step_rows.listed(call.tx, call.scope, one.execution_id, wanted, limit=len(missing))
        loops |= {row.step_execution_id: row for row in more}
    return [showing.step(row, steps[row.name], loops.get(row.loop_id)) for row in listed]


def _conditions(asked: Mapping[str, list[str]]) -> list[narrowing.Condition]:
    made = []
    for key, values in asked.items():
        if key in ("StartTimeBefore", "StartTimeAfter"):
            made.append(narrowing.started(key == "StartTimeBefore", moment_ms(key, values)))
        elif key == "ParentStepIteration":
            if not all(each.isascii() and each.isdigit() and len(each) < 9 for each in values):
                raise error.InvalidFilterValue(f"{key} must be a whole number.")
            made.append(narrowing.among("iteration", [int(each) for each in values]))
        else:
            made.append(narrowing.among(_COLUMNS[key], values))
    return made


_COLUMNS = {
    "StepExecutionStatus": "status",
    "StepExecutionId": "step_execution_id",
    "StepName": "name",
    "Action": "action",
    "ParentStepExecutionId": "loop_id",
    "ParentStepIteratorValue": "iterator_value",
}
