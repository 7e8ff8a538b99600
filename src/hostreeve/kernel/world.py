"""Time, identity and chance: the only door through which they enter the program."""

from __future__ import annotations

import os
import random
import secrets
import time
from typing import Protocol


class World(Protocol):
    """What a part may ask of the outside world. It arrives by argument, never by import."""

    def now_ms(self) -> int:
        """Wall-clock time, milliseconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never steps back; only differences mean anything."""
        ...

    def uuid(self) -> str:
        """A random UUID in its 36-character form."""
        ...

    def hex(self, digits: int) -> str:
        """`digits` random lower-case hexadecimal digits."""
        ...

    def token(self, size_bytes: int) -> bytes:
        """Unpredictable bytes, fit for keys."""
        ...

    def fraction(self) -> float:
        """A number in [0, 1), for jitter."""
        ...


class RealWorld:
    """The machine's clock and its source of randomness."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    def uuid(self) -> str:
        return _uuid(os.urandom(16))

    def hex(self, digits: int) -> str:
        return secrets.token_hex((digits + 1) // 2)[:digits]

    def token(self, size_bytes: int) -> bytes:
        return os.urandom(size_bytes)

    def fraction(self) -> float:
        return secrets.randbelow(1 << 53) / (1 << 53)


class SimulatedWorld:
    """A world that one seed determines; its clock moves only when told to."""

    def __init__(self, seed: int = 0, now_ms: int = 1_800_000_000_000) -> None:
        self._chance = random.Random(seed)
        self._now_ms = now_ms

    def advance(self, seconds: float) -> None:
        """Move the clock forward (or, to simulate a stepped clock, back)."""
        self._now_ms += round(seconds * 1000)

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._now_ms / 1000

    def uuid(self) -> str:
        return _uuid(self.token(16))

    def hex(self, digits: int) -> str:
        return f"{self._chance.getrandbits(digits * 4):0{digits}x}"

    def token(self, size_bytes: int) -> bytes:
        return self._chance.getrandbits(size_bytes * 8).to_bytes(size_bytes, "big")

    def fraction(self) -> float:
        return self._chance.random()


def _uuid(chance: bytes) -> str:
    """Version 4 of RFC 9562. `uuid.UUID` takes four times as long, and every request has an id."""
    digits = chance.hex()
    variant = "89ab"[chance[8] >> 4 & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
