"""DeleteInventory: what nodes have of a custom type goes, a bounded part at a time."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities.inventory.actions.putting import CHANGED
from hostreeve.capabilities.inventory.model.types import CUSTOM, is_custom
from hostreeve.capabilities.inventory.store import items as store
from hostreeve.capabilities.inventory.store import types as type_store
from hostreeve.capabilities.inventory.store.types import CustomType, Deletion
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))

CHANNEL = "inventory deletions"
"""The bus channel that wakes the worker."""
IN_PROGRESS, COMPLETE = "InProgress", "Complete"
AT_ONCE = 200


def delete(call: Call, request: Mapping[str, Any]) -> tuple[Deletion, bool]:
    """The deletion that begins now, and whether it is real: with DryRun nothing happens.

    InvalidDeleteInventoryParametersException, InvalidTypeNameException.
    """
    type_name = request["TypeName"]
    if not is_custom(type_name):
        raise error.InvalidDeleteInventoryParametersException(
            f"{type_name} cannot be deleted: only types of your own can, {CUSTOM} and a name."
        )
    token = request.get("ClientToken", "")
    earlier = type_store.deletion_for(call.tx, call.scope, token) if token else None
    if earlier is not None:
        return earlier, True
    known = type_store.find_custom(call.tx, call.scope, type_name)
    if known is None:
        raise error.InvalidTypeNameException(f"There is no type {type_name} of inventory.")
    counts = store.counts_by_version(call.tx, call.scope, type_name)
    begun = Deletion(
        account=call.scope.account,
        region=call.scope.region,
        deletion_id=call.world.uuid(),
        type_name=type_name,
        client_token=token,
        summary=[(version, number, number) for version, number in sorted(counts.items())],
        status=IN_PROGRESS,
        started_ms=call.now_ms,
        updated_ms=call.now_ms,
    )
    if request.get("DryRun"):
        return begun, False
    _change_schema(call, known, request.get("SchemaDeleteOption", ""))
    type_store.insert_deletion(call.tx, begun)
    call.tx.wake(CHANNEL)
    return begun, True


def _change_schema(call: Call, known: CustomType, option: str) -> None:
    if option == "DeleteSchema":
        type_store.drop_custom(call.tx, call.scope, known.type_name)
    elif option == "DisableSchema":
        disabled = replace(known, disabled_version=known.version)
        type_store.keep_custom(call.tx, call.scope, disabled)


def advance(tx: Transaction, one: Deletion, now_ms: int) -> None:
    """Delete a part of what is left. What nodes put after it began stays."""
    left = {version: remaining for version, _, remaining in one.summary}
    found = store.some_of_versions(tx, one.scope, one.type_name, left, one.started_ms, AT_ONCE)
    for head in found:
        store.drop(tx, one.scope, head.node_id, one.type_name)
        left[head.schema_version] = max(left[head.schema_version] - 1, 0)
        _tell(tx, one, "delete", head.node_id, "", now_ms)
    is_over = len(found) < AT_ONCE
    summary = [(version, count, 0 if is_over else left[version]) for version, count, _ in one.summary]
    after = replace(one, summary=summary, updated_ms=now_ms, status=COMPLETE if is_over else IN_PROGRESS)
    type_store.move_deletion(tx, after)
    if is_over:
        said = msgspec.json.encode(_event_summary(after)).decode()
        reason = f"The delete for type name {one.type_name} was completed. The deletion summary is: {said}"
        _tell(tx, one, "delete-summary", "", reason, now_ms)


def _tell(tx: Transaction, one: Deletion, action: str, node_id: str, reason: str, now_ms: int) -> None:
    detail = {
        "action-status": "succeeded",
        "action": action,
        "resource-type": "managed-instance",
        "resource-id": node_id,
        "action-reason": reason,
        "type-name": one.type_name,
    }
    aggregate = f"inventory/{one.deletion_id}"
    outbox.put(tx, one.scope, detail_type=CHANGED, aggregate=aggregate, detail=detail, now_ms=now_ms)


def _event_summary(one: Deletion) -> dict[str, Any]:
    return {
        "totalCount": sum(count for _, count, _ in one.summary),
        "remainingCount": sum(remaining for _, _, remaining in one.summary),
        "summaryItems": [
            {"version": version, "count": count, "remainingCount": remaining}
            for version, count, remaining in one.summary
        ],
    }


def summary(one: Deletion) -> dict[str, Any]:
    """InventoryDeletionSummary."""
    return {
        "TotalCount": sum(count for _, count, _ in one.summary),
        "RemainingCount": sum(remaining for _, _, remaining in one.summary),
        "SummaryItems": [
            {"Version": version, "Count": count, "RemainingCount": remaining}
            for version, count, remaining in one.summary
        ],
    }


def described(one: Deletion) -> dict[str, Any]:
    """InventoryDeletionStatusItem."""
    message = "The Delete is in progress" if one.status == IN_PROGRESS else "Deletion is successful"
    return {
        "DeletionId": one.deletion_id,
        "TypeName": one.type_name,
        "DeletionStartTime": one.started_ms / 1000,
        "LastStatus": one.status,
        "LastStatusMessage": message,
        "DeletionSummary": summary(one),
        "LastStatusUpdateTime": one.updated_ms / 1000,
    }
