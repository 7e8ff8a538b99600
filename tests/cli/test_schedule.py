"""`hostreeve schedule`: the next times in a zone's own clock, the expression in words; no server is asked."""

import json

import pytest

from hostreeve.__main__ import main


def test_it_shows_the_next_ten_times_by_the_clock_of_the_zone_and_the_sentence(capsys):
    assert main(["schedule", "cron(0 2 ? * THU#3 2030)", "--timezone", "America/Los_Angeles"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "At 02:00 on the third Thursday of the month in 2030, America/Los_Angeles time."
    assert lines[1] == "Thu 2030-01-17 02:00:00 PST"
    assert lines[7] == "Thu 2030-07-18 02:00:00 PDT"
    assert len(lines) == 11
    assert not err


def test_json_is_one_document(capsys):
    assert main(["schedule", "cron(0 3 1 6 ? 2031-2040)", "--count", "2", "--offset", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "Expression": "cron(0 3 1 6 ? 2031-2040)",
        "Timezone": "UTC",
        "Words": "at 03:00 on day 1 of the month in June in 2031 to 2040, and 1 day later",
        "Times": ["2031-06-02T03:00:00+00:00", "2032-06-02T03:00:00+00:00"],
        "RefusedForMaintenanceWindows": None,
        "RefusedForAssociations": "month: associations do not support months: write *",
    }


def test_it_says_who_would_refuse_it_and_that_it_never_comes(capsys):
    assert main(["schedule", "cron(0 2 30 2 ?)", "--end-date", "2031-01-01"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert "It never comes." in err
    assert "Not for maintenance windows: cron: has 5 fields" in err
    assert "Not for associations: month" in err


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["cron(0 25 ? * * *)"], "hours: '25'"),
        (["rate(5 minutes)", "--offset", "1"], "offset"),
        (["rate(5 minutes)", "--timezone", "Mars/Base"], "timezone"),
        (["rate(5 minutes)", "--start-date", "soon"], "date"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(capsys, arguments, field):
    assert main(["schedule", *arguments]) == 2
    assert field in capsys.readouterr().err
