"""Windows: made, changed, shown, deleted."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.windows.actions import changing, tokens
from hostreeve.capabilities.windows.model.window import described_window
from hostreeve.capabilities.windows.operations.service import (
    PAGE,
    PAGE_MAX,
    error,
    filters,
    next_page,
    ssm,
    window_arns,
)
from hostreeve.capabilities.windows.store import windows as store

_TRUTH = {"true": 1, "false": 0}


@ssm.writes("CreateMaintenanceWindow", on=anything)
def create_maintenance_window(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    def make() -> dict[str, Any]:
        return {"WindowId": changing.create(call, request).window_id}

    return tokens.once(call, "CreateMaintenanceWindow", request, make)


@ssm.writes("UpdateMaintenanceWindow", on=window_arns)
def update_maintenance_window(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return described_window(changing.update(call, request))


@ssm.writes("DeleteMaintenanceWindow", on=window_arns)
def delete_maintenance_window(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    changing.delete(call, request["WindowId"])
    return {"WindowId": request["WindowId"]}


@ssm.reads("GetMaintenanceWindow", on=window_arns)
def get_maintenance_window(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    window, due_ms, _ = changing.found(call, request["WindowId"])
    times = {"CreatedDate": window.created_ms / 1000, "ModifiedDate": window.modified_ms / 1000}
    return described_window(window, next_ms=due_ms) | times


@ssm.reads("DescribeMaintenanceWindows", on=anything)
def describe_maintenance_windows(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    asked = filters(request, ("Name", "Enabled"))
    enabled = None
    if "Enabled" in asked:
        wrong = [value for value in asked["Enabled"] if value.lower() not in _TRUTH]
        if wrong:
            raise error.ValidationException(f"The filter Enabled takes true and false, not {wrong[0][:40]}.")
        enabled = [_TRUTH[value.lower()] for value in asked["Enabled"]]
    rows = store.listed(
        call.tx,
        call.scope,
        names=asked.get("Name"),
        enabled=enabled,
        after=page.after,
        limit=page.limit + 1,
    )
    listed = [
        {
            name: value
            for name, value in described_window(row.window, next_ms=row.due_ms).items()
            if name != "AllowUnassociatedTargets"
        }
        for row in rows[: page.limit]
    ]
    return {"WindowIdentities": listed} | next_page(page.token(rows, lambda row: row.window.window_id))
