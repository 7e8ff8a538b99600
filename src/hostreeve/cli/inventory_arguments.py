"""`hostreeve inventory`: what it takes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hostreeve.cli.main import RAW, Subparsers, add_json, add_server_options, at_desk, described_command

if TYPE_CHECKING:
    from hostreeve.cli.desk import Desk


def add_inventory(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Register the command and what it can do."""
    parser = described_command(commands, "inventory", "what nodes have, and what became different", EXAMPLES)
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_changes(inner)


def _add_changes(inner: Subparsers[argparse.ArgumentParser]) -> None:
    summary = "what became different on a node"
    parser = inner.add_parser(
        "changes", help=summary, description=summary, epilog=EXAMPLES, formatter_class=RAW
    )
    parser.add_argument("node", metavar="NODE", help="the node's id")
    parser.add_argument(
        "--since",
        metavar="WHEN",
        default="7d",
        help="a time (2026-11-24, 2026-11-24T09:00Z), a weekday (tuesday: the last one), or how long ago "
        "(2d, 90m); default 7d",
    )
    parser.add_argument("--until", metavar="WHEN", help="the same; default now")
    parser.add_argument("--type", metavar="NAME", help="one type only, such as AWS:Application")
    add_json(parser, "the changes as one document")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_changes))


def _changes(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import inventory

    return inventory.changes(desk, arguments)


EXAMPLES = """examples:
  hostreeve inventory changes mi-0123456789abcdef0 --since tuesday
  hostreeve inventory changes mi-0123456789abcdef0 --since 2d --type AWS:Application --json
"""
