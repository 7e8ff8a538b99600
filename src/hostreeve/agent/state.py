"""The agent's folder: who this node is, its key, its credentials. Private (0700), files replaced in one step.

node.json           what enrolment settled: server, node id, Region, fingerprint
ca.pem              the only certificate authority that is trusted; ca.new.pem: a newer one being tried
key.pem             the machine key; key.new.pem exists while it is being replaced
credentials.json    the node role's current credentials
journal             jobs taken on and how far they are
steps/              what the steps of unfinished jobs wrote
status.json         for `hostreeve-agent status`
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import select
import signal
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional, Sequence

from hostreeve.agent import machine

RESTART_SIGNAL = signal.SIGUSR2
"""Asks a running agent to become the one that is installed now, under the same process id."""

LOCK_PATIENCE_S, LOCK_RETRY_S = 0.5, 0.05

DEFAULT_REBOOT_COMMAND = ("/sbin/shutdown", "-r", "+1")


class Refused(Exception):
    """Something the operator must change; the text says what, and what to do next."""


class Node(NamedTuple):
    """node.json. The last members may be edited by hand; the agent reads them when it starts."""

    server: str
    node_id: str
    region: str
    fingerprint: str
    account: str = ""
    workers_max: int = 10
    reboot_command: Sequence[str] = DEFAULT_REBOOT_COMMAND
    boot_id_file: str = ""
    github_api: str = "https://api.github.com"
    update_patience_s: int = 120
    ca_refresh_s: int = 86_400


class State:
    """The folder. Reading and writing its files; nothing else touches them."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder).absolute()
        self.key = self.folder / "key.pem"
        self.new_key = self.folder / "key.new.pem"
        self.ca = self.folder / "ca.pem"
        self.new_ca = self.folder / "ca.new.pem"
        self.journal = self.folder / "journal"
        self.steps = self.folder / "steps"

    def create(self) -> None:
        """Refused when the folder cannot be made or written, or when anybody may have put something there."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_empty = not any(self.folder.iterdir())
            if not is_empty and self.folder.stat().st_mode & 0o002:
                raise Refused(
                    f"anybody may write to {self.folder}, which is not empty. "
                    "Give a folder of the agent's own: --state DIR"
                )
            # A folder of other things, named by mistake, keeps its mode.
            if is_empty or self.is_enrolled:
                self.folder.chmod(0o700)
            self.steps.mkdir(mode=0o700, exist_ok=True)
        except OSError as wrong:
            raise Refused(
                f"cannot use {self.folder} as state folder: {wrong.strerror}. "
                "Give a folder that this user may write: --state DIR"
            ) from None

    @property
    def is_enrolled(self) -> bool:
        return (self.folder / "node.json").exists()

    def node(self) -> Node:
        """Refused when this machine is not enrolled in this folder."""
        members = self.read("node.json")
        if members is None:
            raise Refused(
                f"no enrolment in {self.folder}. Run: hostreeve-agent enrol --server URL --ca FILE "
                f"--activation-id ID --activation-code CODE --state {self.folder}"
            )
        try:
            return Node(**{name: value for name, value in members.items() if name in Node._fields})
        except TypeError as wrong:
            raise Refused(
                f"{self.folder}/node.json is incomplete ({wrong}). Enrol again with --force"
            ) from None

    def boot_id(self, node: Node) -> str:
        """Which start of the machine this is; a file named in node.json can say so where /proc cannot."""
        if not node.boot_id_file:
            return machine.boot_id()
        return Path(node.boot_id_file).read_text(encoding="utf-8").strip()

    def keep_node(self, node: Node) -> None:
        self.write("node.json", node._asdict())

    def read(self, name: str) -> Optional[Dict[str, Any]]:
        """The JSON object in a file; None when it is missing or unreadable (a torn disk, a stray edit)."""
        try:
            members = json.loads((self.folder / name).read_bytes())
        except (OSError, ValueError):
            return None
        return members if isinstance(members, dict) else None

    def write(self, name: str, members: Dict[str, Any], durable: bool = True) -> None:
        replace(self.folder / name, json.dumps(members, indent=1).encode() + b"\n", durable=durable)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While held, no second agent runs in this folder. Refused when one does."""
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        if not _is_locked_within(descriptor, LOCK_PATIENCE_S):
            os.close(descriptor)
            raise Refused(f"another agent is running in {self.folder}; stop it first")
        # Who it is, for whoever wants it to start anew (see update_ssm_agent).
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        try:
            yield
        finally:
            os.close(descriptor)

    def holder(self) -> int:
        """The pid of the agent that runs in this folder, 0 when none does. OSError: it cannot be seen."""
        try:
            descriptor = os.open(self.folder / "lock", os.O_RDWR)
        except FileNotFoundError:
            return 0
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            written = os.pread(descriptor, 20, 0).strip()
            # An agent of an earlier version holds it without saying who it is.
            return int(written) if written.isdigit() else -1
        finally:
            os.close(descriptor)
        return 0


def _is_locked_within(descriptor: int, patience_s: float) -> bool:
    # Whoever only looks whether an agent runs holds the lock for a moment.
    for _ in range(int(patience_s / LOCK_RETRY_S) + 1):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as wrong:
            if wrong.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                os.close(descriptor)
                raise
            select.select([], [], [], LOCK_RETRY_S)
        else:
            return True
    return False


def replace(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Put `content` at `path` (0600) in one step: a reader, or a crash, sees the old file or the new one."""
    beside = path.with_name(path.name + ".tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    beside.replace(path)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the file system lets folders be synced."""
    descriptor = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):
        os.fsync(descriptor)
    os.close(descriptor)
