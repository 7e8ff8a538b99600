"""Targets registered with windows."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.capabilities.windows.actions import changing, telling
from hostreeve.capabilities.windows.model.quotas import quota
from hostreeve.capabilities.windows.model.window import (
    INSTANCE,
    INSTANCES,
    TARGET_MEMBERS,
    WINDOW_TARGETS,
    Target,
)
from hostreeve.capabilities.windows.store import windows as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))

INSTANCES_MAX = 50
_GROUP_VALUES_MAX = {nodes.GROUP: 1, nodes.GROUP_TYPES: 5}
_LATEST = 10_000


def register(call: Call, request: Mapping[str, Any]) -> Target:
    """Register targets under a new id."""
    window = changing.found(call, request["WindowId"]).window
    check_targets(request["ResourceType"], request["Targets"])
    most = quota("maintenance-window-targets")
    if len(store.targets(call.tx, call.scope, window.window_id, limit=most)) >= most:
        raise error.ResourceLimitExceededException(f"A maintenance window can have {most} targets.")
    target = Target(target_id=call.world.uuid(), resource_type=request["ResourceType"], **_members(request))
    store.keep_target(call.tx, call.scope, window.window_id, target)
    telling.target(
        call.tx,
        call.scope,
        window.window_id,
        target.target_id,
        status=telling.REGISTERED,
        now_ms=call.now_ms,
    )
    return target


def update(call: Call, request: Mapping[str, Any]) -> Target:
    """Change a registered target; with Replace, what the request does not name is empty. Its resource type
    stays."""
    before = found(call, request["WindowId"], request["WindowTargetId"])
    given = _members(request)
    if request.get("Replace"):
        if "targets" not in given:
            raise error.ValidationException("With Replace, Targets must be given.")
        target = Target(target_id=before.target_id, resource_type=before.resource_type, **given)
    else:
        target = msgspec.structs.replace(before, **given)
    check_targets(target.resource_type, target.targets)
    store.keep_target(call.tx, call.scope, request["WindowId"], target)
    return target


def deregister(call: Call, request: Mapping[str, Any]) -> None:
    """Forget a registered target. With Safe, TargetInUseException while a task is for it."""
    window_id, target_id = request["WindowId"], request["WindowTargetId"]
    found(call, window_id, target_id)
    if request.get("Safe"):
        users = [
            task.task_id
            for task in store.tasks(call.tx, call.scope, window_id)
            if target_id in window_targets(task.targets)
        ]
        if users:
            raise error.TargetInUseException(
                f"The target {target_id} cannot be deregistered: the task {users[0]} still references it."
            )
    store.remove(call.tx, call.scope, window_id, "target", target_id)
    telling.target(call.tx, call.scope, window_id, target_id, status=telling.DEREGISTERED, now_ms=call.now_ms)


def found(call: Call, window_id: str, target_id: str) -> Target:
    """DoesNotExistException when there is no such window, or none of it."""
    changing.found(call, window_id)
    target = store.find_target(call.tx, call.scope, window_id, target_id.lower())
    if target is None:
        raise error.DoesNotExistException(
            f"Target {target_id} does not exist in maintenance window {window_id}"
        )
    return target


def window_targets(targets: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ids of registered targets that a task names."""
    return [each for target in targets if target["Key"] == WINDOW_TARGETS for each in target["Values"]]


def check_targets(resource_type: str, targets: Sequence[Mapping[str, Any]]) -> None:
    """ValidationException names what cannot be a target of that type."""
    if not targets:
        raise error.ValidationException("Targets must not be empty.")
    keys = [target.get("Key", "") for target in targets]
    if len(set(keys)) != len(keys):
        raise error.ValidationException("Targets name the same key twice.")
    for target in targets:
        key, values = target.get("Key", ""), target.get("Values") or []
        most = _values_max(resource_type, key)
        if not 1 <= len(values) <= most:
            raise error.ValidationException(f"The target {key} takes 1 to {most} values.")
    if resource_type != INSTANCE and nodes.GROUP not in keys:
        raise error.ValidationException(f"A target of the type RESOURCE_GROUP needs {nodes.GROUP}.")


def _values_max(resource_type: str, key: str) -> int:
    if resource_type == INSTANCE:
        if key == INSTANCES or key == "tag-key" or (key.startswith("tag:") and len(key) > len("tag:")):
            return INSTANCES_MAX
        raise error.ValidationException(
            f"The Key of a target of the type INSTANCE is {INSTANCES}, tag:<key> or tag-key, not {key}."
        )
    if key in _GROUP_VALUES_MAX:
        return _GROUP_VALUES_MAX[key]
    raise error.ValidationException(
        f"The Key of a target of the type RESOURCE_GROUP is {' or '.join(_GROUP_VALUES_MAX)}, not {key}."
    )


def for_target(
    tx: Transaction, scope: Scope, resource_type: str, asked: Sequence[Mapping[str, Any]]
) -> list[str]:
    """The windows with a registered target that names the same, or chooses one of the same nodes."""
    windows: list[str] = []
    after = ""
    while page := store.listed(tx, scope, after=after, limit=100):
        after = page[-1].window.window_id
        for row in page:
            if len(windows) == _LATEST:
                return windows
            registered = store.targets(tx, scope, row.window.window_id)
            if any(_meets(tx, scope, each, resource_type, asked) for each in registered):
                windows.append(row.window.window_id)
    return windows


def _meets(
    tx: Transaction, scope: Scope, target: Target, resource_type: str, asked: Sequence[Mapping[str, Any]]
) -> bool:
    if target.resource_type != resource_type:
        return False
    named = {each["Key"]: set(each["Values"]) for each in target.targets}
    if all(named.get(each["Key"], set()) & set(each["Values"]) for each in asked):
        return True
    return resource_type == INSTANCE and bool(nodes.targeted(tx, scope, [*target.targets, *asked], "", 1))


def _members(request: Mapping[str, Any]) -> dict[str, Any]:
    return {attribute: request[member] for member, attribute in TARGET_MEMBERS.items() if member in request}
