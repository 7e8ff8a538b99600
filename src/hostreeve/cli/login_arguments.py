"""What `hostreeve login` takes. What it does is loaded when it is chosen."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hostreeve.cli.main import add_json, add_server_options, at_desk, described_command

if TYPE_CHECKING:
    from hostreeve.cli.desk import Desk

Subparsers = argparse._SubParsersAction  # argparse gives the type no public name.


def add_login(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Register `login`."""
    parser = described_command(
        commands, "login", "sign in with a name and a password for temporary credentials", EXAMPLES
    )
    parser.add_argument("--account", required=True, metavar="ID|ALIAS", help="the account, or its alias")
    parser.add_argument("--user", required=True, metavar="NAME", help="the IAM user's name")
    parser.add_argument(
        "--duration", type=_duration, metavar="TIME", help="15m to 12h (default 12h)", dest="duration_s"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--save",
        metavar="PROFILE",
        help="write a profile of ~/.aws (credentials, server, Region) instead of printing shell lines",
    )
    add_json(where, "AccessKeyId, SecretAccessKey, SessionToken and Expiration, as credential_process wants")
    parser.add_argument(
        "--stdin",
        action="store_true",
        help="read what would be asked for (password, MFA code, new password) as lines of standard input",
    )
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_login))


def _login(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import login

    return login.run(desk, arguments)


def _duration(text: str) -> int:
    from hostreeve.cli.trouble import UsageTrouble
    from hostreeve.cli.words import duration_s

    try:
        seconds = duration_s(text)
    except UsageTrouble as trouble:
        raise argparse.ArgumentTypeError(trouble.message) from None
    if not 900 <= seconds <= 43_200:
        raise argparse.ArgumentTypeError("credentials are good for 15 minutes to 12 hours")
    return seconds


EXAMPLES = """examples:
  eval "$(hostreeve login --account 123456789012 --user ann)"
  hostreeve login --account example-corp --user ann --save work && aws --profile work sts get-caller-identity

exit status:
  0 signed in   1 refused, or no answer   2 wrong usage
"""
