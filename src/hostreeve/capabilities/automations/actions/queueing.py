"""How many executions run at once in an account and Region, and who comes next when there is room."""

from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities.automations.model.quotas import quota
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import settings

error = ServiceErrors(service("ssm"))

ADAPTIVE = settings.Setting("/ssm/automation/enable-adaptive-concurrency", ("False", "True"), "False")
"""Whether more executions may run at once."""


def limit(tx: Transaction, scope: Scope) -> int:
    is_adaptive = settings.value_of(tx, scope, ADAPTIVE) == "True"
    return quota("automations-at-once-adaptive" if is_adaptive else "automations-at-once")


def has_room(tx: Transaction, scope: Scope) -> bool:
    """Whether one more may run now. Executions that wait for others count only while they do something."""
    most = limit(tx, scope)
    return rows.running(tx, scope, most) < most


def require_place(tx: Transaction, scope: Scope) -> None:
    """AutomationExecutionLimitExceededException when too many wait already."""
    most = quota("automations-queued")
    if len(rows.queued(tx, scope, most)) >= most:
        raise error.AutomationExecutionLimitExceededException(
            f"{most} executions wait for others to end; no more can be queued."
        )


def admit(tx: Transaction, scope: Scope, now_ms: int) -> None:
    """Let those that wait longest begin, as many as there is room for."""
    most = limit(tx, scope)
    free = most - rows.running(tx, scope, most)
    if free <= 0:
        return
    for execution_id in rows.queued(tx, scope, min(free, 20)):
        rows.make_due(tx, scope, execution_id, now_ms)
