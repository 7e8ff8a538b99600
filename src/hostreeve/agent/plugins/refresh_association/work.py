"""The work of aws:refreshAssociation: ask which associations there are, and be honest about them."""

from __future__ import annotations

from typing import List

from hostreeve.agent.plugins.control_plane import ControlPlane, Denied
from hostreeve.agent.plugins.task import Task
from hostreeve.agent.plugins.worker import StepFailed, say

_UNKNOWN = ("UnknownOperationException", "UnknownOperation", "InvalidAction")


def work(task: Task) -> int:
    """0 when there is nothing to refresh. StepFailed when there is: associations cannot be run yet."""
    wanted: List[str] = task.inputs["associationIds"]
    found = _associations(ControlPlane(task.state))
    missing = [each for each in wanted if each not in found]
    if missing:
        raise StepFailed(
            f"this node's agent has no association {', '.join(missing)} to apply: the server applies them; "
            "StartAssociationsOnce does it now"
        )
    if found:
        raise StepFailed(
            "this version of the Hostreeve agent cannot run associations; "
            f"not run: {', '.join(wanted or found)}"
        )
    say("This node's agent has no associations to apply: the server applies them when they are due.")
    say("StartAssociationsOnce applies one now. Nothing was refreshed.")
    return 0


def _associations(server: ControlPlane) -> List[str]:
    found: List[str] = []
    token = ""
    while True:
        members = {"InstanceId": server.node.node_id, "MaxResults": 20}
        if token:
            members["NextToken"] = token
        try:
            answer = server.call("ListInstanceAssociations", members)
        except Denied as refused:
            if refused.code in _UNKNOWN:
                # A server that cannot say which associations a node has, has none for it.
                return []
            raise StepFailed(f"cannot ask for this node's associations: {refused}") from None
        found += [str(each.get("AssociationId") or "") for each in answer.get("Associations") or []]
        token = str(answer.get("NextToken") or "")
        if not token:
            return found
