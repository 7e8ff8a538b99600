"""Files that are their owner's alone."""

import os
from pathlib import Path

from hostreeve.kernel.world import World

_LINE_BYTES_MAX = 4096


def read_private(path: Path, most_bytes: int) -> bytes:
    """What the file holds, up to one byte more than that. ValueError when it is not its owner's alone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        content = file.read(most_bytes + 1)
    if mode & 0o077:
        raise ValueError(f"{path} has mode {mode:04o}: others may read it. Run chmod 600 on it.")
    return content


def read_private_line(path: Path, what: str) -> bytes:
    """The file's text without the end of its line. ValueError when it is empty or absent, or others may read
    it."""
    try:
        line = read_private(path, _LINE_BYTES_MAX).rstrip(b"\r\n")
    except OSError as wrong:
        raise ValueError(f"{path}, which should hold the {what}, can't be read: {wrong.strerror}.") from None
    if not line:
        raise ValueError(f"{path} holds no {what}")
    return line


def draft(path: Path, world: World, content: bytes) -> Path:
    """The content in a new file beside `path`, mode 0600, on disk."""
    beside = path.with_name(f"{path.name}.{world.hex(16)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return beside


def sync_folder(path: Path) -> None:
    """Make the names in the file's folder last."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
