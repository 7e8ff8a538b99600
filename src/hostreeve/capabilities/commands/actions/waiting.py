"""Nodes that were sent a command and have not taken it: those that are away are Delayed, those that have
left for good Undeliverable."""

from typing import Any

from hostreeve.capabilities import nodes
from hostreeve.capabilities.commands import lifecycle
from hostreeve.capabilities.commands.actions import moving
from hostreeve.capabilities.commands.lifecycle import BATCH_MAX, UNHEARD_AFTER_MS
from hostreeve.capabilities.commands.model.status import Status
from hostreeve.capabilities.commands.store import invocations as rows
from hostreeve.capabilities.commands.store.commands import Standing
from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from hostreeve.messaging import mailbox
from hostreeve.persistence.database import Transaction


def look(tx: Transaction, scope: Scope, standing: Standing, now_ms: int) -> dict[str, Any]:
    """Look at a batch of them when their time has come. What is to be written of the command: when to look
    again (`unheard_ms`, None when nobody is waited for) and from where on."""
    if standing.unheard_ms is None or now_ms < standing.unheard_ms:
        return {}
    if standing.sweep:
        # Nobody is waited for any more; a time left standing would call the worker again at once, for ever.
        return {"unheard_ms": None}
    command = standing.command
    found = rows.unheard(tx, scope, command.command_id, after=standing.unheard_to, limit=BATCH_MAX)
    there = nodes.find_many(tx, scope, found, now_ms)
    gone = [node_id for node_id in found if node_id not in there]
    # A node that is connected has no room for the command just now, or will have it any moment.
    away = [node_id for node_id in found if node_id in there and not there[node_id].is_connected]
    ids = {wire.job_id(command.command_id, node_id): node_id for node_id in away}
    recent = mailbox.posted_after(tx, scope, ids, now_ms - UNHEARD_AFTER_MS)
    away = [node_id for job_id, node_id in ids.items() if job_id not in recent]
    moving.become_all(tx, scope, command, gone, after=Status.UNDELIVERABLE, now_ms=now_ms)
    moving.become_all(tx, scope, command, away, after=Status.DELAYED, now_ms=now_ms)
    if len(found) == BATCH_MAX:
        return {"unheard_ms": now_ms, "unheard_to": found[-1]}
    if not found and not standing.unheard_to:
        return {"unheard_ms": None}
    rest_ms = lifecycle.unheard_rest_ms(command.requested_ms, now_ms) if not recent else UNHEARD_AFTER_MS
    return {"unheard_ms": now_ms + rest_ms, "unheard_to": ""}
