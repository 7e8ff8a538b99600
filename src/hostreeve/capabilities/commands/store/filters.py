"""What ListCommands and ListCommandInvocations are narrowed by, as conditions of their queries."""

from typing import Any

from hostreeve.capabilities.commands.lifecycle import COMMAND_OPEN

Condition = tuple[str, dict[str, Any]]


def command(command_id: str) -> Condition:
    return "c.command_id = :command_id", {"command_id": command_id}


def of_node(node_id: str) -> Condition:
    return "c.node_id = :node_id", {"node_id": node_id}


def sent_to(node_id: str) -> Condition:
    sql = """c.command_id IN (SELECT i.command_id FROM command_invocations i WHERE i.account = :account
                              AND i.region = :region AND i.node_id = :node_id)"""
    return sql, {"node_id": node_id}


def invoked_after(at_ms: int) -> Condition:
    return "c.requested_ms >= :invoked_after", {"invoked_after": at_ms}


def invoked_before(at_ms: int) -> Condition:
    return "c.requested_ms < :invoked_before", {"invoked_before": at_ms}


def status(value: str) -> Condition:
    # TimedOut is not a StatusDetails value: it stands for both kinds.
    values = ["DeliveryTimedOut", "ExecutionTimedOut"] if value == "TimedOut" else [value]
    return "c.status IN :statuses", {"statuses": values}


def document(name: str) -> Condition:
    return "c.document_name = :document_name", {"document_name": name}


def of_document(name: str) -> Condition:
    sql = """c.command_id IN (SELECT d.command_id FROM commands d WHERE d.account = :account
                              AND d.region = :region AND d.document_name = :document_name)"""
    return sql, {"document_name": name}


def stage(value: str) -> Condition:
    unended = [str(status) for status in COMMAND_OPEN]
    return f"c.status {'IN' if value == 'Executing' else 'NOT IN'} :unended", {"unended": unended}
