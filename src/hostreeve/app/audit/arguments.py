"""How `hostreeve audit` is typed; what it does is loaded when it is chosen."""

import argparse
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hostreeve.cli.main import Subparsers, add_json, at_desk, described_command

if TYPE_CHECKING:
    from hostreeve.cli.desk import Desk

SUMMARY = "export the records of all calls, or check that none was changed"
EXAMPLES = """examples:
  hostreeve audit export --state DIR > records.jsonl
  hostreeve audit verify --state DIR

The records of one account can also be asked of the server: aws cloudtrail lookup-events
"""
EXPORT_EXAMPLES = """examples:
  hostreeve audit export --state DIR > records.jsonl
  hostreeve audit export --state DIR --start 2026-11-01 --end 2026-11-30T12:00:00Z --account 123456789012
  hostreeve audit export --state DIR --user ann --errors-only
  hostreeve audit export --state DIR --event-name PutParameter --resource /app/db --output put.jsonl

Each line is one record in CloudTrail's format, the oldest first. All filters must match.

exit status:
  0 done   1 it could not be read   2 wrong usage
"""
VERIFY_EXAMPLES = """examples:
  hostreeve audit verify --state DIR
  hostreeve audit verify --state DIR --database postgresql://… --json

What is looked at: this replica's files, every chain in the database, and each against the other. A server may
be running meanwhile. Of other replicas only what lies in the database can be seen here.

exit status:
  0 nothing was changed, removed, reordered or cut off   1 something was, or it could not be read
  2 wrong usage
"""
NO_SERVER: dict[str, None] = {"profile": None, "endpoint_url": None, "ca_bundle": None}
"""What these commands do not ask: they look at files, not at a server."""
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def add_command(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    """Register `audit` among the commands."""
    parser = described_command(commands, "audit", SUMMARY, EXAMPLES)
    deeds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    exported = described_command(
        deeds, "export", "write records as lines of JSON in CloudTrail's format", EXPORT_EXAMPLES
    )
    _add_place(exported)
    _add_filters(exported)
    exported.add_argument("--output", metavar="FILE", help="write there, instead of to standard output")
    exported.set_defaults(func=at_desk(_export), **NO_SERVER)
    verified = described_command(
        deeds, "verify", "check that no record was changed, removed, reordered or cut off", VERIFY_EXAMPLES
    )
    _add_place(verified)
    add_json(verified, "what was looked at and what is wrong")
    verified.set_defaults(func=at_desk(_verify), region=None, **NO_SERVER)


def _add_place(parser: argparse.ArgumentParser) -> None:
    known = os.environ.get("HOSTREEVE_STATE")
    parser.add_argument(
        "--state",
        metavar="DIR",
        default=known,
        required=known is None,
        help="the server's state folder (or set HOSTREEVE_STATE)",
    )
    parser.add_argument(
        "--database", metavar="URL", help="postgresql://… if the server was started with that"
    )


def _add_filters(parser: argparse.ArgumentParser) -> None:
    which = parser.add_argument_group("which records")
    which.add_argument("--start", metavar="TIME", type=_time, help="2026-11-29 or 2026-11-29T12:00:00Z")
    which.add_argument("--end", metavar="TIME", type=_time, help="likewise; a day is meant as a whole")
    which.add_argument("--account", metavar="ID", default="", help="of this account")
    which.add_argument("--region", metavar="NAME", default="", help="of this Region")
    which.add_argument("--user", metavar="NAME", help="a user's name, a session's, or root")
    which.add_argument("--event-name", metavar="NAME", help="PutParameter")
    which.add_argument("--event-source", metavar="NAME", help="ssm.amazonaws.com")
    which.add_argument("--access-key", metavar="ID", help="signed with this key")
    which.add_argument("--resource", metavar="NAME", help="a resource's name or ARN")
    which.add_argument("--resource-type", metavar="TYPE", help="AWS::SSM::Parameter")
    which.add_argument("--read-only", choices=("true", "false"), help="reads, or what changed something")
    which.add_argument("--errors-only", action="store_true", help="denied and failed calls")


def _time(text: str) -> tuple[int, int]:
    """The first and the last millisecond of what is meant."""
    try:
        if DAY.fullmatch(text):
            first = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
            return first, first + 86_400_000 - 1
        meant = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: give 2026-11-29T12:00:00Z") from None
    first = int((meant if meant.tzinfo else meant.replace(tzinfo=UTC)).timestamp() * 1000)
    return first, first + (999 if first % 1000 == 0 else 0)


def _export(desk: "Desk", arguments: argparse.Namespace) -> int:
    from hostreeve.app.audit import command

    return command.export(desk, arguments)


def _verify(desk: "Desk", arguments: argparse.Namespace) -> int:
    from hostreeve.app.audit import command

    return command.verify(desk, arguments)
