"""Frames that hang together: each holds lines of one account and Region, and the hash of all before it.

A frame as text is a head, `#FIRST COUNT HASH`, and its lines: records, or notes of the journal's own. The
hash is SHA-256 over the hash of the frame before, the head without its hash, and the lines. Packed, it is
that text under zlib. Which line of a frame was changed its hash does not tell; the second copy of it does.
"""

import zlib
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

START = "0" * 64
"""What stands before the first frame."""
DATABASE = "database"
"""The chain of records that were written with what they tell of."""
LINES_MAX = 256
"""Of a frame. A page of 50 records from 50 frames must be found in time, and zlib looks back no further."""
TEXT_BYTES_MAX = 128 << 20
"""What is larger, unpacked, is nothing that was packed here."""
LEVEL = 1


class Head(NamedTuple):
    """The end of a chain, or of what is known of it: the number of its last line, and that frame's hash."""

    sequence: int
    hash: str


NOWHERE = Head(0, START)


class Frame(NamedTuple):
    """Lines `first` to `last` of a chain, counted from 1. `packed` is all of it."""

    first: int
    length: int
    hash: str
    packed: bytes

    @property
    def last(self) -> int:
        return self.first + self.length - 1

    @property
    def head(self) -> Head:
        return Head(self.last, self.hash)


class Opened(NamedTuple):
    """A frame taken apart."""

    first: int
    hash: str
    lines: list[bytes]

    @property
    def head(self) -> Head:
        return Head(self.first + len(self.lines) - 1, self.hash)


def frame_of(before: Head, lines: Sequence[bytes]) -> Frame:
    """The next frame behind that one. Lines hold no line break."""
    first, count = before.sequence + 1, len(lines)
    text = b"\n".join(lines)
    digest = hash_of(before.hash, first, count, text)
    packed = zlib.compress(b"#%d %d %b\n%b\n" % (first, count, digest.encode(), text), LEVEL)
    return Frame(first, count, digest, packed)


def hash_of(before: str, first: int, count: int, text: bytes) -> str:
    """The hash of a frame; `text` are its lines without the last one's end."""
    return sha256(b"%b%d %d\n%b" % (before.encode(), first, count, text)).hexdigest()


def text_of(packed: bytes) -> bytes:
    """Frames as text. ValueError when they cannot be unpacked."""
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(packed, TEXT_BYTES_MAX)
    except zlib.error as damaged:
        raise ValueError(f"it cannot be unpacked ({damaged})") from None
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("it goes on behind its end, or has none")
    return text


def marked(packed: bytes, mark: bytes) -> Iterator[bytes]:
    """The lines of packed frames that hold the mark. Most of what is looked through holds few of them, so
    it is not cut into lines first. ValueError when it cannot be unpacked."""
    text = text_of(packed)
    at = text.find(mark)
    while at >= 0:
        end = text.find(b"\n", at)
        end = end if end >= 0 else len(text)
        yield text[text.rfind(b"\n", 0, at) + 1 : end]
        at = text.find(mark, end)


def opened(packed: bytes) -> Iterator[Opened]:
    """The frames that were packed, one or several. ValueError when they are none."""
    lines = text_of(packed).split(b"\n")
    at, end = 0, len(lines) - 1
    while at < end:
        first, count, digest = _head_of(lines[at])
        if at + count >= end:
            raise ValueError("it holds fewer lines than it says")
        yield Opened(first, digest, lines[at + 1 : at + 1 + count])
        at += 1 + count


def _head_of(line: bytes) -> tuple[int, int, str]:
    parts = line[1:].split(b" ")
    is_one = line.startswith(b"#") and len(parts) == 3 and len(parts[2]) == 64
    if not is_one or not (parts[0].isdigit() and parts[1].isdigit()) or not int(parts[1]):
        raise ValueError("it does not begin as a frame does")
    return int(parts[0]), int(parts[1]), parts[2].decode("ascii", "replace")


def repacked(frames: Sequence[Frame]) -> bytes:
    """Several frames as one piece; a single one stays as it is."""
    if len(frames) == 1:
        return frames[0].packed
    return zlib.compress(b"".join(zlib.decompress(frame.packed) for frame in frames), LEVEL)
