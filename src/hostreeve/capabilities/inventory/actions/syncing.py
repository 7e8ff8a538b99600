"""Resource data syncs: made, changed and deleted; what becomes different is written to their buckets."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import compliance
from hostreeve.capabilities.inventory.actions.sources import Estate
from hostreeve.capabilities.inventory.model.types import (
    COMPLIANCE_ITEM,
    COMPLIANCE_SUMMARY,
    INSTANCE_INFORMATION,
    TAG,
)
from hostreeve.capabilities.inventory.store import items as items_store
from hostreeve.capabilities.inventory.store import syncs as store
from hostreeve.capabilities.inventory.store.syncs import FROM_SOURCE, TO_DESTINATION, Sync, Waiting
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction
from hostreeve.platform import objects

error = ServiceErrors(service("ssm"))
Refused = error.ResourceDataSyncInvalidConfigurationException

CHANNEL = "resource data syncs"
"""The bus channel that wakes the worker."""
SYNCS_MAX = 5
AT_ONCE = 100
RETRIED_MS = 60_000
BESIDE = (INSTANCE_INFORMATION, TAG)
"""What the server knows itself of a node: written again whenever anything of the node is."""
NO_EXPLORER = "Explorer is a capability that this version does not have yet: nothing is gathered."
CONTENT_TYPE = "application/json"


def create(call: Call, request: Mapping[str, Any]) -> None:
    """ResourceDataSyncInvalidConfigurationException, ResourceDataSyncAlreadyExistsException,
    ResourceDataSyncCountExceededException."""
    kind = request.get("SyncType", TO_DESTINATION)
    if kind not in (TO_DESTINATION, FROM_SOURCE):
        raise Refused(f"SyncType is {TO_DESTINATION} or {FROM_SOURCE}, not {kind}.")
    wanted = _source(request) if kind == FROM_SOURCE else _destination(call, request)
    name = request["SyncName"]
    known = store.listed(call.tx, call.scope, after="", limit=SYNCS_MAX)
    if any(each.name == name for each in known):
        raise error.ResourceDataSyncAlreadyExistsException(f"There is a sync {name} already.", SyncName=name)
    if len(known) >= SYNCS_MAX:
        raise error.ResourceDataSyncCountExceededException(f"An account has at most {SYNCS_MAX} syncs.")
    writes = kind == TO_DESTINATION
    made = Sync(
        account=call.scope.account,
        region=call.scope.region,
        name=name,
        kind=kind,
        wanted=wanted,
        status="InProgress" if writes else "Failed",
        message="" if writes else NO_EXPLORER,
        created_ms=call.now_ms,
        modified_ms=call.now_ms,
        due_ms=call.now_ms if writes else None,
        listed=int(not writes),
    )
    store.insert(call.tx, made)
    if writes:
        call.tx.wake(CHANNEL)


def list_everything(tx: Transaction, one: Sync, now_ms: int) -> int:
    """Queue all that is known already. How much that is."""
    if store.find(tx, one.scope, one.name) is None:
        return 0
    scope = one.scope
    pairs = {(each, kind) for each in Estate(tx, scope, now_ms).everyone() for kind in BESIDE}
    complying = {node_id for node_id, _ in compliance.standings(tx, scope)}
    pairs |= {(each, kind) for each in complying for kind in (COMPLIANCE_ITEM, COMPLIANCE_SUMMARY)}
    pairs |= items_store.every_pair(tx, scope)
    store.queue(tx, scope, one.name, pairs, 0)
    store.move(tx, scope, one.name, listed=1)
    return len(pairs)


def _destination(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    if "SyncSource" in request:
        raise Refused(f"SyncSource goes with {FROM_SOURCE}.")
    wanted = request.get("S3Destination")
    if not wanted:
        raise Refused(f"{TO_DESTINATION} needs S3Destination.")
    if "AWSKMSKeyARN" in wanted:
        raise Refused("AWSKMSKeyARN: objects are not encrypted under keys of KMS in this version.")
    sharing = wanted.get("DestinationDataSharing", {}).get("DestinationDataSharingType", "Organization")
    if sharing != "Organization":
        raise Refused("DestinationDataSharingType is Organization.")
    prefix = wanted.get("Prefix", "")
    if prefix.startswith("/") or any(ord(each) < 32 for each in prefix):
        raise Refused("Prefix begins with no / and has no control characters.")
    bucket = wanted["BucketName"]
    call.require("s3:PutObject", [f"arn:aws:s3:::{bucket}/{_begin(wanted)}*"])
    if not objects.exists_bucket(call.tx, call.scope, bucket):
        raise Refused(f"There is no bucket {bucket}.")
    try:
        objects.keys_under(call.tx, call.scope, bucket, "", limit=1)
    except AwsError:
        raise Refused(
            f"The bucket {bucket} is another account's: a sync writes to its own account."
        ) from None
    return dict(wanted)


def _source(request: Mapping[str, Any]) -> dict[str, Any]:
    if "S3Destination" in request:
        raise Refused(f"S3Destination goes with {TO_DESTINATION}.")
    source = request.get("SyncSource")
    if not source:
        raise Refused(f"{FROM_SOURCE} needs SyncSource.")
    kinds = ("AwsOrganizations", "SingleAccountMultiRegions")
    if source["SourceType"] not in kinds:
        raise Refused(f"SourceType is one of {', '.join(kinds)}.")
    organization = source.get("AwsOrganizationsSource")
    if (source["SourceType"] == kinds[0]) != bool(organization):
        raise Refused(f"AwsOrganizationsSource goes with {kinds[0]}.")
    if organization:
        whole = organization["OrganizationSourceType"]
        if whole not in ("OrganizationalUnits", "EntireOrganization"):
            raise Refused("OrganizationSourceType is OrganizationalUnits or EntireOrganization.")
        if (whole == "OrganizationalUnits") != bool(organization.get("OrganizationalUnits")):
            raise Refused("OrganizationalUnits are given with OrganizationSourceType OrganizationalUnits.")
    return dict(source)


def update(call: Call, request: Mapping[str, Any]) -> None:
    """Only what gathers from sources can be changed."""
    if request["SyncType"] != FROM_SOURCE:
        raise Refused(f"Only syncs of the type {FROM_SOURCE} can be updated.")
    one = _fetch(call, request["SyncName"], FROM_SOURCE)
    wanted = _source(request)
    if wanted["SourceType"] != one.wanted["SourceType"]:
        raise error.ResourceDataSyncConflictException(
            "The SourceType of a sync cannot be changed: delete it and make a new one."
        )
    store.move(call.tx, call.scope, one.name, wanted=wanted, modified_ms=call.now_ms)


def delete(call: Call, request: Mapping[str, Any]) -> None:
    """What has been written stays."""
    one = _fetch(call, request["SyncName"], request.get("SyncType"))
    store.delete(call.tx, call.scope, one.name)


def _fetch(call: Call, name: str, kind: str | None) -> Sync:
    if kind not in (None, TO_DESTINATION, FROM_SOURCE):
        raise Refused(f"SyncType is {TO_DESTINATION} or {FROM_SOURCE}, not {kind}.")
    one = store.find(call.tx, call.scope, name)
    if one is None or kind not in (None, one.kind):
        raise error.ResourceDataSyncNotFoundException(
            f"There is no sync {name}.", SyncName=name, SyncType=kind or TO_DESTINATION
        )
    return one


def changed(tx: Transaction, scope: Scope, node_id: str, type_names: Sequence[str], now_ms: int) -> None:
    """A node's types are different now: every sync has to write them."""
    for name in store.to_destinations(tx, scope):
        pairs = [(node_id, each) for each in (*type_names, *BESIDE)]
        store.queue(tx, scope, name, pairs, 0)
        store.wake(tx, scope, name, now_ms)
        tx.wake(CHANNEL)


