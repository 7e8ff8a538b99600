"""Resource data syncs."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.inventory.actions import syncing
from hostreeve.capabilities.inventory.operations.service import error, following, ssm
from hostreeve.capabilities.inventory.store import syncs as store
from hostreeve.kernel.scope import Scope


def _sync(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [scope.arn("ssm", f"resource-data-sync/{request['SyncName']}")]


@ssm.writes("CreateResourceDataSync", on=_sync)
def create_resource_data_sync(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The caller needs `s3:PutObject` for what the sync will write."""
    syncing.create(call, request)
    return {}


@ssm.writes("UpdateResourceDataSync", on=_sync)
def update_resource_data_sync(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    syncing.update(call, request)
    return {}


@ssm.writes("DeleteResourceDataSync", on=_sync)
def delete_resource_data_sync(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    syncing.delete(call, request)
    return {}


@ssm.reads("ListResourceDataSync", on=anything)
def list_resource_data_sync(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """By name; of one type, or all."""
    kind = request.get("SyncType")
    if kind not in (None, store.TO_DESTINATION, store.FROM_SOURCE):
        raise error.ResourceDataSyncInvalidConfigurationException(
            f"SyncType is {store.TO_DESTINATION} or {store.FROM_SOURCE}, not {kind}."
        )
    page = paging.read(request, error=error.InvalidNextToken)
    every = store.listed(call.tx, call.scope, after=page.after, limit=syncing.SYNCS_MAX + 1)
    found = [one for one in every if kind in (None, one.kind)]
    token = page.token(found, lambda one: one.name)
    return {"ResourceDataSyncItems": [syncing.described(one) for one in found[: page.limit]]} | following(
        token
    )
