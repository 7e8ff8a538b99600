"""Managed nodes as a list: DescribeInstanceInformation and its relatives, with their filters."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.nodes.actions import finding, targeting
from hostreeve.capabilities.nodes.model import Node, is_instance
from hostreeve.capabilities.nodes.operations.service import error, ssm
from hostreeve.capabilities.nodes.store import nodes as store
from hostreeve.capabilities.nodes.store.nodes import Condition
from hostreeve.kernel.scope import Scope
from hostreeve.platform import compute

SYNONYMS = {"PlatformType": "PlatformTypes"}
INFORMATION_KEYS = frozenset(
    {
        "ActivationIds",
        "AgentVersion",
        "AssociationStatus",
        "IamRole",
        "InstanceIds",
        "PingStatus",
        "PlatformTypes",
        "ResourceType",
        "SourceIds",
        "SourceTypes",
    }
)
PROPERTY_KEYS = INFORMATION_KEYS | {"DocumentName"}
VALUES = {
    "AssociationStatus": {"Success", "Pending", "Failed"},
    "PingStatus": {"Online", "ConnectionLost", "Inactive"},
    "PlatformTypes": {"Windows", "Linux", "MacOS"},
    "ResourceType": {"ManagedInstance", "EC2Instance"},
    "SourceTypes": {
        "AWS::EC2::Instance",
        "AWS::IoT::Thing",
        "AWS::SSM::ManagedInstance",
        "Microsoft.Compute/virtualMachines",
        "compute.googleapis.com/Instance",
    },
}
_VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){2,3}")


@ssm.reads("DescribeInstanceInformation", on=anything)
def describe_instance_information(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Nodes by id. Tag filters stand alone, as at AWS."""
    if request.get("Filters") and request.get("InstanceInformationFilterList"):
        raise error.ValidationException("Use either Filters or InstanceInformationFilterList, not both.")
    filters = [(each["Key"], each["Values"]) for each in request.get("Filters", [])]
    filters += [(each["key"], each["valueSet"]) for each in request.get("InstanceInformationFilterList", [])]
    page = paging.read(request, default=10, error=error.InvalidNextToken)
    found = _selected(call, filters, page)
    return {
        "InstanceInformationList": [_information(node) for node in found[: page.limit]],
        "NextToken": page.token(found, lambda node: node.node_id),
    }


