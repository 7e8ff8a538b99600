"""`hostreeve patch report`: how the nodes stand, as numbers, or as a row for each in CSV, HTML or PDF."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hostreeve.cli import patch_pages, patch_pdf
from hostreeve.cli.client import Client
from hostreeve.cli.desk import Desk
from hostreeve.cli.screen import visible, when
from hostreeve.cli.trouble import EXIT_SUCCESS, UsageTrouble

IDS_AT_ONCE = 50
PAGE = 50
LEVELS = ("Critical", "High", "Medium", "Low", "Informational", "Unspecified")
NODE_COLUMNS = (
    "Index",
    "Instance ID",
    "Instance name",
    "Instance IP",
    "Platform name",
    "Platform version",
    "SSM Agent version",
    "Patch baseline",
    "Patch group",
    "Compliance status",
    "Compliance severity",
    *(f"Noncompliant {level} severity patch count" for level in LEVELS),
    "Last operation",
    "Last operation time",
)
"""AWS's columns, and when the node spoke last."""
PATCH_COLUMNS = (
    "Index",
    "Instance ID",
    "Patch name",
    "KB/Patch ID",
    "Patch state",
    "Last report time",
    "Compliance level",
    "Patch severity",
    "Patch classification",
    "CVE ID",
)


def run(desk: Desk, arguments: Namespace) -> int:
    if arguments.format == "table" and arguments.output:
        raise UsageTrouble("--output is for --format csv, html and pdf.")
    client = desk.client()
    columns: Sequence[str] = NODE_COLUMNS
    if arguments.json or (arguments.format == "table" and not arguments.instance_id):
        return _numbers(desk, client, arguments)
    if arguments.instance_id:
        columns, rows = PATCH_COLUMNS, _patches(client, arguments.instance_id)
    else:
        rows = _nodes(client, arguments.patch_group)
    if arguments.format == "table":
        desk.screen.table(columns, [[visible(cell) for cell in row] for row in rows], spare=("CVE ID",))
        return EXIT_SUCCESS
    if arguments.format == "pdf" and not arguments.output:
        raise UsageTrouble("A PDF is no text: give --output FILE.")
    title = f"Patches of {arguments.instance_id}" if arguments.instance_id else "Patch compliance"
    summary = {} if arguments.instance_id else _summary(client, arguments.patch_group)
    if arguments.format == "pdf":
        _save(desk, arguments.output, patch_pdf.written((title, summary), columns, rows))
        return EXIT_SUCCESS
    text = patch_pages.written(arguments.format, (title, summary), columns, rows)
    if arguments.output:
        # Both formats say themselves where their lines end.
        _save(desk, arguments.output, text.encode())
    else:
        desk.screen.out.file.write(text)
    return EXIT_SUCCESS


def _save(desk: Desk, path: str, content: bytes) -> None:
    try:
        Path(path).write_bytes(content)
    except OSError as wrong:
        raise UsageTrouble(f"{path} cannot be written: {wrong.strerror}.") from None
    desk.screen.note(f"{path} was written.")


def _numbers(desk: Desk, client: Client, arguments: Namespace) -> int:
    if arguments.instance_id:
        rows = _patches(client, arguments.instance_id)
        desk.screen.json([dict(zip(PATCH_COLUMNS, row, strict=True)) for row in rows])
        return EXIT_SUCCESS
    summary = _summary(client, arguments.patch_group)
    if arguments.json:
        desk.screen.json(summary)
        return EXIT_SUCCESS
    shown = [(name, summary[member]) for member, name in patch_pages.STANDINGS.items() if member in summary]
    desk.screen.table(("NODES", ""), [[name, str(number)] for name, number in shown])
    missing, failed = summary["MissingPatches"], summary["FailedPatches"]
    oldest = f", the oldest report of {summary['OldestReportTime']}" if "OldestReportTime" in summary else ""
    desk.screen.note(f"{missing} patches are missing, {failed} failed{oldest}.")
    return EXIT_SUCCESS


def _summary(client: Client, patch_group: str | None) -> dict[str, Any]:
    found = client.call("hostreeve", "GetPatchFleetSummary", PatchGroup=patch_group)
    oldest = found.get("OldestReportTime")
    return found | ({"OldestReportTime": when(oldest)} if oldest is not None else {})


