"""Lines that hang together: each carries the hash of itself and, through it, of all before it.

A line is its sequence number, that hash, and JSON: a record, or a note of the journal's own.
"""

from hashlib import sha256
from typing import NamedTuple

START = "0" * 64
"""What stands before the first line."""
DATABASE = "database"
"""The chain of records that were written with what they tell of."""


class Link(NamedTuple):
    """One line. `sequence` counts from 1."""

    sequence: int
    hash: str
    content: bytes


class Head(NamedTuple):
    """The end of a chain, or of what is known of it."""

    sequence: int
    hash: str


NOWHERE = Head(0, START)


def hash_of(before: str, content: bytes) -> str:
    return sha256(before.encode() + content).hexdigest()


def line_of(sequence: int, digest: str, content: bytes) -> bytes:
    return b"%d %b %b\n" % (sequence, digest.encode(), content)


def read(line: bytes) -> Link | None:
    """The link that a line (with or without its end) holds; None when it holds none."""
    sequence, _, rest = line.rstrip(b"\n").partition(b" ")
    digest, _, content = rest.partition(b" ")
    if not sequence.isdigit() or len(sequence) > 18 or len(digest) != 64 or not content:
        return None
    try:
        return Link(int(sequence), digest.decode("ascii"), content)
    except UnicodeDecodeError:
        return None
