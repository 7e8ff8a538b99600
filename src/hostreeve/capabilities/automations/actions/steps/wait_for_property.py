"""aws:waitForAwsResourceProperty: asked again and again until it is what it should be."""

from hostreeve.capabilities.automations.actions.house import At, Momentary
from hostreeve.capabilities.automations.actions.steps.assert_property import holds_now
from hostreeve.capabilities.automations.model.outcome import Outcome, Succeeded, Waits

FIRST_MS = 1_000
LONGEST_MS = 15_000


class WaitForProperty(Momentary):
    """Asks a second later, then less and less often; the step's timeout ends it."""

    def start(self, at: At) -> Outcome:
        return self._ask(at, FIRST_MS)

    def look(self, at: At) -> Outcome:
        return self._ask(at, min(LONGEST_MS, at.memory["rest_ms"] * 2))

    def _ask(self, at: At, rest_ms: int) -> Outcome:
        holds, shown = holds_now(at)
        if holds:
            return Succeeded(answer=shown)
        return Waits(look_ms=at.now_ms + rest_ms, memory={"rest_ms": rest_ms})
