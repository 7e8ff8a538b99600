"""AWS:ComplianceItem: what agents report of compliance as inventory is put where all of it is, and shown from
there."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import compliance
from hostreeve.capabilities.inventory.model.items import Item, Row
from hostreeve.capabilities.inventory.model.types import COMPLIANCE_ITEM
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))

TYPE, ID, KIND, TIME = "ComplianceType", "ExecutionId", "ExecutionType", "ExecutionTime"
_OWN = ("Id", "Title", "Severity", "Status")
_STATUSES = (compliance.COMPLIANT, compliance.NON_COMPLIANT, "")
_CONTEXT = frozenset({TYPE, ID, KIND, TIME})


def take(call: Call, node_id: str, item: Item) -> bool:
    """False when the node stands as before."""
    execution = _execution(item.context)
    kind = item.context[TYPE]
    if kind == compliance.ASSOCIATION:
        raise error.InvalidInventoryItemContextException(
            f"{TYPE} {kind} is put with PutComplianceItems, not as inventory."
        )
    if item.rows is None:
        known = compliance.content_hash(call.tx, call.scope, node_id, kind)
        if not item.content_hash or known != item.content_hash:
            raise error.ItemContentMismatchException(
                f"{COMPLIANCE_ITEM} came without Content, and its hash is not the one that is known here.",
                TypeName=COMPLIANCE_ITEM,
            )
        return False
    return compliance.put(
        call.tx,
        call.scope,
        node_id,
        kind,
        [_item(row) for row in item.rows],
        execution=execution,
        now_ms=call.now_ms,
        content_hash=item.content_hash,
    )


def _execution(context: Mapping[str, str]) -> compliance.Execution:
    if not context.get(TYPE) or not context.get(TIME) or not set(context) <= _CONTEXT:
        raise error.InvalidInventoryItemContextException(
            f"The Context of {COMPLIANCE_ITEM} has {TYPE} and {TIME}, and may have {ID} and {KIND}."
        )
    try:
        moment = datetime.fromisoformat(context[TIME])
        at_ms = round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise error.InvalidInventoryItemContextException(
            f"{TIME} is a time such as 2026-11-29T09:00:00Z."
        ) from None
    return compliance.Execution(at_ms=at_ms, id=context.get(ID, ""), type=context.get(KIND, ""))


def _item(row: Row) -> compliance.Item:
    details = dict(row)
    own = {name: details.pop(name, "") for name in _OWN}
    severity, status = own["Severity"] or "UNSPECIFIED", own["Status"]
    if severity not in compliance.SEVERITIES or status not in _STATUSES:
        raise error.InvalidItemContentException(
            f"{own['Id']!r} has the status {status!r} and the severity {severity!r}.",
            TypeName=COMPLIANCE_ITEM,
        )
    return compliance.Item(
        id=own["Id"], title=own["Title"], severity=severity, status=status, details=details
    )


def rows(tx: Transaction, scope: Scope, node_id: str) -> list[Row]:
    """AWS:ComplianceItem of a node: all its items of all types."""
    found = []
    for kind in sorted(compliance.types_of(tx, scope, node_id)):
        for part, item in compliance.items(tx, scope, node_id, kind):
            named: dict[str, Any] = {
                TYPE: kind,
                ID: part.execution_id,
                KIND: part.execution_type,
                TIME: compliance.zulu(part.execution_ms),
                "Id": item.id,
                "Title": item.title,
                "Severity": item.severity,
                "Status": item.status,
            }
            found.append(named | item.details)
    return found
