"""The journal: what was appended is there again, whatever happened to the file's end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostreeve.agent.journal import Journal

RECORDS = st.lists(
    st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=9), max_size=3), max_size=8
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(records=RECORDS, torn=st.integers(0, 40))
def test_a_torn_end_costs_at_most_the_records_it_touches(tmp_path: Path, records: list, torn: int):
    path = tmp_path / "journal"
    path.unlink(missing_ok=True)
    journal = Journal(path)
    positions = [journal.append(record) for record in records]
    assert [journal.read(position) for position in positions] == records
    journal.close()
    content = path.read_bytes()
    kept = content[: max(0, len(content) - torn)]
    path.write_bytes(kept)
    # A record that lacks nothing but its newline is whole.
    ends = [at for at, byte in enumerate(content) if byte == 10]
    whole = len([end for end in ends if end <= len(kept)])
    again = Journal(path)
    found, damaged = again.replay()
    assert [record for _, record in found] == records[:whole]
    assert damaged <= 1
    again.append({"after": 1}, durable=True)
    again.close()
    assert [record for _, record in Journal(path).replay()[0]] == [*records[:whole], {"after": 1}]


def test_a_damaged_record_in_the_middle_costs_itself_only(tmp_path: Path):
    path = tmp_path / "journal"
    journal = Journal(path)
    for number in range(3):
        journal.append({"n": number})
    lines = path.read_bytes().splitlines(True)
    path.write_bytes(lines[0] + lines[1].replace(b"1", b"7") + b"\0\xff garbage\n" + lines[2])
    found, damaged = Journal(path).replay()
    assert [record["n"] for _, record in found] == [0, 2]
    assert damaged == 2


def test_a_rewritten_journal_holds_what_it_was_given_and_goes_on(tmp_path: Path):
    journal = Journal(tmp_path / "journal")
    for number in range(100):
        journal.append({"n": number})
    positions = journal.rewrite([{"n": 98}, {"n": 99}])
    assert [journal.read(position) for position in positions] == [{"n": 98}, {"n": 99}]
    last = journal.append({"n": 100})
    assert journal.read(last) == {"n": 100}
    assert [record["n"] for _, record in journal.replay()[0]] == [98, 99, 100]


def test_nobody_else_may_read_it(tmp_path: Path):
    Journal(tmp_path / "journal")
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600


def test_a_position_without_a_record_is_an_error(tmp_path: Path):
    journal = Journal(tmp_path / "journal")
    journal.append({"n": 1})
    with pytest.raises(ValueError):
        journal.read(3)
