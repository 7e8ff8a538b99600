"""WebSockets with a short way for whole binary messages, both ways.

uvicorn's own way of a message (two parsers, an event, a queue, the wake-up of a task, reading stopped and
begun again) costs as much as what the message is about. It stays the way of everything else: the handshake,
texts, fragments, pings, closing.
"""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]
from websockets.protocol import OPEN

EXTENSION = "hostreeve.direct"
"""Under this name the application finds the `DirectSocket` in its scope's extensions."""

_BINARY = 0x82
"""A whole message of bytes."""
_MASKED = 0x80
_MASK_BYTES = 4

Receiver = Callable[[bytes | None], None]


class DirectSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with the short way built in."""

    _receiver: Receiver | None = None
    _is_fragmented = False
    _needed_bytes = 0
    """So many bytes are a whole frame, where its beginning is in `_parts`."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._parts: list[bytes] = []
        self._parts_bytes = 0

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]

    def take(self, receiver: Receiver) -> None:
        """From now on messages go to `receiver`, which gets None for a text. `receive` tells of the end."""
        self._receiver = receiver
        events = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        for event in events:
            if event["type"] == "websocket.receive":
                receiver(event.get("bytes"))
            else:
                self.queue.put_nowait(event)
        self.resume()

    def pause(self) -> bool:
        """Read no more for now. False when that is so already."""
        if self.read_paused:
            return False
        self.read_paused = True
        self.transport.pause_reading()
        return True

    def resume(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def write(self, message: bytes) -> bool:
        """Send a message of bytes. False when the connection does not take it now, or not any more."""
        if self.close_sent or not self.writable.is_set() or self.conn.state is not OPEN:
            return False
        size = len(message)
        if size < 126:
            head = bytes((_BINARY, size))
        elif size < 1 << 16:
            head = b"\x82\x7e" + size.to_bytes(2, "big")
        else:
            head = b"\x82\x7f" + size.to_bytes(8, "big")
        self.transport.write(head + message)
        return True

    def data_received(self, data: bytes) -> None:
        if self._receiver is None:
            super().data_received(data)
            return
        if self._parts:
            self._parts.append(data)
            self._parts_bytes += len(data)
            if self._parts_bytes < self._needed_bytes:
                return
            data = b"".join(self._parts)
            self._parts.clear()
        self._needed_bytes = 0
        left = self._frames(data, self._receiver)
        if left:
            self._parts.append(data[-left:])
            self._parts_bytes = left

    def send_receive_event_to_app(self) -> None:
        """Messages that came the long way are put where the others go, in their order."""
        if self._receiver is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        message, self.frames = b"".join(self.frames), []
        self._receiver(message if self.curr_msg_data_type == "bytes" else None)

    def _frames(self, data: bytes, receiver: Receiver) -> int:
        """Hand over every whole frame; how many bytes are left."""
        position, end = 0, len(data)
        while position + 2 <= end:
            first, second = data[position], data[position + 1]
            size, start = second & 127, position + 2
            if size >= 126:
                start += 2 if size == 126 else 8
                if start > end:
                    break
                size = int.from_bytes(data[position + 2 : start], "big")
            start += _MASK_BYTES
            if self.close_sent or second < _MASKED or size > self.config.ws_max_size:
                # The library refuses it, in its own words, and whatever follows.
                self._receiver = None
                super().data_received(data[position:])
                return 0
            if start + size > end:
                self._needed_bytes = start + size - position
                break
            if first == _BINARY and not self._is_fragmented:
                receiver(apply_mask(data[start : start + size], data[start - _MASK_BYTES : start]))
            else:
                if first & 15 < 3:
                    self._is_fragmented = first < _MASKED
                super().data_received(data[position : start + size])
            position = start + size
        return end - position
