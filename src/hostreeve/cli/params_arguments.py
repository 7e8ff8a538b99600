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
    tree = described_command(deeds, "tree", "show what lies below a path", TREE_EXAMPLES)
    tree.add_argument("path", nargs="?", default="/", metavar="PATH", help="where to begin (default /)")
    tree.add_argument("--long", action="store_true", help="show type, version and time of the last change")
    tree.add_argument("--values", action="store_true", help="show values; those of secrets stay hidden")
    tree.add_argument("--secrets", action="store_true", help="show the values of secrets too, in clear")
    add_json(tree, "a list of names, types, versions, times and, if asked for, values")
    _finish(tree, "tree")


def _add_diff(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    diff = described_command(deeds, "diff", "compare two trees, or a tree and a file", DIFF_EXAMPLES)
    for name in ("left", "right"):
        diff.add_argument(name, metavar=name.upper(), help="a path (/app/prod) or a file that export wrote")
    diff.add_argument("--secrets", action="store_true", help="show the values of secrets, in clear")
    add_json(diff, "a list of names with both values and types")
    _finish(diff, "diff")


def _add_export(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    export = described_command(deeds, "export", "write a tree to a file, secrets in clear", EXPORT_EXAMPLES)
    export.add_argument("path", metavar="PATH", help="the tree")
    export.add_argument("--format", choices=FORMATS, help="json by default, or what --output ends with")
    export.add_argument("--output", metavar="FILE", help="a new file that only you can read (default: print)")
    _finish(export, "export")


def _add_import(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    load = described_command(deeds, "import", "make parameters as a file says", IMPORT_EXAMPLES)
    load.add_argument("file", metavar="FILE", help="a file that export wrote, or - for standard input")
    load.add_argument("path", metavar="PATH", help="below which path")
    load.add_argument("--format", choices=FORMATS, help="what the file is, if its name does not tell")
    load.add_argument("--overwrite", action="store_true", help="change what is there and different")
    load.add_argument("--secure", action="store_true", help="values of a dotenv file become SecureString")
    load.add_argument(
        "--key-id", metavar="KEY", help="the key for secrets (default: the one before, or alias/aws/ssm)"
    )
    load.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    add_json(load, "a list of names and deeds (create, change, same, left alone)")
    _finish(load, "load")


def _add_exec(deeds: Subparsers[argparse.ArgumentParser]) -> None:
    run = described_command(deeds, "exec", "run a program with parameters in its environment", EXEC_EXAMPLES)
    run.add_argument("paths", metavar="PATH[,PATH]", help="the trees; a later one wins where names are equal")
    run.add_argument("command", nargs="+", metavar="CMD", help="after --, the program and its arguments")
    run.add_argument("--pristine", action="store_true", help="nothing else of this environment but PATH")
    run.add_argument("--allow-empty", action="store_true", help="run it even if nothing lies below a path")
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
"""
TREE_EXAMPLES = """examples:
  hostreeve params tree
  hostreeve params tree /app/prod --long --values
  hostreeve params tree /app --json | jq -r '.[].Name'

exit status:
  0 also when nothing lies there   1 the server said no, or could not be reached   2 wrong usage
"""
DIFF_EXAMPLES = """examples:
  hostreeve params diff /app/test /app/prod
  hostreeve params diff prod.yaml /app/prod --secrets
  hostreeve params diff /app/test /app/prod --json

exit status:
  0 nothing differs   1 something does, or the server said no   2 wrong usage
"""
EXPORT_EXAMPLES = """examples:
  hostreeve params export /app/prod
  hostreeve params export /app/prod --output prod.yaml
  hostreeve params export /app/prod --format dotenv > .env

JSON and YAML keep names and types; dotenv has names as exec gives them, and no types.

exit status:
  0 written   1 nothing lies there, the file is there already, or the server said no   2 wrong usage
"""
IMPORT_EXAMPLES = """examples:
  hostreeve params import prod.yaml /app/staging --dry-run
  hostreeve params import prod.yaml /app/staging --overwrite --key-id alias/staging
  hostreeve params import .env /app/staging --secure

What is not in the file stays. Names and values are read whole before the first parameter is made.

exit status:
  0 all is as the file says   1 some were left alone, or the server said no   2 wrong usage, or a wrong file
"""
EXEC_EXAMPLES = """examples:
  hostreeve params exec /app/common,/app/prod -- ./server --port 8080
  hostreeve params exec /app/prod --pristine -- env

names in the environment: what follows the path, in capitals, with _ for every other character

exit status:
  the program's own   1 nothing lies there, or the server said no
  2 wrong usage, or two names for one variable
  126 the program can't be run   127 there is no such program
"""
