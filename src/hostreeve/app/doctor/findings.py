"""What the doctor found: one line each, and the next step where something is wrong."""

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.text import Text

from hostreeve.cli.screen import Screen, visible

Verdict = Literal["ok", "warning", "wrong"]
MARKS: dict[Verdict, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "wrong": ("✗", "bold red"),
}


@dataclass(frozen=True)
class Finding:
    """A thing looked at, what was found, and what to do about it ("" when nothing is to be done)."""

    verdict: Verdict
    subject: str
    found: str
    next_step: str = ""


@dataclass(frozen=True)
class Chapter:
    """Findings that belong together, below one heading."""

    title: str
    findings: list[Finding]


def ok(subject: str, found: str) -> Finding:
    return Finding("ok", subject, found)


def warning(subject: str, found: str, next_step: str) -> Finding:
    return Finding("warning", subject, found, next_step)


def wrong(subject: str, found: str, next_step: str) -> Finding:
    return Finding("wrong", subject, found, next_step)


def is_wrong(chapters: Iterable[Chapter]) -> bool:
    return any(finding.verdict == "wrong" for chapter in chapters for finding in chapter.findings)


def printed(screen: Screen, chapter: Chapter) -> None:
    """A heading, a line per finding, its next step below it."""
    screen.line(visible(chapter.title), "bold")
    for finding in chapter.findings:
        mark, style = MARKS[finding.verdict]
        line = Text.assemble(
            "  ",
            (mark, style),
            f" {visible(finding.subject)}: ",
            (visible(finding.found), "dim" if mark == "✓" else ""),
        )
        screen.out.print(line)
        if finding.next_step:
            screen.out.print(Text.assemble("    ", ("next:", "bold"), f" {visible(finding.next_step)}"))


def described(chapters: Iterable[Chapter]) -> dict[str, object]:
    """For --json."""
    chapters = list(chapters)
    return {
        "Healthy": not is_wrong(chapters),
        "Findings": [
            {
                "About": chapter.title,
                "Subject": finding.subject,
                "Verdict": finding.verdict,
                "Found": finding.found,
                "NextStep": finding.next_step,
            }
            for chapter in chapters
            for finding in chapter.findings
        ],
    }


def private_file(subject: str, path: Path, *, folder: bool = False) -> Finding:
    """Whether a file or folder exists, is readable, and nobody else's business."""
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as trouble:
        return wrong(subject, _why(path, trouble), "Is this the right folder? Else restore it from a backup.")
    if not os.access(path, os.R_OK):
        return wrong(
            subject, f"{path} is not readable for this user", "Run the doctor as the user of the service."
        )
    if mode & 0o077:
        better = "700" if folder else "600"
        return wrong(subject, f"{path} has mode {mode:04o}: others may read it", f"chmod {better} {path}")
    return ok(subject, f"{path}, mode {mode:04o}")


def _why(path: Path, trouble: OSError) -> str:
    return f"{path} is missing" if trouble.errno == errno.ENOENT else f"{path}: {trouble.strerror}"
