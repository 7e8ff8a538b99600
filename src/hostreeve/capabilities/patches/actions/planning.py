"""What an installation would do on each node, and why; how the fleet stands. Nothing is sent or changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.paging import Page
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.capabilities.nodes import Node
from hostreeve.capabilities.patches.actions import changing, resolving
from hostreeve.capabilities.patches.actions.resolving import Resolved
from hostreeve.capabilities.patches.model import judging, planned
from hostreeve.capabilities.patches.model.baseline import Baseline
from hostreeve.capabilities.patches.store import offers, states
from hostreeve.capabilities.patches.store.offers import Offered

error = ServiceErrors(service("hostreeve"))

NOT_REPORTED = "The node has not been scanned yet: run AWS-RunPatchBaseline with Operation Scan."
UNKNOWN_SYSTEM = "There are no patch baselines for what the node runs."
_EVERY = [{"Key": "InstanceIds", "Values": [nodes.EVERY]}]


def plan(call: Call, request: Mapping[str, Any], page: Page) -> dict[str, Any]:
    """The members of PlanPatchesResult.

    InvalidInstanceId for an id of nobody, InvalidTarget, DoesNotExistException for a baseline that is not
    there.
    """
    baseline = _asked(call, request)
    chosen = _chosen(call, request, page)
    shown = chosen[: page.limit]
    reported = offers.of_nodes(call.tx, call.scope, [node.node_id for node in shown])
    planned_nodes = [_of(call, node, reported.get(node.node_id), baseline) for node in shown]
    token = page.token(chosen, lambda node: node.node_id)
    return {"Nodes": planned_nodes} | ({"NextToken": token} if token else {})


def _asked(call: Call, request: Mapping[str, Any]) -> Baseline | None:
    """The baseline to judge by in the place of each node's own."""
    if "BaselineId" not in request:
        return None
    found = changing.known(call.tx, call.scope, request["BaselineId"])
    if found is None:
        raise error.DoesNotExistException(f"Patch baseline {request['BaselineId']} does not exist.")
    return found


def _chosen(call: Call, request: Mapping[str, Any], page: Page) -> Sequence[Node]:
    ids = request.get("InstanceIds") or []
    if ids:
        found = nodes.find_many(call.tx, call.scope, ids)
        absent = sorted(set(ids) - set(found))
        if absent:
            raise error.InvalidInstanceId(f"{absent[0]} is not a registered managed node.")
        return [found[each] for each in sorted(found) if each > page.after]
    try:
        return nodes.targeted(
            call.tx, call.scope, request.get("Targets") or _EVERY, page.after, page.limit + 1
        )
    except ValueError as wrong:
        raise error.InvalidTarget(f"{wrong}.") from None


def _of(call: Call, node: Node, reported: Offered | None, baseline: Baseline | None) -> dict[str, Any]:
    told = {"InstanceId": node.node_id, "InstanceName": node.name or node.computer_name}
    resolved = resolving.for_node(call.tx, call.scope, node)
    if resolved is None:
        return told | {"Problem": UNKNOWN_SYSTEM}
    if baseline is not None and baseline.operating_system != resolved.system.operating_system:
        return told | {
            "Problem": f"The baseline is for {baseline.operating_system}, the node runs"
            f" {resolved.system.operating_system}."
        }
    resolved = Resolved(baseline or resolved.baseline, resolved.patch_group, resolved.system)
    told |= planned.described_baseline(resolved.baseline, call.scope.region, resolved.patch_group)
    if reported is None:
        return told | {"Problem": NOT_REPORTED}
    system = (reported.operating_system, reported.product)
    if reported.operating_system != resolved.system.operating_system:
        return told | {"Problem": NOT_REPORTED}
    rules = judging.rules_of(resolved.baseline, call.scope)
    found = judging.judged(rules, system, reported.offers, call.now_ms)
    return told | planned.described_reported(reported) | planned.described(found)


def fleet(call: Call, patch_group: str | None) -> dict[str, Any]:
    """The members of GetPatchFleetSummary: how many nodes stand how."""
    rows = states.tally(call.tx, call.scope, patch_group)
    summed = planned.summed(rows)
    if patch_group is None:
        summed["NotReported"] = max(0, nodes.count(call.tx, call.scope) - summed["Reported"])
    return summed
