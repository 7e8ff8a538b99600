"""What a rate-controlled execution is for: the value of its target parameter, or the map, of each child."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.kernel.scope import Scope
from hostreeve.platform import groups

error = ServiceErrors(service("ssm"))

VALUES_MAX = 50
TARGETS_MAX = 50_000
GROUP_ACTION = "resource-groups:ListGroupResources"
_EVERY_TYPE = ("", "/")
_INSTANCES = ("AWS::EC2::Instance", "AWS::SSM::ManagedInstance")
PAGE = 500


def check(targets: Sequence[Mapping[str, Any]]) -> None:
    """Refuse targets that could never be resolved. InvalidTarget."""
    if len(targets) != 1:
        raise error.InvalidTarget("Automation takes one target: one tag, one group, or a list of values.")
    key, values = str(targets[0].get("Key", "")), list(targets[0].get("Values") or [])
    if key == "ParameterValues":
        if not 1 <= len(values) <= VALUES_MAX:
            raise error.InvalidTarget(f"ParameterValues takes 1 to {VALUES_MAX} values.")
    elif key == "ResourceGroup":
        if len(values) != 1:
            raise error.InvalidTarget("ResourceGroup takes the name of one group.")
    elif key.startswith("tag:") and len(key) > 4:
        if not values:
            raise error.InvalidTarget(f"The target {key} needs values.")
    elif key == "InstanceIds" or key in _INSTANCES:
        if not values or (nodes.EVERY in values and len(values) > 1):
            raise error.InvalidTarget(f"{key} takes ids, or {nodes.EVERY} alone.")
    else:
        raise error.InvalidTarget(
            f"The target key {key[:128]!r} is not one of tag:<key>, ResourceGroup, ParameterValues, "
            f"InstanceIds, {', '.join(_INSTANCES)}."
        )


def resolved(call: Call, targets: Sequence[Mapping[str, Any]], target_type: str) -> list[str]:
    """The values, one per child. `target_type` is the runbook's (`/AWS::EC2::Instance`): other resources that
    carry the tag are none of its business. InvalidTarget, AccessDeniedException."""
    key, values = str(targets[0]["Key"]), list(targets[0]["Values"])
    if key == "ParameterValues":
        found = list(dict.fromkeys(values))
    elif key == "ResourceGroup":
        found = _of_group(call, values[0], target_type)
    elif key.startswith("tag:"):
        found = _of_tag(call, key.removeprefix("tag:"), values, target_type)
    else:
        found = _nodes(call, [{"Key": "InstanceIds", "Values": values}])
    if len(found) > TARGETS_MAX:
        raise error.InvalidTarget(f"An execution takes at most {TARGETS_MAX} targets; these are more.")
    return found


def _nodes(call: Call, targets: list[dict[str, Any]]) -> list[str]:
    found: list[str] = []
    after = ""
    while len(found) <= TARGETS_MAX:
        page = nodes.targeted(call.tx, call.scope, targets, after, PAGE)
        found += [node.node_id for node in page]
        if len(page) < PAGE:
            break
        after = page[-1].node_id
    return found


def _of_tag(call: Call, key: str, values: list[str], target_type: str) -> list[str]:
    prefixes = _prefixes(call.scope, target_type)
    wanted = [groups.TagFilter((key,), tuple(values))]
    found: list[str] = []
    after = ""
    while len(found) <= TARGETS_MAX:
        page = groups.arns_matching(call.tx, call.scope, wanted, prefixes, after=after, limit=PAGE)
        found += map(id_of, page)
        if len(page) < PAGE:
            break
        after = page[-1]
    return found


def _prefixes(scope: Scope, target_type: str) -> list[str]:
    if target_type in _EVERY_TYPE:
        return ["arn:"]
    name = target_type.removeprefix("/")
    if name.lower() in (each.lower() for each in _INSTANCES):
        return [nodes.node_arn(scope, "i-"), nodes.node_arn(scope, "mi-")]
    kind = groups.kind_named(name)
    return [kind.prefix(scope)] if kind is not None else []


def _of_group(call: Call, name: str, target_type: str) -> list[str]:
    group = groups.find_group(call.tx, call.scope, name)
    call.require(GROUP_ACTION, [groups.group_arn(call.scope, name.rpartition("/")[2] or name)])
    if group is None:
        raise error.InvalidTarget(f"There is no resource group {name[:256]} in {call.scope.region}.")
    types = [] if target_type in _EVERY_TYPE else [target_type.removeprefix("/")]
    types += list(_INSTANCES) if types and types[0] in _INSTANCES else []
    found: list[str] = []
    after = ""
    while len(found) <= TARGETS_MAX:
        page = groups.members(call.tx, call.scope, group, types=types, after=after, limit=PAGE)
        found += [id_of(each.arn) for each in page]
        if len(page) < PAGE:
            break
        after = page[-1].arn
    return found


def id_of(arn: str) -> str:
    """The id in an ARN: what an instance, a volume or a document is called by."""
    resource = arn.split(":", 5)[5]
    return resource.rpartition("/")[2] or resource.rpartition(":")[2]
