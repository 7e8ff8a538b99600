"""Associations of runbooks: each time an execution is begun, and as it ends so did that time."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import automations, documents
from hostreeve.capabilities.associations.lifecycle import Status
from hostreeve.capabilities.associations.model.association import Association, Execution
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform import identity

error = ServiceErrors(service("ssm"))

OWNER = "association"
SERVICE = "ssm.amazonaws.com"
SESSION = "StateManager"
MARK = "automation:"
"""What stands before the id of an execution of Automation where others have the id of a command."""


def is_automation(execution: Execution) -> bool:
    return execution.command_id.startswith(MARK)


def start(
    call: Call, one: Association, execution: Execution, targets: Sequence[Mapping[str, Any]], world: World
) -> str:
    """Begin the runbook as Systems Manager's own role, which its assume role replaces; answers what stands
    for it in the association's execution. AwsError when it cannot begin."""
    role = identity.service_role(call.tx, world, account=one.account, service=SERVICE, now_ms=call.now_ms)
    call.principal = identity.session_of(role, SESSION)
    origin = automations.Origin(owner=f"{OWNER}:{execution.execution_id}", association_id=one.association_id)
    return MARK + automations.start(call, _request(one, targets), origin).execution_id


def outcome(tx: Transaction, execution: Execution) -> dict[str, int] | None:
    """How it ended, counted as one; None while it goes on."""
    found = automations.find(tx, execution.scope, execution.command_id.removeprefix(MARK))
    if found is None:
        return {str(Status.FAILED): 1}
    return {str(found.status): 1} if found.has_ended else None


def cancel(tx: Transaction, execution: Execution, now_ms: int) -> None:
    """Its time is over."""
    found = automations.find(tx, execution.scope, execution.command_id.removeprefix(MARK))
    if found is not None:
        automations.cancel(tx, found, now_ms)


def check(call: Call, document: documents.DocumentVersion, given: Mapping[str, list[str]]) -> None:
    """Whether the caller may hand over the role that the runbook is to assume, and it can be assumed.
    InvalidParameters, AccessDeniedException."""
    try:
        automations.check_role_of(call, document, given)
    except AwsError as refused:
        if refused.code != "InvalidAutomationExecutionParametersException":
            raise
        raise error.InvalidParameters(refused.message) from None


def _request(one: Association, targets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    wanted = one.wanted
    request: dict[str, Any] = {"DocumentName": one.name, "Parameters": wanted.get("Parameters", {})}
    request |= {name: wanted[name] for name in _PASSED_ON if wanted.get(name)}
    if targets:
        request |= {"Targets": list(targets), "TargetParameterName": wanted["AutomationTargetParameterName"]}
    elif any(entry.get("Targets") for entry in wanted.get("TargetLocations") or []):
        request["TargetParameterName"] = wanted.get("AutomationTargetParameterName", "")
    if targets or wanted.get("TargetMaps"):
        request |= {name: wanted[name] for name in ("MaxConcurrency", "MaxErrors") if wanted.get(name)}
    return request


_PASSED_ON = ("DocumentVersion", "TargetMaps", "TargetLocations")
