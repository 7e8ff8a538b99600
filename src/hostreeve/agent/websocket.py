"""RFC 6455 from the client's side, as pure bytes in and out: opening, masking, fragments, control frames."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import List, Mapping, NamedTuple, Optional

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA
_KNOWN = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))

MESSAGE_BYTES_MAX = 4_000_000
_CONTROL_BYTES_MAX = 125
_ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class BrokenProtocol(ValueError):
    """The other side sent what RFC 6455 does not allow, or more than we take; `code` is for closing."""

    def __init__(self, why: str, code: int = 1002) -> None:
        super().__init__(why)
        self.code = code


class Message(NamedTuple):
    """A whole message or a control frame. `kind` is TEXT, BINARY, PING, PONG or CLOSE."""

    kind: int
    payload: bytes


def opening(target: str, headers: Mapping[str, str], key: str) -> bytes:
    """The request that opens the channel; `headers` include Host, `key` is 16 random bytes in base64."""
    lines = [f"GET {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    lines += [f"Sec-WebSocket-Key: {key}", "", ""]
    return "\r\n".join(lines).encode("latin-1")


def accept_for(key: str) -> str:
    """What an honest server answers to `key` in Sec-WebSocket-Accept."""
    return b64encode(hashlib.sha1(key.encode("ascii") + _ACCEPT_GUID).digest()).decode("ascii")


def frame(kind: int, payload: bytes, mask: bytes) -> bytes:
    """One final frame of a client, masked by four unpredictable bytes."""
    length = len(payload)
    if length < 126:
        head = bytes((0x80 | kind, 0x80 | length))
    elif length < 65_536:
        head = bytes((0x80 | kind, 0x80 | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((0x80 | kind, 0x80 | 127)) + length.to_bytes(8, "big")
    return head + mask + _masked(payload, mask)


def close_frame(code: int, mask: bytes) -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big"), mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    # One addition without carry over a long number is the fastest that pure Python has.
    length = len(payload)
    repeated = (mask * (length // 4 + 1))[:length]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return mixed.to_bytes(length, "big")


class Receiver:
    """Puts a server's frames together. Feed it bytes, it answers what has become complete."""

    def __init__(self, message_bytes_max: int = MESSAGE_BYTES_MAX) -> None:
        self._limit = message_bytes_max
        self._received = bytearray()
        self._parts = bytearray()
        self._kind: Optional[int] = None

    def feed(self, received: bytes) -> List[Message]:
        """BrokenProtocol when the bytes are not a server's frames."""
        self._received += received
        messages: List[Message] = []
        while True:
            taken = self._take_frame()
            if taken is None:
                return messages
            is_final, kind, payload = taken
            if kind >= CLOSE:
                messages.append(Message(kind, payload))
                continue
            self._gather(kind, payload)
            if is_final:
                assert self._kind is not None, "gathering sets the kind"
                messages.append(Message(self._kind, bytes(self._parts)))
                self._kind, self._parts = None, bytearray()

    def _take_frame(self) -> "Optional[tuple[bool, int, bytes]]":
        have = self._received
        if len(have) < 2:
            return None
        is_final, kind, length, start = bool(have[0] & 0x80), have[0] & 0x0F, have[1] & 0x7F, 2
        if have[0] & 0x70 or kind not in _KNOWN:
            raise BrokenProtocol("a frame with reserved bits or an unknown opcode")
        if have[1] & 0x80:
            raise BrokenProtocol("a server does not mask its frames")
        if kind >= CLOSE and (not is_final or length > _CONTROL_BYTES_MAX):
            raise BrokenProtocol("a control frame is one frame of at most 125 bytes")
        if length >= 126:
            width = 2 if length == 126 else 8
            if len(have) < 2 + width:
                return None
            start = 2 + width
            length = int.from_bytes(have[2:start], "big")
        if length + len(self._parts) > self._limit:
            raise BrokenProtocol(f"a message of more than {self._limit} bytes", code=1009)
        if len(have) < start + length:
            return None
        payload = bytes(have[start : start + length])
        del have[: start + length]
        return is_final, kind, payload

    def _gather(self, kind: int, payload: bytes) -> None:
        if kind == CONTINUATION and self._kind is None:
            raise BrokenProtocol("a continuation of nothing")
        if kind != CONTINUATION:
            if self._kind is not None:
                raise BrokenProtocol("a new message inside an unfinished one")
            self._kind = kind
        self._parts += payload
