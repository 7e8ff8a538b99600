"""Counts of nodes by what they have: expressions that may be nested, and groups of filters."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, product
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.paging import Page
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.capabilities.inventory.actions import querying, schemas
from hostreeve.capabilities.inventory.actions.sources import Estate
from hostreeve.capabilities.inventory.model.items import Row
from hostreeve.capabilities.inventory.model.types import AWS_TYPES, INSTANCE_INFORMATION
from hostreeve.capabilities.inventory.store import items as store
from hostreeve.capabilities.inventory.store import rows as row_store

error = ServiceErrors(service("ssm"))

CHAIN_MAX = 5
COUNTED_MAX = 100_000
"""Different combinations of values; more are no overview."""
ROWS_MAX = 10_000
COUNT = "Count"
Values = tuple[str, ...]
Expression = tuple[str, str]
"""Type and attribute."""


def entity(call: Call, request: Mapping[str, Any], page: Page) -> tuple[dict[str, Any], str | None]:
    """GetInventory with aggregators: one entity, with a page of counts."""
    conditions = querying.read_conditions(call, request.get("Filters", []), may_exist=True)
    estate = Estate(call.tx, call.scope, call.now_ms)
    among = querying.chosen(estate, conditions) if conditions else None
    counts: list[tuple[str, Row]] = []
    for aggregator in request["Aggregators"]:
        for chain in _chains(call, aggregator):
            counts += [(chain[0][0], row) for row in _counted(estate, chain, among)]
        for group in aggregator.get("Groups", []):
            counts += [(group["Name"], row) for row in _grouped(call, estate, group, among)]
    (start,) = page.parts(int)
    rest = counts[start:]
    token = page.token(rest, lambda _: start + page.limit)
    data: dict[str, Any] = {}
    for name, row in rest[: page.limit]:
        data.setdefault(name, {"Content": []})["Content"].append(row)
    return {"Data": data}, token


def _chains(call: Call, aggregator: Mapping[str, Any], depth: int = 1) -> list[list[Expression]]:
    """Each way down through nested aggregators."""
    if "Expression" not in aggregator:
        if not aggregator.get("Groups") or depth > 1 or aggregator.get("Aggregators"):
            raise error.InvalidAggregatorException("An aggregator has an Expression, or Groups.")
        return []
    if depth > CHAIN_MAX:
        raise error.InvalidAggregatorException(f"Aggregators are nested at most {CHAIN_MAX} deep.")
    if depth > 1 and aggregator.get("Groups"):
        raise error.InvalidAggregatorException("Groups are not nested in other aggregators.")
    own = _expression(call, aggregator["Expression"])
    nested = [chain for each in aggregator.get("Aggregators", []) for chain in _chains(call, each, depth + 1)]
    return [[own, *chain] for chain in nested] if nested else [[own]]


def _expression(call: Call, text: str) -> Expression:
    type_name, _, attribute = text.rpartition(".")
    known = schemas.find(call.tx, call.scope, type_name)
    if known is None or attribute not in known.counted:
        can = ", ".join(known.counted) if known and known.counted else "none of its attributes"
        raise error.InvalidAggregatorException(
            f"{text} cannot be aggregated" + (f": of {type_name} can be {can}." if known else ".")
        )
    return type_name, attribute


def _counted(estate: Estate, chain: Sequence[Expression], among: set[str] | None) -> list[Row]:
    """The combinations of values, those that most nodes have first. Values are lower-case, as AWS's are."""
    by_type = [
        (type_name, [attribute for _, attribute in of_type])
        for type_name, of_type in groupby(chain, key=lambda each: each[0])
    ]
    counts = (
        _of_one_type(estate, *by_type[0], among) if len(by_type) == 1 else _across(estate, by_type, among)
    )
    if len(counts) > COUNTED_MAX:
        raise error.InvalidAggregatorException(
            f"There are more than {COUNTED_MAX} different values: narrow them with filters."
        )
    names = [attribute for _, attribute in chain]
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [{COUNT: str(number), **dict(zip(names, values, strict=True))} for values, number in ordered]


