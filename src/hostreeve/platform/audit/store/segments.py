"""The files of a replica's journal: one frame after another in segments of a bounded size.

Before each frame stands a line, `frame FIRST COUNT BYTES HASH`, behind it an end of line.
"""

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hostreeve.platform.audit.model.chain import NOWHERE, Frame, Head

SEGMENT_BYTES_MAX = 64 << 20
FRAME_BYTES_MAX = 256 << 20
ENDING = ".log"
_MARK = re.compile(rb"frame (\d{1,18}) (\d{1,9}) (\d{1,9}) ([0-9a-f]{64})\n")
_MARK_BYTES_MAX = 128


class Placed(NamedTuple):
    """A frame and where it lies. `frame` is None for what is none; `end` is where one may begin again."""

    at: int
    end: int
    frame: Frame | None


class Segments:
    """A folder of segments, each named by the number of its first line. One process writes."""

    def __init__(self, folder: Path, *, bytes_max: int = SEGMENT_BYTES_MAX) -> None:
        self.folder = folder
        self.is_dirty = False
        self._bytes_max = bytes_max
        self._file = -1
        self._size_bytes = 0

    def open(self) -> Head:
        """Make or continue the journal; answers its end. What a crash cut off in the middle of a frame is
        taken away: nobody was told that it is there."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        paths = files(self.folder)
        if not paths:
            return NOWHERE
        head, size = _end_of(paths[-1])
        if head is None:
            # Nothing whole of its first frame came to disk.
            paths[-1].unlink()
            return self.open()
        self._file = os.open(paths[-1], os.O_RDWR)
        os.ftruncate(self._file, size)
        self._size_bytes = size
        return head

    def append(self, frames: list[Frame]) -> None:
        """Write frames behind the last. OSError when that cannot be done: then nothing is there of them."""
        if self._file < 0 or self._size_bytes >= self._bytes_max:
            self._begin(frames[0].first)
        whole = b"".join(map(written, frames))
        try:
            at = 0
            while at < len(whole):
                at += os.pwrite(self._file, whole[at:] if at else whole, self._size_bytes + at)
        except OSError:
            os.ftruncate(self._file, self._size_bytes)
            raise
        self._size_bytes += len(whole)
        self.is_dirty = True

    def sync(self) -> None:
        """Return when all that was appended is on disk."""
        if self.is_dirty:
            self.is_dirty = False
            try:
                os.fdatasync(self._file)
            except OSError:
                self.is_dirty = True
                raise

    def close(self) -> None:
        if self._file >= 0:
            self.sync()
            os.close(self._file)
            self._file = -1

    def _begin(self, first: int) -> None:
        path = self.folder / f"{first:016d}{ENDING}"
        made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            self.close()
        except OSError:
            os.close(made)
            raise
        self._file, self._size_bytes = made, 0


def written(frame: Frame) -> bytes:
    """A frame as it lies in a segment."""
    size = len(frame.packed)
    return b"frame %d %d %d %b\n%b\n" % (frame.first, frame.length, size, frame.hash.encode(), frame.packed)


def files(folder: Path) -> list[Path]:
    """The segments in order."""
    return sorted(folder.glob(f"*{ENDING}")) if folder.is_dir() else []


def first_of(path: Path) -> int:
    """The number that a segment says it begins with; 0 when its name is none of ours."""
    return int(path.stem) if path.stem.isdigit() else 0


def forget(folder: Path, sequence: int) -> int:
    """Delete the segments of which all is at or before that line, but never the last. Answers how many."""
    paths = files(folder)
    gone = [path for path, after in pairwise(paths) if first_of(after) <= sequence + 1]
    for path in gone:
        path.unlink()
    return len(gone)


def frames_after(folder: Path, sequence: int, *, at_most: int) -> Iterator[Frame]:
    """Frames that begin behind that line, in order, as far as they can be read: up to `at_most` lines, and
    one frame at least."""
    paths = files(folder)
    begins = [at for at, path in enumerate(paths) if first_of(path) <= sequence + 1]
    lines = 0
    for path in paths[begins[-1] if begins else 0 :]:
        for placed in placed_in(path, skip_to=sequence + 1):
            if placed.frame is None or placed.frame.first <= sequence:
                continue
            lines += placed.frame.length
            yield placed.frame
            if lines >= at_most:
                return


def placed_in(path: Path, *, skip_to: int = 0) -> Iterator[Placed]:
    """Everything in a segment, in order. What lies before line `skip_to` is not read, its place only told;
    behind what is no frame the next one is looked for."""
    with path.open("rb") as file:
        at = 0
        while mark := file.read(_MARK_BYTES_MAX):
            frame, end = _at(file, at, mark, skip_to)
            if frame is None:
                end = _next(file, at + 1)
            yield Placed(at, end, frame)
            file.seek(end)
            at = end


def _at(file: BinaryIO, at: int, mark: bytes, skip_to: int) -> tuple[Frame | None, int]:
    found = _MARK.match(mark)
    if found is None:
        return None, at
    first, count, size = int(found[1]), int(found[2]), int(found[3])
    begin, packed = at + found.end(), b""
    if first + count > skip_to:
        if size > FRAME_BYTES_MAX:
            return None, at
        file.seek(begin)
        body = file.read(size + 1)
        if len(body) != size + 1 or body[-1:] != b"\n":
            return None, at
        packed = body[:-1]
    return Frame(first, count, found[4].decode(), packed), begin + size + 1


def _next(file: BinaryIO, at: int) -> int:
    """Where something begins again that looks like a frame; the end of the file if nothing does."""
    file.seek(at)
    before = b""
    while piece := file.read(1 << 20):
        whole = before + piece
        found = _MARK.search(whole)
        if found is not None:
            return at - len(before) + found.start()
        at += len(piece)
        before = whole[-_MARK_BYTES_MAX:]
    return at


def _end_of(path: Path) -> tuple[Head | None, int]:
    """The last whole frame of a segment, and where it ends."""
    head, size = None, 0
    for placed in placed_in(path):
        if placed.frame is not None:
            head, size = placed.frame.head, placed.end
    return head, size
