"""destinationPath: whether it means a file or a folder, and how content gets there in one piece."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterable

from hostreeve.agent.plugins.worker import StepFailed

MODE = 0o700


class Destination:
    """Absolute, or relative to the command's downloads; empty means those."""

    def __init__(self, written: str, downloads: str) -> None:
        # Joined as text, so that a slash at the end stays: it says that a folder is meant.
        self.path = written if os.path.isabs(written) else f"{downloads}/{written}"  # noqa: PTH117

    @property
    def is_folder(self) -> bool:
        return self.path.endswith("/") or Path(self.path).is_dir()

    def file(self, name: str) -> Path:
        """Where a single file goes whose own name is `name`."""
        return Path(self.path) / _own_name(name) if self.is_folder else Path(self.path)

    def within(self, relative: str) -> Path:
        """Where a file of a downloaded folder goes. StepFailed for a name that would lead out of it."""
        parts = [part for part in relative.split("/") if part not in ("", ".")]
        if not parts or ".." in parts or "\0" in relative:
            raise StepFailed(f"refused a file whose name leads out of the destination: {relative!r}")
        return Path(self.path, *parts)


def keep(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file, executable by its owner; it is there as a whole or not at all. OSError, StepFailed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise StepFailed(f"{path} is a folder, and a file is to be put there")
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
        beside.chmod(MODE)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _own_name(name: str) -> str:
    own = name.rstrip("/").rpartition("/")[2]
    if own in ("", ".", "..") or "\0" in own:
        raise StepFailed(f"refused a file named {name!r}")
    return own
