"""Schedule expressions: what they mean, when they come, and the field that a refusal names."""

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from hostreeve.scheduling import rules
from hostreeve.scheduling.clock import date_ms, zone
from hostreeve.scheduling.expressions import Timing, parse
from hostreeve.scheduling.refusal import InvalidExpression
from hostreeve.scheduling.words import in_words


def comes(expression, after, *, timezone="UTC", count=3, **timing):
    """The next times, as the clock of the zone shows them."""
    where = zone(timezone)
    timing = {name: date_ms(text) if name.endswith("_ms") else text for name, text in timing.items()}
    times = Timing(parse(expression), where, **timing).upcoming(date_ms(after))
    return [f"{datetime.fromtimestamp(ms / 1000, where):%a %Y-%m-%d %H:%M:%S}" for ms in islice(times, count)]


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        ("cron(0 2 ? * THU#3 *)", "Thu 2026-03-19 02:00:00"),
        ("cron(15 10 ? * MON-FRI *)", "Mon 2026-03-09 10:15:00"),
        ("cron(0 2 L * ? *)", "Tue 2026-03-31 02:00:00"),
        ("cron(15 10 ? * 6L *)", "Fri 2026-03-27 10:15:00"),
        ("cron(24 30 09 ? * * *)", "Sat 2026-03-07 09:30:24"),
        ("cron(0 */30 * * * ? *)", "Fri 2026-03-06 13:00:00"),
        ("cron(0 1 ? * SUN *)", "Sun 2026-03-08 01:00:00"),
        ("cron(0 15 10 ? * *)", "Sat 2026-03-07 10:15:00"),
        ("cron(0 0 2 L * ?)", "Tue 2026-03-31 02:00:00"),
        ("cron(0 30 23 ? * TUE#3 *)", "Tue 2026-03-17 23:30:00"),
        ("cron(0 2 ? * SUN)", "Sun 2026-03-08 02:00:00"),
        ("cron(0 2 15W * ? *)", "Mon 2026-03-16 02:00:00"),
        ("cron(0 2 1W AUG ? *)", "Mon 2026-08-03 02:00:00"),
        ("cron(0 2 LW MAY ? *)", "Fri 2026-05-29 02:00:00"),
        ("cron(0 0 29 2 ? *)", "Tue 2028-02-29 00:00:00"),
        ("cron(0 12 ? * 1 *)", "Sun 2026-03-08 12:00:00"),
        ("cron(0 12 ? * L *)", "Sat 2026-03-07 12:00:00"),
        ("cron(0 12 ? * FRI-MON *)", "Sat 2026-03-07 12:00:00"),
        ("cron(0 12 ? * MON#5 *)", "Mon 2026-03-30 12:00:00"),
    ],
)
def test_the_examples_of_aws_mean_what_aws_says(expression, first):
    assert comes(expression, "2026-03-06T12:34:56", count=1) == [first]


def test_a_time_that_summer_time_skips_comes_at_the_first_instant_after_it_and_once():
    assert comes("cron(0/20 2 ? * * *)", "2026-03-08T05:00:00Z", timezone="America/New_York", count=4) == [
        "Sun 2026-03-08 03:00:00",
        "Mon 2026-03-09 02:00:00",
        "Mon 2026-03-09 02:20:00",
        "Mon 2026-03-09 02:40:00",
    ]


def test_a_time_that_the_clock_shows_twice_comes_once():
    expected = ["Mon 2026-11-02 01:30:00", "Tue 2026-11-03 01:30:00"]
    # Half past one comes at 05:30Z; an hour later the clock shows it again.
    for after in ("2026-11-01T05:30:00Z", "2026-11-01T06:10:00Z", "2026-11-01T06:40:00Z"):
        assert comes("cron(30 1 ? * * *)", after, timezone="America/New_York", count=2) == expected


def test_a_day_that_a_zone_left_out_comes_when_the_next_begins():
    assert comes("cron(0 12 30 12 ? *)", "2011-12-29T00:00:00Z", timezone="Pacific/Apia", count=1) == [
        "Sat 2011-12-31 00:00:00"
    ]


