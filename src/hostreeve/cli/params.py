"""`hostreeve params`: trees of parameters shown, compared, moved through files, and given to programs."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hostreeve.cli import params_files, params_shown
from hostreeve.cli.desk import Desk
from hostreeve.cli.params_files import Entry, Tree
from hostreeve.cli.screen import visible
from hostreeve.cli.trouble import EXIT_SOME_FAILED, Refused, Trouble, UsageTrouble

NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""What shells exit with when a program is there and can't be run, and when there is none."""


class NoProgram(Trouble):
    """The program of `exec` can't be run."""

    def __init__(self, program: str, trouble: OSError) -> None:
        super().__init__(f"{program} can't be run: {trouble.strerror}.")
        is_missing = isinstance(trouble, FileNotFoundError)
        self.exit_status = NOT_FOUND if is_missing else NOT_EXECUTABLE


def tree(desk: Desk, arguments: Namespace) -> int:
    """Print what lies below a path, level by level."""
    found = sorted(_fetched(desk, arguments.path, decrypted=arguments.secrets), key=lambda one: one["Name"])
    values, secrets = arguments.values or arguments.secrets, arguments.secrets
    if arguments.json:
        desk.screen.json([params_shown.listed(one, values=values, secrets=secrets) for one in found])
        return 0
    if not found:
        desk.screen.note(_nothing(arguments.path))
        return 0
    rows = [
        (
            _below(arguments.path, one["Name"]),
            params_shown.behind(one, long=arguments.long, values=values, secrets=secrets),
        )
        for one in found
    ]
    for line in params_shown.drawn(rows):
        desk.screen.line(visible(line))
    return 0


def diff(desk: Desk, arguments: Namespace) -> int:
    """Print what two trees, or a tree and a file, have different. 1 when there is anything."""
    left, right = _side(desk, arguments.left), _side(desk, arguments.right)
    found = params_shown.differences(left, right)
    if arguments.json:
        desk.screen.json([params_shown.both(each, secrets=arguments.secrets) for each in found])
    for each in found if not arguments.json else ():
        for line, style in params_shown.marked(each, secrets=arguments.secrets):
            desk.screen.line(visible(line), style=style)
    return EXIT_SOME_FAILED if found else 0


def export(desk: Desk, arguments: Namespace) -> int:
    """Write a tree to standard output, or to a new file that nobody else can read."""
    found = _tree(desk, arguments.path)
    if not found:
        raise Trouble(_nothing(arguments.path))
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
    done = []
    for name, entry in sorted(wanted.items()):
        current = there.get(name)
        if current and not is_typed:
            entry = Entry(current.type, entry.value)
        deed = _deed(current, entry, overwrite=arguments.overwrite)
        if deed in ("create", "change") and not arguments.dry_run:
            _put(desk, arguments, name, entry, is_new=current is None)
        done.append({"Name": _joined(arguments.path, name), "Deed": deed})
        if not arguments.json:
            desk.screen.line(visible(f"{deed:<10}  {_joined(arguments.path, name)}"))
    if arguments.json:
        desk.screen.json(done)
    left = sum(each["Deed"] == "left alone" for each in done)
    if left:
        are = (
            "parameter is there with another value" if left == 1 else "parameters are there with other values"
        )
        desk.screen.note(f"{left} {are}: --overwrite changes them.")
    return EXIT_SOME_FAILED if left else 0


def execute(desk: Desk, arguments: Namespace) -> int:
    """Become the program, with the parameters in its environment."""
    found: dict[str, str] = {}
    for path in arguments.paths.split(","):
        below = _tree(desk, path)
        if not below and not arguments.allow_empty:
            raise Trouble(_nothing(path), "Check the path; --allow-empty runs the program all the same.")
        found.update(params_files.environment(below))
    inherited = {"PATH": os.environ.get("PATH", os.defpath)} if arguments.pristine else dict(os.environ)
    desk.close()
    try:
        os.execvpe(arguments.command[0], arguments.command, {**inherited, **found})
    except OSError as trouble:
        raise NoProgram(arguments.command[0], trouble) from None


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
    if not text.startswith("/"):
        raise UsageTrouble(f"{text} is neither a file nor a path.", "Paths begin with a slash: /app/prod.")
    found = _tree(desk, text)
    if not found:
        desk.screen.note(_nothing(text))
    return found


def _deed(current: Entry | None, wanted: Entry, *, overwrite: bool) -> str:
    if current is None:
        return "create"
    if current == wanted:
        return "same"
    return "change" if overwrite else "left alone"


def _put(desk: Desk, arguments: Namespace, name: str, entry: Entry, *, is_new: bool) -> None:
    whole = _joined(arguments.path, name)
    try:
        desk.client().call(
            "ssm",
            "PutParameter",
            Name=whole,
            Value=entry.value,
            Type=entry.type,
            Overwrite=not is_new,
            Tier="Intelligent-Tiering",
            KeyId=arguments.key_id if entry.is_secret else None,
        )
    except Refused as refused:
        raise Refused(
            refused.code, refused.status, f"{whole}: {refused.message}", refused.next_step
        ) from None


def _nothing(path: str) -> str:
    return f"Nothing lies below {path}."


def _below(path: str, name: str) -> str:
    """What follows the path in a name; flat names lie below the root."""
    prefix = path.rstrip("/") + "/"
    return name.removeprefix(prefix)


def _joined(path: str, name: str) -> str:
    return f"{path.rstrip('/')}/{name}"
