"""Cron expressions as Systems Manager writes them: six columns, or seven with seconds, `?`, `L`, `W`, `#`.

The columns are read by `cron_reading`; here they answer when the clock on the wall next shows a match.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

YEAR_FIRST, YEAR_LAST = 1970, 2199
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_SECOND = timedelta(seconds=1)
_WEEKS = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28 | 1 << 35


@dataclass(frozen=True, slots=True)
class Span:
    """Every `step`-th value from `first` to `last`; `last` < `first` runs over the end (`FRI-MON`)."""

    first: int
    last: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class LastDay:
    """`L`, the last day of the month, or with `working` `LW`, its last Monday to Friday."""

    working: bool = False


@dataclass(frozen=True, slots=True)
class NearestWorkday:
    """`15W`: the Monday to Friday nearest to the day, in the same month."""

    day: int


@dataclass(frozen=True, slots=True)
class LastWeekday:
    """`6L`: the last Friday of the month. Weekdays count from 1, Sunday."""

    weekday: int


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """`3#2`: the second Tuesday of the month."""

    weekday: int
    nth: int


SpecialDay = LastDay | NearestWorkday | LastWeekday | NthWeekday


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression, read. Columns are sets of bits: bit n stands for the value n (years from 1970).

    `days` are days of the month, `weekdays` of the week (0 is Sunday); the one that was written `?` has no
    bit. What is different in every month is in `special`. `columns` is how many were written.
    """

    text: str
    columns: int
    seconds: int
    minutes: int
    hours: int
    months: int
    years: int
    days: int
    weekdays: int
    special: tuple[SpecialDay, ...] = ()

    def following(self, wall: datetime) -> datetime | None:
        """The first match strictly after `wall` (whole seconds), both on the clock of its zone; None when
        there is none until 2199."""
        moment = wall + _SECOND
        if moment.year < YEAR_FIRST:
            moment = datetime(YEAR_FIRST, 1, 1, tzinfo=wall.tzinfo)
        elif moment.year > YEAR_LAST:
            return None
        day = self._day_from(moment.year, moment.month, moment.day)
        if day is None:
            return None
        if day == (moment.year, moment.month, moment.day):
            clock = self._time_from(moment.hour, moment.minute, moment.second)
            if clock is not None:
                return datetime(*day, *clock, tzinfo=wall.tzinfo)
            day = self._day_from(moment.year, moment.month, moment.day + 1)
            if day is None:
                return None
        clock = _lowest(self.hours), _lowest(self.minutes), _lowest(self.seconds)
        return datetime(*day, *clock, tzinfo=wall.tzinfo)

    def _day_from(self, year: int, month: int, day: int) -> tuple[int, int, int] | None:
        """The first matching day, this one included; `day` may lie one behind the month's end."""
        while years := self.years >> (year - YEAR_FIRST):
            ahead = _lowest(years)
            if ahead:
                year, month, day = year + ahead, 1, 1
            while months := self.months >> month:
                ahead = _lowest(months)
                if ahead:
                    month, day = month + ahead, 1
                if days := self.days_in(year, month) >> day:
                    return year, month, day + _lowest(days)
                month, day = month + 1, 1
            year, month, day = year + 1, 1, 1
        return None

    def _time_from(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        """The first matching time of the day, this one included."""
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1 and (seconds := self.seconds >> second):
                return hour, minute, second + _lowest(seconds)
            if minutes := self.minutes >> (minute + 1):
                return hour, minute + 1 + _lowest(minutes), _lowest(self.seconds)
        if hours := self.hours >> (hour + 1):
            return hour + 1 + _lowest(hours), _lowest(self.minutes), _lowest(self.seconds)
        return None

    def days_in(self, year: int, month: int) -> int:
        """The matching days of that month: bit n stands for day n."""
        length = _length(year, month)
        found = self.days
        if self.weekdays or self.special:
            begins = date(year, month, 1).isoweekday() % 7
            turned = (self.weekdays | self.weekdays << 7) >> begins & 0b1111111
            found |= turned * _WEEKS << 1
            for day in self.special:
                found |= 1 << _day_of(day, length, begins)
        return found & (2 << length) - 2


def _day_of(special: SpecialDay, length: int, begins: int) -> int:
    """The day in a month of so many days whose first is that weekday, 0 Sunday. 0 when there is none."""
    match special:
        case LastDay(working):
            return _nearest(length, length, begins) if working else length
        case NearestWorkday(day):
            return _nearest(day, length, begins) if day <= length else 0
        case LastWeekday(weekday):
            return length - (begins + length - weekday) % 7
        case NthWeekday(weekday, nth):
            return 1 + (weekday - 1 - begins) % 7 + 7 * (nth - 1)


def spanned(span: Span, lowest: int, highest: int) -> int:
    """The values of a span as bits."""
    last = span.last if span.last >= span.first else span.last + highest - lowest + 1
    found = 0
    for value in range(span.first, last + 1, span.step):
        found |= 1 << (value if value <= highest else value - highest + lowest - 1)
    return found


def _nearest(day: int, length: int, begins: int) -> int:
    """The working day nearest to `day` in its month; `begins` is the first day's weekday, 0 Sunday."""
    weekday = (begins + day - 1) % 7
    if weekday == 0:
        return day + 1 if day < length else day - 2
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    return day


def _length(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1
