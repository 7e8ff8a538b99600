"""What the world is told of associations: AWS's two events."""

import json
from datetime import UTC, datetime
from typing import Any

from hostreeve.capabilities.associations.model.association import Association, NodeState
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction

CHANGED = "EC2 State Manager Association State Change"
NODE_CHANGED = "EC2 State Manager Instance Association State Change"
"""AWS's names of the events (source aws.ssm)."""


def tell(tx: Transaction, one: Association, now_ms: int) -> None:
    """An association stands otherwise than before."""
    detail = {
        "association-id": one.association_id,
        "document-name": one.name,
        "association-version": str(one.version),
        # As AWS writes it.
        "document-version": one.wanted.get("DocumentVersion", "Optional.empty"),
        "targets": json.dumps([{"key": each["Key"], "values": each["Values"]} for each in one.targets]),
        "creation-date": _time(one.created_ms),
        "last-execution-date": _time(one.last_execution_ms),
        "last-updated-date": _time(one.updated_ms),
        "status": one.status,
        "association-status-aggregated-count": json.dumps(one.counts),
        "schedule-expression": one.wanted.get("ScheduleExpression", ""),
        "association-cwe-version": "1.0",
    }
    if one.last_success_ms:
        detail["last-successful-execution-date"] = _time(one.last_success_ms)
    _put(tx, one, CHANGED, one.association_id, detail, now_ms)


def tell_node(tx: Transaction, one: Association, state: NodeState, now_ms: int) -> None:
    """An association has been applied to a node, or could not be."""
    detail = {
        "association-id": one.association_id,
        "association-version": str(state.version),
        "document-name": one.name,
        "document-version": one.wanted.get("DocumentVersion", "Optional.empty"),
        "instance-id": state.node_id,
        "targets": json.dumps([{"key": each["Key"], "values": each["Values"]} for each in one.targets]),
        "creation-date": _time(one.created_ms),
        "last-execution-date": _time(state.executed_ms),
        "status": state.status,
        "detailed-status": state.detailed_status,
        "error-code": state.error_code,
        "execution-summary": state.summary,
        "output-url": state.output_url,
        "instance-association-cwe-version": "1.0",
    }
    _put(tx, one, NODE_CHANGED, f"{one.association_id}/{state.node_id}", detail, now_ms)


def _put(
    tx: Transaction, one: Association, kind: str, aggregate: str, detail: dict[str, Any], now_ms: int
) -> None:
    outbox.put(tx, one.scope, detail_type=kind, aggregate=aggregate, detail=detail, now_ms=now_ms)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if ms else ""
