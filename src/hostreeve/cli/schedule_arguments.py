"""`hostreeve schedule`: what it takes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hostreeve.cli.main import Subparsers, add_json, at_desk, described_command

if TYPE_CHECKING:
    from hostreeve.cli.desk import Desk

COUNT_MAX = 1000


def add_schedule(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Register the command. It asks no server."""
    parser = described_command(
        commands, "schedule", "explain a schedule expression and show when it comes", EXAMPLES
    )
    parser.add_argument("expression", metavar="EXPRESSION", help="cron(…), rate(…) or at(…)")
    parser.add_argument(
        "--timezone", default="UTC", metavar="NAME", help="IANA name of the zone of its clock (default UTC)"
    )
    parser.add_argument("--count", type=_count, default=10, metavar="N", help="how many times (default 10)")
    parser.add_argument(
        "--offset", type=int, default=0, metavar="DAYS", help="a maintenance window's ScheduleOffset, 1 to 6"
    )
    parser.add_argument("--start-date", metavar="DATE", help="nothing before this (ISO 8601)")
    parser.add_argument("--end-date", metavar="DATE", help="nothing after this (ISO 8601)")
    add_json(parser, "one document")
    parser.set_defaults(func=at_desk(_schedule), profile=None, region=None, endpoint_url=None, ca_bundle=None)


def _schedule(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import schedule

    return schedule.run(desk, arguments)


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= COUNT_MAX:
        raise argparse.ArgumentTypeError(f"give a number from 1 to {COUNT_MAX}")
    return int(text)


EXAMPLES = """examples:
  hostreeve schedule 'cron(0 2 ? * THU#3 *)'
  hostreeve schedule 'cron(30 23 ? * TUE#2 *)' --offset 4 --timezone America/Los_Angeles --count 3
  hostreeve schedule 'rate(12 hours)' --start-date 2027-01-01T06:00:00+09:00 --json
"""
