"""PutComplianceItems: what callers say of nodes, held against what may be said."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.capabilities.compliance import store
from hostreeve.capabilities.compliance.actions.putting import put, remove
from hostreeve.capabilities.compliance.model import (
    ASSOCIATION,
    ASSOCIATION_ID,
    ITEM_BYTES_MAX,
    ITEMS_BYTES_MAX,
    OTHER_TYPES_MAX,
    PATCH,
    RESOURCE_TYPE,
    Execution,
    Item,
)
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))

SyncModes = Callable[[Transaction, Scope, Sequence[str]], Mapping[str, str]]
_sync_modes: list[SyncModes] = []


def ask_about_associations(sync_modes: SyncModes) -> None:
    """Told once, by whoever knows associations: AUTO or MANUAL by id, of those of the ids that exist."""
    _sync_modes[:] = [sync_modes]


def take(call: Call, request: Mapping[str, Any]) -> None:
    """PutComplianceItems.

    InvalidResourceType, InvalidResourceId, ValidationException, InvalidItemContentException,
    ItemSizeLimitExceededException, TotalSizeLimitExceededException,
    ComplianceTypeCountLimitExceededException.
    """
    node_id, compliance_type = request["ResourceId"], request["ComplianceType"]
    if request["ResourceType"] != RESOURCE_TYPE:
        raise error.InvalidResourceType(
            f"{request['ResourceType']} is no type of resource here: there is {RESOURCE_TYPE} only."
        )
    _itself(call, node_id)
    if not nodes.exists(call.tx, call.scope, node_id):
        raise error.InvalidResourceId(f"There is no managed node {node_id}.")
    items = _read_items(compliance_type, request["Items"])
    is_partial = request.get("UploadType") == "PARTIAL"
    if is_partial and compliance_type != ASSOCIATION:
        raise error.ValidationException(f"UploadType PARTIAL is for the compliance type {ASSOCIATION}.")
    _check_types(call, node_id, compliance_type)
    summary = request["ExecutionSummary"]
    how: dict[str, Any] = {
        "execution": Execution(
            at_ms=round(summary["ExecutionTime"] * 1000),
            id=summary.get("ExecutionId", ""),
            type=summary.get("ExecutionType", ""),
        ),
        "now_ms": call.now_ms,
        "content_hash": request.get("ItemContentHash", ""),
    }
    if compliance_type == ASSOCIATION:
        _take_associations(call, node_id, items, how, is_partial=is_partial)
    else:
        put(call.tx, call.scope, node_id, compliance_type, items, **how)


def _itself(call: Call, node_id: str) -> None:
    """A node speaks for itself only; people for those that they may."""
    if call.principal.node_id not in (None, node_id):
        raise error.AccessDeniedException(
            f"User: {call.principal.arn} is not authorized to act for the managed node {node_id}."
        )


def _read_items(compliance_type: str, given: Sequence[Mapping[str, Any]]) -> list[Item]:
    _check_sizes(compliance_type, given)
    return [
        Item(
            id=each.get("Id", ""),
            title=each.get("Title", ""),
            severity=each["Severity"],
            status=each["Status"],
            details=each.get("Details", {}),
        )
        for each in given
    ]


def _check_sizes(compliance_type: str, given: Sequence[Mapping[str, Any]]) -> None:
    total = len(msgspec.json.encode(given))
    if total > ITEMS_BYTES_MAX:
        raise error.TotalSizeLimitExceededException(
            f"The items have {total} bytes together, and may have {ITEMS_BYTES_MAX}."
        )
    for each in given if total > ITEM_BYTES_MAX else ():
        size = len(msgspec.json.encode(each))
        if size > ITEM_BYTES_MAX:
            raise error.ItemSizeLimitExceededException(
                f"The item {each.get('Id', '')[:100]!r} has {size} bytes; an item has at most "
                f"{ITEM_BYTES_MAX}.",
                TypeName=compliance_type,
            )


def _check_types(call: Call, node_id: str, compliance_type: str) -> None:
    own = store.types_of(call.tx, call.scope, node_id) - {ASSOCIATION, PATCH}
    if compliance_type in (ASSOCIATION, PATCH) or compliance_type in own or len(own) < OTHER_TYPES_MAX:
        return
    raise error.ComplianceTypeCountLimitExceededException(
        f"A node has at most {OTHER_TYPES_MAX} compliance types of its own."
    )


def _take_associations(
    call: Call, node_id: str, items: Sequence[Item], how: dict[str, Any], *, is_partial: bool
) -> None:
    """What is said of associations in AUTO mode is State Manager's to know, and is not taken over: official
    agents tell it too, of one association at a time, as if there were no others."""
    by_id = _by_association(items)
    if is_partial and not items:
        # Nothing was found for this one.
        by_id[how["execution"].id] = []
    known = store.parts(call.tx, call.scope, node_id, ASSOCIATION)
    modes = _modes(call, [*by_id, *(each.part for each in known)])
    if is_partial:
        _check_partial(by_id, modes)
    elif call.principal.node_id and all(modes.get(each) == "AUTO" for each in by_id):
        # An agent's own report. One without items says that nothing has changed.
        return
    taken: dict[str, list[Item]] = defaultdict(list)
    for association_id, of_it in by_id.items():
        mode = modes.get(association_id)
        if mode != "AUTO":
            taken[association_id if mode else ""] += of_it
    if not is_partial:
        gone = (each.part for each in known if modes.get(each.part) != "AUTO" and each.part not in taken)
        for part in gone:
            remove(call.tx, call.scope, node_id, ASSOCIATION, now_ms=call.now_ms, part=part)
    for part, of_it in taken.items():
        put(call.tx, call.scope, node_id, ASSOCIATION, of_it, **how, part=part)


def _by_association(items: Sequence[Item]) -> dict[str, list[Item]]:
    by_id: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_id[item.details.get(ASSOCIATION_ID, item.id)].append(item)
    return by_id


def _check_partial(by_id: Mapping[str, list[Item]], modes: Mapping[str, str]) -> None:
    named = list(by_id)
    if len(named) != 1 or modes.get(named[0]) != "MANUAL":
        raise error.InvalidItemContentException(
            "UploadType PARTIAL is about one association whose SyncCompliance is MANUAL: its id is the Id of "
            f"every item, or in their Details as {ASSOCIATION_ID}.",
            TypeName=ASSOCIATION,
        )


def _modes(call: Call, association_ids: Sequence[str]) -> Mapping[str, str]:
    ids = sorted({each for each in association_ids if each})
    return _sync_modes[0](call.tx, call.scope, ids) if _sync_modes and ids else {}
