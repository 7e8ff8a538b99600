"""The process in which a plugin works: what it prints is the step's output, its exit code the step's code."""

from __future__ import annotations

import contextlib
import signal
import sys
from importlib import import_module
from typing import NoReturn

from hostreeve.agent.order import InvalidInputs
from hostreeve.agent.plugins.task import Task, read_task


class StepFailed(Exception):
    """The work cannot be done; the text goes to the user."""


class Stopped(BaseException):
    """Somebody asked this process to end: the step's time is over, or it was cancelled."""


def main() -> int:
    signal.signal(signal.SIGTERM, _stop)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    try:
        return _work(read_task(sys.argv[1]))
    except Stopped:
        return 128 + signal.SIGTERM


def say(text: str) -> None:
    """A line of the step's standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """A line of the step's standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _work(task: Task) -> int:
    try:
        code: int = import_module(f"hostreeve.agent.plugins.{task.plugin}.work").work(task)
    except (StepFailed, InvalidInputs) as wrong:
        complain(str(wrong))
        return 1
    except OSError as wrong:
        where = f" ({wrong.filename})" if wrong.filename else ""
        complain(f"{wrong.strerror or wrong}{where}")
        return 1
    return code


def _stop(number: int, frame: object) -> NoReturn:
    raise Stopped


if __name__ == "__main__":
    # Under its real name, so that its exceptions are those that plugins raise.
    sys.exit(import_module("hostreeve.agent.plugins.worker").main())
