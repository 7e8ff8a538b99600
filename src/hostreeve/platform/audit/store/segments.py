"""The files of a replica's journal: one line after another in segments of a bounded size."""

import os
from collections.abc import Iterator
from pathlib import Path

from hostreeve.platform.audit.model import chain
from hostreeve.platform.audit.model.chain import NOWHERE, Head, Link

SEGMENT_BYTES_MAX = 64 << 20
_ENDING = ".log"
_TAIL_BYTES = 1 << 20


class Segments:
    """A folder of segments, each named by the sequence number of its first line. One process writes.

    `size_bytes` is what of the last segment is known to be whole; the rest is overwritten.
    """

    def __init__(self, folder: Path, *, bytes_max: int = SEGMENT_BYTES_MAX) -> None:
        self.folder = folder
        self._bytes_max = bytes_max
        self._file = -1
        self._size_bytes = 0
        self.is_dirty = False

    def open(self) -> Head:
        """Make or continue the journal; answers its end. What a crash cut off in the middle of a line is
        taken away: nobody was told that it is there."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        paths = files(self.folder)
        if not paths:
            return NOWHERE
        head, size = end_of(paths[-1])
        if head is None:
            # Nothing of its first line came to disk.
            paths[-1].unlink()
            return self.open()
        self._file = os.open(paths[-1], os.O_RDWR)
        os.ftruncate(self._file, size)
        os.lseek(self._file, size, os.SEEK_SET)
        self._size_bytes = size
        return head

    def append(self, first_sequence: int, lines: list[bytes]) -> None:
        """Write lines behind the last. OSError when that cannot be done: then nothing is there of them."""
        if self._file < 0 or self._size_bytes >= self._bytes_max:
            self._begin(first_sequence)
        whole = b"".join(lines)
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

    def _begin(self, first_sequence: int) -> None:
        path = self.folder / f"{first_sequence:016d}{_ENDING}"
        made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError:
            os.close(made)
            raise
        self.close()
        self._file, self._size_bytes = made, 0


def files(folder: Path) -> list[Path]:
    """The segments in order."""
    return sorted(folder.glob(f"*{_ENDING}")) if folder.is_dir() else []


def first_of(path: Path) -> int:
    """The sequence number that a segment says it begins with; 0 when its name is none of ours."""
    return int(path.stem) if path.stem.isdigit() else 0


def end_of(path: Path) -> tuple[Head | None, int]:
    """The last whole line of a segment, and how many bytes there are up to its end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        window = min(size, _TAIL_BYTES)
        while True:
            file.seek(size - window)
            tail = file.read(window)
            end = tail.rfind(b"\n") + 1
            begin = tail.rfind(b"\n", 0, max(0, end - 1)) + 1
            if end and (begin or window == size):
                break
            if window == size:
                return None, 0
            window = min(size, window * 4)
    link = chain.read(tail[begin:end])
    if link is None:
        raise ValueError(
            f"{path} ends with what is no line of a journal; `hostreeve audit verify` says more."
        )
    return Head(link.sequence, link.hash), size - window + end


def lines_after(folder: Path, sequence: int, *, at_most: int) -> Iterator[Link]:
    """Links behind that sequence number, in order, as far as they can be read."""
    paths = files(folder)
    begins = [at for at, path in enumerate(paths) if first_of(path) <= sequence + 1]
    found = 0
    for path in paths[begins[-1] if begins else 0 :]:
        for line in _from(path, sequence):
            link = chain.read(line)
            if link is None or link.sequence <= sequence:
                continue
            yield link
            found += 1
            if found >= at_most:
                return


def _from(path: Path, sequence: int) -> Iterator[bytes]:
    """The lines of a segment, from somewhere at or before the one behind `sequence`."""
    with path.open("rb") as file:
        file.seek(_place(path, sequence))
        for line in file:
            if line.endswith(b"\n"):
                yield line


def _place(path: Path, sequence: int) -> int:
    """A line's beginning that is not behind the wanted one: looked for by halves, for numbers only grow."""
    low, high = 0, path.stat().st_size
    with path.open("rb") as file:
        while high - low > _TAIL_BYTES:
            middle = (low + high) // 2
            file.seek(middle)
            file.readline()
            at = file.tell()
            link = chain.read(file.readline())
            if link is None or link.sequence > sequence:
                high = middle
            else:
                low = at
    return low
