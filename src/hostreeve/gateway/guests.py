"""How many connections there are, all together and from each address: no client takes all the places."""

import ipaddress
import logging
from collections import Counter
from collections.abc import Callable

log = logging.getLogger("hostreeve.gateway")

CONNECTIONS_MAX = 20_000
OF_ADDRESS_MAX = 4_000
"""A site behind one address has one connection per node, and a few more."""
TELL_S = 60.0


class Guests:
    """`admit` at each new connection, before anything is spent on it, and `leave` with what that answered.

    The machine itself may have as many as there are: benchmarks, simulators and proxies that stand before us.
    """

    def __init__(self, most: int, of_address: int, monotonic: Callable[[], float]) -> None:
        self.here = 0
        self.refused = 0
        self._most = most
        self._of_address = of_address
        self._by_address: Counter[str] = Counter()
        self._monotonic = monotonic
        self._told_s = -TELL_S

    def admit(self, client: str) -> str | None:
        """What the connection counts as; None when there is no place for it."""
        address = counted_as(client)
        theirs = self._by_address[address]
        if self.here >= self._most or (address and theirs >= self._of_address):
            self.refused += 1
            self._tell(client)
            return None
        self.here += 1
        self._by_address[address] = theirs + 1
        return address

    def leave(self, address: str) -> None:
        self.here -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def _tell(self, client: str) -> None:
        now_s = self._monotonic()
        if now_s - self._told_s >= TELL_S:
            self._told_s = now_s
            log.warning(
                "a connection from %s found no place: %d are open, %d were turned away since the start "
                "(--max-connections, --max-connections-per-address)",
                client,
                self.here,
                self.refused,
            )


def counted_as(client: str) -> str:
    """The address that a connection counts for: empty for this machine, of IPv6 the network that one customer
    gets."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        if mapped is None and not address.is_loopback:
            return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
        address = mapped or address
    return "" if address.is_loopback else str(address)
