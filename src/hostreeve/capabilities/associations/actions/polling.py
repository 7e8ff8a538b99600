"""What official agents apply by themselves, because only an association may: aws:softwareInventory. Our own
agent is sent it as a command.

The server decides when: an agent runs what it finds Pending, and tells how it went. No schedule is handed
out, so that two do not keep time (agent-protocol.md §8).
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.capabilities import documents, nodes
from hostreeve.capabilities.associations import lifecycle
from hostreeve.capabilities.associations.actions import changing, complying
from hostreeve.capabilities.associations.lifecycle import Status
from hostreeve.capabilities.associations.model.association import Association, Execution, NodeState
from hostreeve.capabilities.associations.store import associations as store
from hostreeve.capabilities.associations.store import executions
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

ONLY_ASSOCIATIONS = frozenset({"aws:softwareInventory"})
OFFICIAL_AGENT = "amazon-ssm-agent"
SCANNED_AT_ONCE = 200
NODES_AT_ONCE = 500
_TOLD = {status: str(status) for status in lifecycle.Status}


class Polled(Struct, frozen=True):
    """An association that an agent has to apply, its document and how it stands on the node."""

    one: Association
    document: documents.DocumentVersion
    state: NodeState | None


def is_for_agents(document: documents.DocumentVersion) -> bool:
    return any(plugin in ONLY_ASSOCIATIONS for _, plugin in documents.steps(document.content))


def effective(call: Call, node_id: str, *, after: str, limit: int) -> list[Association]:
    """The associations whose targets have the node, by their ids, behind `after`."""
    among = {"Key": "InstanceIds", "Values": [node_id]}
    found: list[Association] = []
    while len(found) < limit:
        rows = store.listed(call.tx, call.scope, after=after, limit=SCANNED_AT_ONCE)
        found += [
            one
            for one in rows
            if one.targets and nodes.targeted(call.tx, call.scope, [*one.targets, among], "", 1)
        ]
        if len(rows) < SCANNED_AT_ONCE:
            break
        after = rows[-1].association_id
    return found[:limit]


def for_agent(call: Call, node_id: str, *, after: str, limit: int) -> list[Polled]:
    """Those that the node's agent applies by itself: they have been due at least once."""
    states = executions.of_node(call.tx, call.scope, node_id, after=after, limit=SCANNED_AT_ONCE)
    known = store.find_many(call.tx, call.scope, [state.association_id for state in states])
    found = []
    for state in states:
        one = known[state.association_id]
        try:
            document = documents.resolve(call.tx, call.scope, one.name, one.wanted.get("DocumentVersion"))
        except AwsError:
            continue
        if is_for_agents(document):
            found.append(Polled(one, document, state))
    return found[:limit]


class Handed(Struct, frozen=True):
    """What became of an execution's nodes: those whose agents find it by themselves, or cannot have it, and
    those that are to be sent a command. `is_all`: all of them are."""

    found: int
    to_send: list[str]
    is_all: bool


def hand_out(
    tx: Transaction, one: Association, execution: Execution, targets: list[Mapping[str, Any]]
) -> Handed:
    """Mark the association Pending on nodes with the official agent, and Failed where another one of its kind
    is for the node too. Agents that have not told what they are have it when they come."""
    found, total, to_send, after = 0, 0, [], ""
    others = _others(tx, one)
    while page := nodes.targeted(tx, one.scope, targets, after, NODES_AT_ONCE):
        conflicts = _conflicts(tx, one, others, page)
        noted = [
            _failed(one, execution, node.node_id, conflicts[node.node_id])
            for node in page
            if node.node_id in conflicts
        ]
        for state in noted:
            complying.note(tx, one, state, execution.created_ms)
        fit = [node for node in page if node.node_id not in conflicts]
        noted += [_pending(one, execution, node) for node in fit if node.agent_name == OFFICIAL_AGENT]
        to_send += [node.node_id for node in fit if node.agent_name not in ("", OFFICIAL_AGENT)]
        executions.note(tx, one.scope, noted)
        found, total, after = found + len(noted), total + len(page), page[-1].node_id
        if len(page) < NODES_AT_ONCE:
            break
    return Handed(found, to_send, len(to_send) == total)


