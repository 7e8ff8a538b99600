"""Associations as a node has them: for operators, and for the agents that ask."""

import hashlib
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.api.operations import anything
from hostreeve.capabilities import documents, nodes
from hostreeve.capabilities.associations.actions import changing, checking, polling, refreshing
from hostreeve.capabilities.associations.model import association as model
from hostreeve.capabilities.associations.operations.service import error, following, ssm
from hostreeve.capabilities.associations.store import associations as store
from hostreeve.capabilities.associations.store import executions


@ssm.reads("DescribeInstanceAssociationsStatus", on=anything)
def describe_instance_associations_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """How each association stands on the node."""
    node_id = _node(call, request)
    page = paging.read(request, error=error.InvalidNextToken)
    found = executions.of_node(call.tx, call.scope, node_id, after=page.after, limit=page.limit + 1)
    known = store.find_many(call.tx, call.scope, [state.association_id for state in found])
    token = page.token(found, lambda state: state.association_id)
    infos = []
    for state in found[: page.limit]:
        one = known[state.association_id]
        info: dict[str, Any] = {
            "AssociationId": state.association_id,
            "Name": one.name,
            "AssociationVersion": str(state.version),
            "InstanceId": node_id,
            "ExecutionDate": state.executed_ms / 1000,
            "Status": state.status,
            "DetailedStatus": state.detailed_status,
        }
        if state.summary:
            info["ExecutionSummary"] = state.summary[:512]
        if state.error_code:
            info["ErrorCode"] = state.error_code[:10]
        if state.output_url:
            info["OutputUrl"] = {"S3OutputUrl": {"OutputUrl": state.output_url}}
        info |= {m: one.wanted[m] for m in ("DocumentVersion", "AssociationName") if m in one.wanted}
        infos.append(info)
    return {"InstanceAssociationStatusInfos": infos} | following(token)


@ssm.reads("DescribeEffectiveInstanceAssociations", on=anything)
def describe_effective_instance_associations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The associations whose targets have the node, each with its document's content."""
    node_id = _node(call, request)
    page = paging.read(request, maximum=5, error=error.InvalidNextToken)
    found = polling.effective(call, node_id, after=page.after, limit=page.limit + 1)
    token = page.token(found, lambda one: one.association_id)
    listed = []
    for one in found[: page.limit]:
        shown = {
            "AssociationId": one.association_id,
            "InstanceId": node_id,
            "AssociationVersion": str(one.version),
        }
        try:
            version = one.wanted.get("DocumentVersion")
            shown["Content"] = documents.resolve(call.tx, call.scope, one.name, version).text
        except AwsError:
            # A document that is gone has no content; that the association applies is true all the same.
            pass
        listed.append(shown)
    return {"Associations": listed} | following(token)


def _node(call: Call, request: dict[str, Any]) -> str:
    node_id = str(request["InstanceId"])
    if not nodes.exists(call.tx, call.scope, node_id):
        raise error.InvalidInstanceId(f"There is no node {node_id}.")
    return node_id


@ssm.writes("UpdateAssociationStatus", asks=True)
def update_association_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """A node tells how an association by InstanceId stands on it; nobody else may."""
    _itself(call, request["InstanceId"])
    checking.require_targets(call, "ssm:UpdateAssociationStatus", request)
    one = changing.chosen(call, request)
    said = dict(request["AssociationStatus"])
    if one.said.get("Name") == said["Name"] and one.said.get("Message") == said["Message"]:
        raise error.StatusUnchanged(
            f"The status of association {one.association_id} is {said['Name']} already."
        )
    store.move(call.tx, call.scope, one.association_id, said=said, status=said["Name"])
    return {"AssociationDescription": model.described(changing.fetch(call, one.association_id))}


@ssm.reads("ListInstanceAssociations", on=anything)
def list_instance_associations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What an agent has to apply by itself: only documents that Run Command cannot run. All others are sent
    by the server when they are due."""
    node_id = _itself(call, request["InstanceId"])
    page = paging.read(request, maximum=20, error=error.InvalidNextToken)
    found = polling.for_agent(call, node_id, after=page.after, limit=page.limit + 1)
    token = page.token(found, lambda each: each.one.association_id)
    return {"Associations": [_polled(node_id, each) for each in found[: page.limit]]} | following(token)


def _polled(node_id: str, each: polling.Polled) -> dict[str, Any]:
    one, state = each.one, each.state
    # The agent keeps the document by this sum: whatever may change what is run has to change it.
    checksum = hashlib.sha256(f"{one.association_id}/{one.version}/{each.document.hash}".encode()).hexdigest()
    answer = {
        "AssociationId": one.association_id,
        "AssociationVersion": str(one.version),
        "Name": one.name,
        "DocumentVersion": str(each.document.version),
        "InstanceId": node_id,
        "Checksum": checksum,
        "Parameters": one.wanted.get("Parameters", {}),
        "Targets": one.targets,
        "Status": state.status if state else "Pending",
        "DetailedStatus": state.detailed_status if state else "Pending",
    }
    if state and state.executed_ms:
        answer["LastExecutionDate"] = state.executed_ms / 1000
    if "OutputLocation" in one.wanted:
        answer["OutputLocation"] = one.wanted["OutputLocation"]
    return answer


@ssm.writes("UpdateInstanceAssociationStatus", on=anything)
def update_instance_association_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """An agent tells how an association that it applies by itself stands."""
    node_id = _itself(call, request["InstanceId"])
    polling.told(call, node_id, request["AssociationId"], request["ExecutionResult"])
    return {}


# A role that may tell how associations stand may ask for them: AWS has no action of this name.
@ssm.writes("RefreshInstanceAssociations", on=anything, action="ssm:UpdateInstanceAssociationStatus")
def refresh_instance_associations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Ours, not AWS's: an agent has the server apply the node's associations now."""
    node_id = _itself(call, request["InstanceId"])
    page = paging.read(request, error=error.InvalidNextToken)
    ids = request.get("AssociationIds", [])
    found, after = refreshing.refresh(call, node_id, ids, after=page.after)
    listed = [
        {"AssociationId": each.one.association_id, "Name": each.one.name}
        | ({"ExecutionId": each.execution_id} if each.execution_id else {"Message": each.why})
        for each in found
    ]
    token = page.token_at(after) if after else None
    return {"Associations": listed} | following(token)


def _itself(call: Call, node_id: str) -> str:
    if call.principal.node_id != node_id:
        raise error.AccessDeniedException(
            f"User: {call.principal.arn} is not authorized to act for the managed node {node_id}."
        )
    return node_id
