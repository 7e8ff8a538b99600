"""TLS between a TCP connection and the protocol that speaks on it.

Sockets and what waits to be sent stay uvloop's; only the cryptography is here. uvloop's own TLS costs a
request and its answer about 15 us more, and each connection a buffer of 256 KB.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from typing import Any

from hostreeve.gateway.guests import Guests

log = logging.getLogger("hostreeve.gateway")

RECORD_BYTES_MAX = 1 << 14
HANDSHAKE_S = 30.0
"""A client that has not finished its handshake by then is cut off."""
LINGER_S = 2.0
"""How long a connection that we end is still read: what arrives at a closed socket makes the kernel take back
the answer that it has not delivered."""
STALLED_MAX = 15
"""For so many times LINGER_S a client may read nothing, or send on, after the end of its connection."""


class Tls(asyncio.Transport, asyncio.Protocol):
    """One connection: to uvloop its protocol, to the protocol behind it its transport.

    `make` makes that protocol, once the handshake is done. Who finds no place among the `guests` gets no TLS.
    """

    __slots__ = (
        "_behind",
        "_context",
        "_guests",
        "_hears",
        "_incoming",
        "_is_closing",
        "_is_paused",
        "_make",
        "_outgoing",
        "_place",
        "_tcp",
        "_timer",
        "_tls",
    )

    def __init__(
        self, context: ssl.SSLContext, make: Callable[[], asyncio.BaseProtocol], guests: Guests | None = None
    ) -> None:
        self._context = context
        self._make = make
        self._guests = guests
        self._place: str | None = None
        self._behind: Any = None
        self._tcp: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_paused = self._is_closing = self._hears = False

    # What uvloop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._tcp = transport
        if self._guests is not None:
            self._place = self._guests.admit((transport.get_extra_info("peername") or ("",))[0])
            if self._place is None:
                self.abort()
                return
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE_S, self.abort)

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            self._hears = True
            return
        self._incoming.write(data)
        if self._behind is None and not self._has_shaken_hands():
            return
        self._read()

    def eof_received(self) -> None:
        """The other side is gone, whether it said so within TLS or not."""
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_closing = True
        self._stop_timer()
        if self._guests is not None and self._place is not None:
            self._guests.leave(self._place)
        if self._behind is not None:
            self._behind.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._behind is not None:
            self._behind.pause_writing()

    def resume_writing(self) -> None:
        if self._behind is not None:
            self._behind.resume_writing()

    # What the protocol behind calls.

    def write(self, data: Any) -> None:
        if self._is_closing:
            return
        written = self._tls.write(data)
        if written < len(data):
            rest = memoryview(data)[written:]
            while rest:
                rest = rest[self._tls.write(rest) :]
        self._tcp.write(self._outgoing.read())

    def close(self) -> None:
        """Say so within TLS, send what is waiting, and hang up when the other side does, or soon after."""
        if self._is_closing:
            return
        self._is_closing = True
        with contextlib.suppress(ssl.SSLError):
            # It says that it waits for the other side's farewell, which need not come.
            self._tls.unwrap()
        self._flush()
        self._stop_timer()
        if self._tcp.is_closing():
            return
        self._tcp.resume_reading()
        self._tcp.write_eof()
        self._hang_up_later(self._tcp.get_write_buffer_size(), STALLED_MAX)

    def abort(self) -> None:
        self._is_closing = True
        self._tcp.abort()

    def is_closing(self) -> bool:
        return self._is_closing

    def pause_reading(self) -> None:
        if not self._is_paused and not self._is_closing:
            self._is_paused = True
            self._tcp.pause_reading()

    def resume_reading(self) -> None:
        if self._is_paused and not self._is_closing:
            self._is_paused = False
            self._tcp.resume_reading()
            # What had arrived before is not announced again.
            asyncio.get_running_loop().call_soon(self._read)

    def is_reading(self) -> bool:
        return not self._is_paused and not self._is_closing

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._behind = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._behind  # type: ignore[no-any-return]

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As of TCP, and `sslcontext` and `ssl_object`."""
        if name == "sslcontext":
            return self._context
        if name == "ssl_object":
            return self._tls
        return self._tcp.get_extra_info(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._tcp.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return int(self._tcp.get_write_buffer_size())

    def can_write_eof(self) -> bool:
        """TLS has no half of an end."""
        return False

    # Within.

    def _has_shaken_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            self._failed("no TLS was agreed on", error)
            return False
        self._flush()
        self._stop_timer()
        self._behind = self._make()
        self._behind.connection_made(self)
        return True

    def _read(self) -> None:
        incoming, tls = self._incoming, self._tls
        try:
            # A record is read as a whole, so that TLS holds nothing back when nothing is left here.
            while incoming.pending and not self._is_paused and not self._is_closing:
                plain = tls.read(RECORD_BYTES_MAX)
                if not plain:
                    self.close()
                    return
                self._behind.data_received(plain)
        except ssl.SSLWantReadError:
            # A new key of the other side's, for one, is answered.
            self._flush()
        except ssl.SSLError as error:
            self._failed("TLS was broken", error)

    def _flush(self) -> None:
        if self._outgoing.pending and not self._tcp.is_closing():
            self._tcp.write(self._outgoing.read())

    def _failed(self, what: str, error: ssl.SSLError) -> None:
        """The other side is told by an alert, where TLS has one for it."""
        log.debug("%s: %s", what, error)
        self._flush()
        self._is_closing = True
        self._tcp.close()

    def _hang_up_later(self, unsent_bytes: int, looks: int) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LINGER_S, self._hang_up, unsent_bytes, looks)

    def _hang_up(self, unsent_bytes: int, looks: int) -> None:
        """Now, unless there is something to send or to hear."""
        left = self._tcp.get_write_buffer_size()
        if looks and (left or self._hears):
            self._hears = False
            self._hang_up_later(left, STALLED_MAX if left < unsent_bytes else looks - 1)
        else:
            self._tcp.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
