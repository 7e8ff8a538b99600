"""aws:updateVariable: another value for a variable of the runbook."""

from hostreeve.capabilities.automations.actions.house import At, Momentary, text_of
from hostreeve.capabilities.automations.actions.laying import layout
from hostreeve.capabilities.automations.model.outcome import Outcome, Succeeded, Unfit
from hostreeve.capabilities.automations.model.values import WrongType, check_variable

PREFIX = "variable:"


class UpdateVariable(Momentary):
    """The value must be exactly of the variable's type."""

    def start(self, at: At) -> Outcome:
        name = text_of(at.inputs, "Name").removeprefix(PREFIX)
        declared = layout(at.tx, at.one).variables.get(name)
        if declared is None:
            raise Unfit(f"There is no variable {name[:50]}.")
        value = at.inputs["Value"]
        try:
            check_variable(name, declared["type"], value)
        except WrongType as wrong:
            raise Unfit(str(wrong)) from None
        return Succeeded(variables={name: value})