def _of_one_type(
    estate: Estate, type_name: str, attributes: Sequence[str], among: set[str] | None
) -> Counter[Values]:
    """How many nodes have each combination in one entry."""
    counts: Counter[Values] = Counter()
    if type_name == INSTANCE_INFORMATION and among is None:
        return _informed(estate, attributes)
    if type_name in AWS_TYPES and AWS_TYPES[type_name].is_ours:
        for node_id, rows in estate.rows_by_node(type_name).items():
            if among is None or node_id in among:
                counts.update(set(_values(rows, attributes)))
        return counts
    ids: Counter[int] = Counter()
    kept = store.ids_of_type(estate.tx, estate.scope, type_name)
    if among is not None:
        kept = [(node_id, row_ids) for node_id, row_ids in kept if node_id in among]
    for _, row_ids in kept:
        ids.update(set(row_ids))
    values = dict(_shared_values(estate, type_name, attributes))
    entries = Counter(values.values())
    for row_id, number in ids.items():
        # An entry whose values no other entry has is counted as often as there are nodes with it …
        if row_id in values and entries[values[row_id]] == 1:
            counts[values[row_id]] += number
    ambiguous = {row_id: each for row_id, each in values.items() if entries[each] > 1}
    for _, row_ids in kept if ambiguous else ():
        # … and of those that share their values, a node may have several.
        counts.update({ambiguous[each] for each in ambiguous.keys() & set(row_ids)})
    return counts


def _informed(estate: Estate, attributes: Sequence[str]) -> Counter[Values]:
    """Of all nodes, counted by the database."""
    counts: Counter[Values] = Counter()
    for values, number in nodes.counted(estate.tx, estate.scope, attributes, estate.now_ms):
        row = dict(zip(attributes, values, strict=True))
        if row.get("InstanceStatus") == nodes.ONLINE:
            row["InstanceStatus"] = nodes.ACTIVE
        if all(row.values()):
            counts[tuple(row[each].lower() for each in attributes)] += number
    counts.update(_values(estate.left().values(), attributes))
    return counts


def _shared_values(estate: Estate, type_name: str, attributes: Sequence[str]) -> Iterable[tuple[int, Values]]:
    for row_id, row in row_store.of_type(estate.tx, estate.scope, type_name):
        for values in _values([row], attributes):
            yield row_id, values


def _values(rows: Iterable[Row], attributes: Sequence[str]) -> Iterable[Values]:
    """Of each entry that has all the attributes."""
    for row in rows:
        if all(each in row for each in attributes):
            yield tuple(row[each].lower() for each in attributes)


def _across(
    estate: Estate, by_type: Sequence[tuple[str, list[str]]], among: set[str] | None
) -> Counter[Values]:
    """How many nodes have each combination, with attributes of several types."""
    having = [_by_node(estate, type_name, attributes) for type_name, attributes in by_type]
    counts: Counter[Values] = Counter()
    everyone = estate.everyone() if among is None else among
    for node_id in everyone.intersection(*having):
        for combination in product(*(of_type[node_id] for of_type in having)):
            counts[tuple(value for part in combination for value in part)] += 1
            if len(counts) > COUNTED_MAX:
                return counts
    return counts


def _by_node(estate: Estate, type_name: str, attributes: Sequence[str]) -> dict[str, set[Values]]:
    if type_name in AWS_TYPES and AWS_TYPES[type_name].is_ours:
        by_node = estate.rows_by_node(type_name)
        return {node_id: set(_values(rows, attributes)) for node_id, rows in by_node.items()}
    values = dict(_shared_values(estate, type_name, attributes))
    return {
        node_id: {values[each] for each in row_ids if each in values}
        for node_id, row_ids in store.ids_of_type(estate.tx, estate.scope, type_name)
    }


def _grouped(call: Call, estate: Estate, group: Mapping[str, Any], among: set[str] | None) -> list[Row]:
    try:
        conditions = querying.read_conditions(call, group["Filters"], may_exist=True)
    except AwsError as wrong:
        raise error.InvalidInventoryGroupException(f"The group {group['Name']}: {wrong.message}") from None
    everyone = estate.everyone() if among is None else among
    fitting = len(querying.chosen(estate, conditions) & everyone)
    return [{"notMatchingCount": str(len(everyone) - fitting)}, {"matchingCount": str(fitting)}]
