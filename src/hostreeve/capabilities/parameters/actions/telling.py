"""The events of parameters, in AWS's shapes."""

from hostreeve.capabilities.parameters.actions import following
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.capabilities.parameters.model.policies import Policy
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction

CHANGED = "Parameter Store Change"
POLICY_ACTION = "Parameter Store Policy Action"


def changed(tx: Transaction, parameter: Parameter, operation: str, now_ms: int) -> None:
    """`operation` is Create, Update, Delete or LabelParameterVersion."""
    detail: dict[str, object] = {"operation": operation, "name": parameter.name, "type": parameter.type}
    if parameter.description:
        detail["description"] = parameter.description
    _put(tx, parameter, CHANGED, detail, now_ms)
    if operation in ("Create", "Update"):
        following.tell(tx, parameter, now_ms)


def not_validated(tx: Transaction, parameter: Parameter, operation: str, why: str, now_ms: int) -> None:
    """A version whose value was looked up and not found: it is not made."""
    detail: dict[str, object] = {
        "operation": operation,
        "exception": why,
        "dataType": parameter.data_type,
        "name": parameter.name,
        "type": parameter.type,
    }
    _put(tx, parameter, CHANGED, detail, now_ms)


def policy_executed(tx: Transaction, parameter: Parameter, policy: Policy, now_ms: int) -> None:
    detail: dict[str, object] = {
        "parameter-name": parameter.name,
        "parameter-type": parameter.type,
        "policy-type": policy.type,
        "policy-content": policy.text,
        "action-status": "Success",
    }
    _put(tx, parameter, POLICY_ACTION, detail, now_ms)


def _put(
    tx: Transaction, parameter: Parameter, detail_type: str, detail: dict[str, object], now_ms: int
) -> None:
    if not parameter.account:
        # Public parameters belong to no account whose bus could carry their events.
        return
    outbox.put(
        tx,
        parameter.scope,
        detail_type=detail_type,
        aggregate=parameter.arn,
        detail=detail,
        now_ms=now_ms,
    )
