"""Sending a command: refuse what cannot be, store what was asked, hand over what may start at once."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import documents, nodes
from hostreeve.capabilities.commands.actions import moving
from hostreeve.capabilities.commands.lifecycle import MAX_CONCURRENCY, MAX_ERRORS, Progress, room
from hostreeve.capabilities.commands.model.command import (
    IDS_MAX,
    TIMEOUT_S,
    Command,
    CommandRow,
    execution_timeout_s,
)
from hostreeve.capabilities.commands.model.status import CommandStatus, Status, Tally
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.capabilities.commands.store import invocations as rows
from hostreeve.kernel.scope import Scope
from hostreeve.messaging import mailbox
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups

error = ServiceErrors(service("ssm"))

ACTION = "ssm:SendCommand"
_LATER = {
    "OutputS3BucketName": (error.InvalidOutputFolder, "Output to S3 needs the object store"),
    "OutputS3KeyPrefix": (error.InvalidOutputFolder, "Output to S3 needs the object store"),
    "NotificationConfig": (
        error.InvalidNotificationConfig,
        "NotificationConfig needs the notification service",
    ),
    "ServiceRoleArn": (error.InvalidRole, "ServiceRoleArn needs the notification service"),
    "CloudWatchOutputConfig": (error.InvalidParameters, "CloudWatchOutputConfig needs the log service"),
    # A safety gate that does nothing would be worse than none.
    "AlarmConfiguration": (error.InvalidParameters, "AlarmConfiguration needs the alarm service"),
}
"""Members whose services are not there yet: refused, never accepted and ignored."""


def send(call: Call, request: Mapping[str, Any]) -> CommandRow:
    """Store a command; nodes named by id get it with this very transaction, others through the worker."""
    _refuse_unserved(request)
    call.require(ACTION, [documents.arn(call.scope, request["DocumentName"])])
    document = _document(call.tx, call.scope, request)
    values = documents.check_parameters(document, request.get("Parameters", {}))
    named = _named(request)
    chosen = _checked(call, named, document) if named is not None else {}
    command = _command(call, request, document, values)
    _insert(call, command, document, values, is_resolved=named is not None)
    if named is not None:
        add_targets(call.tx, call.scope, command, chosen, tally=Tally(), now_ms=call.now_ms)
        moving.tell_command(call.tx, call.scope, command, CommandStatus.IN_PROGRESS, call.now_ms)
    else:
        call.tx.wake(moving.CHANNEL, command.command_id)
    return CommandRow(
        command=command, status=CommandStatus.PENDING, tally=Tally(total=len(chosen), waiting=len(chosen))
    )


def add_targets(
    tx: Transaction,
    scope: Scope,
    command: Command,
    names: Mapping[str, str],
    *,
    tally: Tally,
    now_ms: int,
) -> list[str]:
    """Add invocations for these nodes (id to name); those that may start now are handed over and returned.

    `tally` is the command's before this; nodes come in the order of their ids.
    """
    node_ids = sorted(names)
    after = msgspec.structs.replace(
        tally, total=tally.total + len(node_ids), waiting=tally.waiting + len(node_ids)
    )
    limits = Progress(
        expires_ms=command.expires_ms,
        max_concurrency=command.max_concurrency,
        max_errors=command.max_errors,
    )
    # Those that wait already go first.
    sent = node_ids[: room(limits, after)] if not tally.waiting else []
    at_once = set(sent)
    new = [row_of(command, node_id, names[node_id], is_sent=node_id in at_once) for node_id in node_ids]
    rows.insert(tx, scope, command.command_id, new)
    waiting = len(node_ids) - len(sent)
    command_rows.count(tx, scope, command.command_id, {"total": len(node_ids), "waiting": waiting})
    moving.hand_over(tx, scope, command, sent, now_ms)
    return sent


def row_of(command: Command, node_id: str, node_name: str, *, is_sent: bool) -> dict[str, Any]:
    """A new invocation, for `rows.insert`."""
    return {
        "node_id": node_id,
        "node_name": node_name,
        "requested_ms": command.requested_ms,
        "status": str(Status.PENDING),
        "is_sent": int(is_sent),
    }


def target_arn(scope: Scope, node_id: str) -> str:
    """The ARN that policies name for a target: an EC2 instance's, or a managed node's."""
    return (
        scope.arn("ec2", f"instance/{node_id}")
        if node_id.startswith("i-")
        else nodes.node_arn(scope, node_id)
    )


def tag_context(tags: Mapping[str, str]) -> dict[str, list[str]]:
    """The condition keys of a resource's tags."""
    return {f"{prefix}{key}": [value] for key, value in tags.items() for prefix in _TAG_KEYS}


_TAG_KEYS = ("ssm:resourceTag/", "aws:ResourceTag/")


def _refuse_unserved(request: Mapping[str, Any]) -> None:
    for member, (refusal, need) in _LATER.items():
        if request.get(member) and request[member] != {"CloudWatchOutputEnabled": False}:
            raise refusal(f"{need}, which this version does not have yet.")
    if "\x00" in request.get("Comment", ""):
        raise error.ValidationException("Comment must not hold the character U+0000.")


def _document(tx: Transaction, scope: Scope, request: Mapping[str, Any]) -> documents.DocumentVersion:
    document = documents.resolve(tx, scope, request["DocumentName"], request.get("DocumentVersion"))
    if document.document_type != "Command":
        raise error.InvalidDocument(
            f"Document {document.name} is of type {document.document_type}; SendCommand runs Command ones."
        )
    claimed = request.get("DocumentHash")
    if claimed and not document.has_hash(claimed, request.get("DocumentHashType", "Sha256")):
        raise error.InvalidDocument(f"The hash of document {document.name} is not the one that was given.")
    return document


