"""What AWS has no operation for: what nodes report besides, the fleet in numbers, and plans."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import Operations, anything
from hostreeve.capabilities import nodes
from hostreeve.capabilities.patches.actions import offering, planning
from hostreeve.kernel.scope import Scope

hostreeve = Operations("hostreeve")

PLANNED_MAX = 50


def _node(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [nodes.node_arn(scope, request["InstanceId"])]


@hostreeve.writes("ReportPatches", on=_node, action="ssm:PutInventory")
def report_patches(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Whoever may report a node's inventory may report this."""
    offering.take(call, request)
    return {}


@hostreeve.reads("PlanPatches", on=anything, action="ssm:DescribeInstancePatches")
def plan_patches(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """By what each node reported last, judged by its baseline as it is now, or by another one."""
    page = paging.read(request, maximum=PLANNED_MAX, error=hostreeve.errors.InvalidNextToken)
    return planning.plan(call, request, page)


@hostreeve.reads("GetPatchFleetSummary", on=anything, action="ssm:DescribeInstancePatchStates")
def get_patch_fleet_summary(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Of all nodes of the account in the Region, or of those that reported as a patch group's."""
    return planning.fleet(call, request.get("PatchGroup"))
