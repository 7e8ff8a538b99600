"""A program that a plugin's process runs: in a group of its own, ended when its time is over or ours is."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import Dict, List, NamedTuple, Optional

from hostreeve.agent.children import environment as inherited_environment
from hostreeve.agent.order import Order, encoded

GRACE_S = 1.0
"""Shorter than the supervisor's: this process must still be there to end the program."""


class Outcome(NamedTuple):
    """`code` as a shell would show it (128 + signal); `error` when it could not be started."""

    code: int
    is_late: bool = False
    error: str = ""


class Program:
    """What it writes goes where this process writes."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._process: Optional[subprocess.Popen[bytes]] = None

    def run(self) -> Outcome:
        try:
            self._process = process = self._started()
        except (OSError, ValueError) as wrong:
            return Outcome(1, error=f"cannot start the command: {wrong}")
        try:
            code = process.wait(self._order.timeout_s)
        except subprocess.TimeoutExpired:
            self._end()
            return Outcome(137, is_late=True)
        except BaseException:
            self._end()
            raise
        return Outcome(128 - code if code < 0 else code)

    def _started(self) -> "subprocess.Popen[bytes]":
        environment: Dict[bytes, bytes] = {
            os.fsencode(name): os.fsencode(value) for name, value in inherited_environment().items()
        }
        environment.update({encoded(name): encoded(value) for name, value in self._order.environment.items()})
        argv: List[bytes] = [encoded(each) for each in self._order.argv]
        return subprocess.Popen(
            argv,
            env=environment,
            cwd=encoded(self._order.working_directory) or None,
            stdin=subprocess.DEVNULL,
            preexec_fn=os.setpgrp,
        )

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
