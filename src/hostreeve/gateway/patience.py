"""Patience with clients: connections on which no request comes to be are ended, or a few slow clients would
hold all that the server has."""

from collections.abc import Callable, Iterable
from typing import Any

from hostreeve.gateway.direct import DirectHttp
from hostreeve.kernel import limits


class Patience:
    """`look()` every few seconds; `connections` answers those that are open.

    A connection waits while it has no whole head of a request, or has been left alone between two requests
    (for which it has a time of its own), and is not being answered.
    """

    def __init__(self, connections: Callable[[], Iterable[Any]], monotonic: Callable[[], float]) -> None:
        self._connections = connections
        self._monotonic = monotonic
        self._waiting: dict[DirectHttp, tuple[Any, bool, float]] = {}

    def look(self) -> None:
        """End what has waited for too long."""
        now = self._monotonic()
        waiting: dict[DirectHttp, tuple[Any, bool, float]] = {}
        for connection in self._connections():
            if not isinstance(connection, DirectHttp) or not _waits(connection):
                continue
            patience_s = limits.KEEP_ALIVE_S if connection.is_idle else limits.REQUEST_HEAD_S
            # Each request has a list of headers of its own, which tells it from the one before.
            request, idle, since = self._waiting.get(connection, (None, False, now))
            if request is not connection.headers or idle is not connection.is_idle:
                since = now
            if now - since >= patience_s:
                connection.transport.abort()
            else:
                waiting[connection] = (connection.headers, connection.is_idle, since)
        self._waiting = waiting


def _waits(connection: DirectHttp) -> bool:
    cycle: Any = connection.cycle
    return cycle is None or bool(cycle.response_complete)
