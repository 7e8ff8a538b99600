"""A schedule expression in plain English: what an operator meant, or sees that he did not mean."""

from itertools import pairwise

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
    SpecialDay,
)
from hostreeve.scheduling.expressions import At, Expression, Rate

_ORDINALS = ("", "first", "second", "third", "fourth", "fifth")
_ALL_YEARS = (1 << (YEAR_LAST - YEAR_FIRST + 1)) - 1
_TIMES_MAX = 6


def in_words(expression: Expression, offset_days: int = 0) -> str:
    """One sentence without its full stop, such as `at 02:00 on the third Thursday of the month`."""
    if isinstance(expression, Rate):
        count, unit = expression.count, expression.unit
        return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    if isinstance(expression, At):
        return f"once, at {expression.wall:%H:%M:%S} on {expression.wall:%Y-%m-%d}"
    parts = (_clock(expression), _days(expression), _months(expression), _years(expression))
    said = " ".join(part for part in parts if part)
    if offset_days:
        said += f", and {offset_days} day{'s' * (offset_days > 1)} later"
    return said


def _times(cron: Cron) -> list[str]:
    """The times of day, if they are few enough to be named."""
    seconds, minutes, hours = (_values(column) for column in (cron.seconds, cron.minutes, cron.hours))
    if len(seconds) * len(minutes) * len(hours) > _TIMES_MAX:
        return []
    shown = "{:02}:{:02}" if seconds == [0] else "{:02}:{:02}:{:02}"
    return [shown.format(hour, minute, second) for hour in hours for minute in minutes for second in seconds]


def _clock(cron: Cron) -> str:
    if times := _times(cron):
        return f"at {_listed(times)}"
    seconds, minutes, hours = (_values(column) for column in (cron.seconds, cron.minutes, cron.hours))
    said = [] if seconds == [0] else [_column(seconds, 60, "second")]
    if minutes == [0] and not said and (often := _column(hours, 24, "hour")).startswith("every"):
        return often
    said.append(_column(minutes, 60, "minute"))
    if len(hours) < 24:
        said.append(_counted(hours, "hour"))
    elif said[-1].startswith("at"):
        said.append("every hour")
    return " of ".join(said)


def _column(values: list[int], size: int, unit: str) -> str:
    """`every minute`, `every 15 minutes`, `at minutes 10, 20 and 50`."""
    if len(values) == size:
        return f"every {unit}"
    steps = {later - earlier for earlier, later in pairwise(values)}
    step = steps.pop() if len(steps) == 1 else 0
    if step > 1 and values[0] < step and values[-1] + step >= size:
        begins = f" from {unit} {values[0]}" if values[0] else ""
        return f"every {step} {unit}s{begins}"
    return f"at {_counted(values, unit)}"


def _counted(values: list[int], unit: str) -> str:
    return f"{unit}{'s' * (len(values) > 1)} {_ranged([str(value) for value in values], values)}"


def _days(cron: Cron) -> str:
    days = _values(cron.days & ~1)
    weekdays = _values(cron.weekdays)
    said: list[str] = []
    if len(days) == 31 or len(weekdays) == 7:
        return "every day" if _times(cron) else ""
    if days:
        said.append(f"day{'s' * (len(days) > 1)} {_ranged([str(day) for day in days], days)} of the month")
    if weekdays:
        said.append(_ranged([WEEKDAYS[day] for day in weekdays], weekdays))
    said.extend(_special(day) for day in cron.special)
    return f"on {_listed(said)}"


def _special(day: SpecialDay) -> str:
    match day:
        case LastDay(working):
            return "the last working day of the month" if working else "the last day of the month"
        case NearestWorkday(nearest):
            return f"the working day nearest to day {nearest} of the month"
        case LastWeekday(weekday):
            return f"the last {WEEKDAYS[weekday - 1]} of the month"
        case NthWeekday(weekday, nth):
            return f"the {_ORDINALS[nth]} {WEEKDAYS[weekday - 1]} of the month"


def _months(cron: Cron) -> str:
    months = _values(cron.months)
    return "" if len(months) == 12 else f"in {_ranged([MONTHS[month - 1] for month in months], months)}"


def _years(cron: Cron) -> str:
    if cron.years == _ALL_YEARS:
        return ""
    years = [year + YEAR_FIRST for year in _values(cron.years)]
    return f"in {_ranged([str(year) for year in years], years)}"


def _values(bits: int) -> list[int]:
    return [value for value in range(bits.bit_length()) if bits >> value & 1]


def _ranged(names: list[str], values: list[int]) -> str:
    """Three and more in a row become `first to last`."""
    parts: list[str] = []
    begin = 0
    for place in range(1, len(values) + 1):
        if place < len(values) and values[place] == values[place - 1] + 1:
            continue
        if place - begin > 2:
            parts.append(f"{names[begin]} to {names[place - 1]}")
        else:
            parts.extend(names[begin:place])
        begin = place
    return _listed(parts)


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
