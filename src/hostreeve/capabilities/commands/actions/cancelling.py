"""Cancelling: nodes that have not got the command never do; the others are asked to stop."""

from collections.abc import Sequence

from hostreeve.capabilities.commands.actions import moving
from hostreeve.capabilities.commands.model.command import Command
from hostreeve.capabilities.commands.model.status import CommandStatus, Status
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.capabilities.commands.store import invocations as rows
from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.messaging import mailbox
from hostreeve.persistence.database import Transaction


def cancel(tx: Transaction, scope: Scope, command_id: str, now_ms: int) -> None:
    """Cancel a whole command; the worker goes through its nodes. No effect on one that has ended."""
    before = (CommandStatus.PENDING, CommandStatus.IN_PROGRESS)
    if command_rows.become(tx, scope, command_id, before=before, after=CommandStatus.CANCELLING):
        command_rows.move(tx, scope, command_id, is_cancelling=1, due_ms=now_ms)
        tx.wake(moving.CHANNEL, command_id)


def stop(
    tx: Transaction, scope: Scope, command: Command, node_ids: Sequence[str], *, world: World, now_ms: int
) -> None:
    """Cancel a command on some of its nodes (at most a batch). Those that have ended stay as they are."""
    job_ids = [wire.job_id(command.command_id, node_id) for node_id in node_ids]
    withdrawn = mailbox.withdraw(tx, scope, job_ids)
    untouched = rows.unsent(tx, scope, command.command_id, node_ids)
    untouched |= {wire.node_id_of(job_id) for job_id in withdrawn}
    never = [node_id for node_id in node_ids if node_id in untouched]
    moving.become_all(tx, scope, command, never, after=Status.CANCELLED, now_ms=now_ms)
    others = [node_id for node_id in node_ids if node_id not in untouched]
    asked = rows.become_all(tx, scope, command.command_id, others, after=Status.CANCELLING)
    _ask(tx, scope, command, [one.node_id for one in asked], cancel_id=world.uuid(), now_ms=now_ms)


def _ask(
    tx: Transaction, scope: Scope, command: Command, node_ids: list[str], *, cancel_id: str, now_ms: int
) -> None:
    jobs = []
    for node_id in node_ids:
        job_id = wire.job_id(cancel_id, node_id)
        content = wire.cancel_content(wire.job_id(command.command_id, node_id))
        mailbox.keep_content(tx, job_id, content, command.expires_ms)
        topic = f"{wire.TOPIC_CANCEL}.{scope.region}"
        jobs.append(mailbox.Job(job_id, node_id, topic, content_id=job_id, expires_ms=command.expires_ms))
    mailbox.post(tx, scope, jobs, now_ms)
