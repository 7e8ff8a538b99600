"""A second implementation of cron expressions, as slow and as plain as can be: it looks at every minute.

It shares no code with the one it judges: columns become sets by their definition, days are looked up in the
calendar, and the wall's clock is read once a minute.
"""

import calendar
from datetime import datetime, timedelta
from functools import cache, lru_cache

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def times(expression, zone, after_s, until_s):
    """Every time in (after, until], in seconds. What the clock skips comes at once when it is over."""
    columns = _seven(expression)
    moment = after_s - after_s % 60
    before = None
    while moment <= until_s:
        wall = datetime.fromtimestamp(moment, zone)
        shown = wall.replace(tzinfo=None, fold=0)
        found = []
        if before is not None and shown - before > timedelta(minutes=1):
            skipped = before + timedelta(minutes=1)
            while skipped < shown:
                if _seconds_of(columns, skipped):
                    found.append(0)
                skipped += timedelta(minutes=1)
        if not wall.fold:
            found.extend(_seconds_of(columns, shown))
        yield from (t for t in sorted({moment + second for second in found}) if after_s < t <= until_s)
        if before is None or shown > before:
            before = shown
        moment += 60


def _seconds_of(columns, shown):
    """The seconds of a minute at which it matches."""
    seconds, minutes, hours, days, months, weekdays, years = columns
    fits = (
        shown.minute in _values(minutes, 0, 59)
        and shown.hour in _values(hours, 0, 23)
        and shown.month in _values(months, 1, 12, MONTHS)
        and shown.year in _values(years, 1970, 2199)
        and _date_fits(days, weekdays, shown.date())
    )
    return sorted(_values(seconds, 0, 59)) if fits else []


@lru_cache(maxsize=100_000)
def _date_fits(days, weekdays, shown):
    return (days == "?" or any(_day_fits(item, shown) for item in days.split(","))) and (
        weekdays == "?" or any(_weekday_fits(item, shown) for item in weekdays.split(","))
    )


def _day_fits(item, shown):
    last = calendar.monthrange(shown.year, shown.month)[1]
    if item == "L":
        return shown.day == last
    if item == "LW":
        return shown.day == max(day for day in range(1, last + 1) if _is_workday(shown, day))
    if item.endswith("W"):
        day = int(item[:-1])
        if day > last:
            return False
        # The nearest, and of two equally near ones there are none: weekends have two days.
        workdays = [other for other in range(1, last + 1) if _is_workday(shown, other)]
        return shown.day == min(workdays, key=lambda other: abs(other - day))
    return shown.day in _values(item, 1, 31)


def _is_workday(shown, day):
    return calendar.weekday(shown.year, shown.month, day) < 5


def _weekday_fits(item, shown):
    weekday = shown.isoweekday() % 7 + 1
    last = calendar.monthrange(shown.year, shown.month)[1]
    if "#" in item:
        name, nth = item.split("#")
        return weekday == _number(name, WEEKDAYS, 1) and (shown.day - 1) // 7 + 1 == int(nth)
    if item == "L":
        return weekday == 7
    if item.endswith("L"):
        return weekday == _number(item[:-1], WEEKDAYS, 1) and shown.day + 7 > last
    return weekday in _values(item, 1, 7, WEEKDAYS)


@cache
def _values(text, lowest, highest, names=()):
    found = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        if span == "*":
            first, last = lowest, highest
        elif "-" in span:
            first, last = (_number(part, names, lowest) for part in span.split("-"))
        else:
            first = _number(span, names, lowest)
            last = highest if step else first
        reach = range(lowest, highest + 1)
        run = (
            [*range(first, highest + 1), *range(lowest, last + 1)] if last < first else range(first, last + 1)
        )
        found.update(
            value for place, value in enumerate(run) if place % int(step or 1) == 0 and value in reach
        )
    return found


def _number(text, names, lowest):
    return names.index(text) + lowest if text in names else int(text)


def _seven(expression):
    columns = expression.upper().removeprefix("CRON(").removesuffix(")").split()
    if len(columns) == 5:
        return ["0", *columns, "*"]
    if len(columns) == 6:
        legal_as_minutes_first = columns[3] != "?" and columns[5] != "?"
        return ["0", *columns] if legal_as_minutes_first else [*columns, "*"]
    return columns
