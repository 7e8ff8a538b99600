"""Calendars that are open or closed: what a Change Calendar's text says about any moment.

Events of a DEFAULT_OPEN calendar close it, those of a DEFAULT_CLOSED one open it. Each lasts from its
beginning up to, and not including, its end.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice

from hostreeve.scheduling import clock
from hostreeve.scheduling.clock import instant_s, wall_time
from hostreeve.scheduling.icalendar import DEPTH_MAX, Event, InvalidCalendar, Line, read_events, read_lines
from hostreeve.scheduling.recurrence import dates
from hostreeve.scheduling.refusal import InvalidExpression

TYPES = ("DEFAULT_OPEN", "DEFAULT_CLOSED")
EVENTS_MAX = 2_000
OCCURRENCES_MAX = 20_000
"""Looked at for one answer. A transition that lies behind so many is not told."""
HORIZON_DAYS = 12 * 366
"""29 February may be eight years away; nothing that recurs is further."""
_HORIZON_S = HORIZON_DAYS * 86_400
_CHANGES_MAX = 1_000

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a calendar's text says. Advisory events are not among its events: they close and open nothing."""

    is_open_by_default: bool
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether it is open, and when (s) that changes next; None when it does not in twelve years."""

    is_open: bool
    changes_s: int | None


@lru_cache(maxsize=512)
def read(text: str) -> Calendar:
    """Read a calendar. InvalidCalendar names the line that is wrong."""
    lines = read_lines(text)
    if not lines or (lines[0].name, lines[0].value.upper()) != ("BEGIN", "VCALENDAR"):
        raise InvalidCalendar("line 1: a calendar begins with BEGIN:VCALENDAR")
    _check_nesting(lines)
    outside = _outside(lines)
    version = outside.get("VERSION")
    if version is None or version.value != "2.0":
        raise InvalidCalendar("VERSION: must be 2.0")
    kind = outside.get("X-CALENDAR-TYPE")
    if kind is None or kind.value not in TYPES:
        raise InvalidCalendar(f"X-CALENDAR-TYPE: must be {' or '.join(TYPES)}")
    events = read_events(lines, _floating(outside.get("X-WR-TIMEZONE")))
    if len(events) > EVENTS_MAX:
        raise InvalidCalendar(f"more than {EVENTS_MAX} events")
    return Calendar(kind.value == TYPES[0], tuple(event for event in events if not event.is_advisory))


def standing(calendar: Calendar, at_s: int) -> Standing:
    """How it stands at an instant."""
    interval = next(_merged(calendar, at_s), None)
    if interval is None:
        return Standing(calendar.is_open_by_default, None)
    begin, end = interval
    if begin > at_s:
        return Standing(calendar.is_open_by_default, begin)
    return Standing(not calendar.is_open_by_default, end if end <= at_s + _HORIZON_S else None)


def standing_of_all(calendars: Sequence[Calendar], at_s: int) -> Standing:
    """How they stand together: open only if all are. What changes is the answer, not only one of them."""
    now = [standing(calendar, at_s) for calendar in calendars]
    is_open = all(one.is_open for one in now)
    for _ in range(_CHANGES_MAX):
        changes = [one.changes_s for one in now if one.changes_s is not None]
        if not changes:
            return Standing(is_open, None)
        moment = min(changes)
        now = [
            standing(calendar, moment) if one.changes_s == moment else one
            for calendar, one in zip(calendars, now, strict=True)
        ]
        if all(one.is_open for one in now) != is_open:
            return Standing(is_open, moment)
    return Standing(is_open, None)


def _merged(calendar: Calendar, at_s: int) -> Iterator[Interval]:
    """The intervals that end after an instant; those that touch or overlap are one. Bounded: see above."""
    current: Interval | None = None
    far_s = at_s + _HORIZON_S
    occurrences = heapq.merge(*(_occurrences(event, at_s) for event in calendar.events))
    for begin, end in islice(occurrences, OCCURRENCES_MAX):
        if begin > far_s:
            break
        if current is None:
            current = begin, end
        elif begin <= current[1]:
            current = current[0], max(current[1], end)
        else:
            yield current
            current = begin, end
    else:
        if current is not None and next(occurrences, None) is not None:
            # What comes behind so many was not looked at: where this one ends is not known.
            current = current[0], far_s + 1
    if current is not None:
        yield current


def _occurrences(event: Event, at_s: int) -> Iterator[Interval]:
    """When the event happens, in order of beginning, leaving out what is over at an instant."""
    for wall in heapq.merge(_beginnings(event, at_s), event.besides):
        begin = instant_s(wall)
        if begin in event.without or wall.date() in event.without:
            continue
        end = begin + int(event.length.total_seconds())
        if not event.is_exact:
            end = instant_s(wall + event.length)
        if end > max(at_s, begin):
            yield begin, end


def _beginnings(event: Event, at_s: int) -> Iterator[datetime]:
    if event.rule is None:
        yield event.begins
        return
    # What began earlier may go on; a day more, because the clock of the wall is another.
    since = wall_time(max(at_s, 0), UTC) - event.length - timedelta(days=2)
    last = since.date() + event.length + timedelta(days=HORIZON_DAYS + 4)
    first = event.begins
    for day in dates(event.rule, first.date(), since.date(), last):
        yield datetime.combine(day, first.time(), first.tzinfo)


def _floating(line: Line | None) -> tzinfo:
    if line is None or not line.value:
        return UTC
    try:
        return clock.zone(line.value)
    except InvalidExpression as wrong:
        raise InvalidCalendar(f"line {line.number}: X-WR-TIMEZONE: {wrong.problem}") from None


def _check_nesting(lines: list[Line]) -> None:
    open_: list[str] = []
    for line in lines:
        if not open_ and line is not lines[0]:
            raise InvalidCalendar(f"line {line.number}: there is something behind the calendar")
        if line.name == "BEGIN":
            open_.append(line.value.upper())
        elif line.name == "END" and open_.pop() != line.value.upper():
            raise InvalidCalendar(f"line {line.number}: END:{line.value[:40]} ends nothing that began")
        if len(open_) > DEPTH_MAX:
            raise InvalidCalendar(f"line {line.number}: nested deeper than {DEPTH_MAX} levels")
    if open_:
        raise InvalidCalendar(f"{open_[-1][:40]}: has no END")


def _outside(lines: list[Line]) -> dict[str, Line]:
    """The calendar's own properties, the first of each name."""
    depth = 0
    found: dict[str, Line] = {}
    for line in lines:
        depth += (line.name == "BEGIN") - (line.name == "END")
        if depth == 1 and line.name not in ("BEGIN", "END"):
            found.setdefault(line.name, line)
    return found
