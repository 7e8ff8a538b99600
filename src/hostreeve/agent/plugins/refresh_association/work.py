"""The work of aws:refreshAssociation: have the server apply this node's associations now."""

from __future__ import annotations

from typing import Any, Dict, List

from hostreeve.agent.plugins.control_plane import ControlPlane, Denied
from hostreeve.agent.plugins.task import Task
from hostreeve.agent.plugins.worker import StepFailed, say

_UNKNOWN = ("UnknownOperationException", "UnknownOperation", "InvalidAction")


def work(task: Task) -> int:
    """0 once the server has begun to apply them. StepFailed when one that is named is not for this node."""
    wanted: List[str] = task.inputs["associationIds"]
    found = _refreshed(ControlPlane(task.state), wanted)
    for each in found:
        name = f"{each.get('AssociationId')} ({each.get('Name')})"
        if each.get("ExecutionId"):
            say(f"{name}: applied now, execution {each['ExecutionId']}.")
        else:
            say(f"{name}: not applied: {each.get('Message')}.")
    if not found:
        say("This node has no associations.")
    return 0


def _refreshed(server: ControlPlane, wanted: List[str]) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = []
    members: Dict[str, Any] = {"InstanceId": server.node.node_id}
    if wanted:
        members["AssociationIds"] = wanted
    while True:
        try:
            answer = server.call("RefreshInstanceAssociations", members)
        except Denied as refused:
            if refused.code in _UNKNOWN:
                raise StepFailed(
                    "this server cannot apply associations at a node's request: StartAssociationsOnce does it"
                ) from None
            raise StepFailed(f"cannot refresh this node's associations: {refused}") from None
        found += [each for each in answer.get("Associations") or [] if isinstance(each, dict)]
        token = str(answer.get("NextToken") or "")
        if not token:
            return found
        members["NextToken"] = token
