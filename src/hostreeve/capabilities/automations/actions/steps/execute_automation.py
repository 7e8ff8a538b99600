"""aws:executeAutomation: another runbook, begun in the name of who began this one."""

from typing import Any

from hostreeve.capabilities.automations.actions import starting, stopping
from hostreeve.capabilities.automations.actions.house import At, Momentary, map_of, text_of
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model import values
from hostreeve.capabilities.automations.model.outcome import Broken, Outcome, Succeeded, Unfit, Waits
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.capabilities.automations.store import executions as rows

_TEXTS = ("DocumentVersion", "TargetParameterName", "MaxConcurrency", "MaxErrors")
_LISTS = ("Targets", "TargetMaps", "TargetLocations", "Tags")


class ExecuteAutomation(Momentary):
    """The child is there exactly when the step has begun, and stopped with it."""

    is_repeatable = False

    def start(self, at: At) -> Outcome:
        origin = starting.Origin(parent=at.one, parent_step=at.step_id)
        child = starting.start(at.initiators(), request_of(at), origin)
        outputs = {"ExecutionId": child.execution_id, "Status": str(child.status)}
        return Waits(memory={"child": child.execution_id}, outputs=outputs, frees_slot=True)

    def look(self, at: At) -> Outcome:
        child = rows.find(at.tx, at.one.scope, at.memory["child"])
        if child is None:
            return Broken(
                failure=outcomes.failed(f"The execution {at.memory['child']} is not there any more")
            )
        if not child.has_ended:
            return Waits(frees_slot=True)
        output = [text for texts in child.state.outputs.values() for text in texts]
        outputs = {"ExecutionId": child.execution_id, "Status": str(child.status), "Output": output}
        if child.status is Status.SUCCESS:
            return Succeeded(outputs=outputs, answer=outputs)
        why = f"The execution {child.execution_id} ended as {child.status}: {child.state.failure}"
        status = Status.TIMED_OUT if child.status is Status.TIMED_OUT else Status.FAILED
        return Broken(failure=outcomes.unverified(why), outputs=outputs, status=status)

    def cancel(self, at: At) -> None:
        child = rows.find(at.tx, at.one.scope, at.memory["child"]) if "child" in at.memory else None
        if child is not None:
            stopping.cancel(at.tx, child, at.now_ms)


def request_of(at: At) -> dict[str, Any]:
    """StartAutomationExecution's request. Unfit."""
    request: dict[str, Any] = {"DocumentName": text_of(at.inputs, "DocumentName")}
    given = values.all_listed(map_of(at.inputs, "RuntimeParameters"))
    if given:
        request["Parameters"] = given
    for name in _TEXTS:
        if at.inputs.get(name) not in (None, ""):
            request[name] = text_of(at.inputs, name)
    for name in _LISTS:
        listed = at.inputs.get(name)
        if listed in (None, [], ""):
            continue
        if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
            raise Unfit(f"{name} must be a MapList.")
        request[name] = listed
    return request