def test_the_start_date_bounds_the_period_and_the_zone_rules_the_clock():
    assert comes(
        "cron(0 09 ? * WED *)",
        "2020-06-01T00:00:00Z",
        timezone="America/Los_Angeles",
        start_ms="2021-01-01T00:00:00-08:00",
        count=1,
    ) == ["Wed 2021-01-06 09:00:00"]


def test_start_and_end_are_included():
    bounds = {"start_ms": "2026-03-10T01:00:00Z", "end_ms": "2026-03-12T01:00:00Z"}
    assert comes("cron(0 1 ? * * *)", "2026-03-01T00:00:00Z", count=9, **bounds) == [
        "Tue 2026-03-10 01:00:00",
        "Wed 2026-03-11 01:00:00",
        "Thu 2026-03-12 01:00:00",
    ]


def test_an_offset_delays_by_days_and_skips_a_period_whose_base_day_is_over():
    # 2026-03-17 is the third Tuesday; the schedule is made the day after.
    made = {"anchor_ms": "2026-03-18T08:00:00Z", "offset_days": 2}
    assert comes("cron(30 23 ? * TUE#3 *)", "2026-03-18T08:00:00Z", **made, count=2) == [
        "Thu 2026-04-23 23:30:00",
        "Thu 2026-05-21 23:30:00",
    ]
    before = {"anchor_ms": "2026-03-17T08:00:00Z", "offset_days": 2}
    assert comes("cron(30 23 ? * TUE#3 *)", "2026-03-17T08:00:00Z", **before, count=1) == [
        "Thu 2026-03-19 23:30:00"
    ]
    assert comes("cron(30 23 ? * TUE#3 *)", "2026-03-18T08:00:00Z", **before, count=1) == [
        "Thu 2026-03-19 23:30:00"
    ]


def test_a_rate_counts_from_when_it_was_made_or_from_a_later_start():
    made = {"anchor_ms": "2026-03-06T12:34:56Z"}
    assert comes("rate(12 hours)", "2026-03-06T12:34:56Z", **made, count=2) == [
        "Sat 2026-03-07 00:34:56",
        "Sat 2026-03-07 12:34:56",
    ]
    assert comes("rate(1 day)", "2026-03-06T12:34:56Z", start_ms="2026-04-01T06:00:00Z", **made, count=2) == [
        "Wed 2026-04-01 06:00:00",
        "Thu 2026-04-02 06:00:00",
    ]
    assert comes("rate(1day)", "2026-05-06T12:34:55Z", start_ms="2025-04-01T06:00:00Z", **made, count=1) == [
        "Wed 2026-05-06 12:34:56"
    ]


def test_at_comes_once_by_the_clock_of_its_zone():
    assert comes("at(2027-01-01T09:00)", "2026-03-06T00:00:00Z", timezone="Asia/Tokyo") == [
        "Fri 2027-01-01 09:00:00"
    ]
    assert comes("at(2027-01-01T09:00:30)", "2027-01-01T09:00:30Z") == []


def test_what_never_comes_says_so():
    assert comes("cron(0 0 30 2 ? *)", "2026-03-06T00:00:00Z") == []
    assert comes("cron(0 0 1 1 ? 2020)", "2026-03-06T00:00:00Z") == []
    assert comes("cron(0 0 1 1 ? *)", "2199-03-06T00:00:00Z") == []
    assert Timing(parse("cron(* * * * ? *)")).following(10**17) is None