def _nodes(client: Client, patch_group: str | None) -> list[list[str]]:
    """A row for every node that has reported; of the whole fleet also for those that have not."""
    listed = client.pages("ssm", "DescribeInstanceInformation", "InstanceInformationList", MaxResults=PAGE)
    nodes = {node["InstanceId"]: node for node in listed}
    states = _states(client, sorted(nodes), patch_group)
    chosen = sorted(states) if patch_group else sorted(nodes)
    counts = _counts(client)
    return [
        _node(
            number, nodes.get(node_id, {"InstanceId": node_id}), states.get(node_id), counts.get(node_id, {})
        )
        for number, node_id in enumerate(chosen, 1)
    ]


def _states(client: Client, node_ids: list[str], patch_group: str | None) -> dict[str, dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if patch_group:
        operation = "DescribeInstancePatchStatesForPatchGroup"
        found += client.pages("ssm", operation, "InstancePatchStates", PatchGroup=patch_group, MaxResults=100)
    else:
        for first in range(0, len(node_ids), IDS_AT_ONCE):
            found += client.pages(
                "ssm",
                "DescribeInstancePatchStates",
                "InstancePatchStates",
                InstanceIds=node_ids[first : first + IDS_AT_ONCE],
                MaxResults=100,
            )
    return {state["InstanceId"]: state for state in found}


def _counts(client: Client) -> dict[str, dict[str, Any]]:
    """How each node's patches comply, by node."""
    only_patches = [{"Key": "ComplianceType", "Values": ["Patch"], "Type": "EQUAL"}]
    found = client.pages(
        "ssm",
        "ListResourceComplianceSummaries",
        "ResourceComplianceSummaryItems",
        Filters=only_patches,
        MaxResults=PAGE,
    )
    return {each["ResourceId"]: each for each in found}


def _node(
    number: int, node: dict[str, Any], state: dict[str, Any] | None, counts: dict[str, Any]
) -> list[str]:
    severities = counts.get("NonCompliantSummary", {}).get("SeveritySummary", {})
    known = state or {}
    status = counts.get("Status", "")
    cells = [
        number,
        node["InstanceId"],
        node.get("Name") or node.get("ComputerName"),
        node.get("IPAddress"),
        node.get("PlatformName"),
        node.get("PlatformVersion"),
        node.get("AgentVersion"),
        known.get("BaselineId"),
        known.get("PatchGroup"),
        status or ("NOT_REPORTED" if state is None else "COMPLIANT"),
        counts.get("OverallSeverity") if status == "NON_COMPLIANT" else "",
        *(severities.get(f"{level}Count", 0) for level in LEVELS),
        known.get("Operation"),
        when(known.get("OperationEndTime")),
    ]
    return ["" if cell is None else str(cell) for cell in cells]


def _patches(client: Client, node_id: str) -> list[list[str]]:
    state = client.call("ssm", "DescribeInstancePatchStates", InstanceIds=[node_id])["InstancePatchStates"]
    told = when(state[0]["OperationEndTime"]) if state else ""
    levels = _levels(client, node_id)
    found = client.pages("ssm", "DescribeInstancePatches", "Patches", InstanceId=node_id, MaxResults=100)
    return [
        [
            str(number),
            node_id,
            patch["Title"],
            patch["KBId"],
            patch["State"],
            told,
            levels.get((patch["KBId"], patch["Title"]), ""),
            patch["Severity"],
            patch["Classification"],
            patch.get("CVEIds", ""),
        ]
        for number, patch in enumerate(found, 1)
    ]


def _levels(client: Client, node_id: str) -> dict[tuple[str, str], str]:
    """The compliance level of each of the node's patches."""
    found = client.pages(
        "ssm",
        "ListComplianceItems",
        "ComplianceItems",
        ResourceIds=[node_id],
        ResourceTypes=["ManagedInstance"],
        Filters=[{"Key": "ComplianceType", "Values": ["Patch"], "Type": "EQUAL"}],
        MaxResults=PAGE,
    )
    return {(each["Id"], each["Title"]): each["Severity"] for each in found}
