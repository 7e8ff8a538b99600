"""What a day or the retention has made of no use: old executions, and old answers to ClientTokens."""

from hostreeve.capabilities.windows.actions.tokens import KEPT_MS
from hostreeve.capabilities.windows.model.quotas import quota
from hostreeve.capabilities.windows.store import executions
from hostreeve.capabilities.windows.store import windows as store
from hostreeve.persistence.database import Transaction

DAY_MS = 86_400_000


def forget(tx: Transaction, *, now_ms: int, limit: int) -> int:
    """Drop a batch; how much it was."""
    before_ms = now_ms - quota("maintenance-window-history-days") * DAY_MS
    old = executions.started_before(tx, before_ms, limit)
    for scope, execution_id in old:
        executions.forget(tx, scope, execution_id)
    return len(old) + store.forget_answers(tx, now_ms - KEPT_MS, limit)
