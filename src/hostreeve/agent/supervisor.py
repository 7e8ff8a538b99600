"""One part of one step, run under a process of its own that outlives the agent.

The agent forks; the child becomes the supervisor: it starts the program, copies what it writes into files,
ends it when its time is over, and leaves the end in a file. It needs nobody: the agent may die and come back.

    <folder>/stdout, stderr    everything written, over all parts of the step
    <folder>/lock              held while the supervisor lives: the kernel's answer to "is it still there?"
    <folder>/process.<part>    which process it is, to be signalled
    <folder>/end.<part>        how it ended; exists only when it has
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import json
import os
import select
import signal
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, NoReturn, Optional, Sequence

from hostreeve.agent.children import environment as inherited_environment
from hostreeve.agent.machine import start_of
from hostreeve.agent.order import Order, encoded

EXITED, TIMED_OUT, CANCELLED, SHUT_DOWN, FAILED = "exited", "timeout", "cancelled", "shutdown", "failed"

CANCEL_SIGNAL = signal.SIGUSR1
GRACE_S = 2.0
"""Between asking a program to end (SIGTERM) and ending it (SIGKILL)."""

LINGER_S = 2.0
"""How long output is still awaited, after the script's end, from programs it left behind."""

CHUNK_BYTES = 65_536
_HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, CANCEL_SIGNAL)
_END_BYTES = 1024


class End(NamedTuple):
    """How a part ended. `how` is one of the words above; `code` as a shell would show it (128 + signal)."""

    how: str
    code: int
    started_ms: int
    ended_ms: int
    error: str = ""


def launch(order: Order, folder: str, part: int) -> "tuple[int, int]":
    """Fork the supervisor; its pid, and a pipe that brings a byte at news and ends with it. OSError: none."""
    # Taken before there is a supervisor, and inherited by it: there is no moment at which a supervisor that
    # is about to start its program could be missed.
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    heard, tell = os.pipe()
    # A cancellation may come before the supervisor is ready for it: it waits until then.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEEDED)
    try:
        pid = os.fork()
        if pid == 0:
            _become_supervisor(order, folder, part, tell, lock)
    except OSError:
        os.close(heard)
        raise
    finally:
        os.close(tell)
        os.close(lock)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.set_blocking(heard, False)
    return pid, heard