@pytest.mark.parametrize(
    ("expression", "field"),
    [
        ("rate(1 hours)", "unit"),
        ("rate(5 hour)", "unit"),
        ("rate(5 weeks)", "unit"),
        ("rate(0 minutes)", "value"),
        ("rate(99999999 days)", "value"),
        ("rate(five minutes)", "rate"),
        ("rate(5.5 minutes)", "rate"),
        ("rate()", "rate"),
        ("cron(0 10 * * * *)", "day-of-month"),
        ("cron(0 10 ? * ? *)", "day-of-month"),
        ("cron(60 10 ? * * *)", "minutes"),
        ("cron(0 24 ? * * *)", "hours"),
        ("cron(0 10 0 * ? *)", "day-of-month"),
        ("cron(0 10 32 * ? *)", "day-of-month"),
        ("cron(0 10 32W * ? *)", "day-of-month"),
        ("cron(0 10 W * ? *)", "day-of-month"),
        ("cron(0 10 L-3 * ? *)", "day-of-month"),
        ("cron(0 10 ? 13 * *)", "month"),
        ("cron(0 10 ? JANUARY * *)", "month"),
        ("cron(0 10 ? * 0 *)", "day-of-week"),
        ("cron(0 10 ? * 8 *)", "day-of-week"),
        ("cron(0 10 ? * 3#6 *)", "day-of-week"),
        ("cron(0 10 ? * 3#1,6#3 *)", "day-of-week"),
        ("cron(0 10 ? * 2/2 *)", "day-of-week"),
        ("cron(0 10 ? * * 1969)", "year"),
        ("cron(0 10 ? * * 2200)", "year"),
        ("cron(60 0 10 ? * * *)", "seconds"),
        ("cron(*/0 10 ? * * *)", "minutes"),
        ("cron(*/61 10 ? * * *)", "minutes"),
        ("cron(1-2-3 10 ? * * *)", "minutes"),
        ("cron(1, 10 ? * * *)", "minutes"),
        ("cron(-1 10 ? * * *)", "minutes"),
        ("cron(*-5 10 ? * * *)", "minutes"),
        ("cron(? 10 ? * * *)", "minutes"),
        ("cron(٣ 10 ? * * *)", "minutes"),
        ("cron(0 10 ? *)", "cron"),
        ("cron(0 0 0 10 ? * * *)", "cron"),
        ("cron()", "cron"),
        ("at(2027-02-29T00:00:00)", "at"),
        ("at(2027-01-01 00:00:00)", "at"),
        ("at(2027-01-01T00:00:00Z)", "at"),
        ("at(1969-01-01T00:00:00)", "at"),
        ("every day", "expression"),
        ("cron(0 10 ? * * *", "expression"),
        ("cron 0 10 ? * * *", "expression"),
        ("", "expression"),
        ("cron(" + "0," * 200 + "0 10 ? * * *)", "expression"),
    ],
)
def test_a_malformed_expression_names_its_field(expression, field):
    with pytest.raises(InvalidExpression) as refused:
        parse(expression)
    assert refused.value.field == field
    assert len(str(refused.value)) < 200


def test_offsets_belong_to_cron_expressions_and_have_limits():
    for expression, days in (("rate(1 day)", 1), ("at(2027-01-01T00:00)", 1), ("cron(0 1 ? * * *)", 7)):
        with pytest.raises(InvalidExpression, match="offset"):
            Timing(parse(expression), offset_days=days)


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "Asia", "../../etc/passwd", "", "EST5EDT4", "utc ", "/etc/x"]
)
def test_what_is_no_time_zone_is_refused_and_never_opened(name):
    with pytest.raises(InvalidExpression, match="timezone"):
        zone(name)


