"""aws:sleep: a while, or until a moment."""

import re
from datetime import UTC, datetime
from typing import Any

from hostreeve.capabilities.automations.actions.house import At, Momentary, text_of
from hostreeve.capabilities.automations.model.outcome import Outcome, Succeeded, Unfit, Waits

SECONDS_MAX = 604_799
_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


class Sleep(Momentary):
    """A moment that has passed is no wait at all."""

    def start(self, at: At) -> Outcome:
        until_ms = _until_ms(at.inputs, at.now_ms)
        if until_ms <= at.now_ms:
            return Succeeded()
        return Waits(look_ms=until_ms, memory={"until_ms": until_ms})

    def look(self, at: At) -> Outcome:
        until_ms = at.memory["until_ms"]
        return Succeeded() if at.now_ms >= until_ms else Waits(look_ms=until_ms)


def _until_ms(inputs: Any, now_ms: int) -> int:
    if inputs.get("Timestamp"):
        until_ms = _moment_ms(text_of(inputs, "Timestamp"))
        if until_ms - now_ms > SECONDS_MAX * 1000:
            raise Unfit(f"Timestamp: a step sleeps at most {SECONDS_MAX} seconds.")
        return until_ms
    seconds = seconds_of("Duration", text_of(inputs, "Duration"))
    if seconds > SECONDS_MAX:
        raise Unfit(f"Duration: a step sleeps at most {SECONDS_MAX} seconds.")
    return now_ms + round(seconds * 1000)


def seconds_of(name: str, text: str) -> float:
    """An ISO 8601 duration. Unfit."""
    found = _DURATION.fullmatch(text.strip().upper()) if len(text) < 40 else None
    parts = {part: float(value) for part, value in found.groupdict().items() if value} if found else {}
    if not parts:
        raise Unfit(f"{name}: {text[:40]!r} is not a duration such as PT5M.")
    return sum(
        value * {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}[part]
        for part, value in parts.items()
    )


def _moment_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Unfit(f"Timestamp: {text[:40]!r} is not a time such as 2030-01-01T01:00:00Z.") from None
