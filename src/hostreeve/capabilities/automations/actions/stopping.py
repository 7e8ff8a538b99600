"""Stopping: what has not begun ends at once, what runs turns to its onCancel with the worker's next look."""

from msgspec.structs import replace

from hostreeve.capabilities.automations.actions import ending, telling
from hostreeve.capabilities.automations.model.execution import Execution
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.persistence.database import Transaction

CANCEL, COMPLETE = "Cancel", "Complete"


def cancel(tx: Transaction, one: Execution, now_ms: int) -> bool:
    """Cancel an execution. False when it has ended, or is being cancelled already."""
    if one.has_ended or one.status is Status.CANCELLING:
        return False
    if one.status is Status.PENDING:
        ending.ended(tx, one, replace(one, status=Status.CANCELLED), None, now_ms)
        return True
    state = replace(one.state, stop=CANCEL, is_held=False)
    after = replace(one, status=Status.CANCELLING, state=state, due_ms=now_ms)
    rows.save(tx, one, after)
    telling.execution(tx, after, now_ms)
    tx.wake(ending.CHANNEL)
    return True


def complete(tx: Transaction, one: Execution, now_ms: int) -> None:
    """End an interactive execution in good order."""
    after = replace(one, state=replace(one.state, stop=COMPLETE, is_held=False), due_ms=now_ms)
    rows.save(tx, one, after)
    tx.wake(ending.CHANNEL)
