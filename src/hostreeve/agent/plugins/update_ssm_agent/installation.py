"""The folder that the installer made, its successor beside it, and the exchange of the two in one step."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Dict, Iterator, List

from hostreeve.agent.children import home_of_code
from hostreeve.agent.plugins.worker import StepFailed

LAUNCHER = "hostreeve-agent"
_DIGEST = "agent.sha256"
_UNPACKED_BYTES_MAX = 64_000_000
_AT_FDCWD = -100
_EXCHANGE = 2
_RENAMEAT2: Dict[str, int] = {"x86_64": 316, "aarch64": 276, "riscv64": 276, "s390x": 347, "ppc64le": 357}


class Installation:
    """`folder` holds the unpacked archive and the launcher; `staged` is the next one while there is one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.staged = folder.with_name(folder.name + ".next")
        self.launcher = folder / LAUNCHER

    @classmethod
    def of_this_agent(cls) -> "Installation":
        """Where this code is. StepFailed when somebody else than the installer put it there."""
        folder = Path(home_of_code())
        if not folder.is_dir() or not (folder / "__main__.py").is_file() or not (folder / LAUNCHER).is_file():
            raise StepFailed(
                f"this agent runs from {folder}, which the one-line installer did not make: update it the "
                "way it was installed (for example with pip)"
            )
        if not os.access(folder.parent, os.W_OK):
            raise StepFailed(
                f"this agent may not write {folder.parent}: run the one-line installer again instead"
            )
        return cls(folder)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While held, no second update is made here. StepFailed when one is."""
        descriptor = os.open(self.folder.with_name(self.folder.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StepFailed("another update of this agent is under way") from None
            yield
        finally:
            os.close(descriptor)

    def stage(self, archive: bytes, ca_file: str, *, version: str) -> None:
        """Unpack and try the next agent beside this one. StepFailed: it is not that version, or broken."""
        shutil.rmtree(self.staged, ignore_errors=True)
        before = os.umask(0o022)
        try:
            self._unpack(archive)
            shutil.copyfile(ca_file, self.staged / "ca.pem")
            shutil.copy2(self.launcher, self.staged / LAUNCHER)
            (self.staged / _DIGEST).write_text(hashlib.sha256(archive).hexdigest() + "\n", encoding="ascii")
        finally:
            os.umask(before)
        target = [str(self.staged), "-p", str(self.folder), str(self.staged)]
        self._python("-m", "compileall", "-q", "-s", *target)
        told = self._python(str(self.staged), "version")
        if told.returncode != 0 or told.stdout.decode(errors="replace").strip() != version:
            said = (told.stderr or told.stdout).decode(errors="replace").strip()[-500:]
            raise StepFailed(
                f"the new agent does not run here as version {version}; kept the old one: {said}"
            )
        self._sync()

    def exchange(self) -> None:
        """Put the staged agent where this one is, and the other way round. OSError when that cannot be."""
        try:
            _exchanged(self.staged, self.folder)
        except OSError as wrong:
            if wrong.errno not in (errno.ENOSYS, errno.EINVAL):
                raise
            # An old kernel or file system: between the two renamings there is no agent to be started.
            aside = self.folder.with_name(self.folder.name + ".aside")
            self.folder.rename(aside)
            self.staged.rename(self.folder)
            aside.rename(self.staged)
        descriptor = os.open(self.folder.parent, os.O_RDONLY)
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
        os.close(descriptor)

    def forget_staged(self) -> None:
        shutil.rmtree(self.staged, ignore_errors=True)

    def _unpack(self, archive: bytes) -> None:
        try:
            with zipfile.ZipFile(io.BytesIO(archive)) as bundle:
                if sum(entry.file_size for entry in bundle.infolist()) > _UNPACKED_BYTES_MAX:
                    raise StepFailed("the new agent is larger than any agent is; kept the old one")
                bundle.extractall(self.staged)
        except zipfile.BadZipFile as wrong:
            raise StepFailed(f"the new agent cannot be unpacked; kept the old one: {wrong}") from None

    def _python(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        argv: List[str] = [sys.executable, "-I", "-OO", *arguments]
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120
        )

    def _sync(self) -> None:
        # What is exchanged must be on the disk first, or a power loss would leave empty files.
        os.sync()


def noted_sha256() -> str:
    """Of the archive that this agent was unpacked from; empty when no installer has noted it."""
    try:
        return (Path(home_of_code()) / _DIGEST).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _exchanged(one: Path, other: Path) -> None:
    number = _RENAMEAT2.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, "no exchange on this machine")
    libc = ctypes.CDLL(None, use_errno=True)
    paths = (ctypes.c_char_p(os.fsencode(one)), ctypes.c_char_p(os.fsencode(other)))
    done = libc.syscall(
        ctypes.c_long(number), _AT_FDCWD, paths[0], _AT_FDCWD, paths[1], ctypes.c_uint(_EXCHANGE)
    )
    if done != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(other))
