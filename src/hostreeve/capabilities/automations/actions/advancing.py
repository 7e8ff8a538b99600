"""One turn of an execution: load where it stands, plan, do what was planned, write, in one transaction.

What an action does to this system happens in that same transaction, so it has happened exactly when the step
says so. An error of an operation lets all of it come to nothing (`Stumble`), and the next turn writes the
failure.
"""

from msgspec.structs import replace

from hostreeve.capabilities.automations.actions import ending, locating, queueing, spreading, telling
from hostreeve.capabilities.automations.actions.doing import LEASE_MS, Deeds, Errand, Stumble, Turned
from hostreeve.capabilities.automations.actions.house import House
from hostreeve.capabilities.automations.model.outcome import FAULT, Broken, Succeeded
from hostreeve.capabilities.automations.model.status import ENDED, Status
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.capabilities.automations.store import steps as step_rows
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction


def advance(
    tx: Transaction,
    scope: Scope,
    execution_id: str,
    *,
    house: House,
    now_ms: int,
    stumble: Stumble | None = None,
) -> Turned:
    """Move one execution on. Stumble: begin again in another transaction, and say so."""
    one = rows.find(tx, scope, execution_id)
    if one is None or one.has_ended:
        rows.make_due(tx, scope, execution_id, None)
        return Turned(False)
    if one.status is Status.PENDING:
        if not one.asked.is_spread and not queueing.has_room(tx, scope):
            rows.make_due(tx, scope, execution_id, None)
            return Turned(False)
        begun = replace(one, status=Status.IN_PROGRESS, holds_slot=not one.asked.is_spread)
        rows.save(tx, one, begun)
        telling.execution(tx, begun, now_ms)
        one = begun
    if one.asked.locations:
        return Turned(locating.advance(tx, one, house=house, now_ms=now_ms, stumble=stumble))
    if one.asked.is_spread:
        return Turned(spreading.advance(tx, one, house=house, now_ms=now_ms))
    return Deeds(tx, one, house=house, now_ms=now_ms, stumble=stumble).go()


def settle(
    tx: Transaction, errand: Errand, came_to: Succeeded | Broken, *, house: House, now_ms: int
) -> Turned:
    """What was done outside is known. Ignored when somebody else has decided about the step meanwhile."""
    one = rows.find(tx, errand.scope, errand.execution_id)
    if one is None or one.has_ended or one.state.at != errand.number:
        return Turned(False)
    return Deeds(tx, one, house=house, now_ms=now_ms, stumble=None).take_back(errand, came_to)


def keep_alive(tx: Transaction, errand: Errand, now_ms: int) -> bool:
    """Whoever does it is still there. False when nobody waits for it any more."""
    row = step_rows.find(tx, errand.scope, errand.execution_id, errand.number)
    if row is not None and row.body.errand == errand.errand_id and row.status not in ENDED:
        body = replace(row.body, errand_until_ms=now_ms + LEASE_MS)
        step_rows.save(tx, errand.scope, errand.execution_id, row, replace(row, body=body))
        rows.make_due(tx, errand.scope, errand.execution_id, now_ms + LEASE_MS)
        return True
    return False


def break_off(tx: Transaction, scope: Scope, execution_id: str, *, house: House, now_ms: int) -> None:
    """What comes next cannot be done, by a fault of ours: the step, or all of a spread, has failed."""
    one = rows.find(tx, scope, execution_id)
    if one is None or one.has_ended:
        rows.make_due(tx, scope, execution_id, None)
        return
    if one.asked.is_spread:
        failed = replace(one, status=Status.FAILED, state=replace(one.state, failure=FAULT))
        ending.ended(tx, one, failed, None, now_ms)
        return
    Deeds(tx, one, house=house, now_ms=now_ms, stumble=None).break_off()