def _named(request: Mapping[str, Any]) -> list[str] | None:
    """The nodes that the request names one by one; None when it chooses them by tags."""
    ids, targets = request.get("InstanceIds") or [], request.get("Targets") or []
    if bool(ids) == bool(targets):
        raise error.ValidationException("Give either InstanceIds or Targets.")
    for target in targets:
        _check_target(target)
    if len(targets) == 1 and targets[0]["Key"].lower() == "instanceids":
        ids = targets[0]["Values"]
    elif targets:
        return None
    if len(set(ids)) != len(ids):
        raise error.DuplicateInstanceId("The same node is named twice.")
    return list(ids)


def _check_target(target: Mapping[str, Any]) -> None:
    key, values = target.get("Key", ""), target.get("Values") or []
    if key.lower() == "instanceids":
        if not values or len(values) > IDS_MAX or "*" in values:
            # `*` means all nodes in State Manager and Automation only (node-management.md §0).
            raise error.InvalidInstanceId(f"InstanceIds takes 1 to {IDS_MAX} node ids.")
    elif key.startswith("resource-groups:"):
        raise error.ValidationException(f"The target {key} needs resource groups, which this version lacks.")
    elif key != "tag-key" and not (key.startswith("tag:") and len(key) > len("tag:")):
        raise error.ValidationException(f"Targets' Key must be InstanceIds, tag:<key> or tag-key, not {key}.")
    elif not values and key == "tag-key":
        raise error.ValidationException("The target tag-key needs values.")


def _checked(call: Call, node_ids: list[str], document: documents.DocumentVersion) -> dict[str, str]:
    """The names of the nodes by id, once it is clear that each is there and may be sent to."""
    arns = [target_arn(call.scope, node_id) for node_id in node_ids]
    tags = groups.tags_of_many(call.tx, call.scope, arns)
    for arn in arns:
        call.require(ACTION, [arn], tag_context(tags.get(arn, {})))
    found = nodes.find_many(call.tx, call.scope, node_ids)
    missing = sorted(set(node_ids) - set(found))
    if missing:
        raise error.InvalidInstanceId(
            f"Instances [[{', '.join(missing)}]] not in a valid state for account {call.scope.account}"
        )
    for node in found.values():
        if not runs_on(document.platform_types, node.platform_type):
            raise error.UnsupportedPlatformType(
                f"Document {document.name} does not run on {node.platform_type} ({node.node_id})."
            )
    return {node_id: name_of(node) for node_id, node in found.items()}


def runs_on(platform_types: tuple[str, ...] | list[str], platform_type: str) -> bool:
    """Whether a document does anything there. One that has not said what it is may."""
    return not platform_type or platform_type in platform_types


def name_of(node: nodes.Node) -> str:
    return node.name or node.computer_name


def _command(
    call: Call, request: Mapping[str, Any], document: documents.DocumentVersion, values: Mapping[str, Any]
) -> Command:
    content = document.content
    timeout_s = request.get("TimeoutSeconds", TIMEOUT_S)
    # The execution timeouts of all steps count, because they run one after another (node-management.md §2.5).
    running_s = sum(execution_timeout_s(_value(step, values)) for step in documents.inputs(content))
    return Command(
        command_id=call.world.uuid(),
        document_name=document.name,
        document_version=request.get("DocumentVersion", ""),
        comment=request.get("Comment", ""),
        parameters=request.get("Parameters", {}),
        instance_ids=request.get("InstanceIds", []),
        targets=request.get("Targets", []),
        requested_ms=call.now_ms,
        expires_ms=call.now_ms + (timeout_s + running_s) * 1000,
        timeout_s=timeout_s,
        max_concurrency=request.get("MaxConcurrency", MAX_CONCURRENCY),
        max_errors=request.get("MaxErrors", MAX_ERRORS),
        steps=documents.steps(content),
        platform_types=list(document.platform_types),
        principal=msgspec.to_builtins(call.principal),
        source_ip=call.source_ip,
    )


def _value(step: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """A step's timeoutSeconds with its parameter filled in."""
    raw = step.get("timeoutSeconds")
    if isinstance(raw, str) and raw.startswith("{{") and raw.endswith("}}"):
        return values.get(raw[2:-2].strip())
    return raw


def _insert(
    call: Call,
    command: Command,
    document: documents.DocumentVersion,
    values: Mapping[str, Any],
    *,
    is_resolved: bool,
) -> None:
    payload = msgspec.json.encode(
        {
            "Parameters": values,
            "DocumentContent": document.content,
            "CommandId": command.command_id,
            "DocumentName": command.document_name,
            "OutputS3KeyPrefix": "",
            "OutputS3BucketName": "",
            "CloudWatchLogGroupName": "",
            # The official agent reads a text here, not a boolean.
            "CloudWatchOutputEnabled": "false",
        }
    )
    given = sum(len(value.encode()) for listed in command.parameters.values() for value in listed)
    if len(document.text.encode()) + given > documents.SIZE_BYTES_MAX:
        raise error.MaxDocumentSizeExceeded(
            f"The document and its parameters together exceed {documents.SIZE_BYTES_MAX} bytes."
        )
    mailbox.keep_content(call.tx, command.command_id, payload.decode(), command.expires_ms)
    command_rows.insert(
        call.tx,
        call.scope,
        command,
        status=CommandStatus.IN_PROGRESS if is_resolved else CommandStatus.PENDING,
        is_resolved=is_resolved,
        due_ms=command.expires_ms if is_resolved else call.now_ms,
    )
