"""`hostreeve patch plan`: what an installation would do on each node, and why. Nothing is sent."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from hostreeve.cli import words
from hostreeve.cli.desk import Desk
from hostreeve.cli.screen import ago, visible, when
from hostreeve.cli.trouble import EXIT_NOT_SENT, EXIT_SOME_FAILED, EXIT_SUCCESS

PAGE = 50
CVES_SHOWN = 5


def run(desk: Desk, arguments: Namespace) -> int:
    """0: there is a plan for every node; 1: not for some; 3: there are no nodes."""
    request: dict[str, Any] = {
        "InstanceIds": arguments.instance_ids,
        "Targets": [words.target(each) for each in arguments.targets or ()] or None,
        "BaselineId": arguments.baseline_id,
    }
    found = list(desk.client().pages("hostreeve", "PlanPatches", "Nodes", **request, MaxResults=PAGE))
    if arguments.json:
        desk.screen.json([_with_time(node) for node in found])
    else:
        for node in found:
            _print(desk, node)
        _conclude(desk, found)
    if not found:
        return EXIT_NOT_SENT
    return EXIT_SOME_FAILED if any("Problem" in node for node in found) else EXIT_SUCCESS


def _with_time(node: dict[str, Any]) -> dict[str, Any]:
    return node | ({"ReportedTime": when(node["ReportedTime"])} if "ReportedTime" in node else {})


def _print(desk: Desk, node: dict[str, Any]) -> None:
    screen = desk.screen
    name = f" ({node['InstanceName']})" if node.get("InstanceName") else ""
    screen.line(visible(f"{node['InstanceId']}{name}"), style="bold")
    if "BaselineName" in node:
        group = f", patch group {node['PatchGroup']}" if node.get("PatchGroup") else ""
        screen.line(visible(f"  by {node['BaselineName']} ({node['BaselineId']}){group}"))
    if "Problem" in node:
        screen.line(visible(f"  no plan: {node['Problem']}"), style="yellow")
        return
    told = ago(node["ReportedTime"], desk.world.now_ms())
    screen.line(visible(f"  {node['Product']}, as the {node['ReportedBy']} of {told} found it"))
    for patch in node["Install"]:
        screen.line(visible(f"  install {patch['Title']} (now {patch['InstalledVersion'] or 'absent'})"))
        screen.line(visible(f"    {_why(patch)}"))
    for patch in node["Waiting"]:
        screen.line(visible(f"  wait    {patch['Title']}: {patch['Reason']}"))
    screen.line(f"  {_rest(node)}")


def _why(patch: dict[str, Any]) -> str:
    cves = patch["CVEIds"][:CVES_SHOWN]
    more = len(patch["CVEIds"]) - len(cves)
    kind = " ".join(each for each in (patch["Severity"], patch["Classification"]) if each)
    parts = [
        patch["Reason"],
        kind,
        ", ".join(patch["AdvisoryIds"][:CVES_SHOWN]),
        ", ".join(cves) + (f" and {more} more" if more > 0 else ""),
        "in use after a restart only" if patch["RebootAdvised"] else "",
    ]
    return "; ".join(each for each in parts if each)


def _rest(node: dict[str, Any]) -> str:
    counts = (
        ("rejected", node["RejectedCount"]),
        ("held back by its administrator", node["HeldCount"]),
        ("not selected", node["NotSelectedCount"]),
    )
    left = ", ".join(f"{number} {what}" for what, number in counts if number)
    if not node["RebootRequired"]:
        restart = "nothing to install, no restart"
    elif node["RebootAdvised"]:
        restart = "RebootIfNeeded restarts the node, and something needs that"
    else:
        restart = "RebootIfNeeded restarts the node, though nothing needs that"
    return restart + (f"; {left}" if left else "")


def _conclude(desk: Desk, found: list[dict[str, Any]]) -> None:
    planned = [node for node in found if "Problem" not in node]
    patches = sum(len(node["Install"]) for node in planned)
    touched = sum(bool(node["Install"]) for node in planned)
    without = len(found) - len(planned)
    note = f"Nothing was sent. {patches} patches on {touched} of {len(found)} nodes."
    desk.screen.note(note + (f" {without} have no plan." if without else "") if found else "No nodes match.")
