"""Executions and steps as AWS callers see them."""

from typing import Any

from hostreeve.capabilities.automations.model.execution import Execution, StepRow
from hostreeve.capabilities.automations.model.runbook import Step, truth
from hostreeve.capabilities.automations.model.values import all_listed

SHOWN_TARGETS_MAX = 50
LOCAL, CROSS_ACCOUNT = "Local", "CrossAccount"


def metadata(one: Execution, targets: list[str]) -> dict[str, Any]:
    """The members of AutomationExecutionMetadata that every execution has."""
    asked = one.asked
    shown: dict[str, Any] = {
        "AutomationExecutionId": one.execution_id,
        "DocumentName": asked.document_name,
        "DocumentVersion": asked.document_version,
        "AutomationExecutionStatus": str(one.status),
        "ExecutionStartTime": one.started_ms / 1000,
        "ExecutedBy": asked.principal.get("arn", ""),
        "Outputs": one.state.outputs,
        "Mode": asked.mode,
        "Targets": asked.targets,
    }
    optional = {
        "ExecutionEndTime": one.ended_ms / 1000 if one.ended_ms is not None else None,
        "ParentAutomationExecutionId": asked.parent_id,
        "CurrentAction": one.current_action,
        "FailureMessage": one.state.failure,
        "TargetParameterName": asked.target_parameter,
        "TargetMaps": asked.target_maps,
        "Target": asked.target,
        "AssociationId": asked.association_id,
    }
    shown |= {name: value for name, value in optional.items() if value}
    shown["ResolvedTargets"] = {
        "ParameterValues": targets[:SHOWN_TARGETS_MAX],
        "Truncated": one.tally.total > SHOWN_TARGETS_MAX,
    }
    if asked.is_spread:
        shown |= {"MaxConcurrency": asked.max_concurrency, "MaxErrors": asked.max_errors}
    return shown


def whole(one: Execution, targets: list[str]) -> dict[str, Any]:
    """The members of AutomationExecution, steps aside."""
    shown = metadata(one, targets)
    parameters = all_listed(one.asked.values) if not one.asked.is_spread else dict(one.asked.parameters)
    if parameters:
        shown["Parameters"] = parameters
    if one.state.variables:
        shown["Variables"] = all_listed(one.state.variables)
    if one.asked.locations:
        shown["TargetLocations"] = one.asked.locations
    if one.asked.is_spread:
        tally = one.tally
        shown["ProgressCounters"] = {
            "TotalSteps": tally.total,
            "SuccessSteps": tally.success,
            "FailedSteps": tally.failed,
            "CancelledSteps": tally.cancelled,
            "TimedOutSteps": tally.timed_out,
        }
    return shown


def step(row: StepRow, of: Step, loop: StepRow | None) -> dict[str, Any]:
    """The members of StepExecution. `loop` is the row of the loop around it."""
    body = row.body
    shown: dict[str, Any] = {
        "StepName": row.name,
        "Action": row.action,
        "StepExecutionId": row.step_execution_id,
        "StepStatus": str(row.status),
        "OnFailure": of.on_failure,
        "IsEnd": truth(of.is_end),
        "IsCritical": body.is_critical if body.is_critical is not None else of.counts(),
        "MaxAttempts": body.max_attempts if body.attempt else _number(of.max_attempts) or 1,
        "Inputs": body.inputs,
        "Outputs": all_listed(body.outputs),
    }
    timeout_s = body.timeout_s if body.attempt else _number(of.timeout_s)
    optional = {
        "TimeoutSeconds": timeout_s,
        "ExecutionStartTime": row.started_ms / 1000 if row.started_ms is not None else None,
        "ExecutionEndTime": row.ended_ms / 1000 if row.ended_ms is not None else None,
        "NextStep": of.next_step,
        "Response": body.response,
        "ResponseCode": body.response_code,
        "FailureMessage": body.failure.message if body.failure else "",
        "ValidNextSteps": list(body.valid_next),
    }
    shown |= {name: value for name, value in optional.items() if value}
    if body.failure is not None:
        shown["FailureDetails"] = {"FailureStage": body.failure.stage, "FailureType": body.failure.type}
        if body.failure.details:
            shown["FailureDetails"]["Details"] = dict(body.failure.details)
    if loop is not None:
        shown["ParentStepDetails"] = {
            "StepExecutionId": loop.step_execution_id,
            "StepName": loop.name,
            "Action": loop.action,
            "Iteration": row.iteration,
            "IteratorValue": row.iterator_value,
        }
    return shown


def _number(said: Any) -> int | None:
    return int(said) if str(said).isdigit() else None


def location(row: StepRow) -> dict[str, Any]:
    """The members of the StepExecution that stands for an account and Region."""
    place = row.body.memory["location"]
    shown = step(row, Step(name=row.name, action=row.action), None)
    return shown | {"TargetLocation": place, "Targets": place.get("Targets", [])}
