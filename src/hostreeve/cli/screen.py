"""How the command line speaks: results on standard output, everything about them on standard error."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

# Everything that can move the cursor, retitle the window or ring; colours (ESC [ … m) are spared.
_UNSAFE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b\[[0-9;:?<=>]*[ -/]*[@-ln-~]"
    r"|\x1b(?!\[[0-9;:]*m)."
    r"|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]"
)


class Screen:
    """The operator's terminal, or the pipe in its place. NO_COLOR, TERM and width are rich's business."""

    def __init__(
        self, out: TextIO | None = None, err: TextIO | None = None, *, width: int | None = None
    ) -> None:
        for stream in (out or sys.stdout, err or sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # In a locale without our marks, or without a node's letters, a question mark must do.
                stream.reconfigure(errors="replace")
        self.out = Console(file=out or sys.stdout, highlight=False, soft_wrap=True, width=width)
        self.err = Console(file=err or sys.stderr, highlight=False, soft_wrap=True, width=width)

    @property
    def shows_progress(self) -> bool:
        """Whether a line that rewrites itself can be shown."""
        return self.err.is_terminal and not self.err.is_dumb_terminal

    def json(self, value: object) -> None:
        """A result for programs: nothing else is on standard output."""
        ascii_only = not self.out.encoding.startswith("utf")
        self.out.file.write(json.dumps(value, indent=2, ensure_ascii=ascii_only) + "\n")
        self.out.file.flush()

    def line(self, text: str = "", style: str = "") -> None:
        """A line of the result, printed as it is (no markup)."""
        self.out.print(Text(text, style=style))

    def note(self, text: str, style: str = "") -> None:
        """A line about the result, on standard error."""
        self.err.print(Text(text, style=style))

    def trouble(self, message: str, next_step: str) -> None:
        """What went wrong, and below it the next step."""
        self.err.print(f"[bold red]hostreeve:[/] {escape(visible(message))}")
        if next_step:
            self.err.print(f"  [bold]next:[/] {escape(visible(next_step))}")

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, spare: Sequence[str] = ()
    ) -> None:
        """Rows below their headings.

        On a terminal too narrow for all of it the columns named in `spare` go first, in that order; in a pipe
        nothing is ever cut.
        """
        widths = _widths(columns, rows)
        if not self.out.is_terminal:
            for row in (columns, *rows):
                padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
                self.out.file.write("  ".join(padded).rstrip() + "\n")
            return
        kept = _kept(dict(zip(columns, widths, strict=True)), spare, self.out.width)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in kept:
            table.add_column(name, overflow="ellipsis", no_wrap=True)
        for row in rows:
            cells = dict(zip(columns, row, strict=True))
            table.add_row(*(Text(cells[name], style=STATUS_STYLES.get(cells[name], "")) for name in kept))
        self.out.print(table, soft_wrap=False)


STATUS_STYLES = {
    "Online": "green",
    "Success": "green",
    "ConnectionLost": "red",
    "Failed": "red",
    "TimedOut": "red",
    "Inactive": "bright_black",
    "Cancelled": "yellow",
    "Cancelling": "yellow",
    "InProgress": "cyan",
    "Delayed": "yellow",
}


def visible(text: str) -> str:
    """Text of a stranger made safe for a terminal: colours stay, whatever else commands the terminal goes."""
    return _UNSAFE.sub("", text)


def when(seconds: float | None) -> str:
    """An AWS timestamp (seconds since the epoch) in ISO 8601, UTC, whole seconds; "" if there is none."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(seconds: float | None, now_ms: int) -> str:
    """How long ago, in the largest unit that fits: 5s, 3m, 2h, 4d."""
    if seconds is None:
        return "never"
    past = max(0, now_ms // 1000 - int(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if past >= size:
            return f"{past // size}{unit} ago"
    return f"{past}s ago"


def with_times(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of an AWS answer with its timestamps in words, as the AWS CLI prints them."""
    dates = {name: when(value) for name, value in item.items() if _is_time(name, value)}
    return {**item, **dates}


def _is_time(name: str, value: object) -> bool:
    return isinstance(value, int | float) and name.endswith(("Date", "DateTime", "Time"))


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[at]) for row in (columns, *rows)) for at in range(len(columns))]


def _kept(widths: Mapping[str, int], spare: Sequence[str], room: int) -> list[str]:
    kept = list(widths)
    for name in spare:
        if sum(widths[each] + 2 for each in kept) - 2 <= room:
            break
        kept.remove(name)
    return kept
