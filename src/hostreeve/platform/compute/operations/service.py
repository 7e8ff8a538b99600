"""What the operations of EC2 share: their table, dry runs, pages, the ids that a request names."""

from collections.abc import Sequence
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import Operations
from hostreeve.platform.compute.actions import instances
from hostreeve.platform.compute.model import filters as model
from hostreeve.platform.compute.model.instance import Instance, is_id

ec2 = Operations("ec2")
error = ec2.errors

PAGE_MIN, PAGE_MAX = 5, 1000


def dry_run(request: dict[str, Any]) -> None:
    """Whoever only wants to know whether it would be allowed has come this far: it would."""
    if request.get("DryRun"):
        raise error.DryRunOperation("Request would have succeeded, but DryRun flag is set.")


def page_of(request: dict[str, Any]) -> paging.Page:
    limit = request.get("MaxResults")
    if limit is not None and limit < PAGE_MIN:
        raise error.InvalidParameterValue(
            f"Value ( {limit} ) for parameter maxResults is invalid. It is {PAGE_MIN} or more."
        )
    return paging.read(request, maximum=PAGE_MAX, error=error.InvalidNextToken)


def ids_of(call: Call, request: dict[str, Any]) -> list[str] | None:
    """The instances that the request names, all of them there; None when it names none."""
    ids = request.get("InstanceIds")
    if not ids:
        return None
    if "MaxResults" in request:
        raise error.InvalidParameterCombination(
            "The parameter instancesSet cannot be used with the parameter maxResults"
        )
    wanted(call, ids)
    return list(ids)


def wanted(call: Call, ids: Sequence[str]) -> dict[str, Instance]:
    """Those instances by id. InvalidInstanceID.Malformed, InvalidInstanceID.NotFound."""
    malformed = [each for each in ids if not is_id(each)]
    if malformed:
        raise error.InvalidInstanceIDMalformed(f'Invalid id: "{malformed[0][:100]}"')
    found = instances.find_many(call.tx, call.scope, ids)
    missing = [each for each in ids if each not in found]
    if missing:
        listed = "ID" if len(missing) == 1 else "IDs"
        verb = "does" if len(missing) == 1 else "do"
        raise error.InvalidInstanceIDNotFound(
            f"The instance {listed} '{', '.join(missing)}' {verb} not exist"
        )
    return found


def filters_of(request: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """The request's filters of instances. InvalidParameterValue for one that EC2 does not have."""
    found = model.read(request.get("Filters", []))
    for name, values in found:
        if not model.knows(name):
            raise error.InvalidParameterValue(f"The filter '{name[:100]}' is invalid")
        if len(values) > model.VALUES_MAX:
            raise error.InvalidParameterValue(f"The filter '{name[:100]}' has more than 200 values")
    return found
