"""What `hostreeve params` takes. What it does is loaded when one of its commands is chosen."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING

from hostreeve.cli.main import add_json, add_server_options, at_desk, described_command

if TYPE_CHECKING:
    from hostreeve.cli.desk import Desk

Subparsers = argparse._SubParsersAction  # argparse gives the type no public name.
FORMATS = ("json", "yaml", "dotenv")


def add_params(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Register `params` and its commands."""
    parser = described_command(commands, "params", "look at, move and use parameters", EXAMPLES)
    deeds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_tree, _add_diff, _add_export, _add_import, _add_exec):
        add(deeds)


def _add_tree(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    tree = described_command(deeds, "tree", "show what lies below a path", EXAMPLES)
    tree.add_argument("path", nargs="?", default="/", metavar="PATH", help="where to begin (default /)")
    tree.add_argument("--values", action="store_true", help="show values; those of secrets stay hidden")
    tree.add_argument("--secrets", action="store_true", help="show the values of secrets too, in clear")
    add_json(tree, "a list of names, types, versions and, if asked for, values")
    _finish(tree, "tree")


def _add_diff(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    diff = described_command(deeds, "diff", "compare two trees, or a tree and a file", EXAMPLES)
    for name in ("left", "right"):
        diff.add_argument(name, metavar=name.upper(), help="a path (/app/prod) or a file that export wrote")
    diff.add_argument("--secrets", action="store_true", help="show the values of secrets, in clear")
    add_json(diff, "a list of names with both values")
    _finish(diff, "diff")


def _add_export(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    export = described_command(deeds, "export", "write a tree to a file, secrets in clear", EXAMPLES)
    export.add_argument("path", metavar="PATH", help="the tree")
    export.add_argument("--format", choices=FORMATS, help="json by default, or what --output ends with")
    export.add_argument("--output", metavar="FILE", help="a new file that only you can read (default: print)")
    _finish(export, "export")


def _add_import(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    load = described_command(deeds, "import", "make parameters as a file says", EXAMPLES)
    load.add_argument("file", metavar="FILE", help="a file that export wrote, or - for standard input")
    load.add_argument("path", metavar="PATH", help="below which path")
    load.add_argument("--format", choices=FORMATS, help="what the file is, if its name does not tell")
    load.add_argument("--overwrite", action="store_true", help="change what is there and different")
    load.add_argument("--secure", action="store_true", help="values of a dotenv file become SecureString")
    load.add_argument("--key-id", metavar="KEY", help="the key for secrets (default alias/aws/ssm)")
    load.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    _finish(load, "load")


def _add_exec(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    run = described_command(deeds, "exec", "run a program with parameters in its environment", EXAMPLES)
    run.add_argument("paths", metavar="PATH[,PATH]", help="the trees; a later one wins where names are equal")
    run.add_argument("command", nargs="+", metavar="CMD", help="after --, the program and its arguments")
    run.add_argument("--pristine", action="store_true", help="nothing else of this environment but PATH")
    _finish(run, "execute")


def _finish(parser: argparse.ArgumentParser, deed: str) -> None:
    def command(desk: Desk, arguments: argparse.Namespace) -> int:
        status: int = getattr(import_module("hostreeve.cli.params"), deed)(desk, arguments)
        return status

    add_server_options(parser)
    parser.set_defaults(func=at_desk(command))


EXAMPLES = """examples:
  hostreeve params tree /app --values
  hostreeve params diff /app/test /app/prod
  hostreeve params export /app/prod --output prod.yaml
  hostreeve params import prod.yaml /app/staging --overwrite --dry-run
  hostreeve params exec /app/common,/app/prod -- ./server --port 8080

exit status of diff:
  0 nothing differs   1 something does
names in the environment: what follows the path, in capitals, with _ for every other character
"""
