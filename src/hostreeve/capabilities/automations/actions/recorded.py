"""A past execution's steps told again: each action comes to what it came to then, and what is decided from it
(branches, loops, variables, failures caught) is decided anew."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.capabilities.automations.actions.house import At, Momentary
from hostreeve.capabilities.automations.actions.steps import registry
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model.execution import Failure
from hostreeve.capabilities.automations.model.outcome import Broken, Outcome, Succeeded
from hostreeve.capabilities.automations.model.status import Status

DECIDED_ANEW = frozenset({"aws:branch", "aws:updateVariable"})
NOT_THERE = "The recorded execution did not come to the step {} that often"


def use(steps: Sequence[Mapping[str, Any]]) -> None:
    """From now on, in this process, actions come to what `steps` (StepExecution each, in order) say."""
    told = Told(steps)
    for name in (*registry.ACTIONS, *registry.NEEDS):
        if name not in DECIDED_ANEW:
            registry.stand_in(name, told)


class Told(Momentary):
    """The n-th time that a step is done is the n-th time that it was done."""

    is_recorded = True

    def __init__(self, steps: Sequence[Mapping[str, Any]]) -> None:
        self._known: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for each in steps:
            if each["StepStatus"] != Status.PENDING:
                self._known[each["StepName"]].append(each)
        self._places: dict[str, int] = {}
        self._done: dict[str, int] = defaultdict(int)

    def start(self, at: At) -> Outcome:
        name = at.step.name
        if at.step_id not in self._places:
            self._places[at.step_id] = self._done[name]
            self._done[name] += 1
        place = self._places[at.step_id]
        if place >= len(self._known[name]):
            return Broken(failure=outcomes.failed(NOT_THERE.format(name)))
        then = self._known[name][place]
        types = {each.name: each.type for each in at.step.outputs}
        outputs = {n: typed(types.get(n, ""), texts) for n, texts in (then.get("Outputs") or {}).items()}
        if then["StepStatus"] == Status.SUCCESS:
            return Succeeded(outputs=outputs)
        failure = Failure(message=then.get("FailureMessage") or "It failed.")
        return Broken(failure=failure, outputs=outputs, status=Status(then["StepStatus"]))


def typed(type_: str, texts: Sequence[str]) -> Any:
    """An output as it was before it travelled as a list of texts."""
    if type_ == "StringList":
        return list(texts)
    if type_ == "MapList":
        return [json.loads(text) for text in texts]
    if len(texts) != 1:
        return list(texts)
    if type_ in ("Integer", "Boolean", "StringMap") or (type_ != "String" and texts[0][:1] in ("{", "[")):
        try:
            return json.loads(texts[0])
        except ValueError:
            return texts[0]
    return texts[0]
