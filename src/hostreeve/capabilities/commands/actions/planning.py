"""What a command would do, without sending it: its targets, its steps, and who says no."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.api.paging import Page
from hostreeve.capabilities import documents, nodes
from hostreeve.capabilities.commands.actions import sending, targeting, wishes
from hostreeve.capabilities.commands.model.rendering import rendered
from hostreeve.platform import groups

SEND = "Send"
"""The outcome of a target that would get the command; every other outcome is a status or an error."""


def plan(call: Call, request: Mapping[str, Any], page: Page) -> dict[str, Any]:
    """The members of PlanCommandResult. What SendCommand refuses as a whole is refused here with the same
    error, except for what is said of single targets."""
    call.require(targeting.ACTION, [documents.arn(call.scope, request["DocumentName"])])
    document = sending.document_of(call, request)
    prepared = sending.prepared_for(call, document, request)
    wanted = wishes.accepted(call, request)
    command = sending.command_of(call, request, document, prepared, wanted)
    named = targeting.named(request)
    if named is None:
        group = targeting.group_arn(call.scope, command.targets)
        if group:
            call.require(targeting.GROUP_ACTION, [group])
        found = nodes.targeted(call.tx, call.scope, command.targets, page.after, page.limit + 1)
        present = {node.node_id: node for node in found}
        shown = [node.node_id for node in found]
    else:
        present = nodes.find_many(call.tx, call.scope, named, call.now_ms)
        shown = [node_id for node_id in sorted(named) if node_id > page.after][: page.limit + 1]
    token = page.token(shown, lambda node_id: node_id)
    known = {**present, **nodes.find_many(call.tx, call.scope, list(present), call.now_ms)}
    targets = _judged(call, document, shown[: page.limit], known, is_named=named is not None)
    answer = {
        "DocumentName": command.document_name,
        "DocumentVersion": str(document.version),
        "Steps": rendered(*prepared),
        "MaxConcurrency": command.max_concurrency,
        "MaxErrors": command.max_errors,
        "TimeoutSeconds": command.timeout_s,
        "ExpiresAfter": command.expires_ms / 1000,
        "Targets": targets,
    }
    return answer | ({"NextToken": token} if token else {})


def _judged(
    call: Call,
    document: documents.DocumentVersion,
    node_ids: list[str],
    known: Mapping[str, nodes.Node],
    *,
    is_named: bool,
) -> list[dict[str, str]]:
    arns = {node_id: nodes.node_arn(call.scope, node_id) for node_id in node_ids}
    tags = groups.tags_of_many(call.tx, call.scope, list(arns.values())) if arns else {}
    targets = []
    for node_id, arn in arns.items():
        node, reason = known.get(node_id), _denial(call, arn, tags.get(arn, {}))
        target = {"InstanceId": node_id, "Reason": reason}
        if reason:
            # Whether such a node exists is nothing that the caller may know by naming it.
            target["Outcome"] = "AccessDenied"
        elif node is None:
            target |= {"Outcome": "InvalidInstanceId", "Reason": "There is no such node."}
        elif not targeting.runs_on(document.platform_types, node.platform_type):
            target["Outcome"] = "UnsupportedPlatformType" if is_named else "InvalidPlatform"
            target["Reason"] = f"Document {document.name} does not run on {node.platform_type}."
        else:
            target["Outcome"] = SEND
        if node is not None and not (reason and is_named):
            target |= {
                "InstanceName": targeting.name_of(node),
                "PlatformType": node.platform_type,
                "PingStatus": str(node.ping_status),
                "ConnectionStatus": "connected" if node.is_connected else "notconnected",
            }
        targets.append(target)
    return targets


def _denial(call: Call, arn: str, tags: Mapping[str, str]) -> str:
    try:
        call.require(targeting.ACTION, [arn], targeting.tag_context(tags))
    except AwsError as refused:
        return refused.message or refused.code
    return ""
