"""`hostreeve inventory`: what became different on a node."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hostreeve.cli import words
from hostreeve.cli.desk import Desk
from hostreeve.cli.screen import visible, with_times
from hostreeve.cli.trouble import UsageTrouble

PAGE = 50
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NAMES = ("Name", "KeyPath", "HotFixId", "Id")
"""The attributes by which an entry is called, the first that it has."""
_SHOWN = 3
"""So many of its attributes tell what a new or former entry is."""


def changes(desk: Desk, arguments: Namespace) -> int:
    """Print a paragraph per change, the oldest first, or with --json `{"InstanceId", "Since", "Changes"}`."""
    now_ms = desk.world.now_ms()
    since_ms = moment_ms(arguments.since, now_ms)
    until_ms = moment_ms(arguments.until, now_ms) if arguments.until else None
    found = list(
        desk.client().pages(
            "hostreeve",
            "ListInventoryChanges",
            "Changes",
            InstanceId=arguments.node,
            TypeName=arguments.type,
            Since=since_ms / 1000,
            Until=None if until_ms is None else until_ms / 1000,
            MaxResults=PAGE,
        )
    )
    if arguments.json:
        shown = {
            "InstanceId": arguments.node,
            "Since": written(since_ms),
            "Changes": [with_times(each) for each in found],
        }
        desk.screen.json(shown)
        return 0
    if not found:
        desk.screen.note(f"Nothing became different on {arguments.node} since {written(since_ms)}.")
    for change in found:
        desk.screen.line(f"{written(round(change['Time'] * 1000))}  {visible(str(change['TypeName']))}")
        for line in lines_of(change):
            desk.screen.line(f"  {visible(line)}")
    return 0


def lines_of(change: Mapping[str, Any]) -> list[str]:
    """A line for every entry that came (+), went (-) or is otherwise (~)."""
    if change.get("First"):
        return ["told for the first time"]
    lines = [f"+ {_called(row)}" for row in change.get("Added", [])]
    lines += [f"- {_called(row)}" for row in change.get("Removed", [])]
    for each in change.get("Changed", []):
        before, after = each["Before"], each["After"]
        names = dict.fromkeys([*before, *after])
        told = [
            f"{name}: {before.get(name, '(none)')} -> {after.get(name, '(none)')}"
            for name in names
            if before.get(name) != after.get(name)
        ]
        lines.append(f"~ {_name(after)} {', '.join(told)}".replace("~  ", "~ "))
    return lines


def _name(row: Mapping[str, str]) -> str:
    return next((row[name] for name in _NAMES if row.get(name)), "")


def _called(row: Mapping[str, str]) -> str:
    name = _name(row)
    rest = [f"{key} {value}" for key, value in row.items() if value and value != name]
    return f"{name} ({', '.join(rest[:_SHOWN])})" if rest else name


def moment_ms(text: str, now_ms: int) -> int:
    """A time, a weekday (the last one, from midnight UTC on) or how long ago. UsageTrouble."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    if text.lower() in _DAYS:
        back = (now.weekday() - _DAYS.index(text.lower())) % 7
        day = (now - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
        return int(day.timestamp()) * 1000
    if text[:1].isdigit() and "-" not in text and "T" not in text:
        return max(0, now_ms - words.duration_s(text) * 1000)
    try:
        moment = datetime.fromisoformat(text)
        return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UsageTrouble(
            f"{text!r} is no time.", "Times look like 2026-11-24, 2026-11-24T09:00Z, tuesday or 2d."
        ) from None


def written(at_ms: int) -> str:
    """By the clock of UTC, to the second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
