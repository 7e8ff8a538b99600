"""The rows of steps: written when a runbook or an iteration of a loop begins, all of them pending."""

from typing import TYPE_CHECKING

from hostreeve.capabilities.automations.model.execution import Execution, StepRow
from hostreeve.capabilities.automations.model.runbook import Runbook, Step, opened
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.capabilities.automations.store import steps as step_rows
from hostreeve.persistence.database import Transaction

if TYPE_CHECKING:
    from hostreeve.capabilities.automations.actions.turning import Turn

_known: dict[str, Runbook] = {}
"""Runbooks by the hash of their content, which is theirs whoever runs them."""
KNOWN_MAX = 256


def layout(tx: Transaction, one: Execution) -> Runbook:
    """The runbook of an execution."""
    found = _known.get(one.asked.hash)
    if found is None:
        found = opened(rows.runbook(tx, one.scope, one.asked.hash))
        if len(_known) >= KNOWN_MAX:
            _known.clear()
        _known[one.asked.hash] = found
    return found


def first_rows(
    turn: "Turn", steps: tuple[Step, ...], *, loop_id: str = "", iteration: int = 0, value: str = ""
) -> int:
    """Write the rows of a level; answers the number of the first."""
    one, first = turn.one, turn.one.state.next_number
    made = [
        StepRow(
            number=first + place,
            step_execution_id=turn.house.world.uuid(),
            name=step.name,
            action=step.action,
            loop_id=loop_id,
            iteration=iteration,
            iterator_value=value,
        )
        for place, step in enumerate(steps)
    ]
    step_rows.insert(turn.tx, one.scope, one.execution_id, made)
    turn.change(next_number=first + len(made))
    return first
