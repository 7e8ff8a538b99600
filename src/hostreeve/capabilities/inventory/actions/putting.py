"""PutInventory: what nodes have, held against what may be said; what became different; who hears of it."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.capabilities.inventory.actions import complying
from hostreeve.capabilities.inventory.model.items import (
    ITEM_BYTES_MAX,
    ITEMS_BYTES_MAX,
    Item,
    split,
)
from hostreeve.capabilities.inventory.model.types import (
    ATTRIBUTES_MAX,
    AWS_TYPES,
    COMPLIANCE_ITEM,
    CUSTOM,
    CUSTOM_TYPES_MAX,
    is_custom,
    version_of,
)
from hostreeve.capabilities.inventory.store import items as store
from hostreeve.capabilities.inventory.store import rows as row_store
from hostreeve.capabilities.inventory.store import types as type_store
from hostreeve.capabilities.inventory.store.items import Head, Noted
from hostreeve.capabilities.inventory.store.types import CustomType

error = ServiceErrors(service("ssm"))

CHANGED = "Inventory Resource State Change"
"""AWS's name of the event (source aws.ssm)."""

Follower = Callable[[Call, str, Item], None]
_followers: dict[str, list[Follower]] = {}
Taken = Callable[[Call, str, str], None]
_taken: list[Taken] = []


def announce(type_name: str, follower: Follower) -> None:
    """`follower(call, node_id, item)` is told of every item of the type whose content is new, in the same
    transaction; what it raises refuses the whole put."""
    told = _followers.setdefault(type_name, [])
    if follower not in told:
        told.append(follower)


def follow_all(taken: Taken) -> None:
    """`taken(call, node_id, type_name)` is told of every type that is different now."""
    if taken not in _taken:
        _taken.append(taken)


def put(call: Call, node_id: str, given: Sequence[Mapping[str, Any]]) -> int:
    """Take the items that a node has, in the place of what it had of these types. How many were different.

    InvalidInstanceId, InvalidTypeNameException, InvalidItemContentException, ItemContentMismatchException,
    ItemSizeLimitExceededException, TotalSizeLimitExceededException, CustomSchemaCountLimitExceededException,
    UnsupportedInventorySchemaVersionException, (Unsupported|Invalid)InventoryItemContextException.
    """
    _itself(call, node_id)
    if not nodes.exists(call.tx, call.scope, node_id):
        raise error.InvalidInstanceId(f"There is no managed node {node_id}.")
    items = [_read(each) for each in given]
    _check_sizes(items)
    twice = [name for name, n in Counter(one.type_name for one in items).items() if n > 1]
    if set(twice) - {COMPLIANCE_ITEM}:
        raise error.InvalidItemContentException(f"{twice[0]} is there twice.", TypeName=twice[0])
    disabled = [one for one in items if _is_disabled(call, one)]
    if len(disabled) == len(items):
        raise error.UnsupportedInventorySchemaVersionException(_why_disabled(disabled[0]))
    for one in disabled:
        _tell_ignored(call, node_id, one)
    known = store.heads(call.tx, call.scope, node_id)
    taken = [one for one in items if one not in disabled]
    return sum([_take(call, node_id, one, known.get(one.type_name)) for one in taken])


def _is_disabled(call: Call, item: Item) -> bool:
    """Whether this version of a custom type, or a later one, has been disabled (DeleteInventory)."""
    if not item.type_name.startswith(CUSTOM):
        return False
    known = type_store.find_custom(call.tx, call.scope, item.type_name)
    disabled = known.disabled_version if known else ""
    return disabled != "" and version_of(item.schema_version) <= version_of(disabled)


def _why_disabled(item: Item) -> str:
    return (
        f"The inventory item has disabled schema version {item.schema_version}: put a greater version of "
        f"{item.type_name}."
    )


def _tell_ignored(call: Call, node_id: str, item: Item) -> None:
    """It is ignored, as AWS says, and the world is told; what came beside it is taken."""
    detail = {
        "action-status": "failed",
        "action": "put",
        "resource-type": "managed-instance",
        "resource-id": node_id,
        "action-reason": _why_disabled(item),
        "type-name": item.type_name,
    }
    call.emit(CHANGED, f"inventory/{node_id}/{item.type_name}", detail)


def _itself(call: Call, node_id: str) -> None:
    """A node speaks for itself only; people for those that they may."""
    if call.principal.node_id not in (None, node_id):
        raise error.AccessDeniedException(
            f"User: {call.principal.arn} is not authorized to act for the managed node {node_id}."
        )


def _read(given: Mapping[str, Any]) -> Item:
    item = Item(
        type_name=given["TypeName"],
        schema_version=given["SchemaVersion"],
        capture_time=given["CaptureTime"],
        content_hash=given.get("ContentHash", ""),
        rows=given.get("Content"),
        context=given.get("Context", {}),
    )
    known = AWS_TYPES.get(item.type_name)
    if known is None and not is_custom(item.type_name):
        raise error.InvalidTypeNameException(
            f"{item.type_name} is no type of inventory. One of your own is {CUSTOM} and a name of letters, "
            "digits, _, - and :, which begins with a capital letter."
        )
    if known is not None and known.is_ours:
        raise error.InvalidTypeNameException(f"{item.type_name} is kept by Systems Manager itself.")
    if known is not None and version_of(item.schema_version) > version_of(known.version):
        raise error.UnsupportedInventorySchemaVersionException(
            f"{item.type_name} has the schema version {known.version}, and not {item.schema_version}."
        )
    if item.context and item.type_name != COMPLIANCE_ITEM:
        raise error.UnsupportedInventoryItemContextException(
            f"{item.type_name} takes no Context.", TypeName=item.type_name
        )
    return item


