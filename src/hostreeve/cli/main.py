"""The operator's commands: what each is called and takes. What they do is loaded when one is chosen."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hostreeve.cli.desk import Desk

Subparsers = argparse._SubParsersAction  # argparse gives the type no public name.
Command = Callable[["Desk", argparse.Namespace], int]
RAW = argparse.RawDescriptionHelpFormatter

SERVER_HELP = """The server, credentials and Region come from the AWS environment variables and ~/.aws, as for
the AWS CLI: AWS_ENDPOINT_URL, AWS_CA_BUNDLE, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_PROFILE, …"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a client command; answers its exit status."""
    parser = argparse.ArgumentParser(prog="hostreeve", description="AWS Systems Manager, run by yourself.")
    add_commands(parser.add_subparsers(title="commands", metavar="COMMAND", required=True))
    arguments = parser.parse_args(argv)
    chosen: Callable[[argparse.Namespace], int] = arguments.func
    return chosen(arguments)


def add_commands(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Register every client command; each sets `func`: parsed arguments in, exit status out."""
    from hostreeve.cli.explain_arguments import add_explain
    from hostreeve.cli.inventory_arguments import add_inventory
    from hostreeve.cli.login_arguments import add_login
    from hostreeve.cli.params_arguments import add_params
    from hostreeve.cli.patch_arguments import add_patch
    from hostreeve.cli.schedule_arguments import add_schedule

    _add_run(commands)
    _add_queue(commands)
    _add_nodes(commands)
    _add_activate(commands)
    _add_account(commands)
    add_explain(commands)
    add_inventory(commands)
    add_login(commands)
    add_params(commands)
    add_patch(commands)
    add_schedule(commands)


def at_desk(command: Command) -> Callable[[argparse.Namespace], int]:
    """`command`, given a desk; trouble becomes its sentence, its next step and its exit status."""

    def run(arguments: argparse.Namespace) -> int:
        from hostreeve.cli.desk import Desk
        from hostreeve.cli.screen import Screen
        from hostreeve.cli.trouble import EXIT_INTERRUPTED, EXIT_PIPE_CLOSED, Trouble

        screen = Screen()
        desk = Desk(arguments, screen=screen)
        try:
            return command(desk, arguments)
        except Trouble as trouble:
            screen.trouble(trouble.message, trouble.next_step)
            return trouble.exit_status
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
        except BrokenPipeError:
            # The reader (head, less) has seen enough; the interpreter's own last flush must not complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_PIPE_CLOSED
        finally:
            desk.close()

    return run


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """The AWS CLI's own options, for those who would rather say it on the command line."""
    server = parser.add_argument_group("server and credentials", SERVER_HELP)
    server.add_argument("--endpoint-url", metavar="URL", help="the server, instead of AWS_ENDPOINT_URL")
    server.add_argument(
        "--ca-bundle", metavar="FILE", help="the authority to trust, instead of AWS_CA_BUNDLE"
    )
    server.add_argument("--region", metavar="NAME", help="instead of AWS_DEFAULT_REGION")
    server.add_argument("--profile", metavar="NAME", help="a profile of ~/.aws, instead of AWS_PROFILE")


def add_json(parser: argparse._ActionsContainer, what: str) -> None:
    """`--json`, with what it prints."""
    parser.add_argument("--json", action="store_true", help=f"print {what}, for programs")


def described_command(
    commands: Subparsers[argparse.ArgumentParser], name: str, summary: str, epilog: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=summary, description=summary, epilog=epilog, formatter_class=RAW)


def _add_run(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = described_command(commands, "run", "run a command on nodes and watch it", RUN_EXAMPLES)
    parser.add_argument(
        "command", nargs="?", metavar="COMMAND", help="shell text; - reads it from standard input"
    )
    which = parser.add_argument_group("which nodes")
    which.add_argument(
        "--targets",
        nargs="+",
        action="extend",
        metavar="KEY=VALUES",
        help="tag:Role=web,db; several must all match. Key=tag:Role,Values=web,db is understood too",
    )
    which.add_argument("--instance-ids", nargs="+", action="extend", metavar="ID", help="nodes by id")
    how = parser.add_argument_group("how")
    how.add_argument("--document", metavar="NAME", help="the document to run (default AWS-RunShellScript)")
    how.add_argument(
        "--parameters",
        nargs="+",
        action="extend",
        metavar="K=V",
        help="the document's parameters: k=v1,v2,k2=v, JSON, or file://PATH",
    )
    how.add_argument("--max-concurrency", metavar="N|N%", help="nodes at a time (default 50)")
    how.add_argument(
        "--max-errors", metavar="N|N%", help="failures after which no further node starts (default 0)"
    )
    how.add_argument(
        "--timeout",
        type=_seconds,
        metavar="S",
        help="how long a node may take to run it: 90, 15m, 2h (48 h at most)",
    )
    how.add_argument(
        "--wait",
        type=_seconds,
        metavar="S",
        help="how long nodes that are away may take to come back: 30 s to 30d (default: --timeout, or 1h)",
    )
    how.add_argument("--comment", metavar="TEXT", help="kept with the command")
    what = parser.add_argument_group("what to see")
    what.add_argument(
        "--dry-run",
        action="store_true",
        help="show the nodes, the steps as they would run and who may not be reached, and send nothing",
    )
    what.add_argument(
        "--follow",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="watch until it ends (--no-follow prints the command's id and leaves)",
    )
    what.add_argument("--quiet", action="store_true", help="only what the nodes print")
    add_json(what, "one document when all is over")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_run))


