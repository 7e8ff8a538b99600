"""The memory that the bodies of requests on their way may hold, all together and those of one client."""

from collections import Counter
from types import TracebackType

from hostreeve.kernel import limits


class Crowded(Exception):
    """There is no room for more of this body now; there may be in a moment."""


class TooLarge(Exception):
    """The body went over its limit; the rest of it is not read."""


class Bodies:
    """`with bodies.of(client) as held: held.take(n)` as the bytes come in; the end gives all of them back.

    Bytes count when they are here, not when they are announced: who sends nothing takes room from nobody.
    """

    def __init__(
        self,
        bytes_max: int = limits.REQUEST_BODIES_BYTES_MAX,
        client_bytes_max: int = limits.REQUEST_BODIES_OF_CLIENT_BYTES_MAX,
    ) -> None:
        self._bytes_max = bytes_max
        self._client_bytes_max = client_bytes_max
        self._of_client: Counter[str] = Counter()
        self.held_bytes = 0
        self.refused = 0

    def of(self, client: str) -> "Held":
        """The room of one request."""
        return Held(self, client)

    def take(self, client: str, size_bytes: int) -> None:
        """Crowded when that does not fit."""
        theirs = self._of_client[client] + size_bytes
        if self.held_bytes + size_bytes > self._bytes_max or theirs > self._client_bytes_max:
            self.refused += 1
            raise Crowded
        self.held_bytes += size_bytes
        self._of_client[client] = theirs

    def give_back(self, client: str, size_bytes: int) -> None:
        self.held_bytes -= size_bytes
        self._of_client[client] -= size_bytes
        if not self._of_client[client]:
            del self._of_client[client]


class Held:
    """What one request holds."""

    __slots__ = ("_bodies", "_client", "_size_bytes")

    def __init__(self, bodies: Bodies, client: str) -> None:
        self._bodies = bodies
        self._client = client
        self._size_bytes = 0

    def take(self, size_bytes: int) -> None:
        """TooLarge, Crowded."""
        if self._size_bytes + size_bytes > limits.REQUEST_BODY_BYTES_MAX:
            raise TooLarge
        self._bodies.take(self._client, size_bytes)
        self._size_bytes += size_bytes

    @property
    def is_small(self) -> bool:
        return self._size_bytes <= limits.REQUEST_BODY_OF_STRANGERS_BYTES_MAX

    def __enter__(self) -> "Held":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bodies.give_back(self._client, self._size_bytes)
        self._size_bytes = 0
