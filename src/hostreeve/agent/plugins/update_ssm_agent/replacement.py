"""The exchange of a running agent: the new one must come online in time, or the old one is put back."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from typing import Callable

from hostreeve.agent.machine import AGENT_VERSION
from hostreeve.agent.plugins.update_ssm_agent.installation import Installation
from hostreeve.agent.plugins.worker import StepFailed, complain
from hostreeve.agent.state import RESTART_SIGNAL, State
from hostreeve.kernel.world import RealWorld

LOOK_EVERY_S = 0.1
HEED_S = 10.0
"""How long an agent may take to heed the signal before it is killed."""

ROUNDS = 3
"""How often the old agent is started, at most, before it is left to the service manager."""

RESTARTED_BY_SYSTEM_S = 30.0
"""A service manager starts an agent that has ended sooner than this."""


class Replacement:
    """Runs in the step's process, which outlives the agents that it exchanges."""

    def __init__(self, state: State, installation: Installation, *, patience_s: float) -> None:
        self._state, self._installation, self._patience_s = state, installation, patience_s
        self._world = RealWorld()

    def perform(self, version: str) -> None:
        """StepFailed when the new agent did not come online: then the old one runs again."""
        before = self._run_id()
        if self._state.holder() <= 0:
            raise StepFailed("there is no running agent that could be replaced")
        self._installation.exchange()
        is_online = False
        try:
            self._restart()
            is_online = self._waited(lambda: self._is_online(before, version), self._patience_s)
        finally:
            # Also when this step is cancelled in the middle.
            if not is_online:
                self._go_back()
        if not is_online:
            raise StepFailed(
                f"the new agent, version {version}, did not come online within {self._patience_s:g} seconds; "
                "the old one was put back"
            )
        self._installation.forget_staged()

    def _go_back(self) -> None:
        self._installation.exchange()
        self._installation.forget_staged()
        before = self._run_id()
        self._signal(RESTART_SIGNAL)
        # The new agent may be deaf to the signal, or not yet so far that it could be told: only a run of
        # the old one is a proof.
        for _ in range(ROUNDS):
            self._see_to_it_that_one_runs()
            if self._waited(lambda: self._state.holder() > 0 and self._is_another_run(before), HEED_S):
                return
            self._kill()

    def _restart(self) -> None:
        """An agent that has heeded the signal is another run, or gone; one that is deaf to it is killed."""
        before, holder = self._run_id(), self._state.holder()
        self._signal(RESTART_SIGNAL)
        if not self._waited(lambda: self._run_id() != before or self._state.holder() != holder, HEED_S):
            self._kill()
        self._see_to_it_that_one_runs()

    def _kill(self) -> None:
        holder = self._state.holder()
        self._signal(signal.SIGKILL)
        self._waited(lambda: self._state.holder() != holder or holder == 0, HEED_S)

    def _is_another_run(self, before: str) -> bool:
        status = self._state.read("status.json") or {}
        return status.get("run") != before and status.get("version") == AGENT_VERSION

    def _see_to_it_that_one_runs(self) -> None:
        patience_s = RESTARTED_BY_SYSTEM_S if "INVOCATION_ID" in os.environ else 3.0
        if self._waited(lambda: self._state.holder() != 0, patience_s):
            return
        complain("no agent runs: starting one")
        with (self._state.folder / "agent.log").open("ab") as log:
            subprocess.Popen(
                [str(self._installation.launcher), "run", "--state", str(self._state.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )

    def _is_online(self, before: str, version: str) -> bool:
        status = self._state.read("status.json") or {}
        return (
            status.get("run") != before
            and status.get("version") == version
            and status.get("connection") in ("channel", "polling")
            and self._state.holder() > 0
        )

    def _run_id(self) -> str:
        return str((self._state.read("status.json") or {}).get("run") or "")

    def _signal(self, number: int) -> None:
        holder = self._state.holder()
        if holder > 0:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(holder, number)

    def _waited(self, is_so: Callable[[], bool], patience_s: float) -> bool:
        deadline = self._world.monotonic() + patience_s
        while not is_so():
            if self._world.monotonic() >= deadline:
                return False
            select.select([], [], [], LOOK_EVERY_S)
        return True