def _check_sizes(items: Sequence[Item]) -> None:
    total = 0
    for item in items:
        size = len(msgspec.json.encode(item.rows)) if item.rows else 0
        total += size
        if size > ITEM_BYTES_MAX:
            raise error.ItemSizeLimitExceededException(
                f"{item.type_name} has {size} bytes, and may have {ITEM_BYTES_MAX}.", TypeName=item.type_name
            )
    if total > ITEMS_BYTES_MAX:
        raise error.TotalSizeLimitExceededException(
            f"The items have {total} bytes together, and may have {ITEMS_BYTES_MAX}."
        )


def _take(call: Call, node_id: str, item: Item, before: Head | None) -> int:
    """1 when what the node has is different now, 0 when it is the same."""
    if item.type_name == COMPLIANCE_ITEM:
        changed = complying.take(call, node_id, item)
    else:
        changed = _take_rows(call, node_id, item, before)
    if changed:
        for follower in _followers.get(item.type_name, ()):
            follower(call, node_id, item)
        for taken in _taken:
            taken(call, node_id, item.type_name)
    return int(changed)


def _take_rows(call: Call, node_id: str, item: Item, before: Head | None) -> bool:
    if item.type_name.startswith(CUSTOM):
        _take_custom(call, item)
    if before and version_of(item.schema_version) < version_of(before.schema_version):
        raise error.UnsupportedInventorySchemaVersionException(
            f"This node has {item.type_name} in the schema version {before.schema_version} already, which is "
            f"newer than {item.schema_version}."
        )
    is_same = before is not None and item.content_hash != "" and item.content_hash == before.content_hash
    if item.rows is None and not is_same:
        refused = error.InvalidItemContentException if before is None else error.ItemContentMismatchException
        raise refused(
            f"{item.type_name} came without Content, and its hash is not the one that is known here.",
            TypeName=item.type_name,
        )
    if item.rows is None or (is_same and before and before.schema_version == item.schema_version):
        return False
    _keep(call, node_id, item, item.rows)
    return True


def _keep(call: Call, node_id: str, item: Item, given: Sequence[Mapping[str, str]]) -> None:
    shared, moments = split(dict(row) for row in given)
    row_ids = row_store.ids_for(call.tx, call.scope, item.type_name, shared)
    earlier = store.row_ids(call.tx, call.scope, node_id, item.type_name)
    store.keep(call.tx, call.scope, node_id, item, row_ids=row_ids, moments=moments, now_ms=call.now_ms)
    now, then = set(row_ids), set(earlier or ())
    if earlier is not None and now == then:
        return
    change = Noted(
        node_id=node_id,
        at_ms=call.now_ms,
        type_name=item.type_name,
        capture_time=item.capture_time,
        is_first=int(earlier is None),
        # What was there from the beginning is no news.
        added=[] if earlier is None else sorted(now - then),
        removed=sorted(then - now),
    )
    store.note(call.tx, call.scope, change)


def _take_custom(call: Call, item: Item) -> None:
    """The account's custom type as it is after this item."""
    known = type_store.find_custom(call.tx, call.scope, item.type_name)
    if known is None and len(type_store.all_custom(call.tx, call.scope)) >= CUSTOM_TYPES_MAX:
        raise error.CustomSchemaCountLimitExceededException(
            f"An account has at most {CUSTOM_TYPES_MAX} custom types of inventory."
        )
    seen = dict.fromkeys(name for row in item.rows or () for name in row)
    attributes = _attributes(item, known, seen)
    version = max(item.schema_version, known.version if known else "0.0", key=version_of)
    after = CustomType(
        type_name=item.type_name,
        version=version,
        attributes=attributes,
        disabled_version=known.disabled_version if known else "",
    )
    if after != known:
        type_store.keep_custom(call.tx, call.scope, after)


def _attributes(item: Item, known: CustomType | None, seen: Mapping[str, None]) -> list[str]:
    """All attributes of the type; the same name must be written the same everywhere."""
    before = known.attributes if known else []
    spelled = {name.lower(): name for name in before}
    for name in seen:
        if not re.fullmatch(r"[^.\x00-\x1f]+", name):
            raise error.InvalidItemContentException(
                f"{name!r} is no name of an attribute.", TypeName=item.type_name
            )
        if spelled.setdefault(name.lower(), name) != name:
            raise error.InvalidItemContentException(
                f"{item.type_name} has the attribute {spelled[name.lower()]} already: {name} is another "
                "spelling of it.",
                TypeName=item.type_name,
            )
    attributes = list(dict.fromkeys([*before, *seen]))
    if len(attributes) > ATTRIBUTES_MAX:
        raise error.InvalidItemContentException(
            f"A custom type has at most {ATTRIBUTES_MAX} attributes.", TypeName=item.type_name
        )
    return attributes
