"""A control plane of its own for a benchmark: a fresh state folder, a free port, stopped afterwards."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hostreeve.contract.sigv4 import Credentials
from tools.bench.client import environment

START_S = 30


@dataclass(frozen=True)
class ControlPlane:
    url: str
    ca: str
    credentials: Credentials
    state: Path
    process_id: int
    ready_s: float

    def environment(self) -> dict[str, str]:
        """For client programs."""
        return {**os.environ, **environment(self.state / "admin.env")}


@contextmanager
def serving(folder: Path | None = None, *flags: str, port: int = 0) -> Iterator[ControlPlane]:
    """`hostreeve serve` on `folder` (a fresh one by default) and `port` (a free one by default).

    Measures the time until it is ready.
    """
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-") as fresh:
        state = folder or Path(fresh) / "state"
        port = port or _free_port()
        (state / "ready").unlink(missing_ok=True)
        started = time.monotonic()
        command = [sys.executable, "-m", "hostreeve", "serve", "--state", str(state), "--listen", "127.0.0.1"]
        process = subprocess.Popen([*command, "--port", str(port), *flags], stderr=subprocess.DEVNULL)
        try:
            while not (state / "ready").exists():
                if process.poll() is not None or time.monotonic() - started > START_S:
                    raise RuntimeError("the server did not get ready")
                time.sleep(0.002)
            ready_s = time.monotonic() - started
            found = environment(state / "admin.env")
            key = Credentials(found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"])
            yield ControlPlane(
                found["AWS_ENDPOINT_URL"], found["AWS_CA_BUNDLE"], key, state, process.pid, ready_s
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found
