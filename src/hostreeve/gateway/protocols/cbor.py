"""CBOR: as much of the binary format as Smithy's RPC protocol uses, with limits on every claim."""

import math
import struct
from typing import Any

from hostreeve.gateway.protocols.refusals import UnreadableError

DEEPEST = 100
_INDEFINITE = 31
_BREAK = 0xFF
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}


def decode(body: bytes) -> Any:
    """The one value of a body. Tagged times are their numbers. UnreadableError on anything else."""
    reader = _Reader(body)
    try:
        value = reader.value(0)
    except UnicodeDecodeError:
        raise UnreadableError("The body holds text that is not valid UTF-8") from None
    if reader.position != len(body):
        raise UnreadableError("The body goes on after its CBOR value")
    return value


class _Reader:
    def __init__(self, body: bytes) -> None:
        self.body = body
        self.position = 0

    def value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise UnreadableError("The body is nested too deeply")
        first = self.take(1)[0]
        major, extra = first >> 5, first & 31
        match major:
            case 0:
                return self.count(extra)
            case 1:
                return -1 - self.count(extra)
            case 2:
                return self.string(extra, 2)
            case 3:
                return self.string(extra, 3).decode()
            case 4:
                return self.array(extra, depth)
            case 5:
                return self.map(extra, depth)
            case 6:
                self.count(extra)
                return self.value(depth + 1)
        return self.simple(extra)

    def take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self.body):
            raise UnreadableError("The body ends within a CBOR value")
        taken = self.body[self.position : end]
        self.position = end
        return taken

    def count(self, extra: int) -> int:
        if extra < 24:
            return extra
        if extra > 27:
            raise UnreadableError("The body is not valid CBOR")
        return int.from_bytes(self.take(1 << (extra - 24)), "big")

    def string(self, extra: int, major: int) -> bytes:
        if extra != _INDEFINITE:
            return self.take(self.count(extra))
        chunks = []
        while not self.ended():
            first = self.take(1)[0]
            if first >> 5 != major or first & 31 == _INDEFINITE:
                raise UnreadableError("The body is not valid CBOR")
            chunks.append(self.take(self.count(first & 31)))
        return b"".join(chunks)

    def array(self, extra: int, depth: int) -> list[Any]:
        items: list[Any] = []
        if extra == _INDEFINITE:
            while not self.ended():
                items.append(self.value(depth + 1))
            return items
        # A claimed length is not believed: a short body ends the loop by itself.
        for _ in range(self.count(extra)):
            items.append(self.value(depth + 1))
        return items

    def map(self, extra: int, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        left = None if extra == _INDEFINITE else self.count(extra)
        while left != 0 if left is not None else not self.ended():
            key = self.value(depth + 1)
            if not isinstance(key, str):
                raise UnreadableError("The key of a map is not a string")
            found[key] = self.value(depth + 1)
            left = None if left is None else left - 1
        return found

    def simple(self, extra: int) -> Any:
        if extra in _SIMPLE:
            return _SIMPLE[extra]
        if extra not in _FLOATS:
            raise UnreadableError("The body is not valid CBOR")
        layout, size = _FLOATS[extra]
        return struct.unpack(layout, self.take(size))[0]

    def ended(self) -> bool:
        if self.position < len(self.body) and self.body[self.position] == _BREAK:
            self.position += 1
            return True
        return False


class Time(float):
    """Marks a number that is a point in time."""


def encode(value: Any) -> bytes:
    """The bytes of a tree of dictionaries, lists, strings, bytes, numbers, `Time` and None."""
    out = bytearray()
    _encode(out, value)
    return bytes(out)


def _encode(out: bytearray, value: Any) -> None:
    match value:
        case None | bool():
            out.append(0xF6 if value is None else 0xF4 + value)
        case int():
            _head(out, 0 if value >= 0 else 1, value if value >= 0 else -1 - value)
        case float():
            _encode_float(out, value)
        case bytes():
            _head(out, 2, len(value))
            out += value
        case str():
            packed = value.encode()
            _head(out, 3, len(packed))
            out += packed
        case list() | tuple():
            _head(out, 4, len(value))
            for item in value:
                _encode(out, item)
        case _:
            _head(out, 5, len(value))
            for key, item in value.items():
                _encode(out, key)
                _encode(out, item)


def _encode_float(out: bytearray, value: float) -> None:
    if isinstance(value, Time):
        out.append(0xC1)
        seconds = float(value)
        _encode(out, int(seconds) if seconds.is_integer() else seconds)
    elif math.isfinite(value):
        out += b"\xfb" + struct.pack(">d", value)
    else:
        out += b"\xf9" + struct.pack(">e", value)


def _head(out: bytearray, major: int, count: int) -> None:
    if count < 24:
        out.append(major << 5 | count)
        return
    power = 0 if count < 1 << 8 else 1 if count < 1 << 16 else 2 if count < 1 << 32 else 3
    out.append(major << 5 | 24 + power)
    out += count.to_bytes(1 << power, "big")
