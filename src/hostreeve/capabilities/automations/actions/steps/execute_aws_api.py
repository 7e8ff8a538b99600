"""aws:executeAwsApi: an operation of any service that is here, called as whom the runbook acts as."""

from collections.abc import Mapping
from typing import Any

from hostreeve.capabilities.automations.actions.house import At, Momentary, text_of
from hostreeve.capabilities.automations.model.outcome import Outcome, Succeeded

NOT_GIVEN = frozenset({"Service", "Api", "PropertySelector", "DesiredValues"})


class ExecuteAwsApi(Momentary):
    """What the operation does is part of the step's own transaction."""

    def start(self, at: At) -> Outcome:
        # Of the answer only what the runbook takes as outputs is written down: it may hold secrets.
        return Succeeded(answer=called(at), response_code="200")


def called(at: At) -> dict[str, Any]:
    """The answer of the operation that the inputs name. AwsError is its own, or for what is not here."""
    given: Mapping[str, Any] = {name: value for name, value in at.inputs.items() if name not in NOT_GIVEN}
    return at.house.within.call(
        at.tx,
        at.who(),
        at.one.region,
        text_of(at.inputs, "Service"),
        text_of(at.inputs, "Api"),
        given=dict(given),
    )
