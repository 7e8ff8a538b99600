"""Nodes as the integrated console experience lists and counts them: ListNodes, ListNodesSummary."""

from collections.abc import Sequence
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.nodes.model import Node, is_instance
from hostreeve.capabilities.nodes.operations.service import error, ssm
from hostreeve.capabilities.nodes.store import nodes as store
from hostreeve.capabilities.nodes.store.nodes import Condition

ATTRIBUTES = {
    "InstanceId": "InstanceIds",
    "InstanceStatus": "PingStatus",
    "PlatformType": "PlatformTypes",
    "SourceId": "SourceIds",
    "SourceType": "SourceTypes",
}
"""Where the store's name of an attribute differs from the one of these operations."""

CHAIN_MAX = 2


@ssm.reads("ListNodes", on=anything)
def list_nodes(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    conditions = _conditions(request)
    page = paging.read(request, error=error.InvalidNextToken)
    found = store.select(
        call.tx, call.scope, conditions, after=page.after, limit=page.limit + 1, now_ms=call.now_ms
    )
    return {
        "Nodes": [_described(node, call.now_ms) for node in found[: page.limit]],
        "NextToken": page.token(found, lambda node: node.node_id),
    }


@ssm.reads("ListNodesSummary", on=anything)
def list_nodes_summary(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """One entry per combination of values: the values and their count, as texts."""
    conditions = _conditions(request)
    page = paging.read(request, error=error.InvalidNextToken)
    (start,) = page.parts(int)
    summary: list[dict[str, str]] = []
    for chain in _chains(request["Aggregators"]):
        counted = store.count(
            call.tx, call.scope, conditions, [ATTRIBUTES.get(each, each) for each in chain], call.now_ms
        )
        summary += [dict(zip(chain, values, strict=True)) | {"Count": str(n)} for values, n in counted]
    rest = summary[start:]
    return {
        "Summary": rest[: page.limit],
        "NextToken": page.token(rest, lambda _: start + page.limit),
    }


def _conditions(request: dict[str, Any]) -> list[Condition]:
    if "SyncName" in request:
        raise error.ResourceDataSyncNotFoundException(f"There is no sync {request['SyncName']}.")
    conditions = []
    for each in request.get("Filters", []):
        key, values = each["Key"], tuple(each["Values"])
        if key == "ManagedStatus" and "All" in values:
            continue
        conditions.append(Condition(ATTRIBUTES.get(key, key), values, each.get("Type", "Equal")))
    return conditions


def _chains(aggregators: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Each way down through nested aggregators: the attributes to group by."""
    chains: list[list[str]] = []
    for each in aggregators:
        name = each["AttributeName"]
        nested = _chains(each.get("Aggregators", []))
        chains += [[name, *chain] for chain in nested] if nested else [[name]]
    if any(len(chain) > CHAIN_MAX or len(set(chain)) < len(chain) for chain in chains):
        raise error.InvalidAggregatorException(
            f"Aggregators count by at most {CHAIN_MAX} different attributes at once."
        )
    return chains


def _described(node: Node, now_ms: int) -> dict[str, Any]:
    reported = {
        "AgentType": node.agent_name,
        "AgentVersion": node.agent_version,
        "ComputerName": node.computer_name,
        "IpAddress": node.ip_address,
        "Name": "" if is_instance(node.node_id) else node.name,
        "PlatformType": node.platform_type,
        "PlatformName": node.platform_name,
        "PlatformVersion": node.platform_version,
        "AvailabilityZone": node.availability_zone,
        "AvailabilityZoneId": node.availability_zone_id,
    }
    instance = {
        "InstanceStatus": node.ping_status.value,
        "ManagedStatus": "Managed",
        "ResourceType": "EC2Instance" if is_instance(node.node_id) else "ManagedInstance",
        "SourceType": ("AWS::EC2::Instance" if is_instance(node.node_id) else "AWS::SSM::ManagedInstance"),
        "SourceId": node.node_id,
    } | {name: value for name, value in reported.items() if value}
    return {
        "CaptureTime": now_ms / 1000,
        "Id": node.node_id,
        "Owner": {"AccountId": node.account},
        "Region": node.region,
        "NodeType": {"Instance": instance},
    }
