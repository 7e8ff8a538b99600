"""Chains as they lie in the files and in the parts, for those who check or export them."""

import heapq
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hostreeve.persistence.database import Transaction
from hostreeve.platform.audit.model import chain
from hostreeve.platform.audit.model.chain import Opened
from hostreeve.platform.audit.model.proof import Link
from hostreeve.platform.audit.store import parts
from hostreeve.platform.audit.store.segments import files, placed_in

T = TypeVar("T")
PARTS_AT_ONCE = 64

Look = Callable[[Callable[[Transaction], Any]], Any]
"""Runs a unit that reads; each one sees what is there then."""


def of_files(folder: Path) -> Iterator[Link]:
    """Everything in a journal's segments."""
    for path in files(folder):
        for placed in placed_in(path):
            place = f"{path.name} byte {placed.at}"
            frame = placed.frame
            if frame is None:
                yield Link(place, 0, 0, None, f"{placed.end - placed.at} bytes are no frame")
                continue
            try:
                (opened,) = chain.opened(frame.packed)
            except ValueError as trouble:
                yield Link(place, frame.first, frame.last, None, str(trouble))
                continue
            if (opened.first, len(opened.lines), opened.hash) != (frame.first, frame.length, frame.hash):
                text = "it is not the frame that its head says"
                yield Link(place, frame.first, frame.last, None, text)
                continue
            yield Link(place, frame.first, frame.last, opened)


def of_parts(look: Look, name: str) -> Iterator[Link]:
    """Every frame of a chain's parts, in the order of their lines: those of several accounts lie in parts of
    their own, beside one another."""
    waiting: list[tuple[int, int, Link]] = []
    count = 0
    for row in _rows(look, name):
        while waiting and waiting[0][0] < row["first_sequence"]:
            yield heapq.heappop(waiting)[2]
        for link in _opened(row):
            count += 1
            heapq.heappush(waiting, (link.first, count, link))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _rows(look: Look, name: str) -> Iterator[dict[str, Any]]:
    after = (0, 0)
    while True:
        rows = look(partial(parts.of_chain, chain=name, after=after, at_most=PARTS_AT_ONCE))
        yield from rows
        if len(rows) < PARTS_AT_ONCE:
            return
        after = (rows[-1]["first_sequence"], rows[-1]["part"])


def _opened(row: dict[str, Any]) -> Iterator[Link]:
    place = f"part {row['part']} of the database"
    try:
        for opened in list(chain.opened(row["frames"])):
            yield Link(place, opened.first, opened.head.sequence, opened)
    except ValueError as trouble:
        yield Link(place, row["first_sequence"], row["last_sequence"], None, str(trouble))


class _Note(msgspec.Struct):
    note: str
    chain: str = ""
    sequence: int = 0
    hash: str = ""


def noted(opened: Opened) -> Iterator[tuple[str, int, str]]:
    """Chain, line and hash that a journal's notes vouch for."""
    for line in opened.lines:
        if line.startswith(b'{"note":"anchor"'):
            try:
                note = msgspec.json.decode(line, type=_Note)
            except msgspec.DecodeError:
                continue
            yield note.chain, note.sequence, note.hash
