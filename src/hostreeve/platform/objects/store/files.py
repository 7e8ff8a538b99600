"""The object folder: one file per arrival, under a random name, on disk before anything names it.

A file never changes. Rows name files (see contents.py); a file that no row names is an orphan.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from hostreeve.api.files import FilePart
from hostreeve.kernel.world import World
from hostreeve.persistence.errors import StorageFull, StoreUnavailable
from hostreeve.platform.objects.model.rows import Content, Piece

NAME_DIGITS = 32
SHARDS = tuple(f"{number:02x}" for number in range(256))
READ_BYTES = 256 * 1024

_IS_NAME = re.compile(r"[0-9a-f]{32}").fullmatch
_kept: list[Path] = []


def keep_in(folder: Path) -> None:
    """Say where this process keeps contents; the folder is made, for its owner alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for shard in SHARDS:
        (folder / shard).mkdir(exist_ok=True, mode=0o700)
    _sync_folder(folder)
    _kept[:] = [folder]


def write(world: World, chunks: Iterable[bytes]) -> Content:
    """Put bytes on disk. They are of no object yet: that takes a row, and without one they are swept away.

    Blocks until the disk has them: call it in a thread and outside of units of work. StorageFull when it is
    full.
    """
    name = world.hex(NAME_DIGITS)
    path = _path(name)
    digest = hashlib.md5(usedforsecurity=False)
    size_bytes = 0
    try:
        with path.open("xb", buffering=0) as file:
            for chunk in chunks:
                digest.update(chunk)
                size_bytes += len(chunk)
                _write_all(file.fileno(), chunk)
            # The sweep tells young files from orphans by this time, and its clock is the World's.
            moment_ns = world.now_ms() * 1_000_000
            os.utime(file.fileno(), ns=(moment_ns, moment_ns))
            os.fsync(file.fileno())
        if not size_bytes:
            path.unlink()
            return Content("", 0, digest.hexdigest(), {})
        _sync_folder(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StorageFull(f"{path.parent.parent} has no room for an object ({error.strerror}).") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Content(name, size_bytes, digest.hexdigest(), {})


def parts(pieces: Iterable[Piece]) -> tuple[FilePart, ...]:
    """Where the bytes of some pieces lie."""
    return tuple(FilePart(_path(piece.file), piece.offset_bytes, piece.size_bytes) for piece in pieces)


def chunks(where: Iterable[FilePart]) -> Iterator[bytes]:
    """The bytes themselves, a bounded number at a time."""
    for part in where:
        yield from part.chunks(READ_BYTES)


def remove(names: Iterable[str]) -> None:
    """Delete files; those that are gone already are no error."""
    for name in names:
        _path(name).unlink(missing_ok=True)


def older_than(shards: Iterable[str], moment_ms: int) -> list[str]:
    """The names of the files in some shards that were written before a moment."""
    found: list[str] = []
    for shard in shards:
        with os.scandir(_folder() / shard) as entries:
            found += [entry.name for entry in entries if _is_older(entry, moment_ms * 1_000_000)]
    return found


def _is_older(entry: os.DirEntry[str], moment_ns: int) -> bool:
    try:
        return bool(_IS_NAME(entry.name)) and entry.stat().st_mtime_ns < moment_ns
    except FileNotFoundError:
        # Another replica's worker was faster.
        return False


def _folder() -> Path:
    if not _kept:
        raise StoreUnavailable("No folder for objects was given to this process.")
    return _kept[0]


def _path(name: str) -> Path:
    return _folder() / name[:2] / name


def _write_all(descriptor: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
