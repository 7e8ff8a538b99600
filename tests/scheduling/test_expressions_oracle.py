"""Cron expressions beside two independent readings: a naive one that looks at every minute, and cronsim."""

from datetime import UTC, datetime
from functools import cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from hostreeve.scheduling.clock import zone
from hostreeve.scheduling.expressions import Timing, parse
from tests.scheduling import naive

DAY_S = 86_400
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Pacific/Chatham",
    "America/Santiago",
)


def _columns(lowest, highest, names=()):
    number = st.integers(lowest, highest)
    said = number.map(lambda n: names[n - lowest] if names and n % 2 else str(n))
    span = st.builds("{}-{}".format, said, said)
    step = st.integers(1, highest - lowest + 1)
    item = said | span | st.builds("{}/{}".format, said | span | st.just("*"), step)
    return st.just("*") | st.lists(item, min_size=1, max_size=3).map(",".join)


PLAIN_WEEKDAY = st.integers(1, 7).map(lambda n: naive.WEEKDAYS[n - 1] if n % 2 else str(n))
WEEKDAYS = st.one_of(
    st.just("*"),
    st.lists(
        PLAIN_WEEKDAY | st.builds("{}-{}".format, PLAIN_WEEKDAY, PLAIN_WEEKDAY), min_size=1, max_size=3
    ).map(",".join),
    PLAIN_WEEKDAY.map("{}L".format) | st.just("L"),
    st.builds("{}#{}".format, PLAIN_WEEKDAY, st.integers(1, 5)),
)
DAYS = _columns(1, 31) | st.sampled_from(["L", "LW", "1W", "15W", "30W", "31W", "L,15", "LW,1-3"])
CRONS = st.builds(
    "cron({}{} {} {} {})".format,
    st.sampled_from(["", "0 ", "0 ", "30 ", "0/20 "]),
    _columns(0, 59),
    _columns(0, 23) | st.just("*") | st.just("0-3"),
    st.one_of(
        DAYS.map("{} * ?".format),
        WEEKDAYS.map("? * {}".format),
        st.builds("{} {} ?".format, DAYS, _columns(1, 12, naive.MONTHS)),
    ),
    st.just("*"),
)


@st.composite
def moments(draw):
    """A zone and an instant in seconds: mostly near to where its clocks are set."""
    name = draw(st.sampled_from(ZONES))
    changes = _changes(name)
    if changes and draw(st.integers(0, 3)):
        return name, draw(st.sampled_from(changes)) + draw(st.integers(-2 * DAY_S, 3 * 3600))
    return name, draw(st.integers(1_500_000_000, 2_500_000_000))


@cache
def _changes(name):
    """Where the offset of a zone changed between 2024 and 2028, by the day."""
    where = ZoneInfo(name)
    days = range(1_704_067_200, 1_830_297_600, DAY_S)
    offsets = [datetime.fromtimestamp(day, where).utcoffset() for day in days]
    return [day for day, (before, after) in zip(days, pairwise(offsets), strict=False) if before != after]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(expression=CRONS, moment=moments())
def test_every_expression_comes_exactly_when_the_naive_reading_says(expression, moment):
    name, after_s = moment
    until_s = after_s + 3 * DAY_S
    expected = list(islice(naive.times(expression, ZoneInfo(name), after_s, until_s), 50))
    timing = Timing(parse(expression), zone(name))
    found = [ms // 1000 for ms in islice(timing.upcoming(after_s * 1000), 50) if ms <= until_s * 1000]
    assert found == expected


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(expression=CRONS, moment=moments())
def test_the_next_time_is_after_and_nothing_lies_between(expression, moment):
    name, after_s = moment
    timing = Timing(parse(expression), zone(name))
    following = timing.following(after_s * 1000)
    if following is None:
        return
    assert following > after_s * 1000
    between = after_s * 1000 + (following - after_s * 1000) // 2
    assert timing.following(between) == following or between >= following


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("cron(0/5 * * * ? *)", "0/5 * * * *"),
        ("cron(15 10 ? * MON-FRI *)", "15 10 * * MON-FRI"),
        ("cron(15 10 ? * 2-6 *)", "15 10 * * 1-5"),
        ("cron(0 2 ? * THU#3 *)", "0 2 * * THU#3"),
        ("cron(0 2 ? * 3#2 *)", "0 2 * * 2#2"),
        ("cron(15 10 ? * 6L *)", "15 10 * * 5L"),
        ("cron(0 2 L * ? *)", "0 2 L * *"),
        ("cron(0 2 LW * ? *)", "0 2 LW * *"),
        ("cron(0 0 29 2 ? *)", "0 0 29 2 *"),
        ("cron(0 0 31 * ? *)", "0 0 31 * *"),
        ("cron(0 0 1 JAN,JUL ? *)", "0 0 1 JAN,JUL *"),
        ("cron(0 0 1-7 * ? *)", "0 0 1-7 * *"),
        ("cron(5/15 9-17/4 ? * WED *)", "5/15 9-17/4 * * WED"),
        ("cron(0 12 ? * 1 *)", "0 12 * * 0"),
        ("cron(0 12 ? * L *)", "0 12 * * 6"),
        ("cron(0 12 ? * MON#5 *)", "0 12 * * MON#5"),
    ],
)
def test_cronsim_says_the_same(ours, theirs):
    begin = datetime(2026, 3, 6, 12, 34, 56, tzinfo=UTC)
    expected = [int(moment.timestamp() * 1000) for moment in islice(CronSim(theirs, begin), 40)]
    timing = Timing(parse(ours))
    assert list(islice(timing.upcoming(int(begin.timestamp() * 1000)), 40)) == expected
