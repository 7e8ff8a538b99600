"""Executions begun, shown, listed, stopped and told something."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.automations.actions import signalling, starting, stopping
from hostreeve.capabilities.automations.model import showing
from hostreeve.capabilities.automations.model.execution import INTERACTIVE, Execution
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.capabilities.automations.operations import steps
from hostreeve.capabilities.automations.operations.service import (
    PAGE_MAX,
    error,
    execution_arns,
    filters,
    found,
    moment_ms,
    next_page,
    ssm,
    targets_of,
)
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.capabilities.automations.store import narrowing
from hostreeve.capabilities.automations.store import steps as step_rows

STEPS_SHOWN_MAX = 100


@ssm.writes("StartAutomationExecution", asks=True)
def start_automation_execution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Asks `call.require` for the runbook, and iam:PassRole for the role that it is to assume."""
    return {"AutomationExecutionId": starting.start(call, request).execution_id}


@ssm.reads("GetAutomationExecution", on=execution_arns)
def get_automation_execution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    one = found(call, request)
    shown = showing.whole(one, targets_of(call, one, showing.SHOWN_TARGETS_MAX))
    listed = step_rows.listed(call.tx, call.scope, one.execution_id, limit=STEPS_SHOWN_MAX + 1)
    shown["StepExecutions"] = steps.described(call, one, listed[:STEPS_SHOWN_MAX])
    shown["StepExecutionsTruncated"] = len(listed) > STEPS_SHOWN_MAX
    current = next((row for row in listed if row.number == one.state.at), None)
    if current is not None and not one.has_ended:
        shown |= {"CurrentStepName": current.name, "CurrentAction": current.action}
    return {"AutomationExecution": shown}


@ssm.reads("DescribeAutomationExecutions", on=anything)
def describe_automation_executions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, maximum=PAGE_MAX, error=error.InvalidNextToken)
    after_ms, after_id = page.parts(int, str)
    listed = rows.newest(
        call.tx,
        call.scope,
        _conditions(filters(request)),
        after=(after_ms, after_id) if after_id else None,
        limit=page.limit + 1,
    )
    token = page.token(listed, lambda one: (one.started_ms, one.execution_id))
    shown = [_metadata(call, one) for one in listed[: page.limit]]
    return {"AutomationExecutionMetadataList": shown} | next_page(token)


@ssm.writes("StopAutomationExecution", on=execution_arns)
def stop_automation_execution(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    one = found(call, request)
    kind = request.get("Type") or stopping.CANCEL
    wrong = error.InvalidAutomationStatusUpdateException
    if one.has_ended or one.status is Status.CANCELLING:
        raise wrong(f"The execution {one.execution_id} is {one.status} and cannot be stopped.")
    if kind == stopping.COMPLETE and one.asked.mode != INTERACTIVE:
        raise wrong("Complete is for executions of mode Interactive; others end by themselves, or by Cancel.")
    if kind == stopping.COMPLETE:
        stopping.complete(call.tx, one, call.now_ms)
    else:
        stopping.cancel(call.tx, one, call.now_ms)
    return {}


@ssm.writes("SendAutomationSignal", on=execution_arns)
def send_automation_signal(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    signalling.signal(call, found(call, request), request)
    return {}


def _metadata(call: Call, one: Execution) -> dict[str, Any]:
    shown = showing.metadata(one, targets_of(call, one, showing.SHOWN_TARGETS_MAX))
    shown["AutomationType"] = showing.CROSS_ACCOUNT if one.asked.locations else showing.LOCAL
    if one.state.at is not None and not one.has_ended:
        row = step_rows.find(call.tx, call.scope, one.execution_id, one.state.at)
        if row is not None:
            shown |= {"CurrentStepName": row.name, "CurrentAction": row.action}
    return shown


def _conditions(asked: Mapping[str, list[str]]) -> list[narrowing.Condition]:
    made = []
    for key, values in asked.items():
        if key == "ExecutionStatus":
            unknown = [each for each in values if each not in _STATUSES]
            if unknown:
                raise error.InvalidFilterValue(f"{key}: {unknown[0][:40]} is not a status.")
            made.append(narrowing.among("status", values))
        elif key == "DocumentNamePrefix":
            made.append(narrowing.prefixed("document_name", values))
        elif key in ("StartTimeBefore", "StartTimeAfter"):
            made.append(narrowing.started(key == "StartTimeBefore", moment_ms(key, values)))
        elif key == "AutomationType":
            if any(each not in ("Local", "CrossAccount") for each in values):
                raise error.InvalidFilterValue(f"{key} must be Local or CrossAccount.")
            made.append(narrowing.among("is_cross_account", [int(each == "CrossAccount") for each in values]))
        elif key == "TagKey":
            made.append(narrowing.tagged(values))
        elif key in ("AutomationSubtype", "OpsItemId"):
            # Change requests, requests for access and OpsItems do not begin executions yet.
            made.append(narrowing.NOTHING)
        else:
            wanted = [each.lower() if "Id" in key else each for each in values]
            made.append(narrowing.among(_COLUMNS[key], wanted))
    return [*made, narrowing.HAS_PARENT] if "ParentExecutionId" in asked else made


_COLUMNS = {
    "ExecutionId": "execution_id",
    "ParentExecutionId": "parent_id",
    "CurrentAction": "current_action",
    "TargetResourceGroup": "resource_group",
}
_STATUSES = frozenset(
    (
        *map(str, Status),
        "PendingApproval",
        "Approved",
        "Rejected",
        "Scheduled",
        "RunbookInProgress",
        "PendingChangeCalendarOverride",
        "ChangeCalendarOverrideApproved",
        "ChangeCalendarOverrideRejected",
        "CompletedWithSuccess",
        "CompletedWithFailure",
        "Exited",
    )
)
