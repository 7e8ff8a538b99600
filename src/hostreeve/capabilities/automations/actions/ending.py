"""How an execution ends, and who is told: its parent, who began it, and those that wait for its room."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from hostreeve.capabilities.automations.actions import queueing, telling
from hostreeve.capabilities.automations.model.execution import Execution
from hostreeve.capabilities.automations.model.runbook import Runbook
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.capabilities.automations.model.values import listed
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.capabilities.automations.store import steps as step_rows
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

CHANNEL = "automations"
NOT_YET = "No output available yet because the step is not successfully executed"
COUNTED = {
    Status.SUCCESS: "success",
    Status.FAILED: "failed",
    Status.TIMED_OUT: "timed_out",
    Status.CANCELLED: "cancelled",
}

Ended = Callable[[Transaction, Scope, str, int], None]
"""Told that an execution has ended, in the transaction that ends it: its owner's reference, and when (ms)."""

_FOLLOWERS: dict[str, Ended] = {}


def follow(kind: str, ended: Ended) -> None:
    """Have the ends of the executions told that owners of this kind begin."""
    assert kind not in _FOLLOWERS or _FOLLOWERS[kind] is ended, f"{kind} has two followers"
    _FOLLOWERS[kind] = ended


def ended(
    tx: Transaction, before: Execution, after: Execution, runbook: Runbook | None, now_ms: int
) -> Execution:
    """Write that an execution has ended as `after` says, and tell everybody."""
    outputs = _outputs(tx, after, runbook) if runbook is not None else {}
    state = replace(after.state, at=None, outputs=outputs, valid_next=(), is_held=False)
    after = replace(after, state=state, ended_ms=now_ms, due_ms=None, holds_slot=False, current_action="")
    if not rows.save(tx, before, after):
        return before
    telling.execution(tx, after, now_ms)
    told(tx, after, now_ms)
    queueing.admit(tx, after.scope, now_ms)
    tx.wake(CHANNEL)
    return after


def told(tx: Transaction, one: Execution, now_ms: int) -> None:
    """Whoever waits for it looks."""
    asked = one.asked
    if asked.parent_id and not asked.parent_step:
        rows.count(tx, one.scope, asked.parent_id, COUNTED[one.status], 1, now_ms)
    elif asked.parent_id:
        look(tx, one.scope, asked.parent_id, asked.parent_step, now_ms)
    kind, _, reference = asked.owner.partition(":")
    if kind in _FOLLOWERS:
        _FOLLOWERS[kind](tx, one.scope, reference, now_ms)


def look(tx: Transaction, scope: Scope, execution_id: str, step_id: str, now_ms: int) -> None:
    """What a step began has ended: the step is looked at. Nothing when it is not its turn any more."""
    one = rows.find(tx, scope, execution_id)
    if one is None or one.has_ended or one.state.at is None:
        return
    row = step_rows.find(tx, scope, execution_id, one.state.at)
    if row is None or row.step_execution_id != step_id or row.status is not Status.IN_PROGRESS:
        return
    step_rows.save(tx, scope, execution_id, row, replace(row, body=replace(row.body, look_ms=now_ms)))
    rows.make_due(tx, scope, execution_id, now_ms)
    tx.wake(CHANNEL)


def _outputs(tx: Transaction, one: Execution, runbook: Runbook) -> dict[str, list[str]]:
    """The outputs that the runbook names: `step.Output` each."""
    found: dict[str, list[str]] = {}
    for name in runbook.outputs:
        place = name.strip()
        if place.startswith("{{") and place.endswith("}}"):
            place = place[2:-2].strip()
        if place.startswith("variable:"):
            found[place] = listed(one.state.variables.get(place.removeprefix("variable:")))
            continue
        step, _, output = place.partition(".")
        row = step_rows.named(tx, one.scope, one.execution_id, step)
        value: Any = row.body.outputs.get(output) if row is not None else None
        found[place] = listed(value) if value is not None else [NOT_YET]
    return found
