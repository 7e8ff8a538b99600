"""aws:changeInstanceState: instances started, stopped or terminated, and waited for until they are."""

from collections.abc import Sequence
from typing import Any

from hostreeve.capabilities.automations.actions.house import At, Momentary, flag_of, text_of, texts_of
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model.outcome import Broken, Outcome, Succeeded, Unfit, Waits

FIRST_MS = 1_000
LONGEST_MS = 15_000
_APIS = {"running": "StartInstances", "stopped": "StopInstances", "terminated": "TerminateInstances"}
_NEVER = {"running": ("shutting-down", "terminated"), "stopped": ("shutting-down", "terminated")}


class ChangeInstanceState(Momentary):
    """`running` means that both status checks are good, too."""

    def start(self, at: At) -> Outcome:
        wanted, ids = _wanted(at)
        if not flag_of(at.inputs, "CheckStateOnly"):
            given: dict[str, Any] = {"InstanceIds": ids}
            if wanted == "stopped" and "Force" in at.inputs:
                given["Force"] = flag_of(at.inputs, "Force")
            if wanted == "running" and at.inputs.get("AdditionalInfo"):
                given["AdditionalInfo"] = text_of(at.inputs, "AdditionalInfo")
            _ec2(at, _APIS[wanted], given)
        return self._look(at, FIRST_MS)

    def look(self, at: At) -> Outcome:
        return self._look(at, min(LONGEST_MS, at.memory["rest_ms"] * 2))

    def _look(self, at: At, rest_ms: int) -> Outcome:
        wanted, ids = _wanted(at)
        states = _states(at, ids)
        outputs = {"InstanceStates": [states.get(each, "") for each in ids]}
        bad = next((each for each in ids if states.get(each) in _NEVER.get(wanted, ())), None)
        if bad is not None:
            why = f"Instance {bad} entered unexpected state: {states[bad]}"
            return Broken(failure=outcomes.unverified(why), outputs=outputs)
        is_so = all(states.get(each) == wanted for each in ids)
        if is_so and (wanted != "running" or _are_well(at, ids)):
            return Succeeded(outputs=outputs, answer=outputs)
        return Waits(look_ms=at.now_ms + rest_ms, memory={"rest_ms": rest_ms}, outputs=outputs)


def _wanted(at: At) -> tuple[str, list[str]]:
    wanted, ids = text_of(at.inputs, "DesiredState").lower(), texts_of(at.inputs, "InstanceIds")
    if wanted not in _APIS:
        raise Unfit(f"DesiredState must be {', '.join(_APIS)}.")
    if not ids:
        raise Unfit("InstanceIds must name an instance.")
    return wanted, ids


def _ec2(at: At, api: str, given: dict[str, Any]) -> dict[str, Any]:
    return at.house.within.call(at.tx, at.who(), at.one.region, "ec2", api, given=given)


def _states(at: At, ids: Sequence[str]) -> dict[str, str]:
    answer = _ec2(at, "DescribeInstances", {"InstanceIds": list(ids)})
    listed = (one for group in answer.get("Reservations", []) for one in group.get("Instances", []))
    return {one["InstanceId"]: one["State"]["Name"] for one in listed}


def _are_well(at: At, ids: Sequence[str]) -> bool:
    answer = _ec2(at, "DescribeInstanceStatus", {"InstanceIds": list(ids)})
    checks = ("InstanceStatus", "SystemStatus")
    well = {
        one["InstanceId"]
        for one in answer.get("InstanceStatuses", [])
        if all(one.get(check, {}).get("Status") == "ok" for check in checks)
    }
    return set(ids) <= well
