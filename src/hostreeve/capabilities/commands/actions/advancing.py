"""One step of a command's life: load where it stands, plan, apply what was planned. One transaction each."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hostreeve.api.call import Principal
from hostreeve.api.errors import AwsError
from hostreeve.capabilities import nodes
from hostreeve.capabilities.commands import lifecycle
from hostreeve.capabilities.commands.actions import cancelling, moving, sending, targeting, waiting
from hostreeve.capabilities.commands.actions.moving import Permitted
from hostreeve.capabilities.commands.lifecycle import BATCH_MAX, UNHEARD_AFTER_MS, Plan
from hostreeve.capabilities.commands.model.command import Command
from hostreeve.capabilities.commands.model.status import CommandStatus, Status
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.capabilities.commands.store import invocations as rows
from hostreeve.capabilities.commands.store.commands import Standing
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.messaging import mailbox
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups

FOLDED_MAX = 2_000
"""Rows of one tally that one transaction makes one of."""


def advance(
    tx: Transaction, scope: Scope, command_id: str, *, world: World, now_ms: int, permitted: Permitted
) -> int:
    """Move one command on. Returns how much was done; 0 means that it now waits for its nodes or for time."""
    more = command_rows.fold(tx, scope, command_id, FOLDED_MAX)
    standing = command_rows.standing(tx, scope, command_id)
    if standing is None:
        command_rows.move(tx, scope, command_id, due_ms=None)
        return int(more)
    sweep = lifecycle.sweep(standing.progress, now_ms)
    pending = [] if sweep else _pending(tx, scope, standing)
    swept_to = standing.swept_to if standing.sweep == sweep else ""
    unended = rows.unended(tx, scope, command_id, after=swept_to, limit=BATCH_MAX) if sweep else []
    plan = lifecycle.plan(standing.progress, standing.tally, pending=pending, unended=unended, now_ms=now_ms)
    if sweep and unended:
        command_rows.move(tx, scope, command_id, sweep=sweep, swept_to=unended[-1])
    moved = _apply(tx, scope, standing, plan, world=world, now_ms=now_ms, permitted=permitted)
    return max(moved, int(more))


def _pending(tx: Transaction, scope: Scope, standing: Standing) -> list[str]:
    progress, tally = standing.progress, standing.tally
    giving_up = lifecycle.too_many_errors(progress, tally)
    limit = BATCH_MAX if giving_up else min(lifecycle.room(progress, tally), BATCH_MAX)
    if not tally.waiting or not limit:
        return []
    return rows.waiting(tx, scope, standing.command.command_id, after=standing.sent_to, limit=limit)


def _apply(
    tx: Transaction,
    scope: Scope,
    standing: Standing,
    plan: Plan,
    *,
    world: World,
    now_ms: int,
    permitted: Permitted,
) -> int:
    command = standing.command
    if plan.conclude is not None:
        return _conclude(tx, scope, standing, plan.conclude, now_ms)
    changes: dict[str, Any] = {}
    if plan.send:
        _send(tx, scope, standing, plan.send, now_ms)
        changes["sent_to"] = plan.send[-1]
    if plan.terminate:
        moving.become_all(tx, scope, command, plan.terminate, after=Status.TERMINATED, now_ms=now_ms)
        changes["sent_to"] = plan.terminate[-1]
    if plan.expire:
        moving.become_all(tx, scope, command, plan.expire, after=Status.DELIVERY_TIMED_OUT, now_ms=now_ms)
    if plan.cancel:
        cancelling.stop(tx, scope, command, plan.cancel, world=world, now_ms=now_ms)
    if plan.resolve and not standing.resolved_to and not _may_read_group(tx, scope, command, permitted):
        return _conclude(tx, scope, standing, CommandStatus.ACCESS_DENIED, now_ms)
    if plan.resolve and not plan.send:
        changes |= _resolve(tx, scope, standing, now_ms=now_ms, permitted=permitted)
    looked = {} if plan.more else waiting.look(tx, scope, standing, now_ms)
    changes |= looked
    unheard_ms = changes.get("unheard_ms", standing.unheard_ms)
    if "sent_to" in changes and (unheard_ms is None or unheard_ms > now_ms + UNHEARD_AFTER_MS):
        changes["unheard_ms"] = unheard_ms = now_ms + UNHEARD_AFTER_MS
    waits_until_ms = command.expires_ms if unheard_ms is None else min(command.expires_ms, unheard_ms)
    changes["due_ms"] = now_ms if plan.more else waits_until_ms
    command_rows.move(tx, scope, command.command_id, **changes)
    return 1 if plan.more or looked else 0


def _send(tx: Transaction, scope: Scope, standing: Standing, node_ids: tuple[str, ...], now_ms: int) -> None:
    command = standing.command
    moved = rows.mark_sent(tx, scope, command.command_id, node_ids)
    there = nodes.find_many(tx, scope, moved)
    command_rows.count(tx, scope, command.command_id, {"waiting": -len(moved)})
    moving.hand_over(tx, scope, command, [node_id for node_id in moved if node_id in there], now_ms)
    # A node that was deregistered while it waited its turn will never answer.
    gone = [node_id for node_id in moved if node_id not in there]
    moving.become_all(tx, scope, command, gone, after=Status.UNDELIVERABLE, now_ms=now_ms)
    _started(tx, scope, command, now_ms)


def _started(tx: Transaction, scope: Scope, command: Command, now_ms: int) -> None:
    before, after = (CommandStatus.PENDING,), CommandStatus.IN_PROGRESS
    if command_rows.become(tx, scope, command.command_id, before=before, after=after):
        moving.tell_command(tx, scope, command, after, now_ms)


def _resolve(
    tx: Transaction, scope: Scope, standing: Standing, *, now_ms: int, permitted: Permitted
) -> dict[str, Any]:
    """Find the next targets. Each is asked about as if it had been named: what the caller may not reach is
    shown as AccessDenied, what the document does not run on as InvalidPlatform."""
    command = standing.command
    found = nodes.targeted(tx, scope, command.targets, standing.resolved_to, BATCH_MAX)
    refused = {node.node_id: status for node in found if (status := _refused(command, node)) is not None}
    refused |= _denied(tx, scope, command, [n for n in found if n.node_id not in refused], permitted)
    names = {node.node_id: targeting.name_of(node) for node in found}
    accepted = {node_id: name for node_id, name in names.items() if node_id not in refused}
    sent = sending.add_targets(tx, scope, command, accepted, tally=standing.tally, now_ms=now_ms)
    if refused:
        _add_refused(tx, scope, command, {node_id: names[node_id] for node_id in refused})
        for status in sorted(set(refused.values())):
            ids = [node_id for node_id, why in refused.items() if why is status]
            moving.become_all(tx, scope, command, ids, after=status, now_ms=now_ms)
    if sent:
        _started(tx, scope, command, now_ms)
    changes: dict[str, Any] = {"is_resolved": int(len(found) < BATCH_MAX)}
    if found:
        changes["resolved_to"] = found[-1].node_id
    if sent:
        changes["sent_to"] = sent[-1]
    return changes


def _may_read_group(tx: Transaction, scope: Scope, command: Command, permitted: Permitted) -> bool:
    """Whether the sender may list the resource group that the command is for, if it is for one. Whether
    there is one is nothing that this tells."""
    arn = targeting.group_arn(scope, command.targets)
    if not arn or not command.asks_leave:
        return True
    context = _came_from(command) | targeting.tag_context(groups.tags_of(tx, scope, arn))
    principal = msgspec.convert(command.principal, Principal)
    try:
        permitted(tx, scope, principal, targeting.GROUP_ACTION, [arn], context)
    except AwsError:
        return False
    return True


def _came_from(command: Command) -> dict[str, list[str]]:
    return {"aws:sourceip": [command.source_ip]} if command.source_ip else {}


def _refused(command: Command, node: nodes.Node) -> Status | None:
    return None if targeting.runs_on(command.platform_types, node.platform_type) else Status.INVALID_PLATFORM


def _denied(
    tx: Transaction, scope: Scope, command: Command, found: list[nodes.Node], permitted: Permitted
) -> dict[str, Status]:
    if not command.asks_leave:
        return {}
    principal = msgspec.convert(command.principal, Principal)
    tags = groups.tags_of_many(tx, scope, [node.arn for node in found]) if found else {}
    denied = {}
    for node in found:
        context = _came_from(command) | targeting.tag_context(tags.get(node.arn, {}))
        try:
            permitted(tx, scope, principal, targeting.ACTION, [node.arn], context)
        except AwsError:
            denied[node.node_id] = Status.ACCESS_DENIED
    return denied


def _add_refused(tx: Transaction, scope: Scope, command: Command, names: Mapping[str, str]) -> None:
    """Invocations that are there to be seen, and were never sent."""
    # They do not wait for their turn, so they count as handed over.
    new = [sending.row_of(command, node_id, names[node_id], is_sent=True) for node_id in sorted(names)]
    command_rows.count(tx, scope, command.command_id, {"total": len(new)})
    rows.insert(tx, scope, command.command_id, new)


def _conclude(tx: Transaction, scope: Scope, standing: Standing, status: CommandStatus, now_ms: int) -> int:
    command = standing.command
    before = tuple(lifecycle.COMMAND_OPEN)
    if command_rows.become(tx, scope, command.command_id, before=before, after=status):
        moving.tell_command(tx, scope, command, status, now_ms)
        moving.tell_owner(tx, scope, command, now_ms)
        mailbox.drop_content(tx, command.command_id)
    command_rows.move(tx, scope, command.command_id, due_ms=None)
    return 1