def taken(call: Call, node_id: str, type_name: str) -> None:
    """Inventory was put (`putting.follow_all`). Compliance is told of by itself."""
    if type_name != COMPLIANCE_ITEM:
        changed(call.tx, call.scope, node_id, [type_name], call.now_ms)


def complied(tx: Transaction, scope: Scope, node_id: str, now_ms: int) -> None:
    """A node's compliance is different now (`compliance.follow`)."""
    changed(tx, scope, node_id, [COMPLIANCE_ITEM, COMPLIANCE_SUMMARY], now_ms)


async def advance(database: Database, world: World, one: Sync) -> int:
    """Write a part of what waits. How much was written; 0 when nothing waits or it failed."""
    if not one.listed:
        return await database.write_long(lambda tx: list_everything(tx, one, world.now_ms()))
    waiting = await database.read(lambda tx: store.waiting(tx, one.scope, one.name, AT_ONCE))
    if not waiting:
        await database.write(lambda tx: _rest(tx, one, world.now_ms()))
        return 0
    texts = await database.read_long(lambda tx: _texts(tx, one, waiting, world.now_ms()))
    kept = {}
    for key, text in texts.items():
        kept[key] = await asyncio.to_thread(objects.keep, world, _chunks(text))
    return await database.write(lambda tx: _put(tx, one, waiting, kept, world.now_ms()))


