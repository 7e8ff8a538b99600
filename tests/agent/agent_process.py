"""An agent of ours as a real process with a state folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.agent.fake_server import FakeServer

SOURCE = Path(__file__).parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}


class AgentProcess:
    """One agent's state folder, and the process that runs in it (or not)."""

    def __init__(self, state: Path, server: FakeServer, python: str = sys.executable) -> None:
        self.state, self.server = state, server
        self.program = [python, "-m", "hostreeve.agent.main"]
        self.process: subprocess.Popen[bytes] | None = None
        self.log = state.with_name(state.name + ".log")

    def command(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        argv = [*self.program, *arguments]
        return subprocess.run(argv, env=ENVIRONMENT, capture_output=True, text=True, timeout=30, **more)

    def enrol(self, code: str = "right-code-0123456789", *more: str) -> subprocess.CompletedProcess[str]:
        return self.command(
            *("enrol", "--server", self.server.url, "--ca", str(self.server.ca)),
            *("--activation-id", "6e3f0b9a-2f1a-4a6e-9b7e-0123456789ab", "--activation-code", code),
            *("--state", str(self.state), *more),
        )

    def configure(self, **members: Any) -> None:
        path = self.state / "node.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **members}))

    def start(self, *, wait: bool = True, **more: Any) -> None:
        opened = len([1 for what, _ in self.server.seen if what == "open"])
        argv = [*self.program, "run", "--state", str(self.state)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, env=more.pop("env", ENVIRONMENT), stderr=log, **more)
        if wait:
            self.server.wait(lambda: len([1 for what, _ in self.server.seen if what == "open"]) > opened)

    def kill(self) -> None:
        """As the kernel would: no word, no cleaning up."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process is not None and self.is_running:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    close = stop

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def said(self) -> str:
        return self.log.read_text()
