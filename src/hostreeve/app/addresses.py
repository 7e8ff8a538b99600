"""The names and addresses under which this machine can be reached, for the server certificate and for
advice."""

import ipaddress
import socket
from pathlib import Path

FIB_TRIE = Path("/proc/net/fib_trie")


def local_addresses() -> list[str]:
    """This machine's IPv4 addresses, loopback excluded, as the kernel's routing table lists them."""
    if not FIB_TRIE.exists():
        return _resolved(socket.gethostname())
    found: list[str] = []
    previous = ""
    for line in FIB_TRIE.read_text().splitlines():
        if "host LOCAL" in line:
            address = previous.split()[-1]
            if not ipaddress.ip_address(address).is_loopback and address not in found:
                found.append(address)
        previous = line
    return found


def own_names() -> list[str]:
    """Names and addresses that the server certificate carries by default."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname(), *local_addresses()]
    return list(dict.fromkeys(name for name in names if name))


def _resolved(name: str) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(entry[4][0]) for entry in found if not str(entry[4][0]).startswith("127.")]
