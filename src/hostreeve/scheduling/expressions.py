"""Schedule expressions: `cron(…)`, `rate(…)` and `at(…)`, read once into values that know what is next.

A pure module: whatever keeps schedules (maintenance windows, associations, rules) asks here. Sources: AWS's
reference of cron and rate expressions for Systems Manager.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from hostreeve.scheduling import cron_reading
from hostreeve.scheduling.clock import SECONDS_MAX, instant_s, wall_time
from hostreeve.scheduling.cron import Cron
from hostreeve.scheduling.refusal import InvalidExpression

EXPRESSION_CHARS_MAX = 256
OFFSET_DAYS_MAX = 6
_UNITS_S = {"minute": 60, "hour": 3_600, "day": 86_400}
_RATE = re.compile(r"\s*([0-9]+)\s*([A-Za-z]+)\s*")
_AT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?")
_RATE_DIGITS_MAX = 7
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so many seconds, counted in real time: a day is 24 hours, whatever the clocks do."""

    text: str
    count: int
    unit: str
    period_s: int


@dataclass(frozen=True, slots=True)
class At:
    """Once, when the clock shows `wall`, whose own zone means nothing."""

    text: str
    wall: datetime


Expression = Cron | Rate | At


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Read an expression. InvalidExpression names what is wrong with it, by its field."""
    if len(text) > EXPRESSION_CHARS_MAX:
        raise InvalidExpression("expression", f"is longer than {EXPRESSION_CHARS_MAX} characters")
    kind, opened, rest = text.strip().partition("(")
    if not opened or not rest.endswith(")") or kind not in ("cron", "rate", "at"):
        raise InvalidExpression("expression", f"{text[:80]!r} is neither cron(…), rate(…) nor at(…)")
    body = rest[:-1]
    if kind == "cron":
        return cron_reading.read(text, body)
    return _rate(text, body) if kind == "rate" else _at(text, body)


def _rate(text: str, body: str) -> Rate:
    found = _RATE.fullmatch(body)
    if found is None:
        raise InvalidExpression("rate", f"{body[:40]!r} is not a number and a unit, such as 5 hours")
    count, unit = int(found[1][: _RATE_DIGITS_MAX + 1]), found[2]
    singular = unit.removesuffix("s")
    if singular not in _UNITS_S or unit not in (singular, singular + "s"):
        raise InvalidExpression("unit", f"{unit[:40]!r} is not minute, minutes, hour, hours, day or days")
    if count < 1 or len(found[1]) > _RATE_DIGITS_MAX:
        raise InvalidExpression(
            "value", f"{found[1][:40]} is not a number from 1 to {10**_RATE_DIGITS_MAX - 1}"
        )
    if (count == 1) != (unit == singular):
        right = singular if count == 1 else singular + "s"
        raise InvalidExpression("unit", f"a value of {count} goes with {right}, not with {unit}")
    return Rate(text, count, singular, count * _UNITS_S[singular])


def _at(text: str, body: str) -> At:
    found = _AT.fullmatch(body.strip())
    if found is None:
        raise InvalidExpression("at", f"{body[:40]!r} is not of the form yyyy-MM-ddTHH:mm:ss")
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        wall = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as trouble:
        raise InvalidExpression("at", f"{body[:40]!r} is no time: {trouble}") from None
    if not 1970 <= wall.year <= 2199:
        raise InvalidExpression("at", f"{wall.year} is not a year from 1970 to 2199")
    return At(text, wall)


@dataclass(frozen=True, slots=True)
class Timing:
    """An expression with everything that decides when it comes: its zone, its dates and its offset.

    `anchor_ms` is when the schedule was made or last changed: rates count from it, and with an offset only
    base days after it count. `start_ms` and `end_ms` bound the period in which it may come (both included);
    a rate whose start lies after the anchor comes first at its start. `offset_days` is a cron expression's
    delay, 1 to 6 days at the same time of day.
    """

    expression: Expression
    zone: tzinfo = UTC
    anchor_ms: int = 0
    offset_days: int = 0
    start_ms: int | None = None
    end_ms: int | None = None

    def __post_init__(self) -> None:
        if self.offset_days and not isinstance(self.expression, Cron):
            raise InvalidExpression("offset", "only cron expressions can have an offset")
        if not 0 <= self.offset_days <= OFFSET_DAYS_MAX:
            raise InvalidExpression("offset", f"{self.offset_days} is not 1 to {OFFSET_DAYS_MAX} days")

    def following(self, after_ms: int) -> int | None:
        """The first time strictly after `after_ms`, in ms since the epoch; None when it never comes again."""
        if self.start_ms is not None and self.start_ms > after_ms:
            after_ms = self.start_ms - 1
        after_s = after_ms // 1000
        if after_s >= SECONDS_MAX:
            return None
        expression = self.expression
        found: int | None
        if isinstance(expression, Cron):
            found = self._next_of_cron(expression, max(after_s, 0))
        elif isinstance(expression, Rate):
            found = self._next_of_rate(after_s, expression.period_s)
        else:
            found = instant_s(expression.wall.replace(tzinfo=self.zone))
        if found is None or found <= after_s or (self.end_ms is not None and found * 1000 > self.end_ms):
            return None
        return found * 1000

    def upcoming(self, after_ms: int) -> Iterator[int]:
        """All times after `after_ms`, one by one."""
        moment = self.following(after_ms)
        while moment is not None:
            yield moment
            moment = self.following(moment)

    def _next_of_rate(self, after_s: int, period_s: int) -> int:
        anchor_s = self.anchor_ms // 1000
        first_s = anchor_s + period_s
        if self.start_ms is not None and self.start_ms > self.anchor_ms:
            first_s = -(-self.start_ms // 1000)
        if after_s < first_s:
            return first_s
        return first_s + ((after_s - first_s) // period_s + 1) * period_s

    def _next_of_cron(self, cron: Cron, after_s: int) -> int | None:
        wall = wall_time(after_s, self.zone)
        offset = self.offset_days * _DAY
        if self.offset_days:
            # A base day that was over when the schedule was made takes its whole period with it.
            wall = max(wall - offset, wall_time(max(0, self.anchor_ms // 1000), self.zone))
        while (base := cron.following(wall)) is not None:
            found = instant_s(base + offset if self.offset_days else base)
            # Not so in the second pass through an hour that the clocks repeat, and behind a gap.
            if found > after_s:
                return found
            wall = base
        return None
