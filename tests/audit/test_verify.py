"""What is done to files or database behind the server's back is found."""

import zlib

import pytest

from hostreeve.platform import audit
from hostreeve.platform.audit.model import chain
from hostreeve.platform.audit.model.chain import DATABASE, NOWHERE, Frame
from hostreeve.platform.audit.model.parts import OWN, Line
from hostreeve.platform.audit.store.segments import files, placed_in, written


class Evidence:
    """A house in which something has happened, and its audit log to do something to."""

    def __init__(self, audited):
        self.audited, self.house = audited, audited.house
        self.auditor = self.house.app.auditor
        self.journal = self.auditor.journal
        self.database = self.house.app.database

    def happen(self, times=3):
        """So many reads and writes, each in a frame of its own."""
        for at in range(times):
            self.audited.ssm.put_parameter(Name=f"/{self.house.world.hex(6)}", Type="String", Value="v")
            self.audited.ssm.describe_parameters(MaxResults=at + 1)
            self.auditor.catch_up()
            self.journal.sync()
            self.audited.world.advance(2)

    def told(self):
        """Kind and lines of what is found, by chain: the journal's and the database's."""
        report = audit.verify(self.database.read_sync, self.journal.folder)
        found = {"journal": [], "database": []}
        for each in report.findings:
            found["database" if each.chain == DATABASE else "journal"].append(each)
        return found

    def kinds(self):
        return {name: [each.kind for each in those] for name, those in self.told().items()}

    def frames(self):
        (path,) = files(self.journal.folder)
        return path, [placed.frame for placed in placed_in(path)]

    def keep(self, path, frames):
        path.write_bytes(b"".join(map(written, frames)))

    def sql(self, text, **values):
        self.database.write_sync(lambda tx: tx.run(text, **values))


@pytest.fixture
def evidence(audited):
    made = Evidence(audited)
    made.happen()
    return made


@pytest.fixture
def packed(evidence):
    evidence.audited.pack()
    evidence.happen()
    evidence.audited.pack()
    return evidence


def nothing():
    return {"journal": [], "database": []}


def forged(frame, old, new):
    """The frame with something replaced, under the hash that it had."""
    text = zlib.decompress(frame.packed)
    assert old in text
    return frame._replace(packed=zlib.compress(text.replace(old, new)))


def test_what_nobody_touched_is_whole(evidence):
    assert evidence.told() == nothing()
    evidence.audited.pack()
    assert evidence.told() == nothing()
    evidence.happen()
    assert evidence.told() == nothing()


def test_a_record_changed_in_the_files_is_named(packed):
    path, frames = packed.frames()
    at = next(i for i, f in enumerate(frames) if b"DescribeParameters" in zlib.decompress(f.packed))
    frames[at] = forged(frames[at], b'"maxResults":1', b'"maxResults":9')
    packed.keep(path, frames)
    changed, different = packed.told()["journal"]
    assert (changed.kind, changed.first, changed.last) == ("changed", frames[at].first, frames[at].last)
    assert path.name in changed.place
    assert different.kind == "different" and "DescribeParameters of administrator" in different.text
    assert packed.told()["database"] == []


def test_a_record_of_a_write_changed_in_the_database_is_found(packed):
    row = packed.database.read_sync(
        lambda tx: tx.one("SELECT part, frames FROM audit_part WHERE chain = 'database' LIMIT 1")
    )
    text = zlib.decompress(row["frames"])
    assert b"administrator" in text
    frames = zlib.compress(text.replace(b"administrator", b"somebody-else"))
    packed.sql("UPDATE audit_part SET frames = :frames WHERE part = :part", frames=frames, part=row["part"])
    found = packed.told()
    assert found["journal"] == [] and {each.kind for each in found["database"]} == {"changed"}
    assert found["database"][0].place == f"part {row['part']} of the database"


def test_a_frame_taken_out_of_the_files_is_missed(packed):
    path, frames = packed.frames()
    gone = frames.pop(1)
    packed.keep(path, frames)
    (found,) = packed.told()["journal"]
    assert (found.kind, found.first, found.last) == ("removed", gone.first, gone.last)


