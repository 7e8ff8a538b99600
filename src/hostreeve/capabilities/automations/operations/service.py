"""The table that the operations of this slice register in, and what several of them share."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import Operations
from hostreeve.capabilities.automations.actions.tagging import arn
from hostreeve.capabilities.automations.model.execution import Execution
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.kernel.scope import Scope

ssm = Operations("ssm")
error = ssm.errors

PAGE_MAX = 50


def execution_arns(scope: Scope, request: dict[str, Any]) -> list[str]:
    """The execution that the request names."""
    return [arn(scope, request["AutomationExecutionId"])]


def found(call: Call, request: Mapping[str, Any]) -> Execution:
    """AutomationExecutionNotFoundException when there is none of that id here."""
    execution_id = request["AutomationExecutionId"]
    one = rows.find(call.tx, call.scope, execution_id.lower())
    if one is None:
        raise error.AutomationExecutionNotFoundException(f"There is no automation execution {execution_id}.")
    return one


def next_page(token: str | None) -> dict[str, str]:
    return {"NextToken": token} if token else {}


def targets_of(call: Call, one: Execution, limit: int) -> list[str]:
    """The first values of the targets of a rate-controlled execution."""
    if not one.asked.is_spread:
        return []
    name = one.asked.target_parameter
    listed = rows.targets(call.tx, call.scope, one.execution_id, 0, limit)
    return [
        target if isinstance(target, str) else ",".join(target.get(name) or next(iter(target.values())))
        for target in listed
    ]


def filters(request: Mapping[str, Any]) -> dict[str, list[str]]:
    """The filters by key. InvalidFilterKey for one that is given twice, InvalidFilterValue without values."""
    asked: dict[str, list[str]] = {}
    for each in request.get("Filters") or []:
        key, values = each["Key"], each.get("Values") or []
        if key in asked:
            raise error.InvalidFilterKey(f"The filter {key} is given twice.")
        if not values:
            raise error.InvalidFilterValue(f"The filter {key} needs values.")
        asked[key] = list(values)
    return asked


def moment_ms(key: str, values: list[str]) -> int:
    """A time as filters give it. InvalidFilterValue."""
    try:
        text = values[0].strip()
        if text.replace(".", "", 1).isdigit():
            return round(float(text) * 1000)
        return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise error.InvalidFilterValue(
            f"{key}: {values[0][:40]!r} is not a time such as 2026-11-28T12:00:00Z."
        ) from None
