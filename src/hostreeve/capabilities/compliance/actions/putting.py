"""Compliance put and removed, by whoever finds something out."""

from collections.abc import Callable, Sequence

from hostreeve.capabilities.compliance import store
from hostreeve.capabilities.compliance.model import (
    NON_COMPLIANT,
    Execution,
    Item,
    Part,
    part_of,
    severity_of,
    status_of,
    zulu,
)
from hostreeve.kernel.scope import Scope
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction

CHANGED = "Configuration Compliance State Change"
"""AWS's name of the event (source aws.ssm)."""

Changed = Callable[[Transaction, Scope, str, int], None]
_followers: list[Changed] = []


def follow(changed: Changed) -> None:
    """`changed(tx, scope, node_id, now_ms)` is told whenever something else is known of a node."""
    if changed not in _followers:
        _followers.append(changed)


def put(
    tx: Transaction,
    scope: Scope,
    node_id: str,
    compliance_type: str,
    items: Sequence[Item],
    *,
    execution: Execution,
    now_ms: int,
    content_hash: str = "",
    part: str = "",
) -> bool:
    """What is found on a node, in the place of what was known of this part of the type.

    No items: the part is gone. The same `content_hash` ("" for none) as before changes nothing, and False is
    answered. An event is told when the node's status in this type is another one than before.
    """
    before = store.parts(tx, scope, node_id, compliance_type)
    if content_hash and any(each.part == part and each.content_hash == content_hash for each in before):
        return False
    kept = [each for each in before if each.part != part]
    if items:
        new = part_of(node_id, compliance_type, part, items, execution=execution, content_hash=content_hash)
        store.keep(tx, scope, new, items)
        kept.append(new)
    elif len(kept) < len(before):
        store.drop(tx, scope, node_id, compliance_type, part)
    _tell(tx, scope, before, kept, now_ms)
    for told in _followers:
        told(tx, scope, node_id, now_ms)
    return True


def remove(
    tx: Transaction, scope: Scope, node_id: str, compliance_type: str, *, now_ms: int, part: str = ""
) -> None:
    """Forget a part of what is known of a node."""
    nothing = Execution(at_ms=now_ms)
    put(tx, scope, node_id, compliance_type, [], execution=nothing, now_ms=now_ms, part=part)


def remove_everywhere(tx: Transaction, scope: Scope, compliance_type: str, part: str, now_ms: int) -> None:
    """Forget a part on every node: what it was about is gone. No event tells of that."""
    node_ids = store.nodes_with(tx, scope, compliance_type, part)
    store.drop_part(tx, scope, compliance_type, part, node_ids)
    for node_id in node_ids:
        for told in _followers:
            told(tx, scope, node_id, now_ms)


def node_left(tx: Transaction, scope: Scope, node_id: str, now_ms: int) -> None:
    """A node is managed no more: nothing is known of it any longer (`nodes.announce_leaving`)."""
    store.drop_node(tx, scope, node_id)


def _tell(tx: Transaction, scope: Scope, before: Sequence[Part], after: Sequence[Part], now_ms: int) -> None:
    """AWS's event, if the node's status in the type is another one now; a type that is gone is none."""
    if not after:
        return
    worst = max(after, key=lambda each: each.standing)
    was = status_of(max(each.standing for each in before)) if before else ""
    status = status_of(worst.standing)
    if was == status:
        return
    detail = {
        "resource-type": "managed-instance",
        "resource-id": worst.node_id,
        "compliance-status": status.lower(),
        "compliance-type": worst.compliance_type,
        "last-runtime": zulu(worst.execution_ms),
    }
    if status == NON_COMPLIANT:
        detail["severity"] = severity_of(worst.standing).lower()
    if baseline := worst.facets.get("PatchBaselineId"):
        detail["patch-baseline-id"] = baseline[0]
    aggregate = f"compliance/{worst.node_id}/{worst.compliance_type}"
    outbox.put(tx, scope, detail_type=CHANGED, aggregate=aggregate, detail=detail, now_ms=now_ms)
