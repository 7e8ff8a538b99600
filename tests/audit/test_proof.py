"""Whatever is done to a chain is found, and said to be where it is."""

import contextlib
import zlib

from hypothesis import given
from hypothesis import strategies as st

from hostreeve.platform.audit.model import chain
from hostreeve.platform.audit.model.chain import NOWHERE, Head, Opened
from hostreeve.platform.audit.model.proof import Link, Walk


def chained(lengths, before=NOWHERE):
    """Frames of so many lines each."""
    frames = []
    for length in lengths:
        lines = [b"line %d" % (before.sequence + 1 + at) for at in range(length)]
        frame = chain.frame_of(before, lines)
        (opened,) = chain.opened(frame.packed)
        frames.append(opened)
        before = frame.head
    return frames


def links(frames):
    return [Link(f"place {at}", f.first, f.head.sequence, f) for at, f in enumerate(frames)]


def found(frames, end, before=NOWHERE):
    walk = Walk("c", before, {end.sequence: end.hash} if end.sequence else {})
    return [(each.kind, each.first, each.last) for each in walk.findings(links(frames))]


chains_of_frames = st.lists(st.integers(1, 4), min_size=3, max_size=8)


@given(chains_of_frames, st.integers(0, 2))
def test_a_chain_that_nobody_touched_is_whole_wherever_it_begins(lengths, kept_from):
    frames = chained(lengths)
    before = frames[kept_from - 1].head if kept_from else NOWHERE
    assert found(frames[kept_from:], frames[-1].head, before) == []


@given(chains_of_frames, st.data())
def test_a_changed_line_is_found_in_its_frame(lengths, data):
    frames = chained(lengths)
    at = data.draw(st.integers(0, len(frames) - 1))
    changed = frames[at]
    line = data.draw(st.integers(0, len(changed.lines) - 1))
    lines = [*changed.lines]
    lines[line] += b"!"
    end = frames[-1].head
    frames[at] = Opened(changed.first, changed.hash, lines)
    assert found(frames, end) == [("changed", changed.first, changed.head.sequence)]


@given(chains_of_frames, st.data())
def test_a_removed_frame_is_missed(lengths, data):
    frames = chained(lengths)
    at = data.draw(st.integers(0, len(frames) - 1))
    end, gone = frames[-1].head, frames.pop(at)
    kind = "truncated" if at == len(frames) else "removed"
    assert found(frames, end) == [(kind, gone.first, gone.head.sequence)]


@given(chains_of_frames, st.data())
def test_two_frames_that_changed_places_are_found(lengths, data):
    frames = chained(lengths)
    at = data.draw(st.integers(0, len(frames) - 2))
    first, end = frames[at], frames[-1].head
    frames[at : at + 2] = [frames[at + 1], frames[at]]
    told = found(frames, end)
    assert ("reordered", first.first, first.head.sequence) in told and len(told) == 1


@given(chains_of_frames, st.data())
def test_lines_that_changed_places_within_a_frame_are_found(lengths, data):
    frames = chained([*lengths, 3])
    last = frames[-1]
    frames[-1] = Opened(last.first, last.hash, last.lines[::-1])
    assert found(frames, last.head) == [("changed", last.first, last.head.sequence)]


@given(chains_of_frames, st.data())
def test_a_frame_that_is_there_twice_is_found(lengths, data):
    frames = chained(lengths)
    at = data.draw(st.integers(0, len(frames) - 1))
    twice, end = frames[at], frames[-1].head
    frames.insert(data.draw(st.integers(at + 1, len(frames))), twice)
    assert found(frames, end) == [("reordered", twice.first, twice.head.sequence)]


@given(chains_of_frames, st.integers(1, 2))
def test_a_chain_that_is_cut_off_is_known_to_have_gone_on(lengths, less):
    frames = chained(lengths)
    end = frames[-1].head
    gone = frames[-less]
    assert found(frames[:-less], end) == [("truncated", gone.first, end.sequence)]


@given(chains_of_frames)
def test_a_chain_that_was_written_anew_does_not_lead_to_the_noted_hash(lengths):
    frames = chained(lengths)
    forged = chained(lengths, Head(0, "f" * 64))
    assert [kind for kind, _, _ in found(forged, frames[-1].head, Head(0, "f" * 64))] == ["rewritten"]


def test_damage_is_told_once_and_what_follows_is_looked_at():
    frames = chained([2, 2, 2, 2])
    given = links(frames)
    given[1] = Link("place 1", 3, 4, None, "it cannot be unpacked")
    changed = frames[3]._replace(lines=[b"x", b"y"])
    given[3] = given[3]._replace(opened=changed)
    walk = Walk("c", NOWHERE, {8: frames[3].hash})
    told = [(each.kind, each.first, each.last) for each in walk.findings(given)]
    assert told == [("changed", 3, 4), ("changed", 7, 8)]
    given[1] = Link("place 1", 0, 0, None, "12 bytes are no frame")
    walk = Walk("c", NOWHERE, {})
    told = [(each.kind, each.first, each.last) for each in walk.findings(given)]
    assert told == [("unreadable", 3, 3), ("changed", 7, 8)]


@given(st.binary(max_size=300))
def test_no_bytes_are_more_than_no_frame(junk):
    for packed in (junk, zlib.compress(junk), zlib.compress(b"#1 2 " + junk)):
        with contextlib.suppress(ValueError):
            assert all(isinstance(each, Opened) for each in chain.opened(packed))
