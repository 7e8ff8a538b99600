"""`hostreeve patch now`: scan or patch nodes at once, as many at a time as AWS's "Patch now" takes.

It is an association that is applied once, and gone when it has been: nothing patches again by itself.
"""

from __future__ import annotations

import threading
from argparse import Namespace
from typing import Any, NamedTuple

from hostreeve.cli import words
from hostreeve.cli.client import Client
from hostreeve.cli.desk import Desk
from hostreeve.cli.screen import visible
from hostreeve.cli.trouble import (
    EXIT_NOT_SENT,
    EXIT_SOME_FAILED,
    EXIT_SUCCESS,
    NoAnswer,
    Trouble,
    UsageTrouble,
)

DOCUMENT = "AWS-RunPatchBaseline"
NAME = "AWS-PatchNowAssociation"
POLL_S_FIRST, POLL_S_LAST = 0.5, 5.0
PATIENCE_S = 60.0
"""How long a server may be away while it is being watched."""
IDS_AT_ONCE, PAGE = 50, 100
_ENDED = ("Success", "Failed", "TimedOut", "Cancelled", "Rejected")


class Pace(NamedTuple):
    """How many nodes at a time, and after how many errors no more are begun."""

    max_concurrency: str
    max_errors: str


def pace(operation: str, nodes: int) -> Pace:
    """AWS's: by how many nodes there are."""
    if operation == "Scan":
        return Pace("1000", "1000")
    if nodes < 25:
        return Pace("1", "1")
    if nodes <= 100:
        return Pace("5%", "5")
    return Pace("8%" if nodes <= 1000 else "10%", "10")


def run(desk: Desk, arguments: Namespace) -> int:
    """0: every node did it; 1: some did not; 3: there was nobody, or it could not begin."""
    targets = [words.target(each) for each in arguments.targets or ()]
    if arguments.instance_ids:
        targets.append({"Key": "InstanceIds", "Values": arguments.instance_ids})
    if not targets:
        raise UsageTrouble(
            "Which nodes? Give --targets or --instance-ids.",
            "hostreeve patch now --targets tag:PatchGroup=Prod",
        )
    client = desk.client()
    try:
        begun = _begin(desk, client, arguments, targets)
    except Trouble as trouble:
        trouble.exit_status = EXIT_NOT_SENT
        raise
    if begun is None:
        desk.screen.note("No nodes match.")
        return EXIT_NOT_SENT
    if not arguments.follow:
        desk.screen.line(begun)
        desk.screen.note("It is applied to later nodes too until you delete it: aws ssm delete-association.")
        return EXIT_SUCCESS
    return _watched(desk, client, begun, as_json=arguments.json)


def _begin(desk: Desk, client: Client, arguments: Namespace, targets: list[dict[str, Any]]) -> str | None:
    """The association's id; None when there are no nodes."""
    parameters = {"Operation": [arguments.operation]}
    if arguments.operation == "Install":
        parameters["RebootOption"] = [arguments.reboot_option]
    planned = {"DocumentName": DOCUMENT, "Parameters": parameters, "Targets": targets, "MaxResults": PAGE}
    nodes = sum(1 for _ in client.pages("hostreeve", "PlanCommand", "Targets", **planned))
    if not nodes:
        return None
    how = pace(arguments.operation, nodes)
    at_a_time = f"{how.max_concurrency} at a time, no more after {how.max_errors} errors"
    desk.screen.note(f"{arguments.operation} on {nodes} nodes, {at_a_time}.")
    made = client.call(
        "ssm",
        "CreateAssociation",
        Name=DOCUMENT,
        AssociationName=NAME,
        Parameters=parameters,
        Targets=targets,
        MaxConcurrency=how.max_concurrency,
        MaxErrors=how.max_errors,
    )
    return str(made["AssociationDescription"]["AssociationId"])


def _watched(desk: Desk, client: Client, association_id: str, *, as_json: bool) -> int:
    try:
        # Interrupted, it is gone all the same: nodes that have begun go on, nothing begins later.
        execution_id = _ended(desk, client, association_id)
        nodes = _targets(client, association_id, execution_id)
    finally:
        client.call("ssm", "DeleteAssociation", AssociationId=association_id)
    states = _states(client, sorted(nodes))
    told = [
        {"InstanceId": node_id, "Status": status, **states.get(node_id, {})}
        for node_id, status in sorted(nodes.items())
    ]
    if as_json:
        desk.screen.json(told)
    else:
        columns = ("NODE", "STATUS", "MISSING", "FAILED", "PENDING RESTART", "INSTALLED", "BASELINE")
        members = (
            "InstanceId",
            "Status",
            "MissingCount",
            "FailedCount",
            "InstalledPendingRebootCount",
            "InstalledCount",
            "BaselineId",
        )
        rows = [[visible(str(node.get(member, "-"))) for member in members] for node in told]
        desk.screen.table(columns, rows, spare=("BASELINE", "INSTALLED"))
    return EXIT_SUCCESS if all(status == "Success" for status in nodes.values()) else EXIT_SOME_FAILED


def _ended(desk: Desk, client: Client, association_id: str) -> str:
    """The id of its one execution, once that has ended."""
    pause, wait_s, answered_s = threading.Event(), POLL_S_FIRST, desk.world.monotonic()
    while True:
        try:
            found = client.call("ssm", "DescribeAssociationExecutions", AssociationId=association_id)
            answered_s = desk.world.monotonic()
        except NoAnswer:
            # A server that restarts is back in a moment.
            if desk.world.monotonic() - answered_s > PATIENCE_S:
                raise
            found = {}
        for execution in found.get("AssociationExecutions", []):
            if execution["Status"] in _ENDED:
                return str(execution["ExecutionId"])
        pause.wait(wait_s)
        wait_s = min(POLL_S_LAST, wait_s * 1.5)


def _targets(client: Client, association_id: str, execution_id: str) -> dict[str, str]:
    """How it ended on each node."""
    found = client.pages(
        "ssm",
        "DescribeAssociationExecutionTargets",
        "AssociationExecutionTargets",
        AssociationId=association_id,
        ExecutionId=execution_id,
        MaxResults=50,
    )
    return {each["ResourceId"]: each.get("DetailedStatus") or each["Status"] for each in found}


def _states(client: Client, node_ids: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for first in range(0, len(node_ids), IDS_AT_ONCE):
        page = client.call(
            "ssm", "DescribeInstancePatchStates", InstanceIds=node_ids[first : first + IDS_AT_ONCE]
        )
        for state in page["InstancePatchStates"]:
            counts = {name: value for name, value in state.items() if name.endswith("Count")}
            found[state["InstanceId"]] = counts | {"BaselineId": state["BaselineId"]}
    return found
