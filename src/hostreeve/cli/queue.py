"""`hostreeve queue`: what nodes have not taken yet, and until when it waits for them."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from hostreeve.cli.client import Client
from hostreeve.cli.desk import Desk
from hostreeve.cli.screen import ago, visible, when
from hostreeve.cli.words import span

PAGE = 50
WAITING = ("Delayed", "Pending")
COLUMNS = ("NODE", "NAME", "STATUS", "DOCUMENT", "SENT", "WAITS FOR", "COMMAND")
SPARE = ("DOCUMENT", "NAME", "SENT")
"""What a narrow terminal does without, first to go first."""


def run(desk: Desk, arguments: Namespace) -> int:
    """Print a table, or with --json a list; nodes that are away (Delayed) come first."""
    client, now_ms = desk.client(), desk.world.now_ms()
    until = _until(client)
    waiting = [_item(each, until) for status in WAITING for each in _invocations(client, status, arguments)]
    if arguments.json:
        desk.screen.json(
            [{**each, "Until": when(each["Until"]), "Sent": when(each["Sent"])} for each in waiting]
        )
        return 0
    if not waiting:
        desk.screen.note("Nothing waits: every command was taken by its nodes.")
        return 0
    desk.screen.table(COLUMNS, [_row(each, now_ms) for each in waiting], spare=SPARE)
    return 0


def _invocations(client: Client, status: str, arguments: Namespace) -> Any:
    return client.pages(
        "ssm",
        "ListCommandInvocations",
        "CommandInvocations",
        Filters=[{"key": "Status", "value": status}],
        InstanceId=arguments.instance_id,
        MaxResults=PAGE,
    )


def _until(client: Client) -> dict[str, float]:
    """When each command that goes on is no longer handed to nodes, by its id."""
    running = client.pages(
        "ssm",
        "ListCommands",
        "Commands",
        Filters=[{"key": "ExecutionStage", "value": "Executing"}],
        MaxResults=PAGE,
    )
    return {each["CommandId"]: each["RequestedDateTime"] + each["TimeoutSeconds"] for each in running}


def _item(invocation: dict[str, Any], until: dict[str, float]) -> dict[str, Any]:
    return {
        "InstanceId": invocation["InstanceId"],
        "InstanceName": invocation.get("InstanceName") or "",
        "Status": invocation["Status"],
        "DocumentName": invocation.get("DocumentName") or "",
        "Comment": invocation.get("Comment") or "",
        "CommandId": invocation["CommandId"],
        "Sent": invocation["RequestedDateTime"],
        "Until": until.get(invocation["CommandId"]),
    }


def _row(item: dict[str, Any], now_ms: int) -> list[str]:
    until = item["Until"]
    cells = (
        item["InstanceId"],
        item["InstanceName"],
        item["Status"],
        item["DocumentName"],
        ago(item["Sent"], now_ms),
        span(max(0.0, until - now_ms / 1000)) if until is not None else "",
        item["CommandId"],
    )
    return [visible(str(cell or "-")) for cell in cells]
