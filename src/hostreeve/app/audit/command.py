"""`hostreeve audit`: records written out, and checked."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from hostreeve.app.state import StateFolder
from hostreeve.cli.desk import Desk
from hostreeve.cli.trouble import EXIT_SOME_FAILED, EXIT_SUCCESS, Trouble, UsageTrouble
from hostreeve.persistence.errors import StoreError
from hostreeve.persistence.onlooker import Onlooker, looking_at
from hostreeve.platform import audit

ATTRIBUTES = {
    "user": "Username",
    "event_name": "EventName",
    "event_source": "EventSource",
    "access_key": "AccessKeyId",
    "resource": "ResourceName",
    "resource_type": "ResourceType",
    "read_only": "ReadOnly",
}


def export(desk: Desk, arguments: argparse.Namespace) -> int:
    """Write the records that are asked for, one a line."""
    wanted = _wanted(arguments)
    count = 0
    with _looking(arguments) as (onlooker, folder), _output(arguments.output) as out:
        for record in audit.export(onlooker.look, folder.audit, wanted):
            out.write(record + b"\n")
            count += 1
        out.flush()
    if arguments.output:
        desk.screen.note(f"{count:,} records in {arguments.output}")
    return EXIT_SUCCESS


def verify(desk: Desk, arguments: argparse.Namespace) -> int:
    """Look at everything, tell, and answer 1 when something is wrong."""
    with _looking(arguments) as (onlooker, folder):
        report = audit.verify(onlooker.look, folder.audit)
    if arguments.json:
        desk.screen.json(msgspec.to_builtins(report) | {"whole": report.is_whole})
    else:
        _show(desk, report)
    return EXIT_SUCCESS if report.is_whole else EXIT_SOME_FAILED


def _show(desk: Desk, report: audit.Report) -> None:
    for each in report.checked:
        note = f" ({each.note})" if each.note else ""
        desk.screen.line(f"{each.chain} in {each.where}: {each.lines:,} lines, up to {each.last:,}{note}")
    for found in report.findings:
        lines = f"line {found.first}" if found.first == found.last else f"lines {found.first}-{found.last}"
        place = f" [{found.place}]" if found.place else ""
        desk.screen.line(f"{found.kind.upper()}: {found.chain} {lines}: {found.text}{place}", "red")
    verdict = "whole" if report.is_whole else f"{len(report.findings)} findings"
    desk.screen.line(f"the audit log: {verdict}", "green" if report.is_whole else "red")


def _wanted(arguments: argparse.Namespace) -> audit.Wanted:
    start_ms = arguments.start[0] if arguments.start else 0
    end_ms = arguments.end[1] if arguments.end else 1 << 62
    if start_ms > end_ms:
        raise UsageTrouble("--start is after --end.")
    given = vars(arguments)
    return audit.Wanted(
        start_ms=start_ms,
        end_ms=end_ms,
        account=arguments.account,
        region=arguments.region,
        attributes=tuple((kind, given[name]) for name, kind in ATTRIBUTES.items() if given[name]),
        errors_only=arguments.errors_only,
    )


@contextmanager
def _looking(arguments: argparse.Namespace) -> Iterator[tuple[Onlooker, StateFolder]]:
    folder = StateFolder(Path(arguments.state).resolve())
    if not folder.root.is_dir():
        raise Trouble(f"{folder.root} is no folder.", "Name the server's state folder with --state.")
    try:
        with looking_at(arguments.database or f"sqlite:///{folder.database}") as onlooker:
            yield onlooker, folder
    except BrokenPipeError:
        raise
    except (OSError, StoreError) as trouble:
        step = "If the server was started with --database, give the same here."
        raise Trouble(f"The audit log cannot be read: {trouble}", step) from trouble


@contextmanager
def _output(name: str | None) -> Iterator[BinaryIO]:
    if name is None:
        yield sys.stdout.buffer
        return
    # Whoever may read the records is for the owner to say.
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
