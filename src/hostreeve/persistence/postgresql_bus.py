"""Hints between replicas that share a PostgreSQL server and nothing else: LISTEN and NOTIFY on own
connections.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import psycopg

from hostreeve.persistence.bus import InProcessBus, Listener

CHANNEL = "hostreeve"
PAYLOAD_MAX_BYTES = 7999
RECONNECT_S = 1.0
CLOSING = "closing"


class PostgresBus:
    """Publishes on one connection and listens on another, each with its thread. What fails is lost, as hints
    may be.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._here = InProcessBus()
        self._closed = threading.Event()
        self._filled = threading.Event()
        self._lock = threading.Lock()
        self._outgoing: dict[tuple[str, str], None] = {}
        self._ready = threading.Event()
        self._threads = [
            threading.Thread(target=self._lasting, args=(step,), name=f"postgresql-bus-{name}", daemon=True)
            for name, step in (("out", self._send), ("in", self._receive))
        ]
        for thread in self._threads:
            thread.start()
        # A listener's first hint should not be lost to a connection that is still being made.
        self._ready.wait(5)

    def publish(self, channel: str, key: str = "") -> None:
        with self._lock:
            self._outgoing[channel, key] = None
        self._filled.set()

    def listen(self, channel: str, callback: Listener) -> Callable[[], None]:
        return self._here.listen(channel, callback)

    def close(self) -> None:
        # A hint to everybody that nobody listens to: it ends our own receiver's wait.
        self.publish(CLOSING)
        self._closed.set()
        self._filled.set()
        for thread in self._threads:
            thread.join(5)
        self._here.close()

    def _lasting(self, step: Callable[[psycopg.Connection[Any]], None]) -> None:
        while not self._closed.is_set():
            with (
                contextlib.suppress(psycopg.Error),
                psycopg.connect(self._url, autocommit=True) as connection,
            ):
                step(connection)
            self._closed.wait(RECONNECT_S)

    def _send(self, connection: psycopg.Connection[Any]) -> None:
        """All hints that wait go out in one statement: NOTIFY takes a lock that all of the server shares."""
        while True:
            self._filled.wait()
            self._filled.clear()
            with self._lock:
                waiting, self._outgoing = self._outgoing, {}
            payloads = [f"{channel}\n{key}" for channel, key in waiting]
            fitting = [text for text in payloads if len(text.encode()) <= PAYLOAD_MAX_BYTES]
            if fitting:
                connection.execute(
                    "SELECT pg_notify(%s, each) FROM unnest(%s::text[]) AS each", (CHANNEL, fitting)
                )
            if self._closed.is_set():
                return

    def _receive(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        self._ready.set()
        while not self._closed.is_set():
            for note in connection.notifies(timeout=0.5):
                channel, _, key = note.payload.partition("\n")
                self._here.publish(channel, key)
                if self._closed.is_set():
                    return
