"""Bytes of an answer that stay in files until they are sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FilePart:
    """`size_bytes` of a file, from `offset` on. A handler may answer a blob as a tuple of these."""

    path: Path
    offset: int
    size_bytes: int

    def chunks(self, most_bytes: int) -> Iterator[bytes]:
        """The bytes, at most so many at a time. EOFError when the file is shorter than was said."""
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset)
            left = self.size_bytes
            while left:
                chunk = file.read(min(most_bytes, left))
                if not chunk:
                    raise EOFError(f"{self.path} ended {left} bytes early")
                left -= len(chunk)
                yield chunk