def _chunks(text: bytes) -> Iterator[bytes]:
    yield text


def _begin(wanted: Mapping[str, Any]) -> str:
    prefix = str(wanted.get("Prefix", ""))
    return f"{prefix.rstrip('/')}/" if prefix else ""


def key_of(one: Sync, node_id: str, type_name: str) -> str:
    """AWS's layout of the keys."""
    return (
        f"{_begin(one.wanted)}{type_name}/accountid={one.account}/region={one.region}"
        f"/resourcetype=ManagedInstanceInventory/{node_id}.json"
    )


def _texts(tx: Transaction, one: Sync, waiting: Sequence[Waiting], now_ms: int) -> dict[str, bytes]:
    """What is to be written, by key. What a node has no more is left as it was written last."""
    estate = Estate(tx, one.scope, now_ms)
    by_type: dict[str, list[str]] = {}
    for each in waiting:
        by_type.setdefault(each.type_name, []).append(each.node_id)
    texts = {}
    for type_name, node_ids in by_type.items():
        for node_id, found in estate.found(type_name, node_ids).items():
            about = {
                "resourceId": node_id,
                "captureTime": found.capture_time,
                "schemaVersion": found.schema_version,
            }
            lines = (msgspec.json.encode({**row, **about}) for row in found.rows)
            texts[key_of(one, node_id, type_name)] = b"".join(line + b"\n" for line in lines)
    return texts


def _put(
    tx: Transaction, one: Sync, done: Sequence[Waiting], kept: Mapping[str, objects.Content], now_ms: int
) -> int:
    if store.find(tx, one.scope, one.name) is None:
        return 0
    bucket = one.wanted["BucketName"]
    # Looked at before anything is written: a unit in which a part failed keeps nothing.
    trouble = _trouble(tx, one, bucket)
    if trouble:
        store.move(
            tx,
            one.scope,
            one.name,
            status="Failed",
            message=trouble,
            last_sync_ms=now_ms,
            due_ms=now_ms + RETRIED_MS,
        )
        return 0
    for key, content in sorted(kept.items()):
        objects.put(tx, one.scope, bucket, key, content, now_ms=now_ms, content_type=CONTENT_TYPE)
    store.written(tx, one.scope, one.name, done)
    return len(done)


def _trouble(tx: Transaction, one: Sync, bucket: str) -> str:
    try:
        objects.keys_under(tx, one.scope, bucket, "", limit=1)
    except AwsError as refused:
        return f"{bucket}: {refused.message or refused.code}"
    return ""


def _rest(tx: Transaction, one: Sync, now_ms: int) -> None:
    if store.waiting(tx, one.scope, one.name, 1):
        return
    store.move(
        tx,
        one.scope,
        one.name,
        status="Successful",
        message="",
        last_sync_ms=now_ms,
        last_success_ms=now_ms,
        due_ms=None,
    )


def described(one: Sync) -> dict[str, Any]:
    """ResourceDataSyncItem."""
    times = {
        "LastSyncTime": one.last_sync_ms,
        "LastSuccessfulSyncTime": one.last_success_ms,
        "SyncLastModifiedTime": one.modified_ms,
        "SyncCreatedTime": one.created_ms,
    }
    answer: dict[str, Any] = {
        "SyncName": one.name,
        "SyncType": one.kind,
        "LastStatus": one.status,
        "LastSyncStatusMessage": one.message,
    }
    answer["SyncSource" if one.kind == FROM_SOURCE else "S3Destination"] = one.wanted
    return answer | {name: at_ms / 1000 for name, at_ms in times.items() if at_ms}
