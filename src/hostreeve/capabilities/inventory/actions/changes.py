"""What became different on a node, and the inventory of nodes that left."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.paging import Page
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.capabilities.inventory.actions.sources import TERMINATED, described
from hostreeve.capabilities.inventory.model.items import Change, told_apart
from hostreeve.capabilities.inventory.store import items as store
from hostreeve.capabilities.inventory.store import rows as row_store
from hostreeve.capabilities.inventory.store import types as type_store
from hostreeve.capabilities.inventory.store.items import Noted
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("hostreeve"))


def node_leaves(tx: Transaction, scope: Scope, node_id: str, now_ms: int) -> None:
    """A node is about to be managed no more: what it was is kept as long as its inventory."""
    node = nodes.find(tx, scope, node_id, now_ms)
    if node is None:
        return
    information = described(node) | {"InstanceStatus": TERMINATED}
    type_store.leave(tx, scope, node.node_id, information, now_ms)


def forget_nodes(tx: Transaction, before_ms: int, limit: int) -> int:
    """Forget the inventory of some nodes that left before."""
    gone = type_store.left_before(tx, before_ms, limit)
    for scope, node_id in gone:
        store.drop_node(tx, scope, node_id)
        type_store.forget_left(tx, scope, node_id)
    return len(gone)


def listed(call: Call, request: Mapping[str, Any], page: Page) -> tuple[list[Change], str | None]:
    """A page of a node's changes, the oldest first, and the token of the next."""
    node_id = request["InstanceId"]
    if not nodes.exists(call.tx, call.scope, node_id) and node_id not in type_store.left(call.tx, call.scope):
        raise error.InvalidInstanceId(f"There is no managed node {node_id}.")
    place: tuple[int, str] = page.parts(int, str)
    since_ms, until_ms = _ms(request, "Since", 0), _ms(request, "Until", call.now_ms)
    after = place if place[1] else (since_ms - 1, "\uffff")
    wanted = request.get("TypeName")
    found: list[Noted] = []
    while len(found) <= page.limit:
        rows = store.changes(
            call.tx, call.scope, node_id, after=after, until_ms=until_ms, limit=page.limit + 1
        )
        found += [each for each in rows if wanted in (None, each.type_name)]
        if len(rows) <= page.limit:
            break
        after = rows[-1].at_ms, rows[-1].type_name
    token = page.token(found, lambda each: (each.at_ms, each.type_name))
    shown = found[: page.limit]
    contents = row_store.contents(
        call.tx, call.scope, (i for each in shown for i in (*each.added, *each.removed))
    )
    return [_change(each, contents) for each in shown], token


def _ms(request: Mapping[str, Any], member: str, otherwise: int) -> int:
    return round(request[member] * 1000) if member in request else otherwise


def _change(noted: Noted, contents: Mapping[int, dict[str, str]]) -> Change:
    added, removed, changed = told_apart(
        noted.type_name, (contents[i] for i in noted.added), (contents[i] for i in noted.removed)
    )
    return Change(
        at_ms=noted.at_ms,
        type_name=noted.type_name,
        capture_time=noted.capture_time,
        is_first=bool(noted.is_first),
        added=added,
        removed=removed,
        changed=changed,
    )


def shown(one: Change) -> dict[str, Any]:
    """How callers see a change."""
    return {
        "Time": one.at_ms / 1000,
        "CaptureTime": one.capture_time,
        "TypeName": one.type_name,
        "First": one.is_first,
        "Added": one.added,
        "Removed": one.removed,
        "Changed": [{"Before": before, "After": after} for before, after in one.changed],
    }
