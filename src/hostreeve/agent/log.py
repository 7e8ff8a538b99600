"""One line per event on standard error, for journald or a file; the logging package would cost a megabyte."""

from __future__ import annotations

import contextlib
import os

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
        # Written past sys.stderr, which is None where the agent was started without one. When nobody can be
        # told (a closed pipe, a full disk), the agent's work goes on.
        with contextlib.suppress(OSError):
            os.write(2, f"{timestamp(self._world.now_ms())} {level} {one_line}\n".encode("utf-8", "replace"))
