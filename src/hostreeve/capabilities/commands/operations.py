"""Run Command, as AWS callers see it, and our own way to the whole output."""

import re
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import Operations, anything
from hostreeve.capabilities.commands.actions import cancelling, planning, sending, showing
from hostreeve.capabilities.commands.model import command as model
from hostreeve.capabilities.commands.model.command import Command, Invocation, Step
from hostreeve.capabilities.commands.model.status import CommandStatus, Status
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.capabilities.commands.store import filters
from hostreeve.capabilities.commands.store import invocations as rows
from hostreeve.capabilities.commands.store.filters import Condition

ssm = Operations("ssm")
hostreeve = Operations("hostreeve")
error = ssm.errors

PLANNED_MAX = 100
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_STATUSES = {str(status) for status in (*CommandStatus, *Status)} | {"TimedOut"}


@ssm.writes("SendCommand", asks=True)
def send_command(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Asks `call.require` for the document and each node; for nodes chosen by tags, once they are found."""
    row = sending.send(call, request)
    answer = model.described_command(row)
    # As at AWS the answer shows the command as it was accepted: nothing found, nothing begun.
    answer["TargetCount"] = len(row.command.instance_ids) or row.tally.total
    return {"Command": answer}


@hostreeve.reads("PlanCommand", asks=True)
def plan_command(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """SendCommand without sending. Asks `call.require` for the same things, and tells each answer."""
    page = paging.read(request, maximum=PLANNED_MAX, error=hostreeve.errors.InvalidNextToken)
    return planning.plan(call, request, page)


@ssm.writes("CancelCommand", on=anything)
def cancel_command(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    command = _command(call, request["CommandId"])
    node_ids = request.get("InstanceIds") or []
    if len(set(node_ids)) != len(node_ids):
        raise error.DuplicateInstanceId("The same node is named twice.")
    if not node_ids:
        cancelling.cancel(call.tx, call.scope, command.command_id, call.now_ms)
        return {}
    for node_id in node_ids:
        if rows.find(call.tx, call.scope, command.command_id, node_id) is None:
            raise error.InvalidInstanceId(f"The command {command.command_id} was not sent to {node_id}.")
    cancelling.stop(call.tx, call.scope, command, node_ids, world=call.world, now_ms=call.now_ms)
    return {}


@ssm.reads("ListCommands", on=anything)
def list_commands(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, error=error.InvalidNextToken)
    conditions = _conditions(request, is_list_commands=True)
    if "CommandId" in request:
        conditions.append(filters.command(_command_id(request["CommandId"])))
    after_ms, after_id = page.parts(int, str)
    found = command_rows.newest(
        call.tx,
        call.scope,
        conditions=conditions,
        after=(after_ms, after_id) if after_id else None,
        limit=page.limit + 1,
        node_id=request.get("InstanceId"),
    )
    token = page.token(found, lambda row: (row.command.requested_ms, row.command.command_id))
    return {"Commands": [model.described_command(row) for row in found[: page.limit]]} | _next(token)


@ssm.reads("ListCommandInvocations", on=anything)
def list_command_invocations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, error=error.InvalidNextToken)
    conditions = _conditions(request, is_list_commands=False)
    if "InstanceId" in request:
        conditions.append(filters.of_node(request["InstanceId"]))
    after_ms, after_id, after_node = page.parts(int, str, str)
    if "CommandId" in request:
        command_id = _command_id(request["CommandId"])
        found = rows.of_command(
            call.tx, call.scope, command_id, conditions=conditions, after=after_node, limit=page.limit + 1
        )
    else:
        after = (after_ms, after_id, after_node) if after_id else None
        asked = {one["key"]: one["value"] for one in request.get("Filters", [])}
        found = rows.newest(
            call.tx,
            call.scope,
            conditions=conditions,
            after=after,
            limit=page.limit + 1,
            # A node's own invocations are fewer than a document's.
            document_name=None if "InstanceId" in request else asked.get("DocumentName"),
        )
    token = page.token(found, lambda one: (one.requested_ms, one.command_id, one.node_id))
    listed = _listed(call, found[: page.limit], with_plugins=request.get("Details", False))
    return {"CommandInvocations": listed} | _next(token)


@ssm.reads("GetCommandInvocation", on=anything)
def get_command_invocation(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    command, invocation = _invocation(call, request)
    plugin_name = request.get("PluginName")
    if plugin_name is None and len(command.steps) == 1:
        plugin_name = command.steps[0][0]
    if plugin_name is not None:
        _check_plugin(command, plugin_name)
    steps = rows.steps(call.tx, call.scope, command.command_id, invocation.node_id)
    step = steps.get(plugin_name) if plugin_name is not None else None
    stdout, stderr = showing.shown_output(call.tx, call.scope, invocation, step)
    status, details = model.step_status(invocation, step)
    answer = {
        "CommandId": command.command_id,
        "InstanceId": invocation.node_id,
        "Comment": command.comment,
        "DocumentName": command.document_name,
        "DocumentVersion": command.document_version,
        # Without a step's name a document of several steps shows how it stands as a whole, and no output.
        "PluginName": plugin_name or "",
        "ResponseCode": step.code if step and step.has_ended else -1,
        "Status": status,
        "StatusDetails": details,
        "StandardOutputContent": stdout,
        "StandardOutputUrl": model.output_url(command, invocation.node_id, plugin_name or "", "stdout"),
        "StandardErrorContent": stderr,
        "StandardErrorUrl": model.output_url(command, invocation.node_id, plugin_name or "", "stderr"),
        "CloudWatchOutputConfig": model.logs_config(command),
    }
    return answer | _times(step)


@hostreeve.reads("GetCommandOutput", on=anything, action="ssm:GetCommandInvocation")
def get_command_output(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The whole output of a step by range, while it grows and afterwards."""
    command, invocation = _invocation(call, request)
    plugin_name = request.get("PluginName")
    if plugin_name is None and len(command.steps) == 1:
        plugin_name = command.steps[0][0]
    if plugin_name is None:
        raise hostreeve.errors.InvalidPluginName("The document has several steps; name one.")
    _check_plugin(command, plugin_name)
    steps = rows.steps(call.tx, call.scope, command.command_id, invocation.node_id)
    offset = request.get("Offset", 0)
    found = showing.whole_output(
        call.tx,
        call.scope,
        invocation,
        plugin_name,
        steps.get(plugin_name),
        stream=request.get("Stream", "stdout"),
        offset_bytes=offset,
        length=request.get("Length", 65_536),
    )
    return {
        "Data": found.part,
        "Offset": offset,
        "TotalBytes": found.total_bytes,
        "Complete": found.is_complete,
    }


def _command_id(command_id: str) -> str:
    if not _UUID.fullmatch(command_id):
        raise error.InvalidCommandId(f"The command ID {command_id[:36]} is not valid.")
    return command_id.lower()


def _command(call: Call, command_id: str) -> Command:
    command = command_rows.find(call.tx, call.scope, _command_id(command_id))
    if command is None:
        raise error.InvalidCommandId(f"There is no command {command_id}.")
    return command


def _invocation(call: Call, request: dict[str, Any]) -> tuple[Command, Invocation]:
    command_id = _command_id(request["CommandId"])
    command = command_rows.find(call.tx, call.scope, command_id)
    found = rows.find(call.tx, call.scope, command_id, request["InstanceId"]) if command else None
    if command is None or found is None:
        raise error.InvocationDoesNotExist("The command was not sent to this node.")
    return command, found


def _check_plugin(command: Command, plugin_name: str) -> None:
    if all(step_id != plugin_name for step_id, _ in command.steps):
        raise error.InvalidPluginName(f"The document has no step {plugin_name[:100]}.")


def _times(step: Step | None) -> dict[str, str]:
    """Texts in this answer, where other answers have numbers; empty when there is nothing to tell."""
    started, ended = (step.started_ms, step.ended_ms) if step else (None, None)
    if step is not None and not step.has_ended:
        ended = None
    both = started is not None and ended is not None
    return {
        "ExecutionStartDateTime": model.iso(started) if started is not None else "",
        "ExecutionElapsedTime": model.elapsed(started or 0, ended or 0) if both else "",
        "ExecutionEndDateTime": model.iso(ended) if ended is not None else "",
    }


def _listed(call: Call, found: list[Invocation], *, with_plugins: bool) -> list[dict[str, Any]]:
    commands = command_rows.find_many(call.tx, call.scope, {one.command_id for one in found})
    keys = [(one.command_id, one.node_id) for one in found]
    reported = rows.steps_of_many(call.tx, call.scope, keys) if with_plugins else {}
    listed = []
    for one in found:
        command = commands[one.command_id]
        shown_as = model.described_invocation(command, one)
        if with_plugins:
            steps = reported.get((one.command_id, one.node_id), {})
            shown_as["CommandPlugins"] = [
                model.described_plugin(command, step_id, one, steps.get(step_id))
                for step_id, _ in command.steps
            ]
        listed.append(shown_as)
    return listed


def _conditions(request: dict[str, Any], *, is_list_commands: bool) -> list[Condition]:
    found: list[Condition] = []
    asked: dict[str, str] = {}
    for one in request.get("Filters", []):
        key, value = one["key"], one["value"]
        if key in asked:
            raise error.InvalidFilterKey(f"The filter {key} is given twice.")
        asked[key] = value
        found.append(_condition(key, value, is_list_commands=is_list_commands))
    if is_list_commands and "InstanceId" in request and asked.get("Status") == "Pending":
        # AWS documents that this pair cannot be asked for together.
        raise error.InvalidFilterKey("InstanceId cannot be combined with the status Pending.")
    return found


def _condition(key: str, value: str, *, is_list_commands: bool) -> Condition:
    if key in ("InvokedAfter", "InvokedBefore"):
        at_ms = model.read_time(value)
        if at_ms is None:
            raise error.ValidationException(
                f"The value of {key} must be a time such as 2026-11-23T00:00:00Z."
            )
        return filters.invoked_after(at_ms) if key == "InvokedAfter" else filters.invoked_before(at_ms)
    if key == "Status":
        if value not in _STATUSES:
            raise error.ValidationException(f"{value} is not a status of commands.")
        return filters.status(value)
    if key == "DocumentName":
        return filters.document(value) if is_list_commands else filters.of_document(value)
    if not is_list_commands:
        raise error.InvalidFilterKey("ExecutionStage is a filter of ListCommands only.")
    if value not in ("Executing", "Complete"):
        raise error.ValidationException("ExecutionStage must be Executing or Complete.")
    return filters.stage(value)


def _next(token: str | None) -> dict[str, str]:
    return {"NextToken": token} if token else {}
