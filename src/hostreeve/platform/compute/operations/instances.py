"""Instances, as EC2's callers see them."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.kernel.scope import Scope
from hostreeve.platform.compute.actions import instances
from hostreeve.platform.compute.actions.machines import the_machines
from hostreeve.platform.compute.model import instance as model
from hostreeve.platform.compute.model.instance import RUNNING
from hostreeve.platform.compute.operations.service import (
    dry_run,
    ec2,
    error,
    filters_of,
    ids_of,
    page_of,
    wanted,
)

STATUS_FILTERS = {"availability-zone", "instance-state-code", "instance-state-name"}
_OK, _IMPAIRED = "ok", "impaired"


@ec2.reads("DescribeInstances", on=anything)
def describe_instances(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Instances by id, each in a reservation of its own."""
    dry_run(request)
    filters, page = filters_of(request), page_of(request)
    found = instances.select(call, filters, ids=ids_of(call, request), after=page.after, limit=page.limit + 1)
    return {
        "Reservations": [model.reservation(each, tags) for each, tags in found[: page.limit]],
        "NextToken": page.token(found, lambda row: row[0].instance_id),
    }


@ec2.reads("DescribeInstanceStatus", on=anything)
def describe_instance_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Running instances, or all; both checks are whether the machine's agent is there."""
    dry_run(request)
    filters = filters_of(request)
    unknown = [name for name, _ in filters if name not in STATUS_FILTERS]
    if unknown:
        raise error.InvalidParameterValue(f"The filter '{unknown[0]}' of statuses is not available here")
    page, all_of_them = page_of(request), request.get("IncludeAllInstances", False)
    found = instances.select(
        call,
        filters,
        ids=ids_of(call, request),
        after=page.after,
        limit=page.limit + 1,
        also=lambda each: all_of_them or each.state == RUNNING,
    )
    ids = [each.instance_id for each, _ in found[: page.limit]]
    there = the_machines().reachable(call.tx, call.scope, ids, call.now_ms) if ids else set()
    return {
        "InstanceStatuses": [_status(each, each.instance_id in there) for each, _ in found[: page.limit]],
        "NextToken": page.token(found, lambda row: row[0].instance_id),
    }


def _status(instance: model.Instance, is_there: bool) -> dict[str, Any]:
    return {
        "AvailabilityZone": instance.zone,
        "InstanceId": instance.instance_id,
        "InstanceState": model.state(instance.state),
        "InstanceStatus": _summary(instance, is_there),
        "SystemStatus": _summary(instance, is_there),
    }


def _summary(instance: model.Instance, is_there: bool) -> dict[str, Any]:
    if instance.state != RUNNING:
        return {"Status": "not-applicable"}
    details = {"Name": "reachability", "Status": "passed" if is_there else "failed"}
    return {"Status": _OK if is_there else _IMPAIRED, "Details": [details]}


def named(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [scope.machine_arn(each) if model.is_id(each) else "*" for each in request["InstanceIds"]]


@ec2.writes("TerminateInstances", on=named)
def terminate_instances(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The machines go on running, but are managed no more: each loses its identity and its credentials."""
    dry_run(request)
    found = wanted(call, request["InstanceIds"])
    before = {each: instances.terminate(call, found[each]) for each in dict.fromkeys(request["InstanceIds"])}
    return {
        "TerminatingInstances": [
            {
                "InstanceId": each,
                "PreviousState": model.state(state),
                "CurrentState": model.state(model.TERMINATED),
            }
            for each, state in before.items()
        ]
    }
