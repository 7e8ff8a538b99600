"""What every change of an invocation brings along: its tally, its event, and a word to the worker."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hostreeve.api.call import Principal
from hostreeve.capabilities.commands.lifecycle import COUNTED_AS
from hostreeve.capabilities.commands.model.command import Command
from hostreeve.capabilities.commands.model.status import CommandStatus, Status, shown
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.capabilities.commands.store import invocations as rows
from hostreeve.capabilities.commands.store import uploads
from hostreeve.capabilities.commands.store.invocations import Moved
from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from hostreeve.messaging import mailbox
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction

CHANNEL = "commands"
"""The bus channel that wakes the worker."""

INVOCATION_CHANGED = "EC2 Command Invocation Status-change Notification"
COMMAND_CHANGED = "EC2 Command Status-change Notification"
"""AWS's names of the events (source aws.ssm)."""

NOTIFICATION = "Run Command Notification"
"""Our name of what is to be published to the topic of a NotificationConfig."""

OUTPUTS = "command-outputs"
"""The bus channel on which an invocation's output is ready to be put into S3."""

Permitted = Callable[[Transaction, Scope, Principal, str, list[str], Mapping[str, list[str]]], None]
"""Raises AccessDenied unless the principal may perform the action on the resources, in this context."""

Ended = Callable[[Transaction, Scope, str, int], None]
"""Told that a command has ended, in the transaction that ends it: the owner's reference, the time in ms."""

_FOLLOWERS: dict[str, Ended] = {}
_NOTIFIED = frozenset({"InProgress", "Success", "TimedOut", "Cancelled", "Failed"})
_MAY_HAVE_PRINTED = frozenset(
    {Status.SUCCESS, Status.FAILED, Status.EXECUTION_TIMED_OUT, Status.CANCELLED, Status.DELIVERY_TIMED_OUT}
)
_OUR_AGENT = '{"StreamOutput":true}'


def follow(kind: str, ended: Ended) -> None:
    """Have the ends of the commands told that owners of this kind send."""
    assert kind not in _FOLLOWERS or _FOLLOWERS[kind] is ended, f"{kind} has two followers"
    _FOLLOWERS[kind] = ended


def tell_owner(tx: Transaction, scope: Scope, command: Command, now_ms: int) -> None:
    kind, _, reference = command.owner.partition(":")
    if kind in _FOLLOWERS:
        _FOLLOWERS[kind](tx, scope, reference, now_ms)


def hand_over(tx: Transaction, scope: Scope, command: Command, node_ids: Iterable[str], now_ms: int) -> None:
    """Put the command into the nodes' mailboxes."""
    # A node that comes back later than TimeoutSeconds must not start what nobody expects any more.
    expires_ms = min(command.expires_ms, now_ms + command.timeout_s * 1000)
    jobs = [
        mailbox.Job(
            job_id=wire.job_id(command.command_id, node_id),
            node_id=node_id,
            topic=f"{wire.TOPIC_SEND}.{scope.region}",
            content_id=command.command_id,
            expires_ms=expires_ms,
            extra=_OUR_AGENT,
        )
        for node_id in node_ids
    ]
    mailbox.post(tx, scope, jobs, now_ms)


def become_all(
    tx: Transaction, scope: Scope, command: Command, node_ids: Sequence[str], *, after: Status, now_ms: int
) -> list[Moved]:
    """Change the status of those of the nodes' invocations that may become that, with all it brings along."""
    moved = rows.become_all(tx, scope, command.command_id, node_ids, after=after)
    count(tx, scope, command.command_id, moved, after=after)
    for one in moved:
        tell(tx, scope, command, one.node_id, after, now_ms)
    return moved


def count(tx: Transaction, scope: Scope, command_id: str, moved: Sequence[Moved], *, after: Status) -> None:
    """Add to the tally what became `after`, and let the worker see whether that decides something."""
    if moved and after in COUNTED_AS:
        waited = sum(not one.was_sent for one in moved)
        change = {COUNTED_AS[after]: len(moved), "waiting": -waited}
        command_rows.count(tx, scope, command_id, change, decides=True)
        tx.wake(CHANNEL, command_id)


def tell(tx: Transaction, scope: Scope, command: Command, node_id: str, status: Status, now_ms: int) -> None:
    """The event of an invocation's new status, in AWS's shape, and what else the command wants then."""
    detail = {
        "command-id": command.command_id,
        "document-name": command.document_name,
        "instance-id": node_id,
        "requested-date-time": wire.timestamp(command.requested_ms),
        "status": shown(status),
    }
    # Events of one invocation stay in order; those of different nodes need not wait for one another.
    aggregate = f"{command.command_id}/{node_id}"
    outbox.put(tx, scope, detail_type=INVOCATION_CHANGED, aggregate=aggregate, detail=detail, now_ms=now_ms)
    if command.output_s3_bucket and status in _MAY_HAVE_PRINTED:
        uploads.insert(tx, scope, command.command_id, node_id, now_ms)
        tx.wake(OUTPUTS, command.command_id)
    if command.notification.get("NotificationType") == "Invocation":
        message = {
            "commandId": command.command_id,
            "documentName": command.document_name,
            "instanceId": node_id,
            "requestedDateTime": wire.timestamp(command.requested_ms),
            "status": shown(status),
            "eventTime": wire.timestamp(now_ms),
        }
        _notify(tx, scope, command, aggregate, message, now_ms)


def tell_command(tx: Transaction, scope: Scope, command: Command, status: CommandStatus, now_ms: int) -> None:
    """The event of a command's new status, in AWS's shape."""
    detail: dict[str, Any] = {
        "command-id": command.command_id,
        "document-name": command.document_name,
        "expire-after": wire.timestamp(command.expires_ms),
        "parameters": command.parameters,
        "requested-date-time": wire.timestamp(command.requested_ms),
        "status": shown(status),
    }
    outbox.put(
        tx, scope, detail_type=COMMAND_CHANGED, aggregate=command.command_id, detail=detail, now_ms=now_ms
    )
    if command.notification.get("NotificationType") == "Command":
        message = {
            "commandId": command.command_id,
            "documentName": command.document_name,
            "instanceIds": command.instance_ids,
            "requestedDateTime": wire.timestamp(command.requested_ms),
            "expiresAfter": wire.timestamp(command.expires_ms),
            "outputS3BucketName": command.output_s3_bucket,
            "outputS3KeyPrefix": command.output_s3_prefix,
            "status": shown(status),
            "eventTime": wire.timestamp(now_ms),
        }
        _notify(tx, scope, command, command.command_id, message, now_ms)


def _notify(
    tx: Transaction, scope: Scope, command: Command, aggregate: str, message: dict[str, Any], now_ms: int
) -> None:
    """A message for the command's topic, if it asked for word of this status. Whoever delivers it acts as
    the role."""
    wanted, status = command.notification["NotificationEvents"], message["status"]
    # Nobody is ever told of Pending, Delayed and Cancelling.
    if status not in _NOTIFIED or not {"All", status} & set(wanted):
        return
    detail = {
        "TopicArn": command.notification["NotificationArn"],
        "RoleArn": command.service_role,
        "Message": message,
    }
    outbox.put(tx, scope, detail_type=NOTIFICATION, aggregate=aggregate, detail=detail, now_ms=now_ms)
