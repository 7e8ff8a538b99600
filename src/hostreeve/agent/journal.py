"""The agent's memory on disk: one record per line, each with a checksum, only ever appended to.

A record that is torn (the last one, after a crash in the middle of writing) or damaged is left out and told
about; all others count. From time to time the file is written anew with only what still matters.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any, Dict, Iterable, List, Tuple

from hostreeve.agent.state import sync_folder

Record = Dict[str, Any]


class Journal:
    """Positions are byte offsets of records; they hold until `rewrite`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a+b", buffering=0)
        path.chmod(0o600)
        self.size_bytes = self._file.seek(0, os.SEEK_END)

    def replay(self) -> "Tuple[List[Tuple[int, Record]], int]":
        """All sound records with their positions, and how many lines were not sound."""
        records: List[Tuple[int, Record]] = []
        damaged = position = 0
        with self._path.open("rb") as lines:
            for line in lines:
                record = _read(line)
                if record is not None:
                    records.append((position, record))
                elif line.strip():
                    damaged += 1
                position += len(line)
        if self.size_bytes and not self._ends_with_newline():
            # What follows must not be glued to a torn line.
            self._file.write(b"\n")
            self.size_bytes += 1
        return records, damaged

    def append(self, record: Record, *, durable: bool = False) -> int:
        """The record's position. Durable: on the disk before this returns. OSError when it cannot be kept."""
        line = _written(record)
        position = self.size_bytes
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(28, "the journal could not be written whole")
            if durable:
                os.fdatasync(self._file.fileno())
        except OSError:
            os.ftruncate(self._file.fileno(), position)
            raise
        self.size_bytes += len(line)
        return position

    def read(self, position: int) -> Record:
        """The record at a position. ValueError when there is none."""
        with self._path.open("rb") as lines:
            lines.seek(position)
            record = _read(lines.readline())
        if record is None:
            raise ValueError(f"the journal has no record at {position}")
        return record

    def rewrite(self, records: Iterable[Record]) -> List[int]:
        """Replace everything by `records`; their new positions."""
        beside = self._path.with_name(self._path.name + ".tmp")
        positions: List[int] = []
        size = 0
        with beside.open("wb") as file:
            for record in records:
                line = _written(record)
                positions.append(size)
                size += file.write(line)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o600)
        beside.replace(self._path)
        sync_folder(self._path.parent)
        self._file.close()
        self._file = self._path.open("a+b", buffering=0)
        self.size_bytes = size
        return positions

    def close(self) -> None:
        self._file.close()

    def _ends_with_newline(self) -> bool:
        return os.pread(self._file.fileno(), 1, self.size_bytes - 1) == b"\n"


def _written(record: Record) -> bytes:
    text = json.dumps(record, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read(line: bytes) -> "Record | None":
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(text):
            return None
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