@ssm.reads("DescribeInstanceProperties", on=anything)
def describe_instance_properties(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    if request.get("FiltersWithOperator") and request.get("InstancePropertyFilterList"):
        raise error.ValidationException("Use either FiltersWithOperator or InstancePropertyFilterList.")
    filters = [
        (each["Key"], each["Values"], each.get("Operator", "Equal"))
        for each in request.get("FiltersWithOperator", [])
    ]
    filters += [
        (each["key"], each["valueSet"], "Equal") for each in request.get("InstancePropertyFilterList", [])
    ]
    conditions = []
    for key, values, operator in filters:
        attribute = SYNONYMS.get(key, key)
        if attribute not in PROPERTY_KEYS:
            raise error.InvalidFilterKey(f"The filter key {key} is not valid.")
        _check_values(attribute, values, operator, error.InvalidInstancePropertyFilterValue)
        conditions.append(Condition(attribute, tuple(values), operator))
    page = paging.read(request, maximum=1000, default=50, error=error.InvalidNextToken)
    found = store.select(
        call.tx, call.scope, conditions, after=page.after, limit=page.limit + 1, now_ms=call.now_ms
    )
    ids = [node.node_id for node in found[: page.limit] if is_instance(node.node_id)]
    instances = compute.find_many(call.tx, call.scope, ids)
    return {
        "InstanceProperties": [
            _properties(node, instances.get(node.node_id)) for node in found[: page.limit]
        ],
        "NextToken": page.token(found, lambda node: node.node_id),
    }


def _target(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [scope.machine_arn(request["Target"])]


@ssm.reads("GetConnectionStatus", on=_target)
def get_connection_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Whether a session could be started now: the node's control channel is open."""
    node = finding.find(call.tx, call.scope, request["Target"], call.now_ms)
    status = "connected" if node is not None and node.is_connected else "notconnected"
    return {"Target": request["Target"], "Status": status}


def _selected(call: Call, filters: Sequence[tuple[str, Sequence[str]]], page: paging.Page) -> list[Node]:
    tags = [(key, values) for key, values in filters if key == "tag-key" or key.startswith("tag:")]
    if tags and len(tags) < len(filters):
        raise error.InvalidFilterKey("Tag filters cannot be combined with filters of other kinds.")
    if tags:
        targets = [{"Key": key, "Values": values} for key, values in tags]
        found = targeting.targeted(call.tx, call.scope, targets, page.after, page.limit + 1)
        present = finding.find_many(call.tx, call.scope, [node.node_id for node in found], call.now_ms)
        return [present[node.node_id] for node in found]
    conditions = [_condition(call, key, values) for key, values in filters]
    return store.select(
        call.tx, call.scope, conditions, after=page.after, limit=page.limit + 1, now_ms=call.now_ms
    )


def _condition(call: Call, key: str, values: Sequence[str]) -> Condition:
    attribute = SYNONYMS.get(key, key)
    if attribute not in INFORMATION_KEYS:
        raise error.InvalidFilterKey(f"The filter key {key} is not valid.")
    _check_values(attribute, values, "Equal", error.InvalidInstanceInformationFilterValue)
    if attribute == "InstanceIds":
        unknown = set(values) - store.existing(call.tx, call.scope, values)
        if unknown:
            raise error.InvalidInstanceId(f"{min(unknown)} is not a registered managed node.")
    return Condition(attribute, tuple(values))


def _check_values(attribute: str, values: Sequence[str], operator: str, refused: type[Exception]) -> None:
    known = VALUES.get(attribute)
    whole = operator in ("Equal", "NotEqual")
    wrong = [value for value in values if whole and known and value not in known]
    if attribute == "AgentVersion" and operator == "Equal":
        wrong = [value for value in values if not _VERSION.fullmatch(value)]
    if wrong:
        raise refused(f"The value {wrong[0][:100]} is not valid for the filter {attribute}.")


def _shared(node: Node) -> dict[str, Any]:
    """What both descriptions show; a member that nobody has reported is left out."""
    shown: Mapping[str, Any] = {
        "Name": "" if is_instance(node.node_id) else node.name,
        "AgentVersion": node.agent_version if _VERSION.fullmatch(node.agent_version) else "",
        "LastPingDateTime": node.last_seen_ms / 1000,
        "PlatformType": node.platform_type,
        "PlatformName": node.platform_name,
        "PlatformVersion": node.platform_version,
        "IPAddress": node.ip_address,
        "ComputerName": node.computer_name,
    }
    return _origin(node) | {name: value for name, value in shown.items() if value}


def _origin(node: Node) -> dict[str, Any]:
    """How the node came to be one: by an activation, or as an EC2 instance."""
    shared = {"InstanceId": node.node_id, "PingStatus": node.ping_status.value, "SourceId": node.node_id}
    if is_instance(node.node_id):
        return shared | {"ResourceType": "EC2Instance", "SourceType": "AWS::EC2::Instance"}
    return shared | {
        "ActivationId": node.activation_id,
        "IamRole": node.iam_role,
        "RegistrationDate": node.registered_ms / 1000,
        "ResourceType": "ManagedInstance",
        "SourceType": "AWS::SSM::ManagedInstance",
    }


def _information(node: Node) -> dict[str, Any]:
    # Nothing here knows of a newer version of the official agent, and ours comes from this server.
    return _shared(node) | {"IsLatestVersion": True}


def _properties(node: Node, instance: compute.Instance | None) -> dict[str, Any]:
    zone = {"AvailabilityZone": node.availability_zone} if node.availability_zone else {}
    if instance is None:
        return _shared(node) | zone
    return _shared(node) | {
        "Architecture": instance.architecture,
        "AvailabilityZone": instance.zone,
        "InstanceRole": instance.role,
        "InstanceState": instance.state,
        "InstanceType": instance.instance_type,
        "LaunchTime": instance.launched_ms / 1000,
    }
