"""What official agents apply by themselves, because only an association may: aws:softwareInventory.

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


def hand_out(
    tx: Transaction, one: Association, execution: Execution, targets: list[Mapping[str, Any]]
) -> int:
    """Mark the association Pending on its nodes. Nodes without the official agent cannot have it."""
    total, after = 0, ""
    while page := nodes.targeted(tx, one.scope, targets, after, NODES_AT_ONCE):
        executions.note(tx, one.scope, [_pending(one, execution, node) for node in page])
        total, after = total + len(page), page[-1].node_id
        if len(page) < NODES_AT_ONCE:
            break
    return total


def _pending(one: Association, execution: Execution, node: nodes.Node) -> NodeState:
    state = NodeState(
        association_id=one.association_id,
        node_id=node.node_id,
        version=one.version,
        execution_id=execution.execution_id,
        status=str(Status.PENDING),
        detailed_status=str(Status.PENDING),
        executed_ms=0,
    )
    if node.agent_name == OFFICIAL_AGENT:
        return state
    why = "This node's agent cannot gather inventory yet."
    return replace(state, status=str(Status.FAILED), detailed_status="UnsupportedAgent", summary=why)


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
