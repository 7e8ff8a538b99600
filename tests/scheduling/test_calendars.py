"""Calendars: what their text says of a moment, beside recurring-ical-events, and how bad ones are refused."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from hostreeve.scheduling import calendars
from hostreeve.scheduling.clock import date_ms
from hostreeve.scheduling.icalendar import InvalidCalendar

HEAD = "BEGIN:VCALENDAR\nPRODID:-//AWS//Change Calendar 1.0//EN\nVERSION:2.0\nX-CALENDAR-TYPE:{}\n"


def calendar(*events, kind="DEFAULT_OPEN", more=""):
    return HEAD.format(kind) + more + "".join(events) + "END:VCALENDAR\n"


def event(*lines, uid="u"):
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT", ""])


def stands(text, at, *others):
    """(OPEN or CLOSED, when that changes)."""
    found = [calendars.read(one) for one in (text, *others)]
    standing = calendars.standing_of_all(found, date_ms(at) // 1000)
    changes = standing.changes_s and datetime.fromtimestamp(standing.changes_s, UTC).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    return "OPEN" if standing.is_open else "CLOSED", changes


BEGIN, DAY = "DTSTART:20270101T000000Z", "DURATION:P1D"
FREEZE = event("DTSTART:20271224T150000Z", "DTEND:20280104T150000Z")


def test_an_event_counts_from_its_beginning_up_to_its_end():
    text = calendar(FREEZE)
    assert stands(text, "2027-12-24T14:59:59Z") == ("OPEN", "2027-12-24T15:00:00Z")
    assert stands(text, "2027-12-24T15:00:00Z") == ("CLOSED", "2028-01-04T15:00:00Z")
    assert stands(text, "2027-12-30T00:00:00Z") == ("CLOSED", "2028-01-04T15:00:00Z")
    assert stands(text, "2028-01-04T14:59:59Z") == ("CLOSED", "2028-01-04T15:00:00Z")
    assert stands(text, "2028-01-04T15:00:00Z") == ("OPEN", None)


def test_a_closed_calendar_opens_during_its_events():
    text = calendar(FREEZE, kind="DEFAULT_CLOSED")
    assert stands(text, "2027-12-01T00:00:00Z") == ("CLOSED", "2027-12-24T15:00:00Z")
    assert stands(text, "2027-12-30T00:00:00Z") == ("OPEN", "2028-01-04T15:00:00Z")


def test_a_calendar_without_events_never_changes():
    placeholder = "BEGIN:VTODO\nSUMMARY:Add events to this calendar.\nDTSTART:20270101T000000Z\nEND:VTODO\n"
    for kind, state in (("DEFAULT_OPEN", "OPEN"), ("DEFAULT_CLOSED", "CLOSED")):
        assert stands(calendar(placeholder, kind=kind), "2027-01-01T00:00:00Z") == (state, None)


def test_events_that_overlap_or_touch_are_one():
    text = calendar(
        event("DTSTART:20270101T000000Z", "DTEND:20270102T000000Z", uid="1"),
        event("DTSTART:20270101T120000Z", "DTEND:20270103T000000Z", uid="2"),
        event("DTSTART:20270103T000000Z", "DURATION:PT6H", uid="3"),
    )
    assert stands(text, "2027-01-01T06:00:00Z") == ("CLOSED", "2027-01-03T06:00:00Z")


def test_nights_in_tokyo_know_nothing_of_summer_time_elsewhere():
    text = calendar(
        event(
            "DTSTART;TZID=Asia/Tokyo:20260601T220000",
            "DTEND;TZID=Asia/Tokyo:20260602T060000",
            "RRULE:FREQ=WEEKLY;BYDAY=MO",
        )
    )
    assert stands(text, "2026-10-26T12:59:59Z") == ("OPEN", "2026-10-26T13:00:00Z")
    assert stands(text, "2026-11-02T13:00:00Z") == ("CLOSED", "2026-11-02T21:00:00Z")


def test_nights_in_new_york_end_by_the_clock_on_the_wall():
    text = calendar(
        event(
            "DTSTART;TZID=America/New_York:20260301T220000",
            "DTEND;TZID=America/New_York:20260302T060000",
            "RRULE:FREQ=DAILY",
        )
    )
    assert stands(text, "2026-03-07T05:00:00Z") == ("CLOSED", "2026-03-07T11:00:00Z")
    # Seven hours long, as the clocks are set forward in this one.
    assert stands(text, "2026-03-08T05:00:00Z") == ("CLOSED", "2026-03-08T10:00:00Z")
    exact = text.replace("DTEND;TZID=America/New_York:20260302T060000", "DURATION:PT8H")
    assert stands(exact, "2026-03-08T05:00:00Z") == ("CLOSED", "2026-03-08T11:00:00Z")


def test_all_day_events_go_by_the_zone_of_the_calendar():
    day = event("DTSTART;VALUE=DATE:20270101", "DTEND;VALUE=DATE:20270103")
    assert stands(calendar(day), "2027-01-01T00:00:00Z") == ("CLOSED", "2027-01-03T00:00:00Z")
    in_tokyo = calendar(day, more="X-WR-TIMEZONE:Asia/Tokyo\n")
    assert stands(in_tokyo, "2026-12-31T15:00:00Z") == ("CLOSED", "2027-01-02T15:00:00Z")
    assert stands(calendar(day, more="X-WR-TIMEZONE:\n"), "2027-01-02T23:59:59Z")[0] == "CLOSED"


def test_exceptions_additions_and_moved_occurrences():
    text = calendar(
        event(
            "DTSTART;TZID=Europe/Berlin:20270104T080000",
            "DTEND;TZID=Europe/Berlin:20270104T100000",
            "RRULE:FREQ=DAILY;COUNT=4",
            "EXDATE;TZID=Europe/Berlin:20270105T080000",
            "RDATE;TZID=Europe/Berlin:20270110T080000",
        ),
        event(
            "RECURRENCE-ID;TZID=Europe/Berlin:20270106T080000",
            "DTSTART;TZID=Europe/Berlin:20270106T200000",
            "DTEND;TZID=Europe/Berlin:20270106T210000",
        ),
    )
    changes = []
    at = "2027-01-01T00:00:00Z"
    while at:
        at = stands(text, at)[1]
        changes.append(at)
    assert changes == [
        "2027-01-04T07:00:00Z",
        "2027-01-04T09:00:00Z",
        "2027-01-06T19:00:00Z",
        "2027-01-06T20:00:00Z",
        "2027-01-07T07:00:00Z",
        "2027-01-07T09:00:00Z",
        "2027-01-10T07:00:00Z",
        "2027-01-10T09:00:00Z",
        None,
    ]


def test_until_is_included_and_read_in_the_zone_of_the_event():
    rule = "RRULE:FREQ=DAILY;UNTIL={}"
    lines = ["DTSTART;TZID=Asia/Tokyo:20270104T080000", "DTEND;TZID=Asia/Tokyo:20270104T100000"]
    for until, last in (
        ("20270106", "2027-01-06T01:00:00Z"),
        ("20270105T230000Z", "2027-01-06T01:00:00Z"),
        ("20270105T225959Z", "2027-01-05T01:00:00Z"),
        ("20270106T080000", "2027-01-06T01:00:00Z"),
        ("20270106T075959", "2027-01-05T01:00:00Z"),
    ):
        text = calendar(event(*lines, rule.format(until)))
        assert stands(text, last.replace("01:00:00", "00:30:00")) == ("CLOSED", last)
        assert stands(text, last) == ("OPEN", None)


def test_advisory_events_close_nothing():
    advisory = event("DTSTART:20270101T000000Z", "DTEND:20270102T000000Z", "X-EVENT-TYPE:ADVISORY")
    assert stands(calendar(advisory), "2027-01-01T06:00:00Z") == ("OPEN", None)


def test_several_calendars_are_open_only_if_all_are():
    one = calendar(event("DTSTART:20270101T000000Z", "DTEND:20270103T000000Z"))
    two = calendar(event("DTSTART:20270102T000000Z", "DTEND:20270105T000000Z"))
    three = calendar(kind="DEFAULT_CLOSED")
    assert stands(one, "2026-12-31T00:00:00Z", two) == ("OPEN", "2027-01-01T00:00:00Z")
    # The first opens while the second is closed: nothing that anybody would notice.
    assert stands(one, "2027-01-01T12:00:00Z", two) == ("CLOSED", "2027-01-05T00:00:00Z")
    assert stands(one, "2027-01-06T00:00:00Z", two) == ("OPEN", None)
    assert stands(one, "2027-01-06T00:00:00Z", two, three) == ("CLOSED", None)


def test_a_calendar_that_is_always_closed_says_that_it_does_not_change():
    every_day = event("DTSTART;VALUE=DATE:20200101", "DTEND;VALUE=DATE:20200102", "RRULE:FREQ=DAILY")
    assert stands(calendar(every_day), "2027-01-01T06:00:00Z") == ("CLOSED", None)


def test_a_hostile_calendar_costs_a_bounded_time():
    events = [
        event(
            f"DTSTART:19700101T00{number % 60:02}00Z",
            "DURATION:P3650D",
            "RRULE:FREQ=DAILY",
            uid=str(number),
        )
        for number in range(500)
    ]
    text = calendar(*events)
    began = time.process_time()
    assert stands(text, "2027-01-01T06:00:00Z") == ("CLOSED", None)
    assert time.process_time() - began < 20


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["DTEND:20270101T000000Z"], "line 5: the event has no DTSTART"),
        ([BEGIN], "line 5: the event has neither DTEND nor DURATION"),
        ([BEGIN, "DTEND:20261231T000000Z"], "line 8: the event ends before it begins"),
        (["DTSTART:20270132T000000Z", DAY], "line 7: DTSTART is not a date"),
        (["DTSTART:20270101T250000Z", DAY], "line 7: DTSTART is not a date"),
        (["DTSTART:12345", DAY], "line 7: DTSTART is not a date"),
        (["DTSTART:19000101T000000Z", DAY], "line 7: DTSTART: 1900 is not a year"),
        ([BEGIN, "DTEND;VALUE=DATE:20270201"], "line 8: DTSTART and DTEND must both"),
        ([BEGIN, BEGIN, DAY], "line 8: DTSTART is there twice"),
        ([BEGIN, DAY, "DTEND:20270201T000000Z"], "exclude each other"),
        ([BEGIN, "DURATION:P"], "line 8: DURATION is not a length"),
        ([BEGIN, "DURATION:-PT1H"], "line 8: DURATION is not a length"),
        (["DTSTART;TZID=Mars/Base:20270101T000000", DAY], "line 7: TZID: 'Mars/Base' is not a time zone"),
        (["DTSTART;TZID=../../etc/passwd:20270101T000000", DAY], "line 7: TZID"),
        ([BEGIN, DAY, "RRULE:FREQ=HOURLY"], "line 9: FREQ must be"),
        ([BEGIN, DAY, "RRULE:FREQ=DAILY;UNTIL=x"], "line 9: RRULE is not a date"),
        ([BEGIN, DAY, "EXDATE:x"], "line 9: EXDATE is not a date"),
        ([BEGIN, DAY, "RDATE;VALUE=PERIOD:x"], "line 9: RDATE: periods"),
        ([BEGIN, DAY, "RECURRENCE-ID;RANGE=THISANDFUTURE:20270101T000000Z"], "RANGE"),
        ([BEGIN, DAY, "RECURRENCE-ID:20270101T000000Z", "STATUS:CANCELLED"], "cancelled"),
    ],
)
def test_a_malformed_event_names_its_line(lines, reason):
    with pytest.raises(InvalidCalendar, match=reason):
        calendars.read(calendar(event(*lines)))


def test_a_malformed_calendar_is_refused():
    for text, reason in (
        ("", "line 1"),
        ("BEGIN:VEVENT\n", "line 1"),
        (calendar(more="X-WR-TIMEZONE:Mars\n"), "line 5: X-WR-TIMEZONE: 'Mars'"),
        (calendar(more="BEGIN:A\n" * 9 + "END:A\n" * 9), "deeper than 8"),
        (calendar(more="END:A\n"), "ends nothing"),
        (calendar() + "END:A\n", "behind the calendar"),
        ("\n" * 20_001, "more than 20000 lines"),
        (calendar(*[FREEZE] * 2_001), "more than 2000 events"),
    ):
        with pytest.raises(InvalidCalendar, match=reason):
            calendars.read(text)


def test_lines_may_be_folded_quoted_and_end_in_either_way():
    text = calendar(
        event(
            'DTSTART;TZID="Asia/Tokyo";X-NOTE="a:b;c":20270101T00\n 0000',
            "DTEND;TZID=/Asia/Tokyo:20270102T000000",
        )
    )
    for ends in (text, text.replace("\n", "\r\n")):
        assert stands(ends, "2026-12-31T20:00:00Z") == ("CLOSED", "2027-01-01T15:00:00Z")


ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Tokyo", "Australia/Lord_Howe")


@st.composite
def events(draw, uid):
    where = draw(st.sampled_from(ZONES))
    begins = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * draw(st.integers(0, 48 * 400)))
    length = timedelta(minutes=30 * draw(st.integers(1, 100)))
    rule = draw(
        st.sampled_from(
            [
                "",
                "RRULE:FREQ=DAILY;INTERVAL=3",
                "RRULE:FREQ=WEEKLY;BYDAY={day}",
                "RRULE:FREQ=WEEKLY;COUNT=9",
                "RRULE:FREQ=MONTHLY;BYMONTHDAY={number};UNTIL=20271231T000000Z",
            ]
        )
    )
    day = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][begins.weekday()]
    lines = [
        f"DTSTART;TZID={where}:{begins:%Y%m%dT%H%M%S}",
        f"DTEND;TZID={where}:{begins + length:%Y%m%dT%H%M%S}",
        *([rule.format(day=day, number=begins.day)] if rule else []),
    ]
    if rule and draw(st.booleans()):
        step = 3 if "DAILY" in rule else 7
        lines.append(f"EXDATE;TZID={where}:{begins + timedelta(days=step):%Y%m%dT%H%M%S}")
    return event(*lines, uid=uid)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_calendar_says_what_recurring_ical_events_says(data):
    text = calendar(*(data.draw(events(str(number))) for number in range(data.draw(st.integers(1, 4)))))
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=data.draw(st.integers(0, 500)))
    end = begin + timedelta(days=60)
    found = recurring_ical_events.of(icalendar.Calendar.from_ical(text.replace("\n", "\r\n")))
    spans = [(_first(one["DTSTART"].dt), _first(one["DTEND"].dt)) for one in found.between(begin, end)]
    ours = calendars.read(text)
    for minutes in range(0, 60 * 24 * 60, 7 * 60 + 13):
        moment = int(begin.timestamp()) + minutes * 60
        is_closed = any(start <= moment < finish for start, finish in spans)
        assert calendars.standing(ours, moment).is_open != is_closed


def _first(moment):
    """By our rule: what a clock skips is the end of the gap, what it shows twice the first of both."""
    naive = moment.replace(tzinfo=None)
    where = ZoneInfo(str(moment.tzinfo))
    seconds = naive.replace(tzinfo=where, fold=0).timestamp()
    while datetime.fromtimestamp(seconds, where).replace(tzinfo=None) > naive:
        seconds -= 1800
    if datetime.fromtimestamp(seconds, where).replace(tzinfo=None) < naive:
        seconds += 1800
    return seconds
