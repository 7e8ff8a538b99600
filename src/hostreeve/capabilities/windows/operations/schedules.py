"""When windows open, and which windows are for whom."""

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.capabilities.windows.actions import changing, registering
from hostreeve.capabilities.windows.model.window import Window, window_arn
from hostreeve.capabilities.windows.operations.service import error, next_page, ssm
from hostreeve.capabilities.windows.store import windows as store
from hostreeve.kernel.scope import Scope

HORIZON_MS = 366 * 86_400_000
PER_WINDOW_MAX = 50
"""Openings that are told of each window, within a year: clients ask for page after page to the end."""

PAGE = 50
PAGE_MAX = 1_000
WINDOWS_MAX = 1_000


def window_or_all(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [window_arn(scope, request["WindowId"])] if "WindowId" in request else ["*"]


@ssm.reads("DescribeMaintenanceWindowSchedule", on=window_or_all)
def describe_maintenance_window_schedule(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The next openings in order of time: of a window, of the windows for a target, or of all."""
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    if request.get("Filters"):
        raise error.ValidationException("DescribeMaintenanceWindowSchedule has no filters.")
    after_ms, after_id = page.parts(int, str)
    windows = _windows(call, request)
    openings = heapq.merge(*(_openings(window, call.now_ms) for window in windows))
    behind = (one for one in openings if one[:2] > (after_ms, after_id))
    found = list(islice(behind, page.limit + 1))
    listed = [
        {"WindowId": window_id, "Name": window.name, "ExecutionTime": window.shown_time(at_ms)}
        for at_ms, window_id, window in found[: page.limit]
    ]
    return {"ScheduledWindowExecutions": listed} | next_page(page.token(found, lambda one: one[:2]))


@ssm.reads("DescribeMaintenanceWindowsForTarget", on=window_or_all)
def describe_maintenance_windows_for_target(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    found = [window for window in _for_target(call, request) if window.window_id > page.after]
    listed = [{"WindowId": window.window_id, "Name": window.name} for window in found[: page.limit]]
    return {"WindowIdentities": listed} | next_page(page.token(found, lambda window: window.window_id))


def _windows(call: Call, request: dict[str, Any]) -> list[Window]:
    if "WindowId" in request:
        return [changing.found(call, request["WindowId"]).window]
    if request.get("Targets"):
        return _for_target(call, request)
    rows = store.listed(call.tx, call.scope, enabled=[1], after="", limit=WINDOWS_MAX)
    return [row.window for row in rows]


def _for_target(call: Call, request: dict[str, Any]) -> list[Window]:
    if "ResourceType" not in request:
        raise error.ValidationException("Targets need ResourceType.")
    registering.check_targets(request["ResourceType"], request["Targets"])
    ids = registering.for_target(call.tx, call.scope, request["ResourceType"], request["Targets"])
    rows = (store.find(call.tx, call.scope, window_id) for window_id in ids)
    return [row.window for row in rows if row is not None]


def _openings(window: Window, now_ms: int) -> Iterator[tuple[int, str, Window]]:
    if not window.is_enabled:
        return
    for at_ms in islice(window.timing.upcoming(now_ms), PER_WINDOW_MAX):
        if at_ms > now_ms + HORIZON_MS:
            return
        yield at_ms, window.window_id, window
