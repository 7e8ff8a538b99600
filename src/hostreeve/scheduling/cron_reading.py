"""How the columns of a cron expression are read, the older forms of AWS's documentation included."""

import re
from typing import NamedTuple

from hostreeve.scheduling.cron import (
    MONTHS,
    WEEKDAYS,
    YEAR_FIRST,
    YEAR_LAST,
    Cron,
    LastDay,
    LastWeekday,
    NearestWorkday,
    NthWeekday,
    Span,
    SpecialDay,
    spanned,
)
from hostreeve.scheduling.refusal import InvalidExpression


class _Column(NamedTuple):
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


_SECONDS = _Column("seconds", 0, 59)
_MINUTES = _Column("minutes", 0, 59)
_HOURS = _Column("hours", 0, 23)
_DAYS = _Column("day-of-month", 1, 31)
_MONTHS = _Column("month", 1, 12, tuple(name.upper()[:3] for name in MONTHS))
_WEEKDAYS = _Column("day-of-week", 1, 7, tuple(name.upper()[:3] for name in WEEKDAYS))
_YEARS = _Column("year", YEAR_FIRST, YEAR_LAST)
_ITEM = re.compile(r"(?P<first>\*|[0-9A-Z]+)(?:-(?P<last>[0-9A-Z]+))?(?:/(?P<step>[0-9]+))?")
_NUMBER = re.compile(r"[0-9]{1,4}")
_ITEMS_MAX = 60


def read(text: str, body: str) -> Cron:
    """The columns between the parentheses. InvalidExpression names the column that is wrong."""
    written = body.upper().split()
    columns = _seven(written)
    seconds, minutes, hours, days, months, weekdays, years = columns
    if (days == "?") == (weekdays == "?"):
        said = "both are ?" if days == "?" else "neither is"
        raise InvalidExpression(
            "day-of-month", f"exactly one of day-of-month and day-of-week must be ?, and {said}"
        )
    days_bits, special_days = _days(days) if days != "?" else (0, ())
    week_bits, special_weekdays = _weekdays(weekdays) if weekdays != "?" else (0, ())
    return Cron(
        text=text,
        columns=len(written),
        seconds=_bits(_SECONDS, seconds),
        minutes=_bits(_MINUTES, minutes),
        hours=_bits(_HOURS, hours),
        months=_bits(_MONTHS, months),
        years=_bits(_YEARS, years) >> YEAR_FIRST,
        days=days_bits,
        weekdays=week_bits,
        special=special_days + special_weekdays,
    )


def _seven(columns: list[str]) -> list[str]:
    """Seconds to year. Six columns are minutes to year, unless a `?` stands where only seconds to day-of-week
    allow it: `0 15 10 ? * *` is an example that AWS's documentation had for years."""
    match len(columns):
        case 5:
            return ["0", *columns, "*"]
        case 6:
            seconds_first = "?" in (columns[3], columns[5]) and "?" not in (columns[2], columns[4])
            return [*columns, "*"] if seconds_first else ["0", *columns]
        case 7:
            return columns
    raise InvalidExpression(
        "cron",
        f"has {len(columns)} fields; it takes minutes, hours, day-of-month, month, day-of-week and year",
    )


def _items(column: _Column, text: str) -> list[str]:
    items = text.split(",")
    if len(items) > _ITEMS_MAX:
        raise InvalidExpression(column.name, f"lists more than {_ITEMS_MAX} values")
    return items


def _bits(column: _Column, text: str) -> int:
    bits = 0
    for item in _items(column, text):
        bits |= spanned(_span(column, item), column.lowest, column.highest)
    return bits


def _span(column: _Column, item: str) -> Span:
    """`*`, `5`, `1-5`, and each with `/step`; a lone number with a step runs to the column's end."""
    found = _ITEM.fullmatch(item)
    if found is None or (found["first"] == "*" and found["last"]):
        raise InvalidExpression(column.name, f"{item[:40]!r} is not a value, a range or a step")
    step = int(found["step"]) if found["step"] else 1
    if not 1 <= step <= column.highest - column.lowest + 1:
        raise InvalidExpression(column.name, f"a step of {found['step'][:10]} is of no use here")
    if found["first"] == "*":
        return Span(column.lowest, column.highest, step)
    first = _value(column, found["first"])
    if found["last"]:
        return Span(first, _value(column, found["last"]), step)
    return Span(first, column.highest if found["step"] else first, step)


def _value(column: _Column, text: str) -> int:
    if text in column.names:
        return column.names.index(text) + column.lowest
    if _NUMBER.fullmatch(text) and column.lowest <= int(text) <= column.highest:
        return int(text)
    allowed = f"a number from {column.lowest} to {column.highest}"
    if column.names:
        allowed += f" or {column.names[0]} to {column.names[-1]}"
    raise InvalidExpression(column.name, f"{text[:40]!r} is not {allowed}")


def _days(text: str) -> tuple[int, tuple[SpecialDay, ...]]:
    """Day-of-month: plain days as bits, and the others."""
    bits = 0
    special: list[SpecialDay] = []
    for item in _items(_DAYS, text):
        if item in ("L", "LW", "WL"):
            special.append(LastDay(working=item != "L"))
        elif item.endswith("W"):
            special.append(NearestWorkday(_value(_DAYS, item[:-1])))
        else:
            bits |= spanned(_span(_DAYS, item), _DAYS.lowest, _DAYS.highest)
    return bits, tuple(special)


def _weekdays(text: str) -> tuple[int, tuple[SpecialDay, ...]]:
    """Day-of-week: plain weekdays as bits, 0 is Sunday, and the others."""
    items = _items(_WEEKDAYS, text)
    if "#" in text and len(items) > 1:
        raise InvalidExpression(_WEEKDAYS.name, "with # there can be one expression only")
    bits = 0
    special: list[SpecialDay] = []
    for item in items:
        weekday, separator, nth = item.partition("#")
        if separator:
            special.append(NthWeekday(_value(_WEEKDAYS, weekday), _nth(nth)))
        elif item == "L":
            bits |= 1 << 6
        elif item.endswith("L"):
            special.append(LastWeekday(_value(_WEEKDAYS, item[:-1])))
        elif "/" in item:
            raise InvalidExpression(_WEEKDAYS.name, f"{item[:40]!r}: steps are not supported in this field")
        else:
            bits |= spanned(_span(_WEEKDAYS, item), _WEEKDAYS.lowest, _WEEKDAYS.highest) >> 1
    return bits, tuple(special)


def _nth(text: str) -> int:
    if text not in ("1", "2", "3", "4", "5"):
        raise InvalidExpression(_WEEKDAYS.name, f"{text[:40]!r} behind # is not a number from 1 to 5")
    return int(text)