def end_of(folder: str, part: int) -> Optional[End]:
    """How the part ended, None while it has not (or never will: see `is_alive`)."""
    try:
        return End(**json.loads(Path(f"{folder}/end.{part}").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def write_end(folder: str, part: int, end: End) -> None:
    """Record the end of a part that was never started."""
    Path(f"{folder}/end.{part}").write_text(json.dumps(end._asdict()), encoding="ascii")


def is_alive(folder: str) -> bool:
    """Whether a supervisor of this folder still runs."""
    try:
        descriptor = os.open(f"{folder}/lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def was_never_started(folder: str, part: int) -> bool:
    """Whether no program can have been started for this part, in this boot of the machine."""
    # The place for the end is made just before the program is started.
    return not is_alive(folder) and not any(
        Path(f"{folder}/end.{part}{each}").exists() for each in ("", ".tmp")
    )


def cancel(folder: str, part: int) -> None:
    """Ask the supervisor to end its program. Without one, nothing happens."""
    process = _process_of(folder, part)
    if process is not None and is_alive(folder):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process["supervisor"], CANCEL_SIGNAL)


def end_orphan(folder: str, part: int) -> None:
    """Kill a program whose supervisor is gone: it is reported as interrupted and must not go on unseen."""
    process = _process_of(folder, part)
    if process is None or not process.get("start") or start_of(process["program"]) != process["start"]:
        return
    kill_all(process["program"])


def kill_all(leader: int) -> None:
    """Kill a program's process group, and what else belongs to its session: groups that it made itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    for pid in _in_session(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _in_session(leader: int) -> List[int]:
    found: List[int] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                # After the name in brackets: state, parent, group, session.
                fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
                if len(fields) > 3 and int(fields[3]) == leader:
                    found.append(int(folder.name))
    return found


def _process_of(folder: str, part: int) -> Optional[Dict[str, Any]]:
    try:
        process = json.loads(Path(f"{folder}/process.{part}").read_bytes())
    except (OSError, ValueError):
        return None
    return process if isinstance(process, dict) and {"supervisor", "program"} <= set(process) else None


def _become_supervisor(order: Order, folder: str, part: int, tell: int, lock: int) -> NoReturn:
    # The agent's sockets must not live on in here: the server would not notice the agent's end.
    try:
        gc.disable()
        os.setsid()
        signal.set_wakeup_fd(-1)
        _close_all_but({0, 1, 2, tell, lock})
        _Supervisor(order, folder, part, tell, lock).run()
    finally:
        # Whatever went wrong, this process must never return into the agent's loop.
        os._exit(0)


def _close_all_but(kept: "set[int]") -> None:
    try:
        opened = [int(descriptor.name) for descriptor in Path("/proc/self/fd").iterdir()]
    except OSError:
        opened = list(range(3, 4096))
    for descriptor in opened:
        if descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)


class _Supervisor:
    """In the forked process. Time is read directly: it is the program's real time that is limited."""

    def __init__(self, order: Order, folder: str, part: int, tell: int, lock: int) -> None:
        self._order, self._folder, self._part = order, folder, part
        self._tell, self._lock = tell, lock
        os.set_blocking(tell, False)
        self._files = {
            name: os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            for name in ("stdout", "stderr")
        }
        # The end's place on the disk is taken now, so that a full disk cannot keep it from being told.
        self._end = os.open(f"{folder}/end.{part}.tmp", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._started_ms = time.time_ns() // 1_000_000
        self._pipes: Dict[int, str] = {}
        self._pid = 0
        self._status: Optional[int] = None
        self._asked: Optional[str] = None
        self._error = ""
        self._deadline = time.monotonic() + order.timeout_s
        self._kill_at: Optional[float] = None
        self._give_up_at: Optional[float] = None
        self._has_written = False
        self._bell, bell_end = os.pipe()
        for descriptor in (self._bell, bell_end):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(bell_end, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, *_HEEDED):
            signal.signal(number, _ignored)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEEDED)

    def run(self) -> None:
        try:
            os.write(self._end, b" " * _END_BYTES)
            self._spawn()
        except (OSError, ValueError) as wrong:
            why = str(wrong)
            if isinstance(wrong, OSError):
                why = f"{wrong.strerror} ({os.fsdecode(wrong.filename or '')})"
            self._asked, self._error = FAILED, f"cannot start the command: {why}"
            self._finish()
            return
        self._attend()
        self._finish()
        self._drain_forever()

    def _spawn(self) -> None:
        if self._order.working_directory:
            os.chdir(encoded(self._order.working_directory))
        self._open_pipes()
        environment = {
            os.fsencode(name): os.fsencode(value) for name, value in inherited_environment().items()
        }
        environment.update({encoded(name): encoded(value) for name, value in self._order.environment.items()})
        null = os.open(os.devnull, os.O_RDONLY)
        actions = [(os.POSIX_SPAWN_DUP2, null, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, write_end, number) for number, write_end in self._theirs.items()]
        defaults = [signal.SIGPIPE, signal.SIGCHLD, *_HEEDED]
        try:
            argv = [encoded(each) for each in self._order.argv]
            self._pid = _spawned(argv, environment, actions, defaults)
        finally:
            os.close(null)
            for write_end in self._theirs.values():
                os.close(write_end)
        process = {"supervisor": os.getpid(), "program": self._pid, "start": start_of(self._pid)}
        with contextlib.suppress(OSError):
            Path(f"{self._folder}/process.{self._part}").write_text(json.dumps(process), encoding="ascii")

    def _open_pipes(self) -> None:
        self._theirs: Dict[int, int] = {}
        for number, name in ((1, "stdout"), (2, "stderr")):
            ours, theirs = os.pipe()
            os.set_blocking(ours, False)
            self._pipes[ours] = name
            self._theirs[number] = theirs

    def _attend(self) -> None:
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        for descriptor in self._pipes:
            poll.register(descriptor, select.POLLIN)
        while not self._is_over():
            for descriptor, _ in poll.poll(self._wait_ms()):
                if descriptor == self._bell:
                    self._signalled()
                elif not self._copy(descriptor):
                    poll.unregister(descriptor)
                    os.close(descriptor)
                    del self._pipes[descriptor]
            self._keep_time()

    def _is_over(self) -> bool:
        if self._status is None:
            return False
        return not self._pipes or (self._give_up_at is not None and time.monotonic() >= self._give_up_at)

    def _wait_ms(self) -> Optional[int]:
        times = [at for at in (self._kill_at, self._give_up_at) if at is not None]
        if self._status is None and self._asked is None:
            times.append(self._deadline)
        if not times:
            return None
        # Rounded up: waking a moment too early would only mean to wait again.
        return max(0, int((min(times) - time.monotonic()) * 1000) + 1)

    def _signalled(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for number in os.read(self._bell, 64):
                if number == CANCEL_SIGNAL:
                    self._stop(CANCELLED)
                elif number != signal.SIGCHLD:
                    self._stop(SHUT_DOWN)
        if self._status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._status, self._kill_at = status, None
                self._give_up_at = time.monotonic() + LINGER_S

    def _copy(self, descriptor: int) -> bool:
        try:
            chunk = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        try:
            _write_all(self._files[self._pipes[descriptor]], chunk)
        except OSError as wrong:
            if not self._error:
                what = "the disk is full" if wrong.errno in (errno.ENOSPC, errno.EDQUOT) else wrong.strerror
                self._error = f"the node cannot keep the command's output: {what}; the command was stopped"
            self._stop(FAILED)
            return True
        self._has_written = True
        self._ring()
        return True

    def _stop(self, why: str) -> None:
        if self._asked is not None or self._status is not None:
            return
        self._asked = why
        self._kill_at = time.monotonic() + GRACE_S
        self._signal_group(signal.SIGTERM)

    def _keep_time(self) -> None:
        now = time.monotonic()
        if self._status is None and now >= self._deadline:
            self._stop(TIMED_OUT)
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            kill_all(self._pid)

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)

    def _finish(self) -> None:
        if self._asked is not None and self._pid:
            # The script has ended; what it left behind must end too.
            kill_all(self._pid)
        if self._has_written:
            for descriptor in self._files.values():
                with contextlib.suppress(OSError):
                    os.fsync(descriptor)
        code = 1 if self._status is None else os.waitstatus_to_exitcode(self._status)
        members = {
            "how": self._asked or EXITED,
            "code": 128 - code if code < 0 else code,
            "started_ms": self._started_ms,
            "ended_ms": time.time_ns() // 1_000_000,
            "error": self._error[:300],
        }
        os.pwrite(self._end, json.dumps(members).encode("ascii").ljust(_END_BYTES), 0)
        os.fsync(self._end)
        end = Path(f"{self._folder}/end.{self._part}")
        end.with_name(f"{end.name}.tmp").replace(end)
        # Before the news: the next part of this step takes the same lock.
        os.close(self._lock)
        self._ring()
        os.close(self._tell)

    def _drain_forever(self) -> None:
        # Programs that the script left behind would die of SIGPIPE at their next word; they may stay.
        while self._pipes and self._asked is None:
            ready, _, _ = select.select(list(self._pipes), [], [])
            for descriptor in ready:
                if not os.read(descriptor, CHUNK_BYTES):
                    os.close(descriptor)
                    del self._pipes[descriptor]

    def _ring(self) -> None:
        # A full pipe has told the news already; a broken one means that the agent is away.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._tell, b"!")


def _spawned(
    argv: List[bytes], environment: Dict[bytes, bytes], actions: List[Any], defaults: Sequence[int]
) -> int:
    try:
        return os.posix_spawn(
            argv[0], argv, environment, file_actions=actions, setsid=True, setsigdef=defaults, setsigmask=[]
        )
    except NotImplementedError:
        return os.posix_spawn(
            argv[0], argv, environment, file_actions=actions, setpgroup=0, setsigdef=defaults, setsigmask=[]
        )


def _write_all(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


def _ignored(number: int, frame: object) -> None:
    """Signals arrive through the wake-up descriptor."""
