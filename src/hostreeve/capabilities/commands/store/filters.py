"""What ListCommands and ListCommandInvocations are narrowed by, as conditions of their queries."""

from collections.abc import Iterable
from typing import Any

from hostreeve.capabilities.commands.lifecycle import COMMAND_OPEN
from hostreeve.capabilities.commands.model.status import CommandStatus, Status

Condition = tuple[str, dict[str, Any]]


def command(command_id: str) -> Condition:
    return "c.command_id = :command_id", {"command_id": command_id}


def of_node(node_id: str) -> Condition:
    return "c.node_id = :node_id", {"node_id": node_id}


def invoked_after(at_ms: int) -> Condition:
    return "c.requested_ms >= :invoked_after", {"invoked_after": at_ms}


def invoked_before(at_ms: int) -> Condition:
    return "c.requested_ms < :invoked_before", {"invoked_before": at_ms}


def status(value: str) -> Condition:
    # TimedOut is not a StatusDetails value: it stands for both kinds.
    values = ["DeliveryTimedOut", "ExecutionTimedOut"] if value == "TimedOut" else [value]
    return _among([CommandStatus(one) if one in _OF_COMMANDS else Status(one) for one in values]), {}


def document(name: str) -> Condition:
    return "c.document_name = :document_name", {"document_name": name}


def of_document(name: str) -> Condition:
    sql = """EXISTS (SELECT 1 FROM commands d WHERE d.account = c.account AND d.region = c.region
                     AND d.command_id = c.command_id AND d.document_name = :document_name)"""
    return sql, {"document_name": name}


def stage(value: str) -> Condition:
    open_ones = _among(COMMAND_OPEN)
    return (open_ones if value == "Executing" else f"NOT ({open_ones})"), {}


def _among(statuses: Iterable[Status | CommandStatus]) -> str:
    """As literals, and saying what the indexes by status leave out: else SQLite cannot use them."""
    listed = [str(status) for status in statuses]
    sql = "c.status IN (" + ", ".join(f"'{status}'" for status in listed) + ")"
    return sql if "Success" in listed else f"c.status <> 'Success' AND {sql}"


_OF_COMMANDS = frozenset(str(status) for status in CommandStatus)
