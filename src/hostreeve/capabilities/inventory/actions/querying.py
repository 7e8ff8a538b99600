"""GetInventory and ListInventoryEntries: nodes chosen by what they have, and what they have."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.paging import Page
from hostreeve.api.service_models import service
from hostreeve.capabilities.inventory.actions import schemas
from hostreeve.capabilities.inventory.actions.sources import Estate, Found
from hostreeve.capabilities.inventory.model import conditions as reading
from hostreeve.capabilities.inventory.model.conditions import (
    EXISTS,
    Condition,
    Unreadable,
    row_passes,
)
from hostreeve.capabilities.inventory.model.items import Row
from hostreeve.capabilities.inventory.model.types import INSTANCE_INFORMATION

error = ServiceErrors(service("ssm"))

ROWS_MAX = 20_000
"""So many entries end a page of nodes early."""


def read_conditions(call: Call, filters: Sequence[Mapping[str, Any]], *, may_exist: bool) -> list[Condition]:
    """InvalidFilter for what is none; Exists goes with aggregators only."""
    try:
        conditions = reading.read(filters)
    except Unreadable as wrong:
        raise error.InvalidFilter(str(wrong)) from None
    for each in conditions:
        if each.operator == EXISTS and not may_exist:
            raise error.InvalidFilter(f"{EXISTS} must be used with aggregators.")
        names = [each.type_name] if each.type_name else each.values
        for name in names:
            known = schemas.find(call.tx, call.scope, name)
            if known is None:
                raise error.InvalidFilter(f"There is no type {name} of inventory.")
            if each.attribute and each.attribute not in known.attributes:
                raise error.InvalidFilter(
                    f"{name} has no attribute {each.attribute}; it has {', '.join(known.attributes)}."
                )
    return conditions


def chosen(estate: Estate, conditions: Sequence[Condition]) -> set[str]:
    """The nodes that pass all conditions. Those about the same type must hold for the same entry; NotEqual is
    that no entry has the value."""
    found = estate.everyone()
    positive: dict[str, list[Condition]] = {}
    for each in conditions:
        if not each.type_name:
            found &= estate.having_types(each.values)
        elif each.is_negative:
            found -= estate.having(each.type_name, [each])
        else:
            positive.setdefault(each.type_name, []).append(each)
    for type_name, of_type in positive.items():
        found &= estate.having(type_name, of_type)
    return found


def entities(call: Call, request: Mapping[str, Any], page: Page) -> tuple[list[dict[str, Any]], str | None]:
    """A page of nodes with what they have of the wanted type, and the token of the next."""
    conditions = read_conditions(call, request.get("Filters", []), may_exist=False)
    type_name = INSTANCE_INFORMATION
    for each in request.get("ResultAttributes", []):
        type_name = each["TypeName"]
    if schemas.find(call.tx, call.scope, type_name) is None:
        raise error.InvalidResultAttributeException(f"There is no type {type_name} of inventory.")
    estate = Estate(call.tx, call.scope, call.now_ms)
    ids = sorted(node_id for node_id in chosen(estate, conditions) if node_id > page.after)
    token = page.token(ids, lambda node_id: node_id)
    shown, rows = [], 0
    found = estate.found(type_name, ids[: page.limit])
    for place, node_id in enumerate(ids[: page.limit]):
        one = found.get(node_id)
        rows += len(one.rows) if one else 0
        shown.append({"Id": node_id, "Data": {type_name: _described(one)} if one else {}})
        if rows >= ROWS_MAX and place + 1 < len(ids):
            return shown, page.token_at(node_id)
    return shown, token


def _described(one: Found) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "TypeName": one.type_name,
        "SchemaVersion": one.schema_version,
        "Content": one.rows,
    }
    named = {"CaptureTime": one.capture_time, "ContentHash": one.content_hash}
    return answer | {name: value for name, value in named.items() if value}


def entries(call: Call, request: Mapping[str, Any], page: Page) -> tuple[Found | None, list[Row], str | None]:
    """A node's type, a page of its entries, and the token of the next. None when the node has it not."""
    node_id, type_name = request["InstanceId"], request["TypeName"]
    estate = Estate(call.tx, call.scope, call.now_ms)
    if not estate.about([node_id]):
        raise error.InvalidInstanceId(f"There is no managed node {node_id}.")
    known = schemas.find(call.tx, call.scope, type_name)
    if known is None:
        raise error.InvalidTypeNameException(f"There is no type {type_name} of inventory.")
    conditions = [_own(type_name, each) for each in request.get("Filters", [])]
    one = estate.found(type_name, [node_id]).get(node_id)
    if one is None:
        return None, [], None
    rows = [row for row in one.rows if _passes(conditions, row)]
    (start,) = page.parts(int)
    rest = rows[start:]
    return one, rest[: page.limit], page.token(rest, lambda _: start + page.limit)


def _own(type_name: str, given: Mapping[str, Any]) -> Condition:
    operator = given.get("Type", "Equal")
    if operator == EXISTS:
        raise error.InvalidFilter(f"{EXISTS} must be used with aggregators.")
    attribute = given["Key"].removeprefix(f"{type_name}.")
    return Condition(type_name, attribute, operator, tuple(given["Values"]))


def _passes(conditions: Sequence[Condition], row: Row) -> bool:
    return all(
        row.get(each.attribute) not in each.values if each.is_negative else row_passes([each], row)
        for each in conditions
    )
