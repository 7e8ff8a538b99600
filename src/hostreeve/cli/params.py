"""`hostreeve params`: trees of parameters shown, compared, moved through files, and given to programs."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from hostreeve.cli import params_files
from hostreeve.cli.desk import Desk
from hostreeve.cli.params_files import Entry, Tree
from hostreeve.cli.screen import visible
from hostreeve.cli.trouble import EXIT_SOME_FAILED, Trouble, UsageTrouble

HIDDEN = "(secret)"


def tree(desk: Desk, arguments: Namespace) -> int:
    """Print what lies below a path, level by level."""
    found = sorted(_fetched(desk, arguments.path, decrypted=arguments.secrets), key=lambda one: one["Name"])
    with_values = arguments.values or arguments.secrets
    if arguments.json:
        desk.screen.json([_listed(one, with_values, arguments.secrets) for one in found])
        return 0
    if not found:
        desk.screen.note(f"Nothing lies below {arguments.path}.")
        return 0
    for line in _drawn(arguments.path, found, with_values, secrets=arguments.secrets):
        desk.screen.line(visible(line))
    return 0


def diff(desk: Desk, arguments: Namespace) -> int:
    """Print what two trees, or a tree and a file, have different. 1 when there is anything."""
    left, right = _side(desk, arguments.left), _side(desk, arguments.right)
    rows = [
        (name, left.get(name), right.get(name))
        for name in sorted({*left, *right})
        if left.get(name) != right.get(name)
    ]
    if arguments.json:
        shown = (_both(name, *both, secrets=arguments.secrets) for name, *both in rows)
        desk.screen.json(list(shown))
    else:
        for name, before, after in rows:
            for mark, entry, style in (("-", before, "red"), ("+", after, "green")):
                if entry is not None:
                    value = _value(entry, secrets=arguments.secrets)
                    desk.screen.line(visible(f"{mark} {name} = {value}"), style=style)
    return EXIT_SOME_FAILED if rows else 0


def export(desk: Desk, arguments: Namespace) -> int:
    """Write a tree to standard output, or to a new file that nobody else can read."""
    found = _tree(desk, arguments.path)
    if not found:
        raise Trouble(f"Nothing lies below {arguments.path}.")
    text = params_files.written(found, params_files.format_of(arguments.output or "", arguments.format))
    if not arguments.output:
        desk.screen.out.file.write(text)
        return 0
    try:
        descriptor = os.open(arguments.output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as trouble:
        raise Trouble(f"{arguments.output} can't be made: {trouble.strerror}.", "Name a new file.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    desk.screen.note(f"{len(found)} parameters are in {arguments.output}, secrets in clear. Keep it safe.")
    return 0


def load(desk: Desk, arguments: Namespace) -> int:
    """Make the parameters of a file. 1 when some are there, different, and were to be left alone."""
    wanted = params_files.read(arguments.file, arguments.format, secure=arguments.secure)
    is_typed = params_files.format_of(arguments.file, arguments.format) != "dotenv"
    there = _tree(desk, arguments.path)
    left = 0
    for name, entry in sorted(wanted.items()):
        current = there.get(name)
        if current and not is_typed:
            entry = Entry(current.type, entry.value)
        if current == entry:
            deed = "same"
        elif current and not arguments.overwrite:
            deed, left = "left alone", left + 1
        else:
            deed = "change" if current else "create"
            if not arguments.dry_run:
                _put(desk, arguments, name, entry, is_new=current is None)
        desk.screen.line(visible(f"{deed:<10}  {_joined(arguments.path, name)}"))
    if left:
        desk.screen.note(f"{left} are there with another value: --overwrite changes them.")
    return EXIT_SOME_FAILED if left else 0


def execute(desk: Desk, arguments: Namespace) -> int:
    """Become the program, with the parameters in its environment."""
    found: dict[str, str] = {}
    for path in arguments.paths.split(","):
        found.update(params_files.environment(_tree(desk, path)))
    inherited = {"PATH": os.environ.get("PATH", os.defpath)} if arguments.pristine else dict(os.environ)
    desk.close()
    try:
        os.execvpe(arguments.command[0], arguments.command, {**inherited, **found})
    except OSError as trouble:
        raise Trouble(f"{arguments.command[0]} can't be run: {trouble.strerror}.") from None


def _fetched(desk: Desk, path: str, *, decrypted: bool) -> Iterator[dict[str, Any]]:
    if not path.startswith("/"):
        raise UsageTrouble(f"{path!r} is not a path.", "Paths begin with a slash: /app/prod.")
    return desk.client().pages(
        "ssm",
        "GetParametersByPath",
        "Parameters",
        Path=path,
        Recursive=True,
        WithDecryption=decrypted,
    )


def _tree(desk: Desk, path: str) -> Tree:
    """What lies below a path, secrets in clear."""
    return {
        _below(path, one["Name"]): Entry(one["Type"], one["Value"])
        for one in _fetched(desk, path, decrypted=True)
    }


def _side(desk: Desk, text: str) -> Tree:
    """One side of a comparison. What exists as a file is a file; `./` before a name says so too."""
    if Path(text).is_file():
        return params_files.read(text, None)
    return _tree(desk, text)


def _put(desk: Desk, arguments: Namespace, name: str, entry: Entry, *, is_new: bool) -> None:
    desk.client().call(
        "ssm",
        "PutParameter",
        Name=_joined(arguments.path, name),
        Value=entry.value,
        Type=entry.type,
        Overwrite=not is_new,
        Tier="Intelligent-Tiering",
        KeyId=arguments.key_id if entry.is_secret else None,
    )


def _drawn(path: str, found: list[dict[str, Any]], with_values: bool, *, secrets: bool) -> Iterator[str]:
    """Lines: a level per slash, each named once, its parameters below it."""
    shown: list[str] = []
    for one in found:
        levels = _below(path, one["Name"]).split("/")
        pairs = zip(levels[:-1], shown, strict=False)
        common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        for depth in range(common, len(levels) - 1):
            yield f"{'  ' * depth}{levels[depth]}/"
        shown = levels[:-1]
        line = f"{'  ' * (len(levels) - 1)}{levels[-1]}"
        if with_values:
            line += f" = {_value(Entry(one['Type'], one['Value']), secrets=secrets)}"
        yield line


def _listed(one: dict[str, Any], with_values: bool, secrets: bool) -> dict[str, Any]:
    members = ("Name", "Type", "Version") + (("Value",) if with_values else ())
    hidden = {"Value": HIDDEN} if one["Type"] == "SecureString" and with_values and not secrets else {}
    return {member: one[member] for member in members} | hidden


def _both(name: str, before: Entry | None, after: Entry | None, *, secrets: bool) -> dict[str, str | None]:
    left, right = (_value(entry, secrets=secrets) if entry else None for entry in (before, after))
    return {"Name": name, "Left": left, "Right": right}


def _value(entry: Entry, *, secrets: bool) -> str:
    return HIDDEN if entry.is_secret and not secrets else entry.value


def _below(path: str, name: str) -> str:
    """What follows the path in a name; flat names lie below the root."""
    prefix = path.rstrip("/") + "/"
    return name.removeprefix(prefix)


def _joined(path: str, name: str) -> str:
    return f"{path.rstrip('/')}/{name}"
