"""How `hostreeve doctor` is typed; what it does is loaded when it is chosen."""

import argparse
import os
from typing import TYPE_CHECKING

from hostreeve.cli.main import Subparsers, add_json, add_server_options, at_desk, described_command

if TYPE_CHECKING:
    from hostreeve.cli.desk import Desk

EXAMPLES = """examples:
  hostreeve doctor                        this shell, the way to the server, credentials, nodes
  hostreeve doctor --state DIR            a server's folder, then the client with its admin.env
  hostreeve doctor --agent-state DIR      a node's enrolment and its way to the server

exit status:
  0 nothing is wrong (! marks what deserves a look)   1 something is   2 wrong usage
"""


def add_command(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    """Register `doctor` among the commands."""
    parser = described_command(
        commands, "doctor", "say what is wrong with a server, an enrolment or the way between", EXAMPLES
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        default=os.environ.get("HOSTREEVE_STATE"),
        help="look at a server's state folder (or set HOSTREEVE_STATE)",
    )
    parser.add_argument("--agent-state", metavar="DIR", help="look at a node's agent folder")
    add_json(parser, "all findings")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_doctor))


def _doctor(desk: "Desk", arguments: argparse.Namespace) -> int:
    from hostreeve.app.doctor.command import run

    return run(desk, arguments)
