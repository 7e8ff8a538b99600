"""Ids that say when they were made: random UUIDs whose first 48 bits are a time, as in version 7 of RFC 9562.

What is known by such an id can be found by time, without an index of ids.
"""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_SIBLING = {digit: f"{15 - int(digit, 16):x}" for digit in "0123456789abcdef"}


def dated(uuid: str, now_ms: int) -> str:
    """That UUID, made at that time: 74 of its bits stay random."""
    time = f"{now_ms:012x}"
    return f"{time[:8]}-{time[8:12]}{uuid[13:]}"


def date_of(uuid: str) -> int | None:
    """The time (milliseconds since the epoch) that `dated` put in; None for what is no UUID."""
    return int(uuid[:8] + uuid[9:13], 16) if _UUID(uuid) else None


def sibling(uuid: str) -> str:
    """Another id of the same time; the sibling of the sibling is the first one again."""
    return uuid[:-1] + _SIBLING[uuid[-1]]
