"""CloudTrail's event history, as AWS callers see it."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.errors import common
from hostreeve.api.operations import Operations, anything
from hostreeve.kernel.dated import date_of
from hostreeve.kernel.scope import Scope
from hostreeve.platform import identity
from hostreeve.platform.audit.actions.hearing import journal_of
from hostreeve.platform.audit.actions.searching import Found, find, search
from hostreeve.platform.audit.model.record import published, reason_of
from hostreeve.platform.audit.model.resources import taken_apart, type_of
from hostreeve.platform.audit.model.seen import Filter, key_of

cloudtrail = Operations("cloudtrail")
hostreeve = Operations("hostreeve")
error = cloudtrail.errors

HISTORY_MS = 90 * 86_400_000
"""AWS looks back no further."""
PAGE_MAX = 50
ALLOWED = "The call was allowed; `hostreeve explain PRINCIPAL ACTION RESOURCE` shows by what."
NOT_BY_POLICY = "Policies had no part in the error."


@cloudtrail.reads("LookupEvents", on=anything, long=True)
def lookup_events(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Management events of the last 90 days, the latest first."""
    kind, value = _attribute(request)
    start_ms, end_ms = _times(call, request)
    page = paging.read(request, maximum=PAGE_MAX, error=error.InvalidNextTokenException)
    before_id, asked = page.parts(str, int) if request.get("NextToken") else ("", 0)
    question = key_of(kind, f"{value}\0{request.get('StartTime')}\0{request.get('EndTime')}")
    if before_id and (asked != question or date_of(before_id) is None):
        raise error.InvalidNextTokenException("The token belongs to a call with other parameters.")
    if request.get("EventCategory"):
        # Insights are what AWS finds unusual; nothing here looks for that.
        return {"Events": []}
    if kind == "EventId":
        at_ms = date_of(value)
        start_ms, end_ms = (max(start_ms, at_ms), min(end_ms, at_ms)) if at_ms is not None else (1, 0)
    if before_id:
        end_ms = min(end_ms, date_of(before_id) or 0)
    wanted = Filter(start_ms, end_ms, kind, value, before_id)
    found: list[Found] = []
    if start_ms <= end_ms:
        found = search(call.tx, journal_of(call), call.scope, wanted, page.limit + 1)
    answer: dict[str, Any] = {"Events": [_event(each) for each in found[: page.limit]]}
    token = page.token(found, lambda each: (each.seen.event_id, question))
    return answer | ({"NextToken": token} if token else {})


def _attribute(request: dict[str, Any]) -> tuple[str, str]:
    given = request.get("LookupAttributes") or []
    if len(given) > 1:
        raise error.InvalidLookupAttributesException("Only one lookup attribute can be given.")
    if not given:
        return "", ""
    kind, value = given[0]["AttributeKey"], given[0]["AttributeValue"]
    if kind == "ReadOnly":
        value = value.lower()
        if value not in ("true", "false"):
            raise error.InvalidLookupAttributesException("ReadOnly is true or false.")
    return kind, value


def _times(call: Call, request: dict[str, Any]) -> tuple[int, int]:
    start, end = request.get("StartTime"), request.get("EndTime")
    if start is not None and end is not None and start > end:
        raise error.InvalidTimeRangeException("StartTime is after EndTime.")
    start_ms = call.now_ms - HISTORY_MS if start is None else max(0, int(start * 1000))
    # Times are asked in seconds: the last one belongs to the answer as a whole.
    end_ms = call.now_ms if end is None else int(end) * 1000 + 999
    return max(start_ms, call.now_ms - HISTORY_MS), max(0, min(end_ms, call.now_ms))


def _event(found: Found) -> dict[str, Any]:
    seen = found.seen
    told = {
        "EventId": seen.event_id,
        "EventName": seen.name,
        "ReadOnly": "true" if seen.read_only else "false",
        "AccessKeyId": seen.identity.access_key_id,
        "EventTime": seen.at_ms // 1000,
        "EventSource": seen.source,
        "Username": seen.identity.name,
        "Resources": [_resource(each.arn) for each in seen.resources or ()],
        "CloudTrailEvent": published(found.content).decode(),
    }
    return {name: value for name, value in told.items() if value != ""}


def _resource(arn: str) -> dict[str, str]:
    service, _, _, kind, name = taken_apart(arn)
    kind = type_of(service, kind)
    return ({"ResourceType": kind} if kind else {}) | {"ResourceName": name}


@hostreeve.reads("ExplainCall", on=anything, long=True)
def explain_call(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The record of a call, and of one that was denied every statement that was heard for it. Of calls of
    other accounts, for those that manage them."""
    account = request.get("AccountId") or call.scope.account
    manages = identity.manages(call.tx, call.scope.account, account)
    if account != call.scope.account and not manages:
        raise common.AccessDeniedException(
            f"Calls of account {account} are explained to the account that manages it."
        )
    found = find(call.tx, journal_of(call), Scope(account, call.scope.region), request["RequestId"])
    if found is None:
        raise hostreeve.errors.CallNotFound(
            f"Account {account} made no call with the request id {request['RequestId']} that is still known."
        )
    answer: dict[str, Any] = {"CloudTrailEvent": published(found.content).decode(), "Notes": []}
    why = reason_of(found.content)
    if why is None:
        answer["Notes"] = [ALLOWED if not found.seen.error_code else NOT_BY_POLICY]
        return answer
    if identity.has_control(why) and not manages:
        why, answer["Notes"] = identity.without_control(why), [identity.HIDDEN]
    return answer | {"Explanation": why}
