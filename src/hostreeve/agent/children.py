"""Short-lived child processes on the loop: the machine key's, and the one that restarts the machine."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Optional

from hostreeve.agent.loop import READ, Loop

Finished = Callable[[int, bytes, bytes], None]
"""Called with the exit code (minus the signal's number when killed), standard output and standard error."""

OUTPUT_BYTES_MAX = 65_536


def run(loop: Loop, argv: List[str], given: bytes, finished: Finished) -> None:
    """Start `argv` with `given` (at most 64 KB) on its standard input. OSError when it cannot be started."""
    _Child(loop, argv, given, finished)


def our_python(module: str) -> List[str]:
    """The command line that runs one of our modules, wherever this code is (folder or archive)."""
    home = home_of_code()
    run_it = f"import runpy; runpy.run_module({module!r}, run_name='__main__')"
    start = f"import sys; sys.path.insert(0, {home!r}); {run_it}"
    return [sys.executable, "-I", "-c", start]


def home_of_code() -> str:
    """What must be on sys.path for this package to be found."""
    return str(Path(__file__).parents[2])


def environment() -> Dict[str, str]:
    """The agent's environment, with a PATH even where none is set."""
    inherited = dict(os.environ)
    inherited.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    return inherited


def program(name: str) -> Optional[str]:
    """Where a program is, None when it is not on the PATH (shutil would bring three compressors with it)."""
    for folder in environment()["PATH"].split(os.pathsep):
        path = os.path.join(folder, name)  # noqa: PTH118 - a folder that may not be entered is no error here
        if os.access(path, os.X_OK) and Path(path).is_file():
            return path
    return None


class _Child:
    def __init__(self, loop: Loop, argv: List[str], given: bytes, finished: Finished) -> None:
        self._loop, self._finished = loop, finished
        self._collected: Dict[int, bytearray] = {}
        self._status = 0
        self._waiting = 3
        stdin, feed = os.pipe()
        out, stdout = os.pipe()
        err, stderr = os.pipe()
        actions = [
            (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_DUP2, stdout, 1),
            (os.POSIX_SPAWN_DUP2, stderr, 2),
        ]
        try:
            pid = os.posix_spawnp(
                argv[0], argv, environment(), file_actions=actions, setsigdef=[signal.SIGPIPE]
            )
        except OSError:
            os.close(feed)
            os.close(out)
            os.close(err)
            raise
        finally:
            for theirs in (stdin, stdout, stderr):
                os.close(theirs)
        self._out, self._err = out, err
        loop.on_exit(pid, self._exited)
        for fd in (out, err):
            self._collected[fd] = bytearray()
            loop.watch(fd, READ, partial(self._read, fd))
        try:
            os.write(feed, given)
        except BrokenPipeError:
            pass
        finally:
            os.close(feed)

    def _read(self, fd: int, _events: int) -> None:
        received = os.read(fd, 16_384)
        if received:
            self._collected[fd] += received[: OUTPUT_BYTES_MAX - len(self._collected[fd])]
            return
        self._loop.unwatch(fd)
        os.close(fd)
        self._one_less()

    def _exited(self, status: int) -> None:
        self._status = os.waitstatus_to_exitcode(status)
        self._one_less()

    def _one_less(self) -> None:
        self._waiting -= 1
        if self._waiting == 0:
            self._finished(self._status, bytes(self._collected[self._out]), bytes(self._collected[self._err]))
