"""Compliance read: the items of a node, the nodes by type, how each node stands."""

from collections.abc import Iterable, Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.paging import Page
from hostreeve.api.service_models import service
from hostreeve.capabilities.compliance import store
from hostreeve.capabilities.compliance.actions import choosing
from hostreeve.capabilities.compliance.model import (
    COMPLIANT,
    RESOURCE_TYPE,
    SEVERITIES,
    Item,
    Part,
    both_summaries,
    described_item,
    described_resource,
    severity_of,
    status_of,
)
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))

PARTS_AT_ONCE = 50
PARTS_LOOKED_AT_MAX = 500
"""A page that found little in so many parts is short, and says where to go on."""


def items(tx: Transaction, scope: Scope, node_id: str, compliance_type: str) -> list[tuple[Part, Item]]:
    """All items of a node's type."""
    of_type = store.items_of(tx, scope, node_id, compliance_type)
    return [(part, item) for part, of_it in of_type for item in of_it]


def content_hash(tx: Transaction, scope: Scope, node_id: str, compliance_type: str) -> str:
    """The hash that the node's items of a type were put with, "" for none."""
    return next((each.content_hash for each in store.parts(tx, scope, node_id, compliance_type)), "")


def types_of(tx: Transaction, scope: Scope, node_id: str) -> set[str]:
    """The types of which something is known of a node."""
    return store.types_of(tx, scope, node_id)


def standings(
    tx: Transaction, scope: Scope, node_ids: Iterable[str] | None = None
) -> dict[tuple[str, str], list[Part]]:
    """What is known of each node and type but the items, by (node, type): of these nodes, or of all."""
    found: dict[tuple[str, str], list[Part]] = {}
    for part in store.parts_of_many(tx, scope, node_ids, store.Choice()):
        found.setdefault((part.node_id, part.compliance_type), []).append(part)
    return found


def listed(call: Call, request: Mapping[str, Any], page: Page) -> tuple[list[dict[str, Any]], str | None]:
    """A page of items, and the token of the next."""
    ids = request.get("ResourceIds", [])
    if len(ids) > 1:
        raise error.InvalidResourceId("ListComplianceItems lists the items of one resource per call.")
    for kind in request.get("ResourceTypes", []):
        if kind != RESOURCE_TYPE:
            raise error.InvalidResourceType(f"{kind} is no type of resource here: there is {RESOURCE_TYPE}.")
    conditions = choosing.read(request.get("Filters", []), for_items=True)
    node, kind, part, index = page.parts(str, str, str, int)
    place, skipped = (node, kind, part), index
    found: list[tuple[Part, int, Item]] = []
    looked_at = 0
    while rows := store.items_from(
        call.tx, call.scope, ids[0] if ids else None, place=place, limit=PARTS_AT_ONCE
    ):
        for one, of_it in rows:
            at = (one.node_id, one.compliance_type, one.part)
            start = skipped if at == place else 0
            found += [
                (one, n, item)
                for n, item in enumerate(of_it[start:], start + 1)
                if choosing.item_passes(conditions, one, item)
            ]
            place, skipped = at, len(of_it)
            if len(found) > page.limit:
                token = page.token(found, _place_of)
                return [described_item(p, item) for p, _, item in found[: page.limit]], token
        looked_at += len(rows)
        if len(rows) < PARTS_AT_ONCE:
            break
        if looked_at >= PARTS_LOOKED_AT_MAX:
            return [described_item(p, item) for p, _, item in found], page.token_at((*place, skipped))
    return [described_item(p, item) for p, _, item in found], None


def _place_of(found: tuple[Part, int, Item]) -> tuple[str, str, str, int]:
    part, number, _ = found
    return part.node_id, part.compliance_type, part.part, number


def by_type(call: Call, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """ComplianceSummaryItems: how many nodes comply, by type and by the severity of each node."""
    conditions = choosing.read(request.get("Filters", []), for_items=False)
    chosen = choosing.choice(call.tx, call.scope, conditions, call.now_ms)
    summaries = []
    for compliance_type, nodes_by_standing in store.tally(call.tx, call.scope, chosen).items():
        counts = [0] * len(SEVERITIES), [0] * len(SEVERITIES)
        for standing, number in nodes_by_standing.items():
            side = counts[0] if status_of(standing) == COMPLIANT else counts[1]
            side[SEVERITIES.index(severity_of(standing))] += number
        summaries.append({"ComplianceType": compliance_type, **both_summaries(counts)})
    return summaries


def by_resource(
    call: Call, request: Mapping[str, Any], page: Page
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of ResourceComplianceSummaryItems, and the token of the next."""
    conditions = choosing.read(request.get("Filters", []), for_items=False)
    chosen = choosing.choice(call.tx, call.scope, conditions, call.now_ms)
    after: tuple[str, str] = page.parts(str, str)
    found = store.resources(call.tx, call.scope, chosen, after=after, limit=page.limit + 1)
    token = page.token(found, lambda each: each)
    shown = found[: page.limit]
    parts: dict[tuple[str, str], list[Part]] = {each: [] for each in shown}
    for part in store.parts_of_many(call.tx, call.scope, {node for node, _ in shown}, chosen):
        if (part.node_id, part.compliance_type) in parts:
            parts[part.node_id, part.compliance_type].append(part)
    return [described_resource(each) for each in parts.values()], token