def test_a_part_deleted_from_the_database_is_missed(packed):
    row = packed.database.read_sync(
        lambda tx: tx.one(
            "SELECT part, first_sequence, last_sequence FROM audit_part WHERE chain = 'database'"
            " ORDER BY first_sequence LIMIT 1"
        )
    )
    packed.sql("DELETE FROM audit_part WHERE part = :part", part=row["part"])
    (found,) = packed.told()["database"]
    assert (found.kind, found.first, found.last) == (
        "removed",
        row["first_sequence"],
        row["last_sequence"],
    )


def test_frames_that_changed_places_are_found(packed):
    path, frames = packed.frames()
    frames[1], frames[2] = frames[2], frames[1]
    packed.keep(path, frames)
    assert packed.kinds()["journal"] == ["reordered"]


def test_files_cut_off_at_the_end_are_known_to_have_gone_on(packed):
    path, frames = packed.frames()
    packed.keep(path, frames[:-2])
    (found,) = packed.told()["journal"]
    assert (found.kind, found.first, found.last) == ("truncated", frames[-2].first, frames[-1].last)


def test_files_deleted_altogether_are_missed(packed):
    path, frames = packed.frames()
    path.unlink()
    (found,) = packed.told()["journal"]
    assert (found.kind, found.first, found.last) == ("truncated", 1, frames[-1].last)


def test_a_database_cut_off_at_the_end_is_known_to_the_journal(packed):
    """Also where whoever did it put back what the database itself notes of its end."""
    packed.happen()
    packed.audited.pack()
    packed.audited.pack()
    ends = packed.database.read_sync(
        lambda tx: tx.all(
            "SELECT part, first_sequence, frames FROM audit_part WHERE chain = 'database'"
            " ORDER BY first_sequence"
        )
    )
    last, before = ends[-1], list(chain.opened(ends[-2]["frames"]))[-1].head
    packed.sql("DELETE FROM audit_part WHERE part = :part", part=last["part"])
    packed.sql(
        "UPDATE audit_chain SET last_sequence = :sequence, last_hash = :hash, kept_sequence = :sequence"
        " WHERE chain = 'database'",
        sequence=before.sequence,
        hash=before.hash,
    )
    found = packed.told()["database"]
    assert [each.kind for each in found] == ["truncated"]
    assert found[0].first == before.sequence + 1


def test_files_written_anew_from_the_first_line_do_not_pass(packed):
    """Every hash is right again, and still the database knows another one, and other records."""
    path, frames = packed.frames()
    anew, before = [], NOWHERE
    for frame in frames:
        (opened,) = chain.opened(frame.packed)
        lines = [line.replace(b"administrator", b"somebody-else") for line in opened.lines]
        anew.append(chain.frame_of(before, lines))
        before = anew[-1].head
    packed.keep(path, anew)
    kinds = packed.kinds()["journal"]
    assert kinds.count("rewritten") == 1 and "different" in kinds


def test_what_is_no_frame_is_told_and_the_rest_is_looked_at(packed):
    path, frames = packed.frames()
    whole = path.read_bytes()
    at = len(written(frames[0]))
    path.write_bytes(whole[: at + 20] + b"\0" * 30 + whole[at + 50 :])
    kinds = packed.kinds()["journal"]
    assert kinds[0] in ("changed", "unreadable") and "truncated" not in kinds
    path.write_bytes(whole[:at] + b"no frame\n" + whole[at:])
    assert packed.kinds()["journal"] == ["unreadable"]


def test_half_a_frame_at_the_end_is_what_a_crash_leaves(packed):
    path, frames = packed.frames()
    packed.auditor.close()
    more = chain.frame_of(frames[-1].head, [b"{}"])
    path.write_bytes(path.read_bytes() + written(more)[:-5])
    again = audit.journal_in(packed.journal.folder, packed.house.world)
    assert again.head == frames[-1].head
    again.append(Line(OWN, b'{"note":"after"}'))
    again.close()
    assert packed.told() == nothing()


def test_a_frame_says_in_its_head_what_it_is(packed):
    path, frames = packed.frames()
    frames[1] = Frame(frames[1].first, frames[1].length, "0" * 64, frames[1].packed)
    packed.keep(path, frames)
    assert packed.kinds()["journal"][0] == "changed"
