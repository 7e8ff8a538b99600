"""Sending a command: refuse what cannot be, store what was asked, hand over what may start at once."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import documents
from hostreeve.capabilities.commands.actions import moving, targeting, wishes
from hostreeve.capabilities.commands.lifecycle import (
    LIMITS,
    MAX_CONCURRENCY,
    MAX_ERRORS,
    UNHEARD_AFTER_MS,
    Progress,
    room,
)
from hostreeve.capabilities.commands.model.command import (
    TIMEOUT_S,
    Command,
    CommandRow,
    execution_timeout_s,
)
from hostreeve.capabilities.commands.model.status import CommandStatus, Status, Tally
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.capabilities.commands.store import history
from hostreeve.capabilities.commands.store import invocations as rows
from hostreeve.kernel.scope import Scope
from hostreeve.messaging import mailbox
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))


SENT = frozenset({"Command"})
"""The types of documents that SendCommand takes."""


def send(
    call: Call, request: Mapping[str, Any], *, owner: str = "", asks_leave: bool | None = None
) -> CommandRow:
    """Store a command; nodes named by id get it with this very transaction, others through the worker.

    `owner` (`kind:reference`) is what in this system sends on somebody's behalf: it may name any number of
    nodes or all, and is told of the command's end (`moving.follow`). It has asked for leave itself, unless
    `asks_leave`: then targets that are found later are asked about as for everybody else.
    """
    call.require(targeting.ACTION, [documents.arn(call.scope, request["DocumentName"])])
    document = document_of(call, request, kinds=documents.ON_NODES if owner else SENT)
    prepared = prepared_for(call, document, request)
    wanted = wishes.accepted(call, request)
    named = targeting.named(request, takes_every=bool(owner))
    chosen = targeting.checked(call, named, document) if named is not None else {}
    command = command_of(
        call,
        request,
        document,
        prepared,
        {**wanted, "owner": owner, "asks_leave": not owner if asks_leave is None else asks_leave},
    )
    tally = Tally(total=len(chosen), waiting=len(chosen))
    if history.open_invocations(call.tx, call.scope) >= LIMITS.open_invocations_max:
        command_rows.insert(call.tx, call.scope, command, status=CommandStatus.LIMIT_EXCEEDED, due_ms=None)
        moving.tell_command(call.tx, call.scope, command, CommandStatus.LIMIT_EXCEEDED, call.now_ms)
        moving.tell_owner(call.tx, call.scope, command, call.now_ms)
        return CommandRow(command=command, status=CommandStatus.PENDING, tally=tally)
    _insert(call, command, prepared, is_resolved=named is not None)
    if named is not None:
        add_targets(call.tx, call.scope, command, chosen, tally=Tally(), now_ms=call.now_ms)
        moving.tell_command(call.tx, call.scope, command, CommandStatus.IN_PROGRESS, call.now_ms)
    else:
        call.tx.wake(moving.CHANNEL, command.command_id)
    return CommandRow(command=command, status=CommandStatus.PENDING, tally=tally)


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


def document_of(
    call: Call, request: Mapping[str, Any], *, kinds: frozenset[str] = SENT
) -> documents.DocumentVersion:
    """The document that a request names, if it is of these types. InvalidDocument, InvalidDocumentVersion."""
    if "\x00" in request.get("Comment", ""):
        raise error.ValidationException("Comment must not hold the character U+0000.")
    document = documents.resolve(call.tx, call.scope, request["DocumentName"], request.get("DocumentVersion"))
    if document.document_type not in kinds:
        raise error.InvalidDocument(
            f"Document {document.name} is of type {document.document_type}; SendCommand runs Command ones."
        )
    claimed = request.get("DocumentHash")
    if claimed and not document.has_hash(claimed, request.get("DocumentHashType", "Sha256")):
        raise error.InvalidDocument(f"The hash of document {document.name} is not the one that was given.")
    return document


def prepared_for(
    call: Call, document: documents.DocumentVersion, request: Mapping[str, Any]
) -> documents.Prepared:
    """What a node is handed: `{{ssm:name}}` is replaced with the caller's rights, now and for all nodes.

    InvalidParameters, AccessDeniedException, MaxDocumentSizeExceeded.
    """
    given = request.get("Parameters", {})
    prepared = documents.prepare(call, document, given)
    size_bytes = len(document.text.encode())
    size_bytes += sum(len(value.encode()) for listed in given.values() for value in listed)
    if size_bytes > documents.SIZE_BYTES_MAX:
        raise error.MaxDocumentSizeExceeded(
            f"The document and its parameters together exceed {documents.SIZE_BYTES_MAX} bytes."
        )
    return prepared


def command_of(
    call: Call,
    request: Mapping[str, Any],
    document: documents.DocumentVersion,
    prepared: documents.Prepared,
    wanted: Mapping[str, Any],
) -> Command:
    """The command that a request asks for. `wanted` are the members that `wishes.accepted` found."""
    content, values = prepared
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
        **wanted,
    )


def _value(step: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """A step's timeoutSeconds with its parameter filled in."""
    raw = step.get("timeoutSeconds")
    if isinstance(raw, str) and raw.startswith("{{") and raw.endswith("}}"):
        return values.get(raw[2:-2].strip())
    return raw


def _insert(call: Call, command: Command, prepared: documents.Prepared, *, is_resolved: bool) -> None:
    payload = msgspec.json.encode(
        {
            "Parameters": prepared.values,
            "DocumentContent": prepared.content,
            "CommandId": command.command_id,
            "DocumentName": command.document_name,
            "OutputS3KeyPrefix": command.output_s3_prefix,
            "OutputS3BucketName": command.output_s3_bucket,
            "CloudWatchLogGroupName": command.log_group,
            # The official agent reads a text here, not a boolean.
            "CloudWatchOutputEnabled": "true" if command.is_logged else "false",
        }
    )
    mailbox.keep_content(call.tx, command.command_id, payload.decode(), command.expires_ms)
    unheard_ms = call.now_ms + UNHEARD_AFTER_MS
    command_rows.insert(
        call.tx,
        call.scope,
        command,
        status=CommandStatus.IN_PROGRESS if is_resolved else CommandStatus.PENDING,
        is_resolved=is_resolved,
        due_ms=min(unheard_ms, command.expires_ms) if is_resolved else call.now_ms,
        unheard_ms=unheard_ms if is_resolved else None,
    )
