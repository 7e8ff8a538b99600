"""A TLS connection on the loop: bytes out, bytes in, and one reason when it ends.

Only the certificate authority that the node enrolled with is trusted; the server's name is checked.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import Any, Callable, List, NamedTuple, Optional

from hostreeve.agent.loop import READ, WRITE, Loop, Timer

READ_BYTES = 65_536


class Unreachable(Exception):
    """The connection could not be made, or broke; the text says why."""


class Endpoint(NamedTuple):
    """A server: where it is, and what proves that it is the right one."""

    host: str
    port: int
    context: ssl.SSLContext

    @property
    def authority(self) -> str:
        """What the Host header says."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == 443 else f"{name}:{self.port}"


def endpoint(url: str, ca_file: str) -> Endpoint:
    """The endpoint of `https://host[:port]`. ValueError for other URLs or an unusable CA file."""
    scheme, separator, rest = url.partition("://")
    authority = rest.rstrip("/")
    if scheme != "https" or not separator or not authority or "/" in authority or "@" in authority:
        raise ValueError(f"the server's address must look like https://name:port, not {url!r}")
    host, port = authority, "443"
    if not authority.endswith("]") and ":" in authority:
        host, _, port = authority.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"no port number in {url!r}")
    return Endpoint(host.strip("[]"), int(port), _context(ca_file))


def _context(ca_file: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=ca_file)
    except FileNotFoundError:
        raise ValueError(f"there is no CA certificate at {ca_file}") from None
    except (OSError, ssl.SSLError) as wrong:
        raise ValueError(f"the CA certificate {ca_file} cannot be used: {wrong}") from None
    return context


class Stream:
    """One connection. The callbacks are called from the loop, and never after `close`."""

    def __init__(
        self,
        loop: Loop,
        server: Endpoint,
        *,
        on_open: Callable[[], None],
        on_bytes: Callable[[bytes], None],
        on_close: Callable[[Unreachable], None],
        timeout_s: float = 15.0,
    ) -> None:
        self._loop, self._server = loop, server
        self._on_open, self._on_bytes, self._on_close = on_open, on_bytes, on_close
        self._unsent = bytearray()
        self._tls: Optional[ssl.SSLSocket] = None
        self._socket: Optional[socket.socket] = None
        self._patience: Timer = loop.after(
            timeout_s, lambda: self._broken("the server did not answer in time")
        )
        # The name is looked up on the loop: nothing else is urgent while there is no connection.
        self._start: Timer = loop.after(0, self._resolve)
        self._addresses: List[Any] = []

    @property
    def unsent_bytes(self) -> int:
        return len(self._unsent)

    def write(self, payload: bytes) -> None:
        self._unsent += payload
        if self._tls is not None:
            self._guarded(self._flush)

    def close(self) -> None:
        self._patience.cancel()
        self._start.cancel()
        for held in (self._tls, self._socket):
            if held is not None and held.fileno() >= 0:
                self._loop.unwatch(held.fileno())
                held.close()
        self._tls = self._socket = None
        self._on_open = _nothing
        self._on_bytes = self._on_close = _nothing_with

    def _resolve(self) -> None:
        try:
            found = socket.getaddrinfo(self._server.host, self._server.port, type=socket.SOCK_STREAM)
        except OSError as wrong:
            self._broken(str(wrong))
            return
        self._addresses = found
        self._connect("it has no address")

    def _connect(self, failure: str) -> None:
        # A name may have addresses that nobody listens on (localhost often has two): try them in turn.
        while self._addresses:
            family, kind, protocol, _, address = self._addresses.pop(0)
            try:
                attempt = socket.socket(family, kind, protocol)
            except OSError as wrong:
                failure = str(wrong)
                continue
            attempt.setblocking(False)
            attempt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            progress = attempt.connect_ex(address)
            if progress in (0, errno.EINPROGRESS):
                self._socket = attempt
                self._loop.watch(attempt.fileno(), WRITE, lambda _: self._connected())
                return
            failure = os.strerror(progress)
            attempt.close()
        self._broken(failure)

    def _connected(self) -> None:
        plain = self._socket
        assert plain is not None, "a connection ends connecting once"
        self._loop.unwatch(plain.fileno())
        self._socket = None
        progress = plain.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if progress:
            plain.close()
            self._connect(os.strerror(progress))
            return
        self._tls = self._server.context.wrap_socket(
            plain, server_hostname=self._server.host, do_handshake_on_connect=False
        )
        self._guarded(self._handshake)

    def _handshake(self) -> None:
        tls = self._tls
        assert tls is not None, "the handshake follows the connection"
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self._loop.watch(tls.fileno(), READ, lambda _: self._guarded(self._handshake))
            return
        except ssl.SSLWantWriteError:
            self._loop.watch(tls.fileno(), WRITE, lambda _: self._guarded(self._handshake))
            return
        self._patience.cancel()
        self._loop.watch(tls.fileno(), READ, self._ready)
        self._on_open()
        if self._tls is not None:
            self._flush()

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._guarded(self._flush)
        if events & READ:
            self._receive()

    def _receive(self) -> None:
        # TLS may hold decrypted bytes that the socket no longer announces: read until it wants more.
        while self._tls is not None:
            try:
                received = self._tls.recv(READ_BYTES)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as wrong:
                self._broken(str(wrong))
                return
            if not received:
                self._broken("the server closed the connection")
                return
            # Outside the try: what fails in here is not the connection.
            self._on_bytes(received)

    def _flush(self) -> None:
        tls = self._tls
        if tls is None:
            return
        while self._unsent:
            try:
                sent = tls.send(memoryview(self._unsent)[:READ_BYTES])
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                break
            del self._unsent[:sent]
        self._loop.watch(tls.fileno(), READ | WRITE if self._unsent else READ, self._ready)

    def _guarded(self, part: Callable[[], None]) -> None:
        try:
            part()
        except ssl.SSLCertVerificationError as wrong:
            self._broken(f"the server's certificate is not trusted: {wrong.verify_message}")
        except OSError as wrong:
            self._broken(str(wrong))

    def _broken(self, why: str) -> None:
        on_close = self._on_close
        self.close()
        on_close(Unreachable(f"{self._server.authority}: {why}"))


def _nothing() -> None:
    """Stands in for the callbacks of a closed stream."""


def _nothing_with(_: object) -> None:
    """Stands in for the callbacks of a closed stream."""
