"""`hostreeve nodes`: the nodes of this account and Region."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from hostreeve.cli import words
from hostreeve.cli.desk import Desk
from hostreeve.cli.screen import ago, visible, with_times

PAGE = 50
COLUMNS = ("NODE", "NAME", "STATUS", "PLATFORM", "ADDRESS", "AGENT", "LAST SEEN")
SPARE = ("AGENT", "ADDRESS", "PLATFORM", "LAST SEEN", "NAME")
"""What a narrow terminal does without, first to go first."""


def run(desk: Desk, arguments: Namespace) -> int:
    """Print a table, or with --json the items of DescribeInstanceInformation, times in words."""
    filters = []
    for text in arguments.filter or ():
        key, values = words.pair(text)
        filters.append({"Key": key, "Values": values.split(",")})
    found = desk.client().pages(
        "ssm",
        "DescribeInstanceInformation",
        "InstanceInformationList",
        Filters=filters or None,
        MaxResults=PAGE,
    )
    nodes = sorted(found, key=lambda node: (_name(node), node["InstanceId"]))
    if arguments.json:
        desk.screen.json([with_times(node) for node in nodes])
        return 0
    if not nodes:
        desk.screen.note(
            "No nodes match." if filters else "No nodes yet: `hostreeve activate` prints how to enrol one."
        )
        return 0
    now_ms = desk.world.now_ms()
    desk.screen.table(COLUMNS, [_row(node, now_ms) for node in nodes], spare=SPARE)
    return 0


def _row(node: dict[str, Any], now_ms: int) -> list[str]:
    platform = " ".join(str(node.get(member) or "") for member in ("PlatformName", "PlatformVersion")).strip()
    cells = (
        node["InstanceId"],
        _name(node),
        node.get("PingStatus"),
        platform or node.get("PlatformType"),
        node.get("IPAddress"),
        node.get("AgentVersion"),
        ago(node.get("LastPingDateTime"), now_ms),
    )
    return [visible(str(cell or "-")) for cell in cells]


def _name(node: dict[str, Any]) -> str:
    return str(node.get("Name") or node.get("ComputerName") or "")
