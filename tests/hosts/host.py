"""Machines for tests: a real root file system in namespaces of its own, started, restarted, cut off like one.

Its files are this machine's, seen through an overlay in memory: whatever happens there stays there, and is
gone with it. Its package databases are empty and its own. It has its own processes, mounts and boot id; the
network is this machine's.
"""

import itertools
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

START_S = 10
PROGRAM_S = 120
PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin"
_NUMBERS = itertools.count(1)

# The disk: everything below it goes when its process does.
_DISK = """
set -e
mount -t tmpfs -o size="$2" none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" none "$1/root"
for folder in $3; do
    mkdir -p "$1/own$folder" "$1/root$folder"
    mount --bind "$1/own$folder" "$1/root$folder"
done
touch "$1/mounted"
exec sleep infinity
"""
_MACHINE = """
set -e
cd "$1/root"
mount -t proc proc proc
mount --rbind /dev dev
mount --bind "$1/boot_id" proc/sys/kernel/random/boot_id
hostname "$2"
exec chroot . /bin/sh -c 'echo up > /run/up; exec sleep infinity'
"""


def needs(*programs: str) -> None:
    """Skip where a host cannot be, with a reason that tests/allowed-skips.txt lists."""
    if os.geteuid() != 0:
        pytest.skip("test hosts can only be started by root")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


class Host:
    """`own`: folders that begin empty. `size`: of its disk, as mount has it."""

    def __init__(self, folder: Path, os_release: str, own: tuple[str, ...] = (), size: str = "256m") -> None:
        self.disk = folder / f"host-{next(_NUMBERS)}"
        self.disk.mkdir(parents=True)
        argv = ["unshare", "--mount", "--propagation", "private", "--kill-child", "--fork"]
        argv += ["sh", "-c", _DISK, "sh", str(self.disk), size, " ".join(own)]
        self._log = self.disk.with_suffix(".log").open("wb")
        self._disk = self._started_with(argv)
        self._machine: subprocess.Popen[bytes] | None = None
        self._inner = self._wait(lambda: self._mounted())
        self.boots = 0
        self.boot()
        self.write("/etc/os-release", os_release)

    def boot(self) -> None:
        """Power on: new processes, a new boot id, the same disk."""
        self.boots += 1
        enter = ["nsenter", "-t", str(self._inner), "-m", "--"]
        subprocess.run(
            [*enter, "sh", "-c", f"cat /proc/sys/kernel/random/uuid > {self.disk}/boot_id"], check=True
        )
        subprocess.run([*enter, "rm", "-f", f"{self.disk}/root/run/up"], check=True)
        argv = [*enter, "unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        argv += ["sh", "-c", _MACHINE, "sh", str(self.disk), self.disk.name]
        self._machine = self._started_with(argv)
        self.pid = self._wait(self._started)

    def power_off(self) -> None:
        """As if the plug were pulled."""
        assert self._machine is not None
        os.kill(self.pid, signal.SIGKILL)
        self._machine.wait(START_S)
        self._machine = None

    def reboot(self) -> None:
        self.power_off()
        self.boot()

    def start(self, *argv: str, **more: object) -> "subprocess.Popen[str]":
        """A program inside."""
        return subprocess.Popen([*self._enter(), *argv], **_piped(more))  # type: ignore[call-overload]

    def run(self, *argv: str, check: bool = True, **more: object) -> "subprocess.CompletedProcess[str]":
        """A program inside, until it ends."""
        done = subprocess.run([*self._enter(), *argv], timeout=PROGRAM_S, **_piped(more))  # type: ignore[call-overload]
        assert not check or done.returncode == 0, (argv, done.returncode, done.stdout, done.stderr)
        return done

    def kill(self, program: "subprocess.Popen[str]") -> None:
        """A program that `start` began, as the kernel would; its children live on."""
        os.kill(_child_of(program.pid), signal.SIGKILL)
        program.communicate(timeout=START_S)

    def path(self, inside: str) -> Path:
        """Where a file of the host is, seen from outside, while it runs."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def write(self, inside: str, text: str | bytes) -> None:
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    def read(self, inside: str) -> str:
        return self.path(inside).read_text()

    def close(self) -> None:
        if self._machine is not None:
            self.power_off()
        os.killpg(self._disk.pid, signal.SIGKILL)
        self._disk.wait(START_S)
        self._log.close()

    def _enter(self) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-m", "-p", "-u", "-i", "-r", "-w", "--"]

    def _started_with(self, argv: list[str]) -> "subprocess.Popen[bytes]":
        # It ends with the tests, even when they are killed.
        argv = ["setpriv", "--pdeathsig", "KILL", *argv]
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=self._log, start_new_session=True)

    def _mounted(self) -> int:
        assert self._disk.poll() is None, self.disk.with_suffix(".log").read_text()
        child = _child_of(self._disk.pid)
        return child if child and Path(f"/proc/{child}/root{self.disk}/mounted").exists() else 0

    def _started(self) -> int:
        assert self._machine is not None and self._machine.poll() is None, self.disk.with_suffix(
            ".log"
        ).read_text()
        child = _child_of(self._machine.pid)
        return child if child and Path(f"/proc/{child}/root/run/up").exists() and _is_init(child) else 0

    def _wait(self, there: "object") -> int:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if found := there():  # type: ignore[operator]
                return found
            time.sleep(0.005)
        raise AssertionError("the host did not get ready")


def _piped(more: dict[str, object]) -> dict[str, object]:
    asked: dict[str, object] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin",
        "HOME": "/root",
        **more.pop("env", {}),
    }  # type: ignore[dict-item]
    return {**asked, "stderr": subprocess.PIPE, "text": True, "env": environment, **more}


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else 0


def _is_init(pid: int) -> bool:
    """Whether it is in the host already: the first process there."""
    status = Path(f"/proc/{pid}/status").read_text()
    return status.split("NSpid:")[1].splitlines()[0].split()[-1] == "1"
