"""What associations did: their executions, and the nodes of one."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.capabilities import commands
from hostreeve.capabilities.associations.actions import changing, tagging
from hostreeve.capabilities.associations.lifecycle import OPEN, Status
from hostreeve.capabilities.associations.model import association as model
from hostreeve.capabilities.associations.model.association import Execution
from hostreeve.capabilities.associations.operations.service import error, following, ssm
from hostreeve.capabilities.associations.store import executions as store

SCANNED_AT_ONCE = 200
RESOURCE_TYPE = "ManagedInstance"


def _association(scope: Any, request: Mapping[str, Any]) -> list[str]:
    return [tagging.arn(scope, request["AssociationId"])]


@ssm.reads("DescribeAssociationExecutions", on=_association)
def describe_association_executions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The newest first. Filters ExecutionId, Status and CreatedTime (with LESS_THAN, GREATER_THAN)."""
    one = changing.fetch(call, request["AssociationId"])
    page = paging.read(request, error=error.InvalidNextToken)
    place: tuple[int, str] = page.parts(int, str)
    filters = request.get("Filters", [])
    found: list[Execution] = []
    while len(found) <= page.limit:
        rows = store.newest(
            call.tx, call.scope, one.association_id, before=place, limit=max(page.limit + 1, SCANNED_AT_ONCE)
        )
        shown = (_standing(call, each) for each in rows)
        found += [each for each in shown if all(_passes(each, each_filter) for each_filter in filters)]
        if len(rows) < max(page.limit + 1, SCANNED_AT_ONCE):
            break
        place = rows[-1].created_ms, rows[-1].execution_id
    token = page.token(found, lambda each: (each.created_ms, each.execution_id))
    listed = [model.listed_execution(each) for each in found[: page.limit]]
    return {"AssociationExecutions": listed} | following(token)


def _standing(call: Call, one: Execution) -> Execution:
    """One that still runs, with its nodes counted as they stand now."""
    if one.status not in OPEN or not one.command_id:
        return one
    found = commands.command(call.tx, call.scope, one.command_id)
    if found is None:
        return one
    tally = found.tally
    counts = {
        str(Status.SUCCESS): tally.success,
        str(Status.FAILED): tally.failed + tally.never_ran,
        str(Status.TIMED_OUT): tally.execution_timed_out + tally.delivery_timed_out,
        str(Status.CANCELLED): tally.cancelled,
        str(Status.SKIPPED): tally.terminated,
        str(Status.PENDING): tally.waiting,
        str(Status.IN_PROGRESS): tally.in_flight,
    }
    return replace(one, counts={status: count for status, count in counts.items() if count})


def _passes(one: Execution, asked: Mapping[str, str]) -> bool:
    key, value, kind = asked["Key"], asked["Value"], asked["Type"]
    if key == "CreatedTime":
        moment_ms = changing.moment_ms(value)
        if kind == "EQUAL":
            return one.created_ms // 1000 == moment_ms // 1000
        return one.created_ms < moment_ms if kind == "LESS_THAN" else one.created_ms > moment_ms
    if kind != "EQUAL":
        raise error.ValidationException(f"{key} goes with EQUAL only.")
    return value == (one.execution_id if key == "ExecutionId" else one.status)


@ssm.reads("DescribeAssociationExecutionTargets", on=_association)
def describe_association_execution_targets(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The nodes of an execution, as they stand. Filters Status, ResourceId, ResourceType."""
    one = changing.fetch(call, request["AssociationId"])
    execution = store.find(call.tx, call.scope, one.association_id, request["ExecutionId"])
    if execution is None:
        raise error.AssociationExecutionDoesNotExist(
            f"Association {one.association_id} has no execution {request['ExecutionId']}."
        )
    page = paging.read(request, error=error.InvalidNextToken)
    filters = request.get("Filters", [])
    found: list[dict[str, Any]] = []
    after = page.after
    while execution.command_id and len(found) <= page.limit:
        rows = commands.invocations(call.tx, call.scope, execution.command_id, after, SCANNED_AT_ONCE)
        targets = [_target(execution, each) for each in rows]
        found += [each for each in targets if all(each[one["Key"]] == one["Value"] for one in filters)]
        if len(rows) < SCANNED_AT_ONCE:
            break
        after = rows[-1].node_id
    token = page.token(found, lambda each: str(each["ResourceId"]))
    return {"AssociationExecutionTargets": found[: page.limit]} | following(token)


def _target(execution: Execution, on: commands.Invocation) -> dict[str, Any]:
    return {
        "AssociationId": execution.association_id,
        "AssociationVersion": str(execution.version),
        "ExecutionId": execution.execution_id,
        "ResourceId": on.node_id,
        "ResourceType": RESOURCE_TYPE,
        "Status": commands.shown(on.status),
        "DetailedStatus": str(on.status),
        "LastExecutionDate": execution.created_ms / 1000,
        "OutputSource": {"OutputSourceId": execution.command_id, "OutputSourceType": "RunCommand"},
    }
