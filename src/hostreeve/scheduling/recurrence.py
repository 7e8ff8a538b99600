"""Recurrence rules of iCalendar (RFC 5545) whose smallest step is a day.

A rule answers with dates between two days: what somebody else wrote into a calendar costs no more work than
one looks far, also where it began long ago, or never comes.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import islice

COUNT_MAX = 10_000
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY = timedelta(days=1)
_LAST = date(2199, 12, 31)


@dataclass(frozen=True, slots=True)
class Rule:
    """An RRULE. Weekdays are (nth, weekday), 0 is Monday, nth 0 is every; `until` is the last date."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: date | None = None
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


def dates(rule: Rule, first: date, since: date, last: date) -> Iterator[date]:
    """The dates of a rule that begins on `first`, from `since` up to `last`, in order."""
    if rule.count is not None:
        yield from (day for day in _counted(rule, first) if since <= day <= last)
        return
    yield from _from(rule, first, max(since, first), min(last, _LAST, rule.until or _LAST))


@lru_cache(maxsize=1024)
def _counted(rule: Rule, first: date) -> tuple[date, ...]:
    """All the dates of a rule with a COUNT: they are counted from its beginning."""
    return tuple(islice(_from(rule, first, first, _LAST), rule.count))


def _from(rule: Rule, first: date, since: date, last: date) -> Iterator[date]:
    """Every date from `since` up to `last`."""
    periods = {"DAILY": _days, "WEEKLY": _weeks, "MONTHLY": _months, "YEARLY": _years}[rule.frequency]
    for period in periods(rule, first, since, last):
        days = _positioned(period, rule.positions) if rule.positions else period
        yield from (day for day in days if since <= day <= last)


def _positioned(days: list[date], positions: tuple[int, ...]) -> list[date]:
    size = len(days)
    places = {place - 1 if place > 0 else size + place for place in positions}
    return [days[place] for place in sorted(places) if 0 <= place < size]


def _days(rule: Rule, first: date, since: date, last: date) -> Iterator[list[date]]:
    weekdays = {weekday for _, weekday in rule.weekdays}
    step = timedelta(days=rule.interval)
    day = first + (since - first) // step * step
    while day <= last:
        fits = (not rule.months or day.month in rule.months) and (not weekdays or day.weekday() in weekdays)
        if fits and (not rule.month_days or day in _in_month(day.year, day.month, rule.month_days)):
            yield [day]
        day += step


def _weeks(rule: Rule, first: date, since: date, last: date) -> Iterator[list[date]]:
    weekdays = sorted(
        (weekday - rule.week_start) % 7 for _, weekday in rule.weekdays or ((0, first.weekday()),)
    )
    step = timedelta(weeks=rule.interval)
    begin = first - (first.weekday() - rule.week_start) % 7 * _DAY
    begin += (since - begin) // step * step
    while begin <= last:
        days = [begin + weekday * _DAY for weekday in weekdays]
        yield [day for day in days if not rule.months or day.month in rule.months]
        begin += step


def _months(rule: Rule, first: date, since: date, last: date) -> Iterator[list[date]]:
    month = first.year * 12 + first.month - 1
    month += (since.year * 12 + since.month - 1 - month) // rule.interval * rule.interval
    while month <= last.year * 12 + last.month - 1:
        year, number = month // 12, month % 12 + 1
        if not rule.months or number in rule.months:
            yield _in_a_month(rule, first, year, number)
        month += rule.interval


def _years(rule: Rule, first: date, since: date, last: date) -> Iterator[list[date]]:
    year = first.year + (since.year - first.year) // rule.interval * rule.interval
    while year <= last.year:
        if rule.weekdays and not rule.months and not rule.month_days:
            yield _weekdays(rule.weekdays, date(year, 1, 1), date(year, 12, 31))
        else:
            months = rule.months or (range(1, 13) if rule.month_days else (first.month,))
            yield [day for month in sorted(months) for day in _in_a_month(rule, first, year, month)]
        year += rule.interval


def _in_a_month(rule: Rule, first: date, year: int, month: int) -> list[date]:
    if rule.month_days:
        days = _in_month(year, month, rule.month_days)
        weekdays = {weekday for _, weekday in rule.weekdays}
        return [day for day in days if not weekdays or day.weekday() in weekdays]
    length = calendar.monthrange(year, month)[1]
    if rule.weekdays:
        return _weekdays(rule.weekdays, date(year, month, 1), date(year, month, length))
    return [date(year, month, first.day)] if first.day <= length else []


def _in_month(year: int, month: int, month_days: tuple[int, ...]) -> list[date]:
    length = calendar.monthrange(year, month)[1]
    numbers = {day if day > 0 else length + 1 + day for day in month_days}
    return [date(year, month, day) for day in sorted(numbers) if 1 <= day <= length]


def _weekdays(weekdays: tuple[tuple[int, int], ...], begin: date, end: date) -> list[date]:
    """The nth (from the end when negative), or every such weekday of a month or a year."""
    found: set[date] = set()
    for nth, weekday in weekdays:
        day = begin + (weekday - begin.weekday()) % 7 * _DAY
        every = [day + week * 7 * _DAY for week in range((end - day).days // 7 + 1)]
        if not nth:
            found.update(every)
        elif abs(nth) <= len(every):
            found.add(every[nth - 1 if nth > 0 else nth])
    return sorted(found)
