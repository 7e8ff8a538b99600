"""`hostreeve explain`: what it takes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hostreeve.cli.main import Subparsers, add_json, add_server_options, at_desk, described_command

if TYPE_CHECKING:
    from hostreeve.cli.desk import Desk


def add_explain(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = described_command(commands, "explain", "show why somebody may or may not do something", EXAMPLES)
    parser.add_argument(
        "principal",
        metavar="PRINCIPAL",
        nargs="?",
        help="the ARN of a user, a role, a session or an account's root; user/NAME or role/NAME of your own "
        "account; a service such as ssm.amazonaws.com; . for yourself",
    )
    parser.add_argument("action", metavar="ACTION", nargs="?", help="ssm:SendCommand")
    parser.add_argument("resource", metavar="RESOURCE", nargs="?", default="*", help="an ARN (default *)")
    parser.add_argument(
        "--context",
        nargs="+",
        action="extend",
        type=_key,
        metavar="KEY=VALUE",
        help="a condition key of the request; several values of a key: give it several times",
    )
    parser.add_argument(
        "--resource-policy", metavar="FILE", help="the resource's own policy; - reads standard input"
    )
    parser.add_argument(
        "--resource-owner", metavar="ID", help="the account of a resource whose ARN tells none (a bucket)"
    )
    parser.add_argument(
        "--request",
        metavar="ID",
        help="instead of all these: the request id of a call that was made, and was denied",
    )
    parser.add_argument("--account", metavar="ID", help="with --request: whose call, of one that you manage")
    add_json(parser, "one document")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_explain))


def _key(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"give KEY=VALUE, not {text!r}")
    return key, value


def _explain(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import explain

    return explain.run(desk, arguments)


EXAMPLES = """examples:
  hostreeve explain user/ann ssm:SendCommand 'arn:aws:ssm:us-east-1:123456789012:document/Deploy'
  hostreeve explain role/Automation iam:CreateUser
  hostreeve explain ssm.amazonaws.com sts:AssumeRole arn:aws:iam::123456789012:role/Automation
  hostreeve explain . ssm:PutParameter '*' --context aws:RequestTag/Team=web --json

  hostreeve explain --request 01a3185c-53e8-4a20-b2f1-4c942e05319a

exit status:
  0 allowed   1 denied, or it could not be asked   2 wrong usage
"""
