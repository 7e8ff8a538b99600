"""Change Calendar, as AWS callers see it. The calendars themselves are made and changed as documents."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import Operations
from hostreeve.capabilities import documents
from hostreeve.capabilities.calendars import actions
from hostreeve.capabilities.calendars.model import read_time
from hostreeve.kernel.scope import Scope

ssm = Operations("ssm")
error = ssm.errors

NAMES_MAX = 50


def calendar_arns(scope: Scope, request: dict[str, Any]) -> list[str]:
    """The documents that the request names."""
    return [documents.arn(scope, name) for name in request["CalendarNames"]] or ["*"]


@ssm.reads("GetCalendarState", on=calendar_arns)
def get_calendar_state(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    names = request["CalendarNames"]
    if not 1 <= len(names) <= NAMES_MAX:
        raise error.ValidationException(f"CalendarNames takes 1 to {NAMES_MAX} calendars.")
    at_ms = call.now_ms
    if "AtTime" in request:
        read_ms = read_time(request["AtTime"])
        if read_ms is None:
            raise error.ValidationException(
                "AtTime must be a time of the years 1970 to 2199 such as 2026-11-23T00:00:00Z."
            )
        at_ms = read_ms
    return actions.state_of(call.tx, call.scope, names, at_ms).described()
