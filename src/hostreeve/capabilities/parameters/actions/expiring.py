"""Policies whose time has come: a parameter ends, or its owner is told."""

from hostreeve.capabilities.parameters.actions import changing, telling
from hostreeve.capabilities.parameters.model import policies
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction


def execute(tx: Transaction, scope: Scope, path: str, now_ms: int) -> bool:
    """Execute what is due of a parameter's policies; False when nothing is (any more).

    Row and events change in one transaction, so that two workers that both saw it due execute it once.
    """
    current = store.find(tx, scope, path)
    if current is None:
        return False
    after, ready = policies.executed(current.policies, current.modified_ms, now_ms)
    if not ready:
        return False
    for policy in ready:
        telling.policy_executed(tx, current, policy, now_ms)
    if any(policy.type == policies.EXPIRATION for policy in ready):
        changing.remove(tx, current)
        telling.changed(tx, current, "Delete", now_ms)
    else:
        store.set_policies(tx, current, after)
    return True
