"""When schedules come and calendars are open, by their definitions: the year's oracle.

It shares no code with what it judges: a schedule here is a rule about days, said once in AWS's words and once
in Python's, and the clock on the wall is asked for each of them.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

DAY_S = 86_400
SKEW_S = 60
"""How far a clock may be set back without anybody taking notice."""
FIRST, LAST = date(2026, 11, 1), date(2029, 6, 1)

Days = Callable[[date], bool]


def instant_s(wall: datetime, zone: tzinfo) -> int:
    """When the clock of the zone first shows `wall`, or, where it never does, the first minute behind."""
    noon = wall.replace(tzinfo=UTC)
    around = [noon + timedelta(hours=hours) for hours in (-36, 36)]
    offsets = {(moment.astimezone(zone).utcoffset() or timedelta()) for moment in around}
    shown = [noon - offset for offset in offsets]
    fitting = [each for each in shown if each.astimezone(zone).replace(tzinfo=None, fold=0) == wall]
    if fitting:
        return round(min(fitting).timestamp())
    moment = min(shown) - timedelta(hours=3)
    while moment.astimezone(zone).replace(tzinfo=None, fold=0) < wall:
        moment += timedelta(minutes=1)
    return round(moment.timestamp())


def every_day(_: date) -> bool:
    return True


def weekday(number: int) -> Days:
    """0 is Monday."""
    return lambda day: day.weekday() == number


def nth(number: int, weekday: int) -> Days:
    return lambda day: day.weekday() == weekday and (day.day - 1) // 7 + 1 == number


def last_of_month(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


@dataclass(frozen=True)
class Rule:
    """`expression` as it is written, and what it means: at these times on days that fit, or every so often.

    `offset`: so many days after a day that fits. `period_s`: a rate. `once`: a wall's time.
    """

    expression: str
    zone: str = "UTC"
    fits: Days = every_day
    at: tuple[time, ...] = ()
    offset: int = 0
    period_s: int = 0
    once: datetime | None = None

    def times(self, anchor_s: int) -> list[int]:
        """All its times, in seconds, if it was made at the anchor. Sorted."""
        if self.period_s:
            count = 800 * DAY_S // self.period_s
            return [anchor_s + number * self.period_s for number in range(1, count)]
        found = self._clocked()
        if not self.offset:
            return found
        # A base day that was over when the schedule was made takes its period with it.
        return [moment for moment in found if self._base_s(moment) > anchor_s]

    def _base_s(self, moment_s: int) -> int:
        zone = ZoneInfo(self.zone)
        wall = datetime.fromtimestamp(moment_s, zone).replace(tzinfo=None)
        return instant_s(wall - timedelta(days=self.offset), zone)

    def _clocked(self) -> list[int]:
        return _clocked(self)


@cache
def _clocked(rule: Rule) -> list[int]:
    zone = ZoneInfo(rule.zone)
    if rule.once is not None:
        return [instant_s(rule.once, zone)]
    walls = [
        datetime.combine(day + timedelta(days=rule.offset), moment)
        for day in _days()
        if rule.fits(day)
        for moment in rule.at
    ]
    return sorted(instant_s(wall, zone) for wall in walls)


def _days() -> Iterator[date]:
    day = FIRST
    while day < LAST:
        yield day
        day += timedelta(days=1)


@dataclass
class Due:
    """The times of a schedule that somebody made at `anchor_s`, as far as they still have to be served.

    Times are seconds of the wall's clock. `served_s` is when it was served last, `since_s` from when on it
    counts, `demands` are moments at which it was asked for besides its schedule.
    """

    rule: Rule | None
    anchor_s: int
    since_s: float
    served_s: float = 0.0
    is_enabled: bool = True
    first_s: float = 0.0
    last_s: float = float("inf")
    demands: list[float] = field(default_factory=list)
    _times: list[int] | None = None

    def owed(self, until_s: float) -> list[float]:
        """What has come and was not served yet."""
        after_s = max(self.since_s, self.served_s)
        if self._times is None:
            self._times = self.rule.times(self.anchor_s) if self.rule else []
        first, last = bisect_right(self._times, after_s), bisect_right(self._times, until_s)
        planned = [each for each in self._times[first:last] if self.first_s <= each <= self.last_s]
        return sorted([*(planned if self.is_enabled else []), *(d for d in self.demands if d <= until_s)])

    def serve(self, at_s: float) -> None:
        self.served_s = at_s
        self.demands = [each for each in self.demands if each > at_s]

    def clock_is(self, now_s: float) -> None:
        """The clock may have jumped back: what lies ahead has to be served, unless that was a correction."""
        if self.since_s > now_s + SKEW_S:
            self.since_s = now_s
        self.demands = [min(each, now_s) for each in self.demands]
        if self.served_s > now_s + DAY_S:
            self.served_s = now_s


@dataclass(frozen=True)
class Closing:
    """A calendar and when it is closed, by the clock of its zone."""

    name: str
    zone: str
    content: str
    is_closed: Callable[[datetime], bool]

    def closed_at(self, at_s: float) -> bool:
        return self.is_closed(datetime.fromtimestamp(at_s, ZoneInfo(self.zone)).replace(tzinfo=None))


def _calendar(zone: str, *events: str) -> str:
    lines = ["BEGIN:VCALENDAR", "PRODID:-//AWS//Change Calendar 1.0//EN", "VERSION:2.0"]
    lines += ["X-CALENDAR-TYPE:DEFAULT_OPEN", "X-WR-CALDESC:"]
    for number, event in enumerate(events):
        lines += ["BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20260101T000000Z", "SUMMARY:closed"]
        lines += [event.replace(";@", f";TZID={zone}"), "END:VEVENT"]
    return "\n".join([*lines, "END:VCALENDAR", ""])


CLOSINGS = {
    "weekends": Closing(
        "weekends",
        "America/New_York",
        _calendar(
            "America/New_York",
            "DTSTART;@:20260103T000000\nDTEND;@:20260105T000000\nRRULE:FREQ=WEEKLY;BYDAY=SA",
        ),
        lambda wall: wall.weekday() >= 5,
    ),
    "nights": Closing(
        "nights",
        "Europe/Berlin",
        _calendar("Europe/Berlin", "DTSTART;@:20260101T220000\nDTEND;@:20260102T060000\nRRULE:FREQ=DAILY"),
        lambda wall: wall.hour >= 22 or wall.hour < 6,
    ),
    "freeze": Closing(
        "freeze",
        "Asia/Tokyo",
        _calendar(
            "Asia/Tokyo",
            "DTSTART;@:20270401T000000\nDTEND;@:20270415T000000",
            "DTSTART;@:20271220T000000\nDTEND;@:20280105T000000",
        ),
        lambda wall: (
            datetime(2027, 4, 1) <= wall < datetime(2027, 4, 15)  # noqa: DTZ001
            or datetime(2027, 12, 20) <= wall < datetime(2028, 1, 5)  # noqa: DTZ001
        ),
    ),
}