def _others(tx: Transaction, one: Association) -> list[Association]:
    """The other associations whose documents gather inventory."""
    found, after = [], ""
    while rows := store.listed(tx, one.scope, after=after, limit=SCANNED_AT_ONCE):
        found += [each for each in rows if each.association_id != one.association_id and _gathers(tx, each)]
        after = rows[-1].association_id
    return found


def _gathers(tx: Transaction, one: Association) -> bool:
    try:
        return is_for_agents(documents.resolve(tx, one.scope, one.name, one.wanted.get("DocumentVersion")))
    except AwsError:
        return False


def _conflicts(
    tx: Transaction, one: Association, others: list[Association], page: list[nodes.Node]
) -> dict[str, list[str]]:
    """The associations of this kind that are for a node too, by node."""
    among = {"Key": "InstanceIds", "Values": [node.node_id for node in page]}
    found: dict[str, list[str]] = {}
    for other in others:
        for node in nodes.targeted(tx, one.scope, [*other.targets, among], "", len(page)):
            found.setdefault(node.node_id, []).append(other.association_id)
    return found


def _failed(one: Association, execution: Execution, node_id: str, conflicts: list[str]) -> NodeState:
    ids = ", ".join(sorted([one.association_id, *conflicts]))
    return NodeState(
        association_id=one.association_id,
        node_id=node_id,
        version=one.version,
        execution_id=execution.execution_id,
        status=str(Status.FAILED),
        detailed_status="InventoryConflict",
        executed_ms=execution.created_ms,
        error_code="Conflict",
        summary=f"A node can have one association that gathers inventory, and this one has {ids}."[:512],
    )


def _pending(one: Association, execution: Execution, node: nodes.Node) -> NodeState:
    return NodeState(
        association_id=one.association_id,
        node_id=node.node_id,
        version=one.version,
        execution_id=execution.execution_id,
        status=str(Status.PENDING),
        detailed_status=str(Status.PENDING),
        executed_ms=0,
    )


def told(call: Call, node_id: str, association_id: str, result: Mapping[str, Any]) -> None:
    """What an agent says of an association. What it says of none that it was handed changes nothing."""
    state = executions.state(call.tx, call.scope, association_id, node_id)
    if state is None:
        return
    status = _TOLD.get(result.get("Status", ""), str(Status.FAILED))
    url = result.get("OutputUrl", {}).get("S3OutputUrl", {}).get("OutputUrl", "")
    # Seconds since the epoch, as every time that came over the wire.
    date_s: float | None = result.get("ExecutionDate")
    moved = replace(
        state,
        status=status,
        detailed_status=status,
        executed_ms=round(date_s * 1000) if date_s is not None else call.now_ms,
        error_code=result.get("ErrorCode", "")[:10],
        summary=result.get("ExecutionSummary", "")[:512],
        output_url=url,
    )
    executions.note(call.tx, call.scope, [moved])
    if status in lifecycle.ENDED:
        one = store.find(call.tx, call.scope, association_id)
        if one is not None:
            complying.note(call.tx, one, moved, call.now_ms)
        settle(call.tx, call.scope, association_id, state.execution_id, call.now_ms)


def settle(tx: Transaction, scope: Scope, association_id: str, execution_id: str, now_ms: int) -> None:
    """Have the worker look at an execution whose nodes have all ended."""
    counts = executions.tally_of(tx, scope, association_id, execution_id)
    if not counts.keys() & {str(status) for status in lifecycle.OPEN}:
        executions.make_due(tx, scope, execution_id, now_ms)
        tx.wake(changing.CHANNEL)
