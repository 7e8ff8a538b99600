"""Whether a chain is whole: pure rules over its frames, one after another."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from hostreeve.platform.audit.model import chain
from hostreeve.platform.audit.model.chain import Head, Opened


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with a chain. `first` and `last` are numbers of lines, `place` is where to look."""

    chain: str
    kind: str
    """changed, removed, reordered, truncated, rewritten, unreadable or different."""
    first: int
    last: int
    text: str
    place: str = ""


class Link(NamedTuple):
    """What lies at a place: a frame, or why it is none. `first` and `last` are what the place says it holds;
    0 when it says nothing that can be understood."""

    place: str
    first: int
    last: int
    opened: Opened | None
    trouble: str = ""


class Walk:
    """`findings` of a chain's links, in the order in which they lie there.

    `before` stands before the first link; `vouched` are ends of the chain that others have noted.
    """

    def __init__(self, name: str, before: Head, vouched: Mapping[int, str]) -> None:
        self.name = name
        self.lines = 0
        self.hashes: dict[int, str] = {}
        """The hash of each frame by the number of its first line."""
        self._end = before
        self._vouched = dict(vouched)
        self._gaps: list[tuple[int, int]] = []
        self._damaged: list[tuple[int, int]] = []
        self._is_after_trouble = False

    @property
    def end(self) -> Head:
        return self._end

    def findings(self, links: Iterable[Link]) -> Iterator[Finding]:
        """Look at every link, then at what is missing in the end."""
        for link in links:
            if link.opened is None:
                yield self._trouble(link)
            else:
                yield from self._next(link, link.opened)
        for first, last in self._gaps:
            if not any(low <= first and last <= high for low, high in self._damaged):
                yield self._found("removed", first, last, "they are not there")
        known = max(self._vouched, default=0)
        if known > self._end.sequence:
            text = f"it was known to go on to line {known}"
            yield self._found("truncated", self._end.sequence + 1, known, text)

    def _trouble(self, link: Link) -> Finding:
        if link.first:
            self._damaged.append((link.first, link.last))
            if link.first == self._end.sequence + 1:
                self._end = Head(link.last, "")
            return self._found("changed", link.first, link.last, link.trouble, link.place)
        self._is_after_trouble = True
        after = self._end.sequence + 1
        return self._found("unreadable", after, after, link.trouble, link.place)

    def _next(self, link: Link, opened: Opened) -> Iterator[Finding]:
        first, last = opened.first, opened.head.sequence
        expected = self._end.sequence + 1
        if first < expected:
            yield from self._again(link, first, last)
            return
        if first > expected:
            gap = (expected, first - 1)
            (self._damaged if self._is_after_trouble else self._gaps).append(gap)
        elif self._end.hash and _hash(self._end.hash, opened) != opened.hash:
            yield self._found("changed", first, last, "they do not have their hash", link.place)
        yield from self._noted(link, opened)
        self._is_after_trouble = False
        self.lines += len(opened.lines)
        self.hashes[first] = opened.hash
        self._end = opened.head

    def _again(self, link: Link, first: int, last: int) -> Iterator[Finding]:
        """A frame behind those that follow it, or one that is there twice."""
        filled = next((gap for gap in self._gaps if gap[0] <= first and last <= gap[1]), None)
        if filled is None:
            yield self._found("reordered", first, last, "they are there once more", link.place)
            return
        self._gaps.remove(filled)
        rest = [(filled[0], first - 1), (last + 1, filled[1])]
        self._gaps += [gap for gap in rest if gap[0] <= gap[1]]
        text = f"they stand behind line {self._end.sequence}"
        yield self._found("reordered", first, last, text, link.place)

    def _noted(self, link: Link, opened: Opened) -> Iterator[Finding]:
        """What others have noted of lines up to the end of this frame."""
        first, last = opened.first, opened.head.sequence
        for sequence in [number for number in self._vouched if number <= last]:
            noted = self._vouched.pop(sequence)
            if sequence >= first and (sequence != last or noted != opened.hash):
                text = f"line {sequence} had another hash when it was noted: all up to it was written anew"
                yield self._found("rewritten", first, last, text, link.place)

    def _found(self, kind: str, first: int, last: int, text: str, place: str = "") -> Finding:
        return Finding(self.name, kind, first, last, text, place)


def _hash(before: str, opened: Opened) -> str:
    return chain.hash_of(before, opened.first, len(opened.lines), b"\n".join(opened.lines))


def differing(first: int, ours: list[bytes], theirs: list[bytes]) -> list[int]:
    """The numbers of lines that are not the same in two copies."""
    longest = max(len(ours), len(theirs))
    return [first + at for at in range(longest) if ours[at : at + 1] != theirs[at : at + 1]]
