"""What nodes have: put by agents, asked for by operators."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.inventory.actions import aggregating, changes, putting, querying, schemas
from hostreeve.capabilities.inventory.operations.service import error, following, hostreeve, node, ssm

SCHEMAS_MAX = 200


@ssm.writes("PutInventory", on=node)
def put_inventory(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What the node has of each type, in the place of what it had."""
    changed = putting.put(call, request["InstanceId"], request["Items"])
    return {"Message": f"{changed} of {len(request['Items'])} items were different and have been stored."}


@ssm.reads("GetInventory", on=anything, long=True)
def get_inventory(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Nodes by what they have; with aggregators how many there are."""
    if request.get("Aggregators"):
        if request.get("ResultAttributes"):
            raise error.InvalidResultAttributeException("ResultAttributes do not go with aggregators.")
        rows_max = request.get("MaxResults") or aggregating.ROWS_MAX
        page = paging.read(
            {**request, "MaxResults": rows_max},
            maximum=aggregating.ROWS_MAX,
            error=error.InvalidNextToken,
        )
        entity, token = aggregating.entity(call, request, page)
        return {"Entities": [entity]} | following(token)
    page = paging.read(request, error=error.InvalidNextToken)
    entities, token = querying.entities(call, request, page)
    return {"Entities": entities} | following(token)


@ssm.reads("GetInventorySchema", on=anything)
def get_inventory_schema(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The types whose names begin so, or all."""
    page = paging.read(request, maximum=SCHEMAS_MAX, error=error.InvalidNextToken)
    types = [each for each in schemas.listed(call.tx, call.scope, request) if each.name > page.after]
    if not types and request.get("TypeName") and not page.after and not request.get("SubType"):
        raise error.InvalidTypeNameException(f"There is no type {request['TypeName']} of inventory.")
    is_aggregator = bool(request.get("Aggregator"))
    shown = [schemas.described(each, is_aggregator=is_aggregator) for each in types[: page.limit]]
    return {"Schemas": shown} | following(page.token(types, lambda each: each.name))


@ssm.reads("ListInventoryEntries", on=anything)
def list_inventory_entries(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What one node has of a type."""
    page = paging.read(request, error=error.InvalidNextToken)
    found, rows, token = querying.entries(call, request, page)
    answer: dict[str, Any] = {
        "TypeName": request["TypeName"],
        "InstanceId": request["InstanceId"],
        "Entries": rows,
    }
    if found is not None:
        answer |= {"SchemaVersion": found.schema_version, "CaptureTime": found.capture_time}
    return answer | following(token)


@hostreeve.reads("ListInventoryChanges", on=node, action="ssm:ListInventoryEntries")
def list_inventory_changes(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What became different on a node, the oldest first."""
    page = paging.read(request, error=error.InvalidNextToken)
    found, token = changes.listed(call, request, page)
    return {"Changes": [changes.shown(each) for each in found]} | following(token)
