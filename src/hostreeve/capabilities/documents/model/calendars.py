"""The content of ChangeCalendar documents: iCalendar 2.0 text, checked for its frame and its events."""

import re
from typing import NamedTuple

from hostreeve.capabilities.documents.model.content import Refused

LINES_MAX = 20_000
TYPES = ("DEFAULT_OPEN", "DEFAULT_CLOSED")
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_MOMENT = re.compile(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3])[0-5]\d[0-5]\dZ?)?")


class _Line(NamedTuple):
    number: int
    name: str
    value: str


def check(text: str) -> None:
    """Refuse what is not a calendar, naming the line."""
    lines = _lines(text)
    if not lines or (lines[0].name, lines[0].value.upper()) != ("BEGIN", "VCALENDAR"):
        raise Refused("line 1: a calendar begins with BEGIN:VCALENDAR")
    _check_nesting(lines)
    outside = _top(lines)
    if outside.get("VERSION") != "2.0":
        raise Refused("VERSION: must be 2.0")
    kind = outside.get("X-CALENDAR-TYPE")
    if kind not in TYPES:
        raise Refused(f"X-CALENDAR-TYPE: must be {' or '.join(TYPES)}")
    for event in _events(lines):
        _check_event(event)


def _lines(text: str) -> list[_Line]:
    """Content lines, with the folded ones joined again (RFC 5545, 3.1)."""
    found: list[_Line] = []
    raw = text.replace("\r\n", "\n").split("\n")
    if len(raw) > LINES_MAX:
        raise Refused(f"more than {LINES_MAX} lines")
    parts: list[tuple[int, list[str]]] = []
    for number, line in enumerate(raw, 1):
        if line[:1] in (" ", "\t") and parts:
            parts[-1][1].append(line[1:])
        elif line.strip():
            parts.append((number, [line]))
    for number, pieces in parts:
        name, colon, value = _split("".join(pieces))
        if not colon or not _NAME.fullmatch(name):
            raise Refused(f"line {number}: is not of the form NAME:value")
        found.append(_Line(number, name.upper(), value.strip()))
    return found


def _split(line: str) -> tuple[str, str, str]:
    """Name without its parameters, and the value behind the first colon that is not inside quotes."""
    quoted = False
    for position, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif char == ":" and not quoted:
            return line[:position].split(";", 1)[0], ":", line[position + 1 :]
    return line, "", ""


def _check_nesting(lines: list[_Line]) -> None:
    open_: list[str] = []
    for line in lines:
        if line.name == "BEGIN":
            if not open_ and line is not lines[0]:
                raise Refused(f"line {line.number}: there is something behind the calendar")
            open_.append(line.value.upper())
        elif line.name == "END":
            if not open_ or open_.pop() != line.value.upper():
                raise Refused(f"line {line.number}: END:{line.value[:40]} ends nothing that began")
        elif not open_:
            raise Refused(f"line {line.number}: there is something behind the calendar")
        if len(open_) > 8:
            raise Refused(f"line {line.number}: nested deeper than 8 levels")
    if open_:
        raise Refused(f"{open_[-1][:40]}: has no END")


def _top(lines: list[_Line]) -> dict[str, str]:
    depth = 0
    found: dict[str, str] = {}
    for line in lines:
        depth += (line.name == "BEGIN") - (line.name == "END")
        if depth == 1 and line.name not in ("BEGIN", "END"):
            found.setdefault(line.name, line.value)
    return found


def _events(lines: list[_Line]) -> list[list[_Line]]:
    events: list[list[_Line]] = []
    inside = False
    for line in lines:
        if line.name == "BEGIN" and line.value.upper() == "VEVENT":
            inside = True
            events.append([line])
        elif line.name == "END" and line.value.upper() == "VEVENT":
            inside = False
        elif inside:
            events[-1].append(line)
    return events


def _check_event(event: list[_Line]) -> None:
    begin = event[0].number
    values = {line.name: line for line in reversed(event)}
    if "DTSTART" not in values:
        raise Refused(f"line {begin}: the event has no DTSTART")
    if "DTEND" not in values and "DURATION" not in values:
        raise Refused(f"line {begin}: the event has neither DTEND nor DURATION")
    for name in ("DTSTART", "DTEND"):
        if name in values and not _MOMENT.fullmatch(values[name].value):
            raise Refused(f"line {values[name].number}: {name} is not a date or a time")
    rule = values.get("RRULE")
    if rule is not None:
        parts = dict(part.partition("=")[::2] for part in rule.value.upper().split(";"))
        if parts.get("FREQ") not in _FREQUENCIES:
            raise Refused(f"line {rule.number}: FREQ must be one of {', '.join(_FREQUENCIES)}")
