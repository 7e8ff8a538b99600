"""aws:branch: the first choice that holds says where to go on."""

from hostreeve.capabilities.automations.actions import choosing
from hostreeve.capabilities.automations.actions.house import At, Momentary
from hostreeve.capabilities.automations.model.outcome import Outcome, Succeeded


class Branch(Momentary):
    """Without a choice that holds and without Default it goes on in order, or ends where the step says so."""

    fills = False

    def start(self, at: At) -> Outcome:
        knowledge = at.knowledge()
        for choice in at.inputs["Choices"]:
            if choosing.is_true({n: v for n, v in choice.items() if n != "NextStep"}, knowledge):
                return Succeeded(goes_to=choice["NextStep"])
        return Succeeded(goes_to=at.inputs.get("Default"))
