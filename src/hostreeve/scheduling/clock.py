"""Wall clocks of IANA time zones, and what they do when summer time begins and ends.

A time that the wall's clock skips is taken as the first instant after the gap; one that it shows twice is its
first showing. So a schedule of 02:30 runs once on either night.
"""

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from hostreeve.scheduling.refusal import InvalidExpression

SECONDS_MAX = 7_289_654_400
"""2201-01-01: behind the last year that a cron expression may name, and far before Python's datetime ends."""


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every name of the IANA time zone database."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text().split())


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """The zone of an IANA name such as `Asia/Tokyo`. InvalidExpression for any other."""
    if name in ("UTC", "Etc/UTC"):
        return UTC
    # Asking the list first keeps file names that are no zones, such as `Asia`, from ever being opened.
    if name not in zone_names():
        raise InvalidExpression("timezone", f"{name[:64]!r} is not a time zone of the IANA database")
    return ZoneInfo(name)


def date_ms(text: str) -> int:
    """An ISO 8601 date, or date and time, in ms since the epoch; UTC where it names no offset."""
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise InvalidExpression(
            "date", f"{text[:40]!r} is not an ISO 8601 date such as 2027-01-01T00:00:00-08:00"
        ) from None


def wall_time(instant_s: int, where: tzinfo) -> datetime:
    """What the wall's clock shows at an instant, seconds since the epoch."""
    return datetime.fromtimestamp(instant_s, where)


def instant_s(wall: datetime) -> int:
    """When the clock of its zone first shows `wall` (whole seconds), or is first past it."""
    seconds = int(wall.timestamp())
    # Two times of one zone are compared by what the clock shows: unequal means that it never shows `wall`.
    if datetime.fromtimestamp(seconds, wall.tzinfo) == wall:
        return seconds
    return _end_of_gap(wall)


def _end_of_gap(wall: datetime) -> int:
    """The first instant at which the clock is past `wall`, which it skipped."""
    # PEP 495: in a gap, fold=1 reads the time by the clock after it (too early), fold=0 by the one before.
    early = int(wall.replace(fold=1).timestamp())
    late = int(wall.timestamp())
    while late - early > 1:
        middle = (early + late) // 2
        if datetime.fromtimestamp(middle, wall.tzinfo) < wall:
            early = middle
        else:
            late = middle
    return late
