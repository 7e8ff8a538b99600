"""Points in time: float seconds since the epoch here, three notations on the wire."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from hostreeve.api.validation_types import EARLIEST, LATEST
from hostreeve.gateway.protocols.refusals import UnreadableError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def parsed(text: str) -> float:
    """Epoch seconds from any of the notations: clients mix them up, and none can be taken for another."""
    text = text.strip()
    try:
        if text[:1].isalpha():
            moment = parsedate_to_datetime(text)
        elif len(text) > 7 and "-" in text[1:8]:
            moment = datetime.fromisoformat(text)
        else:
            return finite(float(text))
        return (_aware(moment) - _EPOCH).total_seconds()
    except (ValueError, IndexError, TypeError, OverflowError):
        raise UnreadableError(f"{text[:64]} is not a timestamp") from None


def finite(seconds: float) -> float:
    """The number itself, if some calendar has that moment."""
    if not EARLIEST <= seconds <= LATEST:
        raise UnreadableError("The timestamp is out of range")
    return float(seconds)


def written(seconds: float, notation: str) -> str:
    """The moment as text: `iso8601`, `rfc822` (HTTP's date) or `unixTimestamp`."""
    match notation:
        case "iso8601":
            return iso8601(seconds)
        case "rfc822":
            return http_date(seconds)
    return str(int(seconds)) if seconds == int(seconds) else repr(round(seconds, 6))


def iso8601(seconds: float) -> str:
    """`2026-01-02T03:04:05Z`, with milliseconds only where there are some."""
    moment = _EPOCH + timedelta(milliseconds=round(seconds * 1000))
    part = f".{moment.microsecond // 1000:03d}" if moment.microsecond else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{part}Z"


def http_date(seconds: float) -> str:
    """`Fri, 02 Jan 2026 03:04:05 GMT`, whatever the locale."""
    m = _EPOCH + timedelta(seconds=int(seconds))
    return f"{_DAYS[m.weekday()]}, {m.day:02d} {_MONTHS[m.month - 1]} {m.year:04d} {m:%H:%M:%S} GMT"


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
