"""History that is older than it is kept goes, with all that hangs on it."""

from hostreeve.capabilities.automations.model.quotas import quota
from hostreeve.capabilities.automations.store import history, previews
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups

DAY_MS = 86_400_000
TOKENS_KEPT_MS = 24 * 3_600_000


def forget(tx: Transaction, *, now_ms: int, limit: int) -> int:
    """A batch of executions that ended that long ago, and of tokens that nobody will repeat."""
    old = history.ended_before(tx, now_ms - quota("automation-history-days") * DAY_MS, limit)
    for scope, execution_id in old:
        groups.forget(tx, scope, scope.arn("ssm", f"automation-execution/{execution_id}"))
        history.delete(tx, scope, execution_id)
    previews.delete(tx, now_ms - TOKENS_KEPT_MS)
    return len(old) + history.delete_tokens(tx, now_ms - TOKENS_KEPT_MS, limit)
