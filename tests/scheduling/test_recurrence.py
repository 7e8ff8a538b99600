"""Recurrence rules beside dateutil's, and how they are refused."""

import time
from datetime import date, datetime, timedelta
from datetime import time as clock
from itertools import islice, takewhile

import pytest
from dateutil.rrule import rrulestr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hostreeve.scheduling.recurrence import dates
from hostreeve.scheduling.recurrence_reading import read_rule

WEEKDAY = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
MONTHS = st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True)
# One that every month has, or dateutil would look for what never comes up to the year 9999.
MONTH_DAYS = st.lists(st.sampled_from([2, 13, 15, 28, 29, 31, -1, -2, -31]), max_size=2).map(
    lambda days: [1, *days]
)
POSITIONS = st.lists(st.sampled_from([1, 2, 3, -1, -2]), min_size=1, max_size=2, unique=True)
# dateutil reads `MO,1MO` as both at once; we read it as either.
NTH = st.sampled_from(["1", "2", "4", "5", "-1", "-2"])


@st.composite
def rules(draw):
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}"]

    def maybe(name, values):
        if draw(st.booleans()):
            parts.append(f"{name}={','.join(map(str, draw(values)))}")
            return True
        return False

    maybe("INTERVAL", st.lists(st.integers(1, 5), min_size=1, max_size=1))
    chosen = [maybe("BYMONTH", MONTHS)]
    has_days = frequency != "WEEKLY" and maybe("BYMONTHDAY", MONTH_DAYS)
    numbered = frequency in ("MONTHLY", "YEARLY") and not has_days and draw(st.booleans())
    weekday = st.builds("{}{}".format, NTH if numbered else st.just(""), WEEKDAY)
    chosen += [has_days, maybe("BYDAY", st.lists(weekday, min_size=1, max_size=3, unique=True))]
    if any(chosen) and frequency in ("MONTHLY", "YEARLY"):
        maybe("BYSETPOS", POSITIONS)
    maybe("WKST", st.lists(WEEKDAY, min_size=1, max_size=1))
    ends = draw(st.sampled_from(["", "COUNT=7", "COUNT=1", "UNTIL=20290315T235959"]))
    return ";".join([*parts, ends]) if ends else ";".join(parts)


def _at(day, hour):
    return datetime.combine(day, clock(hour))


def rule_of(text):
    return read_rule(text, lambda until: date.fromisoformat(until[:8]))


@pytest.mark.slow
@settings(max_examples=100, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(text=rules(), first=st.dates(date(2020, 1, 1), date(2027, 12, 31)), days=st.integers(-400, 2000))
def test_a_rule_means_what_dateutil_says(text, first, days):
    since = first + timedelta(days=days)
    end = max(since, first) + timedelta(days=2196)
    theirs = rrulestr(text, dtstart=_at(first, 9))
    expected = [moment.date() for moment in islice(theirs.xafter(_at(since, 0)), 12)]
    found = list(islice(dates(rule_of(text), first, since, end), 12))
    assert found == list(takewhile(lambda day: day <= end, expected))


def test_a_rule_that_never_comes_costs_little():
    began = time.process_time()
    for text in ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3"):
        assert not list(dates(rule_of(text), date(1970, 1, 1), date(2026, 1, 1), date(2199, 1, 1)))
    assert time.process_time() - began < 2


def test_a_rule_that_is_old_costs_no_more_than_a_young_one():
    found = dates(rule_of("FREQ=DAILY;INTERVAL=3"), date(1970, 1, 2), date(2026, 1, 1), date(2026, 1, 6))
    assert list(found) == [date(2026, 1, 2), date(2026, 1, 5)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "NAME=value"),
        ("FREQ=", "NAME=value"),
        ("FREQ=HOURLY", "FREQ must be"),
        ("INTERVAL=2", "FREQ must be"),
        ("FREQ=DAILY;FREQ=DAILY", "given twice"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be"),
        ("FREQ=DAILY;INTERVAL=99999999999999999999", "INTERVAL must be"),
        ("FREQ=DAILY;COUNT=1.5", "COUNT must be"),
        ("FREQ=DAILY;COUNT=10001", "COUNT must be"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "exclude"),
        ("FREQ=DAILY;BYHOUR=2", "BYHOUR is not supported"),
        ("FREQ=YEARLY;BYWEEKNO=2", "BYWEEKNO is not supported"),
        ("FREQ=WEEKLY;BYDAY=XX", "weekday"),
        ("FREQ=WEEKLY;BYDAY=2MO", "cannot have a number"),
        ("FREQ=MONTHLY;BYDAY=0MO", "there is no 0MO"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "without 0"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "from -31 to 31"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "no meaning"),
        ("FREQ=YEARLY;BYMONTH=13", "from 1 to 12"),
        ("FREQ=MONTHLY;BYSETPOS=1", "another BY part"),
        ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=1", "MONTHLY and YEARLY"),
        ("FREQ=WEEKLY;WKST=XX", "WKST"),
    ],
)
def test_a_malformed_rule_names_its_part(text, reason):
    with pytest.raises(ValueError, match=reason):
        rule_of(text)
