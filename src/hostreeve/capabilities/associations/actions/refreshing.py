"""A node asks for its associations now: aws:refreshAssociation on our own agent."""

from collections.abc import Sequence

from msgspec import Struct

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.capabilities import documents, nodes
from hostreeve.capabilities.associations.actions import changing, polling, running, welcoming
from hostreeve.capabilities.associations.model.association import Association

REFRESHES = "aws:refreshAssociation"
AT_ONCE = 20
"""Associations that one transaction applies."""


class Refreshed(Struct, frozen=True):
    """`execution_id` is "" when it was not applied, and `why` says the reason."""

    one: Association
    execution_id: str = ""
    why: str = ""


def refresh(
    call: Call, node_id: str, association_ids: Sequence[str], *, after: str
) -> tuple[list[Refreshed], str | None]:
    """Apply associations to the node now, those named or all that are for it, whatever their schedules say.

    By their ids, AT_ONCE at a time behind `after`; the second is where to go on, None at the end.
    AssociationDoesNotExist when one is named that is not there or not for the node.
    """
    if association_ids:
        found = [_named(call, node_id, each) for each in sorted(set(association_ids)) if each > after]
    else:
        found = polling.effective(call, node_id, after=after, limit=AT_ONCE + 1)
    refreshed = [_apply(call, node_id, one) for one in found[:AT_ONCE]]
    return refreshed, found[AT_ONCE - 1].association_id if len(found) > AT_ONCE else None


def _named(call: Call, node_id: str, association_id: str) -> Association:
    one = changing.fetch(call, association_id)
    among = {"Key": "InstanceIds", "Values": [node_id]}
    if not one.targets or not nodes.targeted(call.tx, call.scope, [*one.targets, among], "", 1):
        raise changing.error.AssociationDoesNotExist(
            f"The association {association_id} is not for the node {node_id}."
        )
    return one


def _apply(call: Call, node_id: str, one: Association) -> Refreshed:
    try:
        document = documents.resolve(call.tx, call.scope, one.name, one.wanted.get("DocumentVersion"))
    except AwsError as wrong:
        return Refreshed(one, why=f"{wrong.code}: {wrong.message}")
    if document.document_type not in documents.ON_NODES:
        return Refreshed(one, why="it is no work of a node")
    if any(plugin == REFRESHES for _, plugin in documents.steps(document.content)):
        # It would ask for itself again, without end.
        return Refreshed(one, why="its document refreshes associations itself")
    if node_id in welcoming.open_on(call.tx, one):
        return Refreshed(one, why="it is being applied already")
    if why := running.closed(call.tx, one, call.now_ms):
        return Refreshed(one, why=why)
    targets = [{"Key": "InstanceIds", "Values": [node_id]}]
    execution = running.launch(call.tx, one, targets, world=call.world, keys=call.keys, now_ms=call.now_ms)
    return Refreshed(one, execution.execution_id)