@pytest.mark.parametrize("text", ["", "soon", "2021-13-01", "2021-01-01T25:00:00Z", "99999-01-01"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(InvalidExpression, match="date"):
        date_ms(text)


def test_a_date_without_an_offset_is_utc():
    assert date_ms("2021-01-01") == datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1000
    assert (
        date_ms("2021-01-01T09:00:00+09:00") == date_ms("2021-01-01T00:00:00Z") == date_ms("2021-01-01T00:00")
    )


@pytest.mark.parametrize(
    ("expression", "field"),
    [("rate(4 minutes)", "value"), ("cron(0 2 ? * SUN)", "cron")],
)
def test_what_windows_may_not_have(expression, field):
    with pytest.raises(InvalidExpression) as refused:
        rules.check_window(parse(expression))
    assert refused.value.field == field


def test_what_windows_may_have():
    for expression in (
        "rate(5 minutes)",
        "cron(0 0 1 6 ? *)",
        "cron(30 0 1 ? * SUN *)",
        "at(2027-01-01T00:00)",
    ):
        rules.check_window(parse(expression))


@pytest.mark.parametrize(
    ("expression", "field"),
    [
        ("rate(29 minutes)", "value"),
        ("rate(31 days)", "value"),
        ("cron(0 2 1 6 ? *)", "month"),
        ("cron(15 0 2 ? * * *)", "seconds"),
        ("cron(0/15 * * * ? *)", "minutes"),
        ("cron(0,29 4 * * ? *)", "minutes"),
        ("cron(5,45 * * * ? *)", "minutes"),
        ("cron(5,45 23,0 * * ? *)", "minutes"),
    ],
)
def test_what_associations_may_not_have(expression, field):
    with pytest.raises(InvalidExpression) as refused:
        rules.check_association(parse(expression))
    assert refused.value.field == field


def test_what_associations_may_have():
    for expression in (
        "rate(30 minutes)",
        "rate(30 days)",
        "cron(0 */30 * * * ? *)",
        "cron(0/30 * * * ? *)",
        "cron(5,45 4 * * ? *)",
        "cron(0 0/2 * * ? *)",
        "cron(0 2 ? * SUN)",
        "cron(0 0 ? * THU#2 *)",
        "cron(0 0 ? * 3L *)",
        "at(2027-01-01T00:00:00)",
    ):
        rules.check_association(parse(expression))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("rate(1 day)", "every day"),
        ("rate(5hours)", "every 5 hours"),
        ("at(2027-01-01T09:00)", "once, at 09:00:00 on 2027-01-01"),
        ("cron(* * * * ? *)", "every minute"),
        ("cron(0 */30 * * * ? *)", "every 30 minutes"),
        ("cron(5/15 * * * ? *)", "every 15 minutes from minute 5"),
        ("cron(0 0/2 * * ? *)", "every 2 hours"),
        ("cron(0 9-17 * * ? *)", "at minute 0 of hours 9 to 17"),
        (
            "cron(10,20,50 * ? * 6-1 *)",
            "at minutes 10, 20 and 50 of every hour on Sunday, Friday and Saturday",
        ),
        ("cron(0/5 9-17 ? * MON-FRI *)", "every 5 minutes of hours 9 to 17 on Monday to Friday"),
        ("cron(0/10 * * * * ? *)", "every 10 seconds of every minute"),
        ("cron(24 30 09 ? * * *)", "at 09:30:24 every day"),
        ("cron(0 2 ? * THU#3 *)", "at 02:00 on the third Thursday of the month"),
        ("cron(0 2 ? * MON,6L *)", "at 02:00 on Monday and the last Friday of the month"),
        ("cron(0 2 L * ? *)", "at 02:00 on the last day of the month"),
        ("cron(0 2 LW * ? *)", "at 02:00 on the last working day of the month"),
        ("cron(0 2 15W * ? *)", "at 02:00 on the working day nearest to day 15 of the month"),
        ("cron(0 0,12 1 1-6 ? 2027)", "at 00:00 and 12:00 on day 1 of the month in January to June in 2027"),
    ],
)
def test_an_expression_is_explained_in_words(expression, words):
    assert in_words(parse(expression)) == words


def test_an_offset_is_explained_too():
    assert in_words(parse("cron(0 2 ? * TUE#2 *)"), 1).endswith(
        "on the second Tuesday of the month, and 1 day later"
    )


CASES = json.loads((Path(__file__).parent / "cases" / "times.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['expression']} {case['timezone']}")
def test_the_table_of_times(case):
    """Written by naive.py, the second implementation, minute by minute."""
    where = zone(case["timezone"])
    times = Timing(parse(case["expression"]), where).upcoming(date_ms(case["after"]))
    until_ms = date_ms(case["after"]) + case.get("until_days", 10**5) * 86_400_000
    found = [ms for ms in islice(times, len(case["times"]) + 1) if ms <= until_ms]
    shown = [datetime.fromtimestamp(ms / 1000, where).isoformat() for ms in found]
    assert shown[: len(case["times"])] == case["times"]
    assert "until_days" not in case or len(found) == len(case["times"])
