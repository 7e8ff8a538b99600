"""What a task is to be done to, looked up when its turn has come: nodes and resources as they are then."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hostreeve.api.call import Call
from hostreeve.capabilities import nodes
from hostreeve.capabilities.windows.model.execution import Place
from hostreeve.capabilities.windows.model.window import (
    INSTANCE,
    INSTANCES,
    RUN_COMMAND,
    Target,
    Task,
)
from hostreeve.capabilities.windows.store import windows as store
from hostreeve.platform import groups

NODES_SHOWN = 50
RESOURCES_MAX = 10_000
"""Invocations that one task can have; the resources behind are left out, and the task says so."""
_PAGE = 500


def places(call: Call, window_id: str, task: Task) -> list[Place]:
    """The places of a task, in the order of its targets.

    Run Command takes all nodes of a target at once; what else there is is done to one resource at a time. A
    target that chooses nobody has no place. AccessDeniedException when the caller may not list a group.
    """
    if not task.targets:
        return [Place()]
    found: list[Place] = []
    for target in _targets(call, window_id, task):
        if task.task_type == RUN_COMMAND:
            found += _commanded(call, target)
        else:
            found += _singly(call, target, RESOURCES_MAX - len(found))
    return found


def _targets(call: Call, window_id: str, task: Task) -> Iterator[Target]:
    for asked in task.targets:
        if asked["Key"] == INSTANCES:
            yield Target(target_id="", resource_type=INSTANCE, targets=[dict(asked)])
            continue
        for target_id in asked["Values"]:
            # One that was deregistered meanwhile is nobody.
            registered = store.find_target(call.tx, call.scope, window_id, target_id)
            if registered is not None:
                yield registered


def _commanded(call: Call, target: Target) -> list[Place]:
    targets = _present(call, target.targets)
    found = nodes.targeted(call.tx, call.scope, targets, "", NODES_SHOWN + 1) if targets else []
    if not found:
        return []
    shown = [node.node_id for node in found] if len(found) <= NODES_SHOWN else []
    return [_place(target, targets=targets, node_ids=shown)]


def _present(call: Call, targets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The targets without nodes that have vanished: one of them must not keep the others from their task."""
    present: list[dict[str, Any]] = []
    for target in targets:
        if target["Key"] != INSTANCES:
            present.append(dict(target))
            continue
        there = nodes.find_many(call.tx, call.scope, target["Values"])
        values = [node_id for node_id in dict.fromkeys(target["Values"]) if node_id in there]
        if not values:
            return []
        present.append({"Key": INSTANCES, "Values": values})
    return present


def _singly(call: Call, target: Target, most: int) -> list[Place]:
    listed = _nodes(call, target) if target.resource_type == INSTANCE else _members(call, target)
    return [
        _place(target, target_id=target_id, resource_id=resource_id)
        for _, (target_id, resource_id) in zip(range(most), listed, strict=False)
    ]


def _nodes(call: Call, target: Target) -> Iterator[tuple[str, str]]:
    after = ""
    while page := nodes.targeted(call.tx, call.scope, target.targets, after, _PAGE):
        yield from ((node.node_id, node.node_id) for node in page)
        after = page[-1].node_id


def _members(call: Call, target: Target) -> Iterator[tuple[str, str]]:
    named = {each["Key"]: each["Values"] for each in target.targets}
    name = named[nodes.GROUP][0]
    arn = groups.group_arn(call.scope, name)
    call.require("resource-groups:ListGroupResources", [arn])
    group = groups.find_group(call.tx, call.scope, name)
    after, types = "", named.get(nodes.GROUP_TYPES, ())
    while group is not None:
        page = groups.members(call.tx, call.scope, group, types=types, after=after, limit=_PAGE)
        yield from ((member.arn, _short(member.arn)) for member in page)
        if len(page) < _PAGE:
            return
        after = page[-1].arn


def _short(arn: str) -> str:
    """The id at the end of an ARN: `i-…`, a bucket's name. Nothing where that names no single thing."""
    resource = arn.split(":", 5)[5]
    kind, slash, rest = resource.partition("/")
    return rest if slash and "/" not in rest else "" if slash else kind


def _place(target: Target, **found: Any) -> Place:
    return Place(
        window_target_id=target.target_id,
        owner_information=target.owner_information or "",
        target_type=target.resource_type,
        **found,
    )
