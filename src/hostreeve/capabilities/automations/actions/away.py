"""Runbooks carried out away from the control plane: the same engine and decisions in a database of the
moment, and every effect a call of the control plane's operations.

Such executions are interactive underneath: whoever drives them lets each step begin (`release`).
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hostreeve.api.call import Principal
from hostreeve.api.errors import AwsError
from hostreeve.capabilities import documents, parameters
from hostreeve.capabilities.automations.actions import stopping
from hostreeve.capabilities.automations.actions.house import At, Momentary
from hostreeve.capabilities.automations.actions.steps import registry, run_command
from hostreeve.capabilities.automations.actions.steps.execute_automation import request_of
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model import showing
from hostreeve.capabilities.automations.model.execution import INTERACTIVE, Asked, Execution, State
from hostreeve.capabilities.automations.model.outcome import Broken, Outcome, Succeeded, Waits
from hostreeve.capabilities.automations.model.runbook import opened
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.capabilities.automations.store import steps as step_rows
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction

LOOK_MS = 500
STEPS_MAX = 10_000
_ENDED = ("Success", "Failed", "TimedOut", "Cancelled")
NOBODY = "it waits for people, and nobody here said yes"

Asks = Callable[[str], bool]


class Look(Struct, frozen=True, kw_only=True):
    """How it stands: `held` is the step that may begin next, `steps` are as StepExecution has them."""

    status: str
    held: str
    failure: str
    outputs: dict[str, list[str]]
    steps: list[dict[str, Any]]
    has_ended: bool


def use(ask: Asks) -> None:
    """From now on, in this process: commands, runbooks and questions to people go their way from away."""
    registry.stand_in("aws:runCommand", RunCommand())
    registry.stand_in("aws:executeAutomation", ExecuteAutomation())
    registry.stand_in("aws:approve", Asking(ask, {"ApprovalStatus": "Approved"}))
    registry.stand_in("aws:pause", Asking(ask, {}))


def begin(
    tx: Transaction,
    scope: Scope,
    name: str,
    content: Mapping[str, Any],
    given: Mapping[str, list[str]],
    *,
    who: Principal,
    world: World,
) -> str:
    """Answers the execution's id. ValueError for parameters that do not fit."""
    body = msgspec.json.encode(content).decode()
    runbook = opened(body)
    typed = documents.check_values(runbook.parameters, given)
    defaults = tuple(sorted(each for each in typed if each not in given))
    for each in defaults:
        if isinstance(typed[each], str) and parameters.references([typed[each]]):
            raise ValueError(f"the default of {each} is in Parameter Store; give it a value")
    declared = {each: value.get("default") for each, value in runbook.variables.items()}
    one = Execution(
        account=scope.account,
        region=scope.region,
        execution_id=world.uuid(),
        status=Status.IN_PROGRESS,
        asked=Asked(
            document_name=name,
            document_version="1",
            document_arn=scope.arn("ssm", f"document/{name}"),
            hash=hashlib.sha256(body.encode()).hexdigest(),
            values=typed,
            defaults=defaults,
            mode=INTERACTIVE,
            principal=msgspec.to_builtins(who),
            parameters={each: list(texts) for each, texts in given.items()},
        ),
        state=State(variables={each: value for each, value in declared.items() if value is not None}),
        holds_slot=True,
        started_ms=world.now_ms(),
        due_ms=world.now_ms(),
    )
    rows.keep_runbook(tx, scope, one.asked.hash, body)
    rows.insert(tx, one)
    return one.execution_id


def look(tx: Transaction, scope: Scope, execution_id: str) -> Look:
    one = _found(tx, scope, execution_id)
    known = {step.name: step for step in opened(rows.runbook(tx, scope, one.asked.hash)).every()}
    listed = step_rows.listed(tx, scope, execution_id, limit=STEPS_MAX)
    loops = {row.step_execution_id: row for row in listed}
    held = one.state.valid_next[0] if one.state.is_held and one.state.valid_next else ""
    return Look(
        status=str(one.status),
        held=held,
        failure=one.state.failure,
        outputs=one.state.outputs,
        steps=[showing.step(row, known[row.name], loops.get(row.loop_id)) for row in listed],
        has_ended=one.has_ended,
    )


def release(tx: Transaction, scope: Scope, execution_id: str, now_ms: int) -> None:
    """Let the step begin that is held."""
    one = _found(tx, scope, execution_id)
    state = replace(one.state, is_held=False, valid_next=())
    rows.save(tx, one, replace(one, state=state, status=Status.IN_PROGRESS, due_ms=now_ms))


