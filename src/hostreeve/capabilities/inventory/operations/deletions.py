"""Inventory deleted, and how that goes."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.inventory.actions import deleting
from hostreeve.capabilities.inventory.operations.service import error, following, ssm
from hostreeve.capabilities.inventory.store import types as store


@ssm.writes("DeleteInventory", on=anything)
def delete_inventory(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Counts are as they were when it began: nothing has been deleted yet."""
    begun, is_real = deleting.delete(call, request)
    answer = {"TypeName": begun.type_name, "DeletionSummary": deleting.summary(begun)}
    return answer | ({"DeletionId": begun.deletion_id} if is_real else {})


@ssm.reads("DescribeInventoryDeletions", on=anything)
def describe_inventory_deletions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """One deletion, or all of the last 30 days, the newest first."""
    if "DeletionId" in request:
        one = store.find_deletion(call.tx, call.scope, request["DeletionId"])
        if one is None:
            raise error.InvalidDeletionIdException(f"There is no deletion {request['DeletionId']}.")
        return {"InventoryDeletions": [deleting.described(one)]}
    page = paging.read(request, error=error.InvalidNextToken)
    before: tuple[int, str] = page.parts(int, str)
    found = store.deletions(call.tx, call.scope, before=before, limit=page.limit + 1)
    token = page.token(found, lambda one: (one.started_ms, one.deletion_id))
    return {"InventoryDeletions": [deleting.described(one) for one in found[: page.limit]]} | following(token)
