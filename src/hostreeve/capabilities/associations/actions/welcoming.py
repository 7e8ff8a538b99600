"""Associations brought to nodes that come, come back or get other tags."""

from collections.abc import Sequence

from hostreeve.api.call import Sealer
from hostreeve.capabilities import commands, nodes
from hostreeve.capabilities.associations.actions import running
from hostreeve.capabilities.associations.actions.changing import CHANNEL
from hostreeve.capabilities.associations.actions.running import NODES_AT_ONCE
from hostreeve.capabilities.associations.model.association import Association
from hostreeve.capabilities.associations.store import associations as store
from hostreeve.capabilities.associations.store import executions
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction

AWAY_LONG_MS = 30 * 24 * 3_600_000
"""A node that was away so long has its associations applied again when it is back."""
CLOSED_AGAIN_MS = 60_000
"""How often a node that came while a calendar was closed is looked at."""
_MISSED = frozenset({commands.Status.DELIVERY_TIMED_OUT, commands.Status.UNDELIVERABLE})


def node_came(tx: Transaction, scope: Scope, node_id: str, now_ms: int) -> None:
    """A node has connected, or its tags have changed."""
    executions.reset(tx, scope, node_id)
    if store.takes_newcomers(tx, scope):
        executions.came(tx, scope, node_id, now_ms)
        tx.wake(CHANNEL)


def tags_changed(tx: Transaction, scope: Scope, arn: str, now_ms: int) -> None:
    """The tags of something have changed: a node may be one that an association is for."""
    node_id = arn.rpartition("/")[2]
    if arn == nodes.node_arn(scope, node_id):
        node_came(tx, scope, node_id, now_ms)


def welcome(
    tx: Transaction, scope: Scope, node_ids: Sequence[str], *, world: World, keys: Sealer, now_ms: int
) -> int:
    """Bring the associations that are for them to nodes that came. How many were started."""
    started = 0
    waiting: set[str] = set()
    for one in store.taking_newcomers(tx, scope):
        missing = _missing(tx, one, node_ids, now_ms)
        if missing and running.closed(tx, one, now_ms):
            waiting.update(missing)
        elif missing and not (one.due_ms is not None and one.due_ms <= now_ms):
            # One that is due is about to be applied to all that are there.
            started += 1
            targets = [{"Key": "InstanceIds", "Values": missing}]
            running.launch(tx, one, targets, world=world, keys=keys, now_ms=now_ms)
    for node_id in node_ids:
        executions.welcomed(tx, scope, node_id)
        if node_id in waiting:
            executions.came(tx, scope, node_id, now_ms + CLOSED_AGAIN_MS)
    return started


def _missing(tx: Transaction, one: Association, node_ids: Sequence[str], now_ms: int) -> list[str]:
    """Those of the nodes that the association is for and that do not have it (any more)."""
    among = {"Key": "InstanceIds", "Values": list(node_ids)}
    found = nodes.targeted(tx, one.scope, [*one.targets, among], "", len(node_ids))
    missing = []
    for node in found:
        state = executions.state(tx, one.scope, one.association_id, node.node_id)
        if state is None or state.detailed_status in _MISSED or state.executed_ms < now_ms - AWAY_LONG_MS:
            missing.append(node.node_id)
    busy = open_on(tx, one) if missing else set()
    return [node_id for node_id in missing if node_id not in busy]


def open_on(tx: Transaction, one: Association) -> set[str]:
    """The nodes that it is being applied to right now."""
    found: set[str] = set()
    for execution in executions.open_ones(tx, one.scope, one.association_id):
        after = ""
        while execution.command_id:
            page = commands.invocations(tx, one.scope, execution.command_id, after, NODES_AT_ONCE)
            found.update(each.node_id for each in page)
            if len(page) < NODES_AT_ONCE:
                break
            after = page[-1].node_id
    return found
