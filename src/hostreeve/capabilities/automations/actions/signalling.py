"""What people and commands say to an execution that waits for it."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities.automations.actions import ending, telling
from hostreeve.capabilities.automations.actions.laying import layout
from hostreeve.capabilities.automations.actions.steps import approve, pause, registry
from hostreeve.capabilities.automations.model.execution import INTERACTIVE, Execution, StepRow
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.capabilities.automations.store import steps as step_rows
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))

COMMENT_CHARS_MAX = 1_024


def command_ended(tx: Transaction, scope: Scope, reference: str, now_ms: int) -> None:
    """A command that a step sent has ended (`commands.follow`): the step is looked at."""
    execution_id, _, step_id = reference.partition("/")
    ending.look(tx, scope, execution_id, step_id, now_ms)


def signal(call: Call, one: Execution, request: Mapping[str, Any]) -> None:
    """SendAutomationSignal. InvalidAutomationSignalException for what it does not wait for,
    AutomationStepNotFoundException for steps that there are not."""
    payload = {name: texts[0] if texts else "" for name, texts in (request.get("Payload") or {}).items()}
    kind = request["SignalType"]
    if one.has_ended or one.status is Status.CANCELLING:
        raise _unfit(one, kind, f"it is {one.status}")
    _SIGNALS[kind](call, one, payload)
    call.tx.wake(ending.CHANNEL)


def _decide(call: Call, one: Execution, payload: Mapping[str, str], decision: str) -> None:
    row = _waiting(call, one, "aws:approve", decision)
    own = row.body.memory["own"]
    who = call.principal
    if not approve.may_decide(own["approvers"], who):
        raise error.InvalidAutomationSignalException(
            f"{who.arn} is not one of the approvers of the step {row.name}."
        )
    decided = {
        "approver": who.arn,
        "decision": decision,
        "comment": payload.get("Comment", "")[:COMMENT_CHARS_MAX],
    }
    # Each principal counts once: another session of the same role is the same principal.
    me = who.role_arn or who.arn
    others = [each for each in own["decisions"] if each["as"] != me]
    memory = row.body.memory | {"own": own | {"decisions": [*others, decided | {"as": me}]}}
    _look(call.tx, one, row, memory, call.now_ms)


def _approve(call: Call, one: Execution, payload: Mapping[str, str]) -> None:
    _decide(call, one, payload, approve.APPROVED)


def _reject(call: Call, one: Execution, payload: Mapping[str, str]) -> None:
    _decide(call, one, payload, approve.REJECTED)


def _resume(call: Call, one: Execution, payload: Mapping[str, str]) -> None:
    name = _step_name(call, one, payload, "Resume")
    row = _waiting(call, one, "aws:pause", "Resume")
    if row.name != name:
        raise _unfit(one, "Resume", f"the step {name} is not the one that waits")
    _look(call.tx, one, row, row.body.memory | {"own": {pause.RESUMED: True}}, call.now_ms)


def _start_step(call: Call, one: Execution, payload: Mapping[str, str]) -> None:
    if one.asked.mode != INTERACTIVE:
        raise _unfit(one, "StartStep", "its mode is not Interactive")
    name = _step_name(call, one, payload, "StartStep")
    if not one.state.is_held or name not in one.state.valid_next:
        raise _unfit(one, "StartStep", f"the step {name} is not one that can be started now")
    state = replace(one.state, is_held=False, valid_next=())
    after = replace(one, state=state, status=Status.IN_PROGRESS, due_ms=call.now_ms)
    rows.save(call.tx, one, after)
    telling.execution(call.tx, after, call.now_ms)


def _stop_step(call: Call, one: Execution, payload: Mapping[str, str]) -> None:
    if one.asked.mode != INTERACTIVE:
        raise _unfit(one, "StopStep", "its mode is not Interactive")
    row = _current(call.tx, one)
    if not payload.get("StepExecutionId"):
        raise error.InvalidAutomationSignalException("StopStep needs StepExecutionId in its payload.")
    if row is None or row.step_execution_id != payload["StepExecutionId"]:
        known = step_rows.listed(
            call.tx,
            call.scope,
            one.execution_id,
            [("step_execution_id = :id", {"id": payload["StepExecutionId"]})],
            limit=1,
        )
        if not known:
            raise error.AutomationStepNotFoundException(
                f"There is no step {payload['StepExecutionId'][:64]}."
            )
        raise _unfit(one, "StopStep", "that step does not run")
    if row.status not in (Status.IN_PROGRESS, Status.WAITING):
        raise _unfit(one, "StopStep", "that step does not run")
    _look(call.tx, one, row, row.body.memory | {"stop": True}, call.now_ms)


def _revoke(call: Call, one: Execution, payload: Mapping[str, str]) -> None:
    raise _unfit(one, "Revoke", "it is no request for access, which alone can be revoked")


def _look(tx: Transaction, one: Execution, row: StepRow, memory: dict[str, Any], now_ms: int) -> None:
    """Have the step looked at, with what its action should know."""
    body = replace(row.body, memory=memory, look_ms=now_ms)
    step_rows.save(tx, one.scope, one.execution_id, row, replace(row, body=body))
    rows.make_due(tx, one.scope, one.execution_id, now_ms)
    tx.wake(ending.CHANNEL)


def _current(tx: Transaction, one: Execution) -> StepRow | None:
    number = one.state.at
    return step_rows.find(tx, one.scope, one.execution_id, number) if number is not None else None


def _waiting(call: Call, one: Execution, action: str, kind: str) -> StepRow:
    row = _current(call.tx, one)
    if row is None or row.action != action or row.status is not Status.WAITING:
        raise _unfit(one, kind, f"no step of it waits for that ({action})")
    assert registry.action_of(action) is not None, "what waits for a signal is an action"
    return row


def _step_name(call: Call, one: Execution, payload: Mapping[str, str], kind: str) -> str:
    name = payload.get("StepName", "")
    if not name:
        raise error.InvalidAutomationSignalException(f"{kind} needs StepName in its payload.")
    if all(step.name != name for step in layout(call.tx, one).every()):
        raise error.AutomationStepNotFoundException(f"The runbook has no step {name[:128]}.")
    return name


def _unfit(one: Execution, kind: str, why: str) -> Exception:
    return error.InvalidAutomationSignalException(
        f"The signal {kind} does not fit the execution {one.execution_id}: {why}."
    )


_SIGNALS = {
    "Approve": _approve,
    "Reject": _reject,
    "Resume": _resume,
    "StartStep": _start_step,
    "StopStep": _stop_step,
    "Revoke": _revoke,
}