def stop(tx: Transaction, scope: Scope, execution_id: str, now_ms: int) -> None:
    stopping.cancel(tx, _found(tx, scope, execution_id), now_ms)


def _found(tx: Transaction, scope: Scope, execution_id: str) -> Execution:
    one = rows.find(tx, scope, execution_id)
    assert one is not None, "it was begun here"
    return one


def _call(at: At, api: str, given: dict[str, Any]) -> dict[str, Any]:
    return at.house.within.call(at.tx, at.who(), at.one.region, "ssm", api, given=given)


class RunCommand(Momentary):
    """SendCommand, and its invocations asked for until they have ended."""

    is_repeatable = False

    def start(self, at: At) -> Outcome:
        sent = _call(at, "SendCommand", run_command.request_of(at))["Command"]["CommandId"]
        return Waits(look_ms=at.now_ms + LOOK_MS, memory={"command_id": sent}, outputs={"CommandId": sent})

    def look(self, at: At) -> Outcome:
        command_id = at.memory["command_id"]
        (command,) = _call(at, "ListCommands", {"CommandId": command_id})["Commands"]
        if command["Status"] in ("Pending", "InProgress", "Cancelling"):
            return Waits(look_ms=at.now_ms + LOOK_MS)
        listed = _call(at, "ListCommandInvocations", {"CommandId": command_id, "Details": True})
        plugins = [p for each in listed["CommandInvocations"] for p in each.get("CommandPlugins", [])]
        codes = [each["ResponseCode"] for each in plugins if each.get("ResponseCode")]
        text = "\n".join(each["Output"] for each in plugins if each.get("Output"))
        outputs = {
            "CommandId": command_id,
            "Status": command["Status"],
            "ResponseCode": codes[0] if codes else 0,
            "Output": text[: run_command.OUTPUT_CHARS_MAX],
        }
        if command["Status"] == "Success":
            return Succeeded(outputs=outputs, answer=outputs, response_code="0")
        why = f"The command {command_id} ended as {command['StatusDetails']}"
        status = Status.TIMED_OUT if command["Status"] == "TimedOut" else Status.FAILED
        return Broken(failure=outcomes.unverified(why), outputs=outputs, status=status)

    def cancel(self, at: At) -> None:
        if "command_id" in at.memory:
            _call(at, "CancelCommand", {"CommandId": at.memory["command_id"]})


class ExecuteAutomation(Momentary):
    """The child runs on the control plane."""

    is_repeatable = False

    def start(self, at: At) -> Outcome:
        child = _call(at, "StartAutomationExecution", request_of(at))["AutomationExecutionId"]
        return Waits(look_ms=at.now_ms + LOOK_MS, memory={"child": child}, outputs={"ExecutionId": child})

    def look(self, at: At) -> Outcome:
        given = {"AutomationExecutionId": at.memory["child"]}
        child = _call(at, "GetAutomationExecution", given)["AutomationExecution"]
        status = child["AutomationExecutionStatus"]
        if status not in _ENDED:
            return Waits(look_ms=at.now_ms + LOOK_MS)
        output = [text for texts in (child.get("Outputs") or {}).values() for text in texts]
        outputs = {"ExecutionId": at.memory["child"], "Status": status, "Output": output}
        if status == "Success":
            return Succeeded(outputs=outputs, answer=outputs)
        why = f"The execution {at.memory['child']} ended as {status}: {child.get('FailureMessage', '')}"
        return Broken(failure=outcomes.unverified(why), outputs=outputs)

    def cancel(self, at: At) -> None:
        if "child" in at.memory:
            try:
                _call(at, "StopAutomationExecution", {"AutomationExecutionId": at.memory["child"]})
            except AwsError as refused:
                if refused.code != "InvalidAutomationStatusUpdateException":
                    raise


class Asking(Momentary):
    """Whoever sits at the terminal is asked."""

    def __init__(self, ask: Asks, outputs: dict[str, Any]) -> None:
        self._ask = ask
        self._outputs = outputs

    def start(self, at: At) -> Outcome:
        said = f": {at.inputs['Message']}" if at.inputs.get("Message") else ""
        if self._ask(f"{at.step.name} ({at.step.action}){said}. Go on?"):
            return Succeeded(outputs=dict(self._outputs))
        return Broken(failure=outcomes.failed(NOBODY))
