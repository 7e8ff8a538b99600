"""`hostreeve patch`: what it takes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hostreeve.cli.main import Subparsers, add_json, add_server_options, at_desk, described_command

if TYPE_CHECKING:
    from hostreeve.cli.desk import Desk


def add_patch(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = described_command(commands, "patch", "plan patches, report on them, patch now", EXAMPLES)
    deeds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_plan(deeds)
    _add_report(deeds)
    _add_now(deeds)


def _add_plan(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    summary = "show what an installation would do on each node, and why; nothing is sent"
    parser = described_command(deeds, "plan", summary, EXAMPLES)
    _add_nodes(parser, "all nodes where none are named")
    parser.add_argument(
        "--baseline-id", metavar="ID", help="judge by this baseline instead of each node's own"
    )
    add_json(parser, "the plan of every node")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_plan))


def _add_report(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    summary = "report how the nodes stand by what they said last"
    parser = described_command(deeds, "report", summary, EXAMPLES)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--patch-group", metavar="NAME", help="nodes that reported as members of it")
    which.add_argument("--instance-id", metavar="ID", help="one node, with all its patches")
    parser.add_argument(
        "--format",
        choices=("table", "csv", "html", "pdf"),
        default="table",
        help="table: the numbers; csv, html, pdf: a row for each node, or each patch of one (default table)",
    )
    parser.add_argument(
        "--output", metavar="FILE", help="write there (default: standard output, but for pdf)"
    )
    add_json(parser, "the numbers, or the patches of one node,")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_report))


def _add_now(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    summary = "scan or patch nodes now, as many at a time as is wise, and wait"
    parser = described_command(deeds, "now", summary, EXAMPLES)
    parser.add_argument(
        "--operation", choices=("Scan", "Install"), default="Scan", help="what to do (default Scan)"
    )
    _add_nodes(parser, "required")
    parser.add_argument(
        "--reboot-option",
        choices=("RebootIfNeeded", "NoReboot"),
        default="RebootIfNeeded",
        help="of an installation (default RebootIfNeeded)",
    )
    parser.add_argument("--no-follow", dest="follow", action="store_false", help="begin it and do not wait")
    add_json(parser, "how each node ended and stands")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_now))


def _add_nodes(parser: argparse.ArgumentParser, otherwise: str) -> None:
    which = parser.add_argument_group(f"which nodes ({otherwise})")
    which.add_argument(
        "--targets", nargs="+", action="extend", metavar="KEY=VALUES", help="tag:PatchGroup=Prod, …"
    )
    which.add_argument("--instance-ids", nargs="+", action="extend", metavar="ID", help="nodes by id")


def _plan(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import patch_plan

    return patch_plan.run(desk, arguments)


def _report(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import patch_report

    return patch_report.run(desk, arguments)


def _now(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import patch_now

    return patch_now.run(desk, arguments)


EXAMPLES = """examples:
  hostreeve patch plan
  hostreeve patch plan --targets tag:PatchGroup=Prod --baseline-id pb-0123456789abcdef0
  hostreeve patch report --patch-group Prod
  hostreeve patch report --format html --output patches.html
  hostreeve patch report --format pdf --output patches.pdf
  hostreeve patch report --instance-id mi-0123456789abcdef0 --format csv
  hostreeve patch now --operation Install --targets tag:PatchGroup=Prod --reboot-option NoReboot
"""
