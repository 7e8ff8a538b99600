"""Stretches of a content: which pieces hold a range of it, and where its parts begin."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hostreeve.platform.objects.model.rows import Piece


def stretch(pieces: Iterable[Piece], offset: int, length: int) -> list[Piece]:
    """What holds `length` bytes from `offset` on."""
    found: list[Piece] = []
    for piece in pieces:
        take = min(piece.size_bytes - offset, length)
        if take > 0:
            found.append(replace(piece, offset_bytes=piece.offset_bytes + offset, size_bytes=take))
            length -= take
        offset = max(0, offset - piece.size_bytes)
    return found


def part_span(pieces: Sequence[Piece], number: int) -> tuple[int, int]:
    """(offset, length) of one part; an empty part has no pieces."""
    before = sum(piece.size_bytes for piece in pieces if piece.part < number)
    return before, sum(piece.size_bytes for piece in pieces if piece.part == number)
