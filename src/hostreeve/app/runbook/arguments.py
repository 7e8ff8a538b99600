"""How `hostreeve runbook` is typed; what it does is loaded when it is chosen."""

import argparse
from typing import TYPE_CHECKING

from hostreeve.cli.main import Subparsers, add_json, add_server_options, at_desk, described_command

if TYPE_CHECKING:
    from hostreeve.cli.desk import Desk

EXAMPLES = """examples:
  hostreeve runbook check restart.yaml
  hostreeve runbook check runbooks/*.yaml --json
  hostreeve runbook graph restart.yaml --output restart.svg
  hostreeve runbook graph restart.yaml                        Mermaid text, as wikis and forges draw it
  hostreeve runbook graph --execution 9a1c0f9e-… --output what-happened.svg
"""
CHECK_EXAMPLES = """exit status:
  0 every file would be accepted by CreateDocument   1 some would not   2 wrong usage
"""
RUN_EXAMPLES = """examples:
  hostreeve runbook run restart.yaml --local --parameters InstanceId=mi-0123456789abcdef0
  hostreeve runbook run restart.yaml --local --break-at stop --json >run.json

exit status:
  0 it ended as Success   1 it did not   2 wrong usage, a runbook or parameters that are none
"""
REPLAY_EXAMPLES = """examples:
  hostreeve runbook replay 9a1c0f9e-…
  hostreeve runbook replay run.json --runbook restart-new.yaml   what a change would have decided

exit status:
  0 everything was decided as then   1 something was not   2 wrong usage
"""
FORMATS = ("svg", "mermaid")


def add_command(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    """Register `runbook` with its own commands."""
    parser = described_command(commands, "runbook", "check and draw Automation runbooks", EXAMPLES)
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_check(inner)
    _add_graph(inner)
    _add_run(inner)
    _add_replay(inner)


def _add_check(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = described_command(
        commands,
        "check",
        "say what is wrong with runbooks in files, with the line; asks no server",
        CHECK_EXAMPLES,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="runbooks in YAML or JSON; - is standard input"
    )
    add_json(parser, "one document for all files")
    parser.set_defaults(func=at_desk(_check), profile=None, region=None, endpoint_url=None, ca_bundle=None)


def _add_graph(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = described_command(commands, "graph", "draw a runbook, or what became of an execution", EXAMPLES)
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="a runbook in YAML or JSON; - is standard input"
    )
    parser.add_argument(
        "--execution", metavar="ID", help="an automation execution, with the status of each step"
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="default: by the output's ending, otherwise mermaid"
    )
    parser.add_argument("--output", "-o", metavar="PATH", help="a file to write instead of standard output")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_graph))


def _add_run(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = described_command(commands, "run", "carry a runbook out here, step by step", RUN_EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="a runbook in YAML or JSON; - is standard input")
    parser.add_argument(
        "--local", action="store_true", help="needed: the steps are decided here and act on the server"
    )
    parser.add_argument(
        "--parameters", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="again for lists"
    )
    parser.add_argument(
        "--break-at",
        action="append",
        default=[],
        metavar="STEP",
        help="ask before this step; may be repeated",
    )
    add_json(parser, "the whole run, which `replay` takes")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_run))


def _add_replay(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = described_command(
        commands, "replay", "decide a past execution anew and show what is otherwise", REPLAY_EXAMPLES
    )
    parser.add_argument(
        "source", metavar="ID|FILE", help="an automation execution, or a file of `runbook run --json`"
    )
    parser.add_argument(
        "--runbook", metavar="FILE", help="another runbook for the same answers, instead of the one that ran"
    )
    add_json(parser, "the differences")
    add_server_options(parser)
    parser.set_defaults(func=at_desk(_replay))


def _check(desk: "Desk", arguments: argparse.Namespace) -> int:
    from hostreeve.app.runbook.check import run

    return run(desk, arguments)


def _graph(desk: "Desk", arguments: argparse.Namespace) -> int:
    from hostreeve.app.runbook.draw import run

    return run(desk, arguments)


def _run(desk: "Desk", arguments: argparse.Namespace) -> int:
    from hostreeve.app.runbook.local import run

    return run(desk, arguments)


def _replay(desk: "Desk", arguments: argparse.Namespace) -> int:
    from hostreeve.app.runbook.replay import run

    return run(desk, arguments)