def _add_queue(commands: Subparsers[argparse.ArgumentParser]) -> None:
    summary = "list what waits for nodes that have not taken it"
    parser = described_command(commands, "queue", summary, QUEUE_EXAMPLES)
    parser.add_argument("--instance-id", metavar="ID", help="of one node only")
    add_json(parser, "a list of the waiting invocations")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_queue))


def _add_nodes(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = described_command(commands, "nodes", "list the nodes", NODES_EXAMPLES)
    parser.add_argument(
        "--filter",
        nargs="+",
        action="extend",
        metavar="KEY=VALUES",
        help="PingStatus=Online, PlatformTypes=Linux, tag:Role=web,db, …; several must all match",
    )
    add_json(parser, "a list of DescribeInstanceInformation's items")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_nodes))


def _add_activate(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = described_command(commands, "activate", "prepare the enrolment of machines", ACTIVATE_EXAMPLES)
    parser.add_argument(
        "--role", default="SSMServiceRole", help="IAM role the nodes act as (default SSMServiceRole)"
    )
    parser.add_argument(
        "--limit", type=int, default=1, metavar="N", help="how many machines may use it (default 1)"
    )
    parser.add_argument("--name", help="name of the nodes in lists")
    parser.add_argument("--expires", default="24h", metavar="TIME", help="90m, 24h, 7d, … (default 24h)")
    parser.add_argument("--tag", nargs="+", action="extend", metavar="K=V", help="tags that the nodes get")
    parser.add_argument(
        "--server", metavar="URL", help="how the machines reach the server, if not as this one does"
    )
    parser.add_argument(
        "--as-instance", action="store_true", help="the machines become EC2 instances (i-…) with EC2's tags"
    )
    add_json(parser, "the activation and both command lines")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_activate))


def _add_account(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = described_command(
        commands, "account", "create and list accounts, show their tree", ACCOUNT_EXAMPLES
    )
    deeds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = described_command(
        deeds, "create", "create member accounts with an administrator's key each", ACCOUNT_EXAMPLES
    )
    create.add_argument("--account-id", type=_account_id, metavar="ID", help="12 digits (default: chosen)")
    create.add_argument("--count", type=int, metavar="N", help="how many (default 1)")
    add_json(create, "a list of AccountId, AccessKeyId, SecretAccessKey")
    add_server_options(create)
    create.set_defaults(func=at_desk(_account_create))
    listed = described_command(deeds, "list", "list the accounts of this installation", ACCOUNT_EXAMPLES)
    add_json(listed, "the list")
    add_server_options(listed)
    listed.set_defaults(func=at_desk(_account_list))
    tree = described_command(
        deeds, "tree", "show the organization: its units and the accounts in them", ACCOUNT_EXAMPLES
    )
    add_json(tree, "the root with its units and accounts")
    add_server_options(tree)
    tree.set_defaults(func=at_desk(_account_tree))


def _run(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import run

    return run.run(desk, arguments)


def _queue(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import queue

    return queue.run(desk, arguments)


def _nodes(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import nodes

    return nodes.run(desk, arguments)


def _activate(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import activate

    return activate.run(desk, arguments)


def _account_create(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import account

    return account.create(desk, arguments)


def _account_list(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import account

    return account.list_accounts(desk, arguments)


def _account_tree(desk: Desk, arguments: argparse.Namespace) -> int:
    from hostreeve.cli import account

    return account.tree(desk, arguments)


def _seconds(text: str) -> int:
    from hostreeve.cli.trouble import UsageTrouble
    from hostreeve.cli.words import duration_s

    try:
        return duration_s(text)
    except UsageTrouble as trouble:
        raise argparse.ArgumentTypeError(trouble.message) from None


def _account_id(text: str) -> str:
    if len(text) != 12 or not text.isdigit():
        raise argparse.ArgumentTypeError("an account id has 12 digits")
    return text


RUN_EXAMPLES = """examples:
  hostreeve run 'uptime' --targets tag:Role=web
  hostreeve run 'apt-get -y upgrade' --targets tag:Env=prod --max-concurrency 10% --max-errors 1
  hostreeve run - --instance-ids mi-0123456789abcdef0 < script.sh
  hostreeve run 'reboot' --targets tag:Role=web --dry-run
  hostreeve run './renew.sh' --targets tag:Site=ships --wait 14d --no-follow
  hostreeve run --document My-Document --parameters 'who=web,db' --targets tag:Role=web --json

exit status:
  0 every node succeeded   1 some node did not   2 wrong usage   3 nothing matched, or it could not be sent
  4 lost sight of it while watching   130 Ctrl-C (the first cancels and keeps watching, the second leaves)
"""
QUEUE_EXAMPLES = """examples:
  hostreeve queue
  hostreeve queue --instance-id mi-0123456789abcdef0
  hostreeve queue --json | jq -r '.[].CommandId' | sort -u

A node that is away gets its commands when it comes back, if that is within the command's --wait.
"""
NODES_EXAMPLES = """examples:
  hostreeve nodes
  hostreeve nodes --filter PingStatus=Online tag:Role=web
  hostreeve nodes --json | jq -r '.[].InstanceId'
"""
ACTIVATE_EXAMPLES = """examples:
  hostreeve activate
  hostreeve activate --limit 20 --expires 7d --name edge --tag Role=edge Site=tokyo
"""
ACCOUNT_EXAMPLES = """examples:
  hostreeve account create
  hostreeve account create --account-id 123456789012 --json
  hostreeve account create --count 3 --json
  hostreeve account list
  hostreeve account tree
"""
