"""How an RRULE is read: its parts by name, each refused by name."""

import re
from collections.abc import Callable
from datetime import date

from hostreeve.scheduling.recurrence import COUNT_MAX, FREQUENCIES, WEEKDAYS, Rule

_PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST")
_WEEKDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_NUMBER = re.compile(r"[+-]?[0-9]{1,3}")
_INTERVAL_MAX = 1000


def read_rule(text: str, last_date: Callable[[str], date]) -> Rule:
    """The rule. ValueError says which part is wrong; `last_date` reads the value of UNTIL, and may raise
    too."""
    parts = _parts(text)
    frequency = parts.get("FREQ", "")
    if frequency not in FREQUENCIES:
        raise ValueError(f"FREQ must be one of {', '.join(FREQUENCIES)}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("COUNT and UNTIL exclude each other")
    if frequency == "WEEKLY" and "BYMONTHDAY" in parts:
        raise ValueError("BYMONTHDAY has no meaning in a WEEKLY rule")
    if "BYSETPOS" in parts and frequency not in ("MONTHLY", "YEARLY"):
        raise ValueError("BYSETPOS is supported in MONTHLY and YEARLY rules")
    if "BYSETPOS" in parts and not {"BYDAY", "BYMONTHDAY", "BYMONTH"} & set(parts):
        raise ValueError("BYSETPOS needs another BY part")
    return Rule(
        frequency=frequency,
        interval=_whole("INTERVAL", parts.get("INTERVAL", "1"), _INTERVAL_MAX),
        count=_whole("COUNT", parts["COUNT"], COUNT_MAX) if "COUNT" in parts else None,
        until=last_date(parts["UNTIL"]) if "UNTIL" in parts else None,
        months=_numbers("BYMONTH", parts, lowest=1, highest=12),
        month_days=_numbers("BYMONTHDAY", parts, lowest=-31, highest=31),
        weekdays=_weekdays(parts, frequency),
        positions=_numbers("BYSETPOS", parts, lowest=-366, highest=366),
        week_start=WEEKDAYS.index(_named("WKST", parts.get("WKST", "MO"))),
    )


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.upper().split(";"):
        name, separator, value = part.partition("=")
        if not separator or not value:
            raise ValueError(f"{part[:40]!r} is not of the form NAME=value")
        if name not in _PARTS:
            raise ValueError(f"{name[:40]} is not supported; there are {', '.join(_PARTS)}")
        if name in parts:
            raise ValueError(f"{name} is given twice")
        parts[name] = value
    return parts


def _whole(name: str, text: str, highest: int) -> int:
    if not text.isdecimal() or not text.isascii() or not 1 <= int(text[:9]) <= highest or len(text) > 9:
        raise ValueError(f"{name} must be a number from 1 to {highest}")
    return int(text)


def _numbers(name: str, parts: dict[str, str], *, lowest: int, highest: int) -> tuple[int, ...]:
    if name not in parts:
        return ()
    found: set[int] = set()
    for text in parts[name].split(","):
        if not _NUMBER.fullmatch(text) or not lowest <= int(text) <= highest or not int(text):
            raise ValueError(f"{name}: {text[:20]!r} is not a number from {lowest} to {highest}, without 0")
        found.add(int(text))
    return tuple(sorted(found))


def _weekdays(parts: dict[str, str], frequency: str) -> tuple[tuple[int, int], ...]:
    if "BYDAY" not in parts:
        return ()
    found: set[tuple[int, int]] = set()
    for text in parts["BYDAY"].split(","):
        match = _WEEKDAY.fullmatch(text)
        if match is None:
            raise ValueError(f"BYDAY: {text[:20]!r} is not a weekday such as MO, 2TU or -1FR")
        nth = int(match[1] or 0)
        if nth and (frequency in ("DAILY", "WEEKLY") or "BYMONTHDAY" in parts or abs(nth) > 53):
            raise ValueError(f"BYDAY: {text} cannot have a number here")
        if match[1] and not nth:
            raise ValueError(f"BYDAY: there is no {text}")
        found.add((nth, WEEKDAYS.index(match[2])))
    return tuple(sorted(found))


def _named(name: str, text: str) -> str:
    if text not in WEEKDAYS:
        raise ValueError(f"{name} must be one of {', '.join(WEEKDAYS)}")
    return text
