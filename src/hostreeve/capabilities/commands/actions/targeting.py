"""Whom a command is for: the targets a request may name, and the nodes it names one by one."""

from collections.abc import Mapping, Sequence
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
GROUP_ACTION = "resource-groups:ListGroupResources"


def named(request: Mapping[str, Any], *, takes_every: bool = False) -> list[str] | None:
    """The nodes that the request names one by one; None when it chooses them by tags or by a group.

    `takes_every`: InstanceIds may be `*`, and then chooses too.
    """
    ids, targets = request.get("InstanceIds") or [], request.get("Targets") or []
    if bool(ids) == bool(targets):
        raise error.ValidationException("Give either InstanceIds or Targets.")
    for target in targets:
        if not (takes_every and is_every(target)):
            _check_target(target)
    _check_groups(targets)
    if len(targets) == 1 and targets[0]["Key"].lower() == "instanceids" and not is_every(targets[0]):
        ids = targets[0]["Values"]
    elif targets:
        return None
    if len(set(ids)) != len(ids):
        raise error.DuplicateInstanceId("The same node is named twice.")
    return list(ids)


def is_every(target: Mapping[str, Any]) -> bool:
    return target.get("Key", "").lower() == "instanceids" and target.get("Values") == [nodes.EVERY]


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
    most = _GROUP_VALUES_MAX.get(key)
    if most is None:
        raise error.ValidationException(f"Targets' Key must be {' or '.join(_GROUP_VALUES_MAX)}, not {key}.")
    if not 1 <= len(values) <= most:
        raise error.ValidationException(f"The target {key} takes 1 to {most} values.")


def _check_groups(targets: Sequence[Mapping[str, Any]]) -> None:
    """One group; types only beside it, because alone they would mean every node there is."""
    keys = [target.get("Key", "") for target in targets]
    if keys.count(nodes.GROUP) > 1:
        raise error.ValidationException(f"{nodes.GROUP} can be given once: a command is for one group.")
    if nodes.GROUP_TYPES in keys and nodes.GROUP not in keys:
        raise error.ValidationException(f"{nodes.GROUP_TYPES} narrows a group: give {nodes.GROUP} too.")


def group_arn(scope: Scope, targets: Sequence[Mapping[str, Any]]) -> str:
    """The ARN of the resource group that the targets name, or nothing."""
    name = nodes.group_named(targets)
    return groups.group_arn(scope, name) if name else ""


def checked(call: Call, node_ids: list[str], document: documents.DocumentVersion) -> dict[str, str]:
    """The names of the nodes by id, once it is clear that each is there and may be sent to."""
    arns = [nodes.node_arn(call.scope, node_id) for node_id in node_ids]
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


def tag_context(tags: Mapping[str, str]) -> dict[str, list[str]]:
    """The condition keys of a resource's tags."""
    return {f"{prefix}{key}": [value] for key, value in tags.items() for prefix in _TAG_KEYS}


_GROUP_VALUES_MAX = {nodes.GROUP: 1, nodes.GROUP_TYPES: 5}
_TAG_KEYS = ("ssm:resourceTag/", "aws:ResourceTag/")
