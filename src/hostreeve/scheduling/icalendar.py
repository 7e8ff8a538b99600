"""iCalendar text (RFC 5545) read into events: content lines, times in zones, recurrences, exceptions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from hostreeve.scheduling import clock
from hostreeve.scheduling.clock import instant_s
from hostreeve.scheduling.recurrence import Rule
from hostreeve.scheduling.recurrence_reading import read_rule
from hostreeve.scheduling.refusal import InvalidExpression

LINES_MAX = 20_000
DEPTH_MAX = 8
_NAME = re.compile(r"[A-Za-z0-9-]+")
_MOMENT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?", re.ASCII)
_DURATION = re.compile(
    r"\+?P(?:(\d{1,4})W|(?=\d|T\d)(?:(\d{1,5})D)?(?:T(?=\d)(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?)",
    re.ASCII,
)


class InvalidCalendar(ValueError):
    """Names the line, or what is missing."""


class Line(NamedTuple):
    """A content line, unfolded. Names of properties and parameters are in capitals."""

    number: int
    name: str
    parameters: dict[str, str]
    value: str


@dataclass(frozen=True, slots=True)
class Event:
    """What happens from `begins` for `days` and then `seconds`: `days` go by the wall's clock, so that what
    ends at 06:00 does so in every night; `seconds` do too unless `is_exact`.

    `begins` carries its zone. `without` are instants (s) and dates that are left out, `besides` further
    beginnings.
    """

    uid: str
    summary: str
    begins: datetime
    length: timedelta
    is_exact: bool
    rule: Rule | None
    without: frozenset[int | date]
    besides: tuple[datetime, ...]
    is_advisory: bool


def read_lines(text: str) -> list[Line]:
    """The content lines; folded ones are joined (RFC 5545, 3.1). Either kind of line end will do."""
    raw = text.replace("\r\n", "\n").split("\n")
    if len(raw) > LINES_MAX:
        raise InvalidCalendar(f"more than {LINES_MAX} lines")
    parts: list[tuple[int, list[str]]] = []
    for number, line in enumerate(raw, 1):
        if line[:1] in (" ", "\t") and parts:
            parts[-1][1].append(line[1:])
        elif line.strip():
            parts.append((number, [line]))
    return [_line(number, "".join(pieces)) for number, pieces in parts]


def components(lines: list[Line], kind: str) -> Iterator[list[Line]]:
    """The components of a kind, each with its own lines: those of what it contains are left out."""
    open_: list[list[Line]] = []
    for line in lines:
        if line.name == "BEGIN":
            open_.append([line])
        elif line.name == "END":
            component = open_.pop()
            if component[0].value.upper() == kind:
                yield component
        elif open_:
            open_[-1].append(line)


def read_events(lines: list[Line], floating: tzinfo) -> list[Event]:
    """The events of a calendar; times without a zone are in `floating`. InvalidCalendar names the line."""
    found = [_Reading(lines, floating) for lines in components(lines, "VEVENT")]
    moved: dict[str, set[int | date]] = {}
    for event in found:
        if event.replaces is not None:
            moved.setdefault(event.uid, set()).add(event.replaces)
    return [event.event(frozenset(moved.get(event.uid, ()))) for event in found]


class _Reading:
    """One VEVENT, property by property."""

    def __init__(self, lines: list[Line], floating: tzinfo) -> None:
        self._number = lines[0].number
        self._lines: dict[str, list[Line]] = {}
        for line in lines[1:]:
            self._lines.setdefault(line.name, []).append(line)
        self.uid = self._text("UID")
        self._begins, self._is_all_day = self._begin(floating)
        # What names no zone is meant by the clock of the beginning.
        self._zone = self._begins.tzinfo or floating
        self.replaces = self._replaces()

    def event(self, moved: frozenset[int | date]) -> Event:
        """The event, without the occurrences that others of the same UID stand for."""
        is_master = self.replaces is None
        length, is_exact = self._length()
        return Event(
            uid=self.uid,
            summary=self._text("SUMMARY"),
            begins=self._begins,
            length=length,
            is_exact=is_exact,
            rule=self._rule() if is_master else None,
            without=(self._without() | moved) if is_master else frozenset(),
            besides=self._besides() if is_master else (),
            # AWS does not document how its calendars mark advisory events; this is our word for it.
            is_advisory=self._text("X-EVENT-TYPE").upper() == "ADVISORY",
        )

    def _text(self, name: str) -> str:
        return self._lines[name][0].value if name in self._lines else ""

    def _one(self, name: str) -> Line | None:
        lines = self._lines.get(name, [])
        if len(lines) > 1:
            raise _wrong(lines[1], f"{name} is there twice")
        return lines[0] if lines else None

    def _begin(self, floating: tzinfo) -> tuple[datetime, bool]:
        line = self._one("DTSTART")
        if line is None:
            raise InvalidCalendar(f"line {self._number}: the event has no DTSTART")
        return _moment(line, line.value, floating)

    def _length(self) -> tuple[timedelta, bool]:
        ends, lasts = self._one("DTEND"), self._one("DURATION")
        if ends is None and lasts is None:
            raise InvalidCalendar(f"line {self._number}: the event has neither DTEND nor DURATION")
        if ends is None:
            assert lasts is not None
            length = _duration(lasts)
            # Whole days go by the calendar, hours by the clock that never is set.
            return length, length % timedelta(days=1) != timedelta()
        if lasts is not None:
            raise _wrong(lasts, "DTEND and DURATION exclude each other")
        end, is_all_day = _moment(ends, ends.value, self._zone)
        if is_all_day != self._is_all_day:
            raise _wrong(ends, "DTSTART and DTEND must both be dates, or both times")
        if end.tzinfo is not self._begins.tzinfo:
            end = datetime.fromtimestamp(instant_s(end), self._begins.tzinfo)
        length = end - self._begins
        if length < timedelta():
            raise _wrong(ends, "the event ends before it begins")
        return length, False

    def _rule(self) -> Rule | None:
        line = self._one("RRULE")
        if line is None:
            return None

        def last_date(text: str) -> date:
            until, is_date = _moment(line, text, self._zone)
            in_utc = not is_date and until.tzinfo is UTC
            last = until.astimezone(self._begins.tzinfo) if in_utc else until
            # The last day counts only if its time of day has come by then.
            is_past = not is_date and last.time() < self._begins.time()
            return last.date() - timedelta(days=is_past)

        try:
            return read_rule(line.value, last_date)
        except InvalidCalendar:
            raise
        except ValueError as wrong:
            raise _wrong(line, f"{wrong}") from None

    def _without(self) -> frozenset[int | date]:
        found: set[int | date] = set()
        for line in self._lines.get("EXDATE", []):
            for text in line.value.split(","):
                moment, is_date = _moment(line, text, self._zone)
                found.add(moment.date() if is_date else instant_s(moment))
        return frozenset(found)

    def _besides(self) -> tuple[datetime, ...]:
        found = []
        for line in self._lines.get("RDATE", []):
            if line.parameters.get("VALUE", "").upper() == "PERIOD":
                raise _wrong(line, "RDATE: periods are not supported")
            for text in line.value.split(","):
                moment, _ = _moment(line, text, self._zone)
                if moment.tzinfo is not self._begins.tzinfo:
                    moment = datetime.fromtimestamp(instant_s(moment), self._begins.tzinfo)
                found.append(moment)
        return tuple(sorted(found))

    def _replaces(self) -> int | date | None:
        line = self._one("RECURRENCE-ID")
        if line is None:
            return None
        if "RANGE" in line.parameters:
            raise _wrong(line, "RECURRENCE-ID: RANGE is not supported")
        if self._text("STATUS").upper() == "CANCELLED":
            # AWS refuses the import of calendars with single occurrences that were cancelled.
            raise _wrong(line, "single occurrences that are cancelled are not supported: use EXDATE")
        moment, is_date = _moment(line, line.value, self._zone)
        return moment.date() if is_date else instant_s(moment)


def _moment(line: Line, text: str, floating: tzinfo) -> tuple[datetime, bool]:
    """A DATE or DATE-TIME in its zone, and whether it is a date: the midnight on which it begins."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise _wrong(line, f"{line.name} is not a date or a time")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    where: tzinfo = UTC if found[7] else floating
    if "TZID" in line.parameters and not found[7]:
        try:
            where = clock.zone(line.parameters["TZID"].removeprefix("/"))
        except InvalidExpression as wrong:
            raise _wrong(line, f"TZID: {wrong.problem}") from None
    try:
        # 23:59:60 is a leap second.
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=where)
    except ValueError:
        raise _wrong(line, f"{line.name} is not a date or a time") from None
    if not 1970 <= year <= 2199:
        raise _wrong(line, f"{line.name}: {year} is not a year from 1970 to 2199")
    return moment, found[4] is None


def _duration(line: Line) -> timedelta:
    found = _DURATION.fullmatch(line.value.upper())
    if found is None:
        raise _wrong(line, "DURATION is not a length such as P1D or PT8H")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _line(number: int, text: str) -> Line:
    """`NAME;PARAMETER=value;PARAMETER="quoted":value`, split outside of quotes."""
    head, colon, value = _cut(text, ":")
    pieces: list[str] = []
    while head or not pieces:
        piece, _, head = _cut(head, ";")
        pieces.append(piece)
    name, *parameters = pieces
    if not colon or not _NAME.fullmatch(name):
        raise InvalidCalendar(f"line {number}: is not of the form NAME:value")
    named: dict[str, str] = {}
    for parameter in parameters:
        key, _, given = parameter.partition("=")
        named[key.upper()] = given.strip('"')
    return Line(number, name.upper(), named, value.strip())


def _cut(text: str, separator: str) -> tuple[str, str, str]:
    """As `str.partition`, at the first separator that is not inside quotes."""
    quoted = False
    for position, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char == separator and not quoted:
            return text[:position], separator, text[position + 1 :]
    return text, "", ""


def _wrong(line: Line, problem: str) -> InvalidCalendar:
    return InvalidCalendar(f"line {line.number}: {problem}")
