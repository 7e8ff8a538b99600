"""The journal of one replica: reads and denials, in files that are brought to disk ten times a second."""

import contextlib
import fcntl
import logging
import os
import threading
from collections import deque
from pathlib import Path

from hostreeve.api.errors import common
from hostreeve.kernel.world import World
from hostreeve.platform.audit.model.chain import Head
from hostreeve.platform.audit.model.parts import Line, Linked, linked, looked_at
from hostreeve.platform.audit.store.segments import Segments, frames_after

log = logging.getLogger("hostreeve.audit")

NAME_FILE = "name"
SYNC_S = 0.1
"""How often what was written is brought to disk: what a crash of the machine can lose."""
RECENT = 128
"""So many frames are remembered: who moves them to the database need not read them again."""
WAITING_BYTES_MAX = 64 << 20
"""So much waits for a disk that does not take it; then no call is answered any more."""


def journal_in(folder: Path, world: World) -> "Journal":
    """The journal that lies in a folder, begun when there is none. Its name is the same for ever."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / NAME_FILE
    if not path.exists():
        beside = path.with_suffix(".new")
        beside.write_text(f"replica-{world.hex(16)}\n")
        beside.replace(path)
    held = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise ValueError(
            f"{folder} is in use by another process: each replica has a state folder of its own."
        ) from None
    return Journal(folder, name_in(folder), held)


def name_in(folder: Path) -> str:
    """The name of the journal in a folder; empty when there is none."""
    path = folder / NAME_FILE
    return path.read_text(errors="replace").strip() if path.exists() else ""


class Journal:
    """`append` from the event loop; `sync` from a thread, about every SYNC_S seconds.

    Until then a line is in this process's memory alone: kill -9 loses it.
    """

    def __init__(self, folder: Path, name: str, held: int) -> None:
        self.name = name
        self._held = held
        self.folder = folder
        self._segments = Segments(folder)
        self._head = self._segments.open()
        self._waiting: list[Line] = []
        self._recent: deque[Linked] = deque(maxlen=RECENT)
        # One thread adds to the one, another to the other.
        self._come_bytes = self._gone_bytes = 0
        self._writing = threading.Lock()
        self._is_failing = False

    @property
    def head(self) -> Head:
        """The last line that was written."""
        return self._head

    @property
    def is_behind(self) -> bool:
        """Whether something waits for the disk."""
        return bool(self._waiting) or self._segments.is_dirty

    @property
    def waiting_bytes(self) -> int:
        return self._come_bytes - self._gone_bytes

    def append(self, line: Line) -> None:
        """Add one record or note. It is linked to the chain when it is written."""
        self._waiting.append(line)
        self._come_bytes += len(line.content)

    def admit(self) -> None:
        """Raises ServiceUnavailable when the disk has not taken what waits for too long."""
        if self.waiting_bytes > WAITING_BYTES_MAX:
            raise common.ServiceUnavailable(
                "Nothing was done: the audit log cannot be written. The server's log says why."
            )

    def flush(self) -> Head:
        """Hand all lines to the operating system; answers the last. Readers of the files see them then."""
        with self._writing:
            return self._flush()

    def flush_quietly(self) -> None:
        """`flush` for readers: what the disk does not take, they do not see."""
        with contextlib.suppress(OSError):
            self.flush()

    def sync(self) -> Head | None:
        """Bring all lines to disk; answers the last, None when the disk does not take them. They are kept
        for the next time."""
        with self._writing:
            try:
                head = self._flush()
                self._segments.sync()
            except OSError as error:
                if not self._is_failing:
                    log.error("the audit log cannot be written, and is tried again: %s", error)
                self._is_failing = True
                return None
        if self._is_failing:
            log.error("the audit log is written again")
        self._is_failing = False
        return head

    def behind(self, sequence: int, *, at_most: int) -> list[Linked]:
        """Frames behind that line, up to so many lines and one frame at least: what was written lately from
        memory, else from the files."""
        recent = list(self._recent)
        if not recent or recent[0].frame.first > sequence + 1:
            return [looked_at(frame) for frame in frames_after(self.folder, sequence, at_most=at_most)]
        found: list[Linked] = []
        for each in recent:
            if each.frame.first > sequence:
                found.append(each)
                at_most -= each.frame.length
                if at_most <= 0:
                    break
        return found

    def close(self) -> None:
        self.sync()
        with self._writing, contextlib.suppress(OSError):
            self._segments.close()
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def _flush(self) -> Head:
        # Taken in one step each, for the event loop goes on adding.
        count = len(self._waiting)
        if count:
            lines = self._waiting[:count]
            made = linked(self._head, lines)
            self._segments.append([each.frame for each in made])
            self._head = made[-1].frame.head
            self._recent.extend(made)
            del self._waiting[:count]
            self._gone_bytes += sum(len(line.content) for line in lines)
        return self._head
