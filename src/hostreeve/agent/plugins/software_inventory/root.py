"""The machine that is looked at: its files below a folder, and what its programs say."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Dict, List, Optional

from hostreeve.agent.children import environment, program
from hostreeve.agent.plugins.worker import StepFailed

Row = Dict[str, str]
PROGRAM_S = 300
ENTRIES_MAX = 10_000
"""Of one type: the server takes no more (PutInventory)."""


class Root:
    """`Root()` is this machine; tests look at others, whose files lie below a folder."""

    def __init__(self, folder: str = "/") -> None:
        self.folder = Path(folder)

    def path(self, name: str) -> Path:
        """A file by its absolute name."""
        return self.folder / name.lstrip("/")

    def text(self, name: str) -> str:
        """What a file says, empty when it cannot be read."""
        try:
            return self.path(name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def said_by(self, name: str, *arguments: str) -> Optional[str]:
        """What a program prints; None when there is none of this name. StepFailed when it fails."""
        path = program(name)
        if path is None:
            return None
        try:
            done = subprocess.run(
                [path, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PROGRAM_S,
                env={**environment(), "LC_ALL": "C.UTF-8"},
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as wrong:
            raise StepFailed(f"{name} could not be asked: {wrong}") from None
        if done.returncode:
            last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise StepFailed(f"{name} failed with exit status {done.returncode}: {''.join(last)}")
        return done.stdout.decode("utf-8", "replace")


def told(**values: object) -> Row:
    """An entry of what is known; what is empty is left out, and nothing is longer than the server takes."""
    return {name: str(value)[:4096] for name, value in values.items() if value not in ("", None)}


def blocks(text: str) -> List[Dict[str, str]]:
    """Paragraphs of `Name: value` lines; lines that go on begin with a space and are joined by newlines."""
    found: List[Dict[str, str]] = []
    current: Dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if not line.strip():
            if current:
                found.append(current)
            current, last = {}, ""
        elif line[0] in " \t":
            if last:
                current[last] += "\n" + line.strip()
        else:
            last, _, value = line.partition(":")
            current[last] = value.strip()
    return [*found, current] if current else found
