"""aws:assertAwsResourceProperty: what an operation answers is what it should be, now."""

from typing import Any

from hostreeve.capabilities.automations.actions.house import At, Momentary, text_of
from hostreeve.capabilities.automations.actions.steps.execute_aws_api import called
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model import selectors
from hostreeve.capabilities.automations.model.outcome import Broken, Outcome, Succeeded, Unfit
from hostreeve.capabilities.automations.model.references import written


class AssertProperty(Momentary):
    """Asked once."""

    def start(self, at: At) -> Outcome:
        holds, shown = holds_now(at)
        if holds:
            return Succeeded(answer=shown)
        wanted = ", ".join(desired(at))[:500]
        selector = text_of(at.inputs, "PropertySelector")
        why = f"{selector} is {written(shown)[:500]}, not one of: {wanted}."
        return Broken(failure=outcomes.unverified(why))


def holds_now(at: At) -> tuple[bool, Any]:
    """Whether it is one of the desired values, and what it is. Several values must all be desired ones."""
    selector, wanted = text_of(at.inputs, "PropertySelector"), desired(at)
    try:
        selectors.check(selector)
        found = selectors.select(selector, called(at))
    except selectors.BadSelector as wrong:
        raise Unfit(f"PropertySelector: {wrong}") from None
    if found.is_nothing:
        return False, None
    listed = found.value if isinstance(found.value, list) else [found.value]
    texts = [each.lower() if isinstance(item, bool) else each for item in listed for each in [written(item)]]
    known = {each.lower() if each in ("True", "False") else each for each in wanted}
    return bool(texts) and all(text in known for text in texts), found.value


def desired(at: At) -> list[str]:
    """DesiredValues as texts. Unfit."""
    wanted = at.inputs.get("DesiredValues")
    listed = wanted if isinstance(wanted, list) else [wanted]
    if not listed or any(isinstance(item, dict | list) or item is None for item in listed):
        raise Unfit("DesiredValues must be a list of values.")
    return [written(item) for item in listed]
