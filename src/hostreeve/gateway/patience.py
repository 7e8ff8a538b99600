"""Patience with clients: connections on which no request comes to be are ended, or a few slow clients would
hold all that the server has."""

from collections.abc import Callable, Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hostreeve.kernel import limits


class Patience:
    """`look()` every few seconds; `connections` answers those that are open.

    A connection waits while it has no whole head of a request, and is neither being answered nor left alone
    between two requests (for which it has its own time).
    """

    def __init__(self, connections: Callable[[], Iterable[Any]], monotonic: Callable[[], float]) -> None:
        self._connections = connections
        self._monotonic = monotonic
        self._waiting: dict[HttpToolsProtocol, tuple[Any, float]] = {}

    def look(self) -> None:
        """End what has waited for too long."""
        now = self._monotonic()
        waiting: dict[HttpToolsProtocol, tuple[Any, float]] = {}
        for connection in self._connections():
            if not isinstance(connection, HttpToolsProtocol) or not _waits(connection):
                continue
            # Each request has a list of headers of its own, which tells it from the one before.
            request, since = self._waiting.get(connection, (None, now))
            if request is not connection.headers:
                since = now
            if now - since >= limits.REQUEST_HEAD_S:
                connection.transport.abort()
            else:
                waiting[connection] = (connection.headers, since)
        self._waiting = waiting


def _waits(connection: HttpToolsProtocol) -> bool:
    cycle: Any = connection.cycle
    answered = cycle is None or cycle.response_complete
    return answered and connection.timeout_keep_alive_task is None
