"""The binary frame that server, agent and session client exchange: a fixed header of 120 bytes and a payload.

All numbers are big-endian. Source: the layout observed with the official agent (version 3.3).
"""

from __future__ import annotations

import hashlib
import struct
from typing import NamedTuple

FLAG_SYN = 1
FLAG_FIN = 2

HEADER_LENGTH = 116
"""Where the payload's length stands; the payload itself follows it."""

_HEADER = struct.Struct(">I32sIQqQ16s32sI")
_LENGTH = struct.Struct(">I")
_MESSAGE_TYPE_BYTES = 32


class AgentMessage(NamedTuple):
    """One frame. `message_id` is a UUID in its 36-character form; `created_ms` must not be zero."""

    message_type: str
    payload: bytes
    message_id: str
    created_ms: int
    sequence: int = 0
    flags: int = 0
    payload_type: int = 0
    schema_version: int = 1

    def encode(self) -> bytes:
        """The bytes on the wire. ValueError when a field does not fit its place."""
        return _encoded(self, _halves_swapped(_bytes_of(self.message_id)))


def new(message_type: str, payload: bytes, chance: bytes, created_ms: int) -> bytes:
    """The bytes of a message under a new id, made of 16 random bytes `chance`."""
    # As RFC 9562 marks a random UUID, in the order of the wire.
    raw = bytearray(chance)
    raw[0] = raw[0] & 0x3F | 0x80
    raw[14] = raw[14] & 0x0F | 0x40
    return _encoded(AgentMessage(message_type, payload, "", created_ms), bytes(raw))


def _encoded(message: AgentMessage, swapped_id: bytes) -> bytes:
    payload = message.payload
    # Both official serializers refuse an empty payload, and the session client cannot read one.
    if not payload:
        raise ValueError("an agent message needs a payload of at least one byte")
    name = message.message_type.encode("ascii")
    if not 0 < len(name) <= _MESSAGE_TYPE_BYTES:
        raise ValueError(f"message type must have 1 to {_MESSAGE_TYPE_BYTES} characters")
    try:
        header = _HEADER.pack(
            HEADER_LENGTH,
            name.ljust(_MESSAGE_TYPE_BYTES, b" "),
            message.schema_version,
            message.created_ms,
            message.sequence,
            message.flags,
            swapped_id,
            hashlib.sha256(payload).digest(),
            message.payload_type,
        )
    except struct.error as wrong:
        raise ValueError(f"a field of the agent message does not fit: {wrong}") from None
    return b"".join((header, _LENGTH.pack(len(payload)), payload))


def decode(frame: bytes) -> AgentMessage:
    """The message in a frame. ValueError on anything that is not one.

    As for both official readers, the payload is everything after the header: neither checks length or digest.
    """
    if len(frame) < HEADER_LENGTH + _LENGTH.size:
        raise ValueError(f"agent message of {len(frame)} bytes is shorter than its header")
    length, name, schema, created_ms, sequence, flags, swapped, _, payload_type = _HEADER.unpack_from(frame)
    if length != HEADER_LENGTH:
        raise ValueError(f"agent message has a header of {length} bytes instead of {HEADER_LENGTH}")
    try:
        message_type = name.decode("ascii").strip(" \0")
    except UnicodeDecodeError:
        raise ValueError("agent message type is not ASCII") from None
    if not message_type:
        raise ValueError("agent message has no type")
    return AgentMessage(
        message_type=message_type,
        payload=bytes(frame[HEADER_LENGTH + _LENGTH.size :]),
        message_id=_text_of(_halves_swapped(swapped)),
        created_ms=created_ms,
        sequence=sequence,
        flags=flags,
        payload_type=payload_type,
        schema_version=schema,
    )


def _bytes_of(identifier: str) -> bytes:
    # uuid.UUID does the same three times slower, and a busy server does it for every message.
    if len(identifier) != 36:
        raise ValueError(f"{identifier[:40]!r} is no UUID")
    raw = bytes.fromhex(identifier.replace("-", ""))
    if len(raw) != 16:
        raise ValueError(f"{identifier!r} is no UUID")
    return raw


def _text_of(identifier: bytes) -> str:
    digits = identifier.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _halves_swapped(identifier: bytes) -> bytes:
    # The official agent writes the less significant eight bytes of the UUID first.
    return identifier[8:] + identifier[:8]
