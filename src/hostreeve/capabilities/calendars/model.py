"""What a calendar says at a moment, in AWS's words."""

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

OPEN, CLOSED = "OPEN", "CLOSED"
DOCUMENT_TYPE = "ChangeCalendar"
_YEARS = range(1970, 2200)


class CalendarState(Struct, frozen=True, kw_only=True):
    """OPEN or CLOSED at `at_ms`; `changes_ms` is when that changes next, None when it does not in twelve
    years."""

    is_open: bool
    at_ms: int
    changes_ms: int | None

    @property
    def state(self) -> str:
        return OPEN if self.is_open else CLOSED

    def described(self) -> dict[str, Any]:
        """The members of GetCalendarState's answer."""
        answer = {"State": self.state, "AtTime": zulu(self.at_ms)}
        return answer | ({} if self.changes_ms is None else {"NextTransitionTime": zulu(self.changes_ms)})

    def detail(self) -> dict[str, Any]:
        """The detail of AWS's event `Calendar State Change`."""
        answer = {"state": self.state, "atTime": zulu(self.at_ms)}
        return answer | ({} if self.changes_ms is None else {"nextTransitionTime": zulu(self.changes_ms)})


def zulu(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(text: str) -> int | None:
    """An ISO 8601 date and time in ms, UTC where it names no offset; None when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000 if moment.year in _YEARS else None
