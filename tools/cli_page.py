"""Writes docs/reference/cli.md from the parsers themselves: `python -m tools.cli_page [--check]`."""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"
HEAD = """# The command line

Written by `make docs` from the program itself. `hostreeve COMMAND --help` says the same.
"""


def page() -> str:
    """The whole page. It does not depend on this shell's variables, nor on the width of its terminal."""
    os.environ.pop("HOSTREEVE_STATE", None)
    from hostreeve.__main__ import parser
    from hostreeve.agent.main import USAGE

    parts = [HEAD]
    for name, summary, command in _commands(parser()):
        parts.extend(_described(f"hostreeve {name}", summary, command, depth=2))
        if name == "agent":
            parts.append(_block(USAGE))
    return "\n".join(parts)


def main(argv: list[str]) -> int:
    if "--check" in argv:
        current = PAGE.read_text() if PAGE.exists() else ""
        if current != page():
            print(f"{PAGE} is not current: run make docs")
            return 1
        return 0
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())
    return 0


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, command in action.choices.items():
                yield name, summaries.get(name, ""), command


def _described(title: str, summary: str, command: argparse.ArgumentParser, depth: int) -> Iterator[str]:
    yield f"{'#' * depth} {title}\n"
    if summary:
        yield f"{summary[0].upper()}{summary[1:]}.\n"
    rows = [
        f"| {_spelled(action)} | {_cell(action.help or '')} |"
        for action in command._actions
        if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
    ]
    if rows:
        yield "| argument | meaning |\n|---|---|\n" + "\n".join(rows) + "\n"
    nested = list(_commands(command))
    if command.epilog and not nested:
        yield _block(command.epilog)
    for name, inner, each in nested:
        yield from _described(f"{title} {name}", inner, each, depth + 1)


def _spelled(action: argparse.Action) -> str:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not action.option_strings:
        return f"`{metavar}`"
    value = "" if action.nargs == 0 else f" {metavar}"
    if action.nargs == "+":
        value = f" {metavar} …"
    return ", ".join(f"`{option}{value}`".replace("|", "\\|") for option in action.option_strings)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _block(text: str) -> str:
    return f"```text\n{text.strip()}\n```\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
