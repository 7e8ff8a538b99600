"""Whom a command is for: the targets a request may name, and the nodes it names one by one."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import documents, nodes
from hostreeve.capabilities.commands.model.command import IDS_MAX
from hostreeve.kernel.scope import Scope
from hostreeve.platform import groups

error = ServiceErrors(service("ssm"))

ACTION = "ssm:SendCommand"


def named(request: Mapping[str, Any]) -> list[str] | None:
    """The nodes that the request names one by one; None when it chooses them by tags."""
    ids, targets = request.get("InstanceIds") or [], request.get("Targets") or []
    if bool(ids) == bool(targets):
        raise error.ValidationException("Give either InstanceIds or Targets.")
    for target in targets:
        _check_target(target)
    if len(targets) == 1 and targets[0]["Key"].lower() == "instanceids":
        ids = targets[0]["Values"]
    elif targets:
        return None
    if len(set(ids)) != len(ids):
        raise error.DuplicateInstanceId("The same node is named twice.")
    return list(ids)


def _check_target(target: Mapping[str, Any]) -> None:
    key, values = target.get("Key", ""), target.get("Values") or []
    if key.lower() == "instanceids":
        if not values or len(values) > IDS_MAX or "*" in values:
            # `*` means all nodes in State Manager and Automation only (node-management.md §0).
            raise error.InvalidInstanceId(f"InstanceIds takes 1 to {IDS_MAX} node ids.")
    elif key.startswith("resource-groups:"):
        _check_group(key, values)
    elif key != "tag-key" and not (key.startswith("tag:") and len(key) > len("tag:")):
        raise error.ValidationException(f"Targets' Key must be InstanceIds, tag:<key> or tag-key, not {key}.")
    elif not values and key == "tag-key":
        raise error.ValidationException("The target tag-key needs values.")


def _check_group(key: str, values: list[str]) -> None:
    """What AWS takes is checked now; what it means, the resource groups will know."""
    most = _GROUP_VALUES_MAX.get(key)
    if most is None:
        raise error.ValidationException(f"Targets' Key must be {' or '.join(_GROUP_VALUES_MAX)}, not {key}.")
    if not 1 <= len(values) <= most:
        raise error.ValidationException(f"The target {key} takes 1 to {most} values.")
    raise error.ValidationException(
        f"The target {key} needs the service Resource Groups, which this version does not have yet."
    )


def checked(call: Call, node_ids: list[str], document: documents.DocumentVersion) -> dict[str, str]:
    """The names of the nodes by id, once it is clear that each is there and may be sent to."""
    arns = [target_arn(call.scope, node_id) for node_id in node_ids]
    tags = groups.tags_of_many(call.tx, call.scope, arns)
    for arn in arns:
        call.require(ACTION, [arn], tag_context(tags.get(arn, {})))
    found = nodes.find_many(call.tx, call.scope, node_ids)
    missing = sorted(set(node_ids) - set(found))
    if missing:
        raise error.InvalidInstanceId(
            f"Instances [[{', '.join(missing)}]] not in a valid state for account {call.scope.account}"
        )
    for node in found.values():
        if not runs_on(document.platform_types, node.platform_type):
            raise error.UnsupportedPlatformType(
                f"Document {document.name} does not run on {node.platform_type} ({node.node_id})."
            )
    return {node_id: name_of(node) for node_id, node in found.items()}


def runs_on(platform_types: tuple[str, ...] | list[str], platform_type: str) -> bool:
    """Whether a document does anything there. One that has not said what it is may."""
    return not platform_type or platform_type in platform_types


def name_of(node: nodes.Node) -> str:
    return node.name or node.computer_name


def target_arn(scope: Scope, node_id: str) -> str:
    """The ARN that policies name for a target: an EC2 instance's, or a managed node's."""
    return (
        scope.arn("ec2", f"instance/{node_id}")
        if node_id.startswith("i-")
        else nodes.node_arn(scope, node_id)
    )


def tag_context(tags: Mapping[str, str]) -> dict[str, list[str]]:
    """The condition keys of a resource's tags."""
    return {f"{prefix}{key}": [value] for key, value in tags.items() for prefix in _TAG_KEYS}


_GROUP_VALUES_MAX = {"resource-groups:Name": 1, "resource-groups:ResourceTypeFilters": 5}
_TAG_KEYS = ("ssm:resourceTag/", "aws:ResourceTag/")
