"""One line per event on standard error, for journald or a file; the logging package would cost a megabyte."""

from __future__ import annotations

import sys

from hostreeve.contract.jobs import timestamp
from hostreeve.kernel.world import World


class Log:
    """Levels are words: info, warning, error."""

    def __init__(self, world: World) -> None:
        self._world = world

    def info(self, text: str) -> None:
        self._line("info", text)

    def warning(self, text: str) -> None:
        self._line("warning", text)

    def error(self, text: str) -> None:
        self._line("error", text)

    def _line(self, level: str, text: str) -> None:
        one_line = text.replace("\n", " | ")
        try:
            sys.stderr.write(f"{timestamp(self._world.now_ms())} {level} {one_line}\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            # Nobody reads it (closed, or a full disk): the agent's work goes on.
            return
