"""aws:pause: until somebody says Resume."""

from hostreeve.capabilities.automations.actions.house import At, Momentary
from hostreeve.capabilities.automations.model.outcome import Outcome, Succeeded, Waits

RESUMED = "resumed"


class Pause(Momentary):
    """The signal is in the memory of the step when it is looked at again."""

    def start(self, at: At) -> Outcome:
        return Waits(is_waiting=True)

    def look(self, at: At) -> Outcome:
        return Succeeded() if at.memory.get(RESUMED) else Waits(is_waiting=True)
