"""Checking the audit log: the files against the database, the database against the files, each against
itself.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from hostreeve.platform.audit.actions.journal import name_in
from hostreeve.platform.audit.model.chain import DATABASE, NOWHERE, Opened
from hostreeve.platform.audit.model.proof import Finding, Link, Walk, differing
from hostreeve.platform.audit.model.seen import seen
from hostreeve.platform.audit.store import chains, copies
from hostreeve.platform.audit.store.chains import Anchor
from hostreeve.platform.audit.store.copies import Look

FINDINGS_MAX = 1000
NAMED_MAX = 5


class Checked(msgspec.Struct, omit_defaults=True):
    """A chain that was looked at: where it lies, how many lines there are and how far it goes."""

    chain: str
    where: str
    lines: int
    last: int
    note: str = ""


class Report(msgspec.Struct):
    """All that was looked at, and all that is wrong."""

    checked: list[Checked]
    findings: list[Finding]

    @property
    def is_whole(self) -> bool:
        return not self.findings


def verify(look: Look, folder: Path) -> Report:
    """Look at the journal in a folder and at everything that the database holds."""
    report = Report([], [])
    anchors = {each.chain: each for each in look(chains.every)}
    own = name_in(folder)
    vouched: dict[int, str] = {}
    from_files: dict[int, str] = {}
    if own:
        from_files = _files(report, folder, anchors.get(own) or _unknown(own), vouched)
    for name in sorted({*anchors, DATABASE} if DATABASE in anchors or vouched else anchors):
        anchor = anchors.get(name) or _unknown(name)
        hashes, checked = _parts(report, look, anchor, _vouched(anchor, vouched))
        if name not in (own, DATABASE):
            checked.note = _elsewhere(anchor)
        report.checked.append(checked)
        if name == own:
            _compare(report, look, folder, (name, from_files, hashes))
    del report.findings[FINDINGS_MAX:]
    return report


def _elsewhere(anchor: Anchor) -> str:
    """Of a journal that lies on another machine, or on none any more."""
    alone = anchor.last.sequence - anchor.kept_sequence
    lines = f"lines {anchor.kept_sequence + 1} to {anchor.last.sequence}"
    more = f"; {lines} lie there alone" if alone > 0 else ""
    return f"its files are not in this folder{more}"


def _vouched(anchor: Anchor, noted: dict[int, str]) -> dict[int, str]:
    """Of the database's own chain, what the database and the journal say of its end. How far a journal goes,
    the database knows before it holds all of it."""
    if anchor.chain != DATABASE:
        return {}
    known = {anchor.last.sequence: anchor.last.hash} if anchor.last.sequence else {}
    return known | {at: digest for at, digest in noted.items() if at > anchor.first.sequence}


def _unknown(name: str) -> Anchor:
    return Anchor(name, NOWHERE, NOWHERE, 0, 0)


def _files(report: Report, folder: Path, anchor: Anchor, vouched: dict[int, str]) -> dict[int, str]:
    """The journal's own files; what they note of the database's chain is put into `vouched`."""
    last = anchor.last
    walk = Walk(anchor.chain, anchor.first, {last.sequence: last.hash} if last.sequence else {})
    report.findings += walk.findings(_noting(_kept(copies.of_files(folder), anchor), vouched))
    report.checked.append(Checked(anchor.chain, str(folder), walk.lines, walk.end.sequence))
    return walk.hashes


def _kept(links: Iterator[Link], anchor: Anchor) -> Iterator[Link]:
    """Without what is older than what is kept: a segment is deleted when all of it is."""
    return (link for link in links if not link.first or link.first > anchor.first.sequence)


def _noting(links: Iterator[Link], vouched: dict[int, str]) -> Iterator[Link]:
    for link in links:
        if link.opened is not None:
            for name, sequence, digest in copies.noted(link.opened):
                if name == DATABASE:
                    vouched[sequence] = digest
        yield link


def _parts(
    report: Report, look: Look, anchor: Anchor, vouched: dict[int, str]
) -> tuple[dict[int, str], Checked]:
    walk = Walk(anchor.chain, anchor.first, vouched)
    report.findings += walk.findings(copies.of_parts(look, anchor.chain))
    end = walk.end.sequence
    if end < anchor.kept_sequence and not vouched:
        text = f"the database is to hold lines up to {anchor.kept_sequence}"
        report.findings.append(Finding(anchor.chain, "truncated", end + 1, anchor.kept_sequence, text))
    return walk.hashes, Checked(anchor.chain, "database", walk.lines, end)


def _compare(
    report: Report, look: Look, folder: Path, both: tuple[str, dict[int, str], dict[int, str]]
) -> None:
    """Where files and database do not say the same, which records it is about."""
    name, ours, theirs = both
    suspect = {first for first, digest in theirs.items() if ours.get(first, digest) != digest}
    suspect |= {
        each.first for each in report.findings if each.chain == name and each.kind in ("changed", "rewritten")
    }
    if not suspect:
        return
    there = _opened_at(copies.of_parts(look, name), suspect)
    for first, opened in _opened_at(copies.of_files(folder), suspect).items():
        if first in there:
            report.findings += _different(name, opened, there[first])


def _opened_at(links: Iterator[Link], firsts: set[int]) -> dict[int, Opened]:
    return {link.first: link.opened for link in links if link.opened and link.first in firsts}


def _different(name: str, ours: Opened, theirs: Opened) -> Iterator[Finding]:
    numbers = differing(ours.first, ours.lines, theirs.lines)
    for number in numbers[:NAMED_MAX]:
        at = number - ours.first
        told = next((_told(lines[at]) for lines in (theirs.lines, ours.lines) if at < len(lines)), "")
        yield Finding(name, "different", number, number, f"files and database differ: {told}")
    if len(numbers) > NAMED_MAX:
        text = f"files and database differ in {len(numbers) - NAMED_MAX} more"
        yield Finding(name, "different", numbers[NAMED_MAX], numbers[-1], text)


def _told(line: bytes) -> str:
    found = seen(line)
    if found is None:
        return "a line that is no record"
    return f"{found.name} of {found.identity.name or 'nobody'}, event {found.event_id}"
