"""AWS:Network: the interfaces that are no loopback, with their addresses."""

from __future__ import annotations

import array
import fcntl
import ipaddress
import socket
import struct
from typing import Dict, List, Tuple

from hostreeve.agent.plugins.software_inventory.root import Root, Row, told

_SIOCGIFCONF, _SIOCGIFNETMASK = 0x8912, 0x891B
_ADDRESSES_MAX = 1024
_LOOPBACK_TYPE = "772"


def gather(root: Root) -> List[Row]:
    """By name. What belongs to the machine, its name servers, is told of every interface."""
    four, six, gateways = _ipv4(), _ipv6(root), _gateways(root)
    servers = _name_servers(root)
    found = []
    folder = root.path("/sys/class/net")
    for each in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = each.name
        if root.text(f"/sys/class/net/{name}/type").strip() == _LOOPBACK_TYPE:
            continue
        addresses = four.get(name, [])
        found.append(
            told(
                Name=name,
                MacAddress=root.text(f"/sys/class/net/{name}/address").strip(),
                IPV4=", ".join(address for address, _ in addresses),
                SubnetMask=", ".join(dict.fromkeys(mask for _, mask in addresses)),
                IPV6=", ".join(six.get(name, [])),
                Gateway=", ".join(gateways.get(name, [])),
                DNSServer=", ".join(servers) if addresses or six.get(name) else "",
            )
        )
    return found


def _ipv4() -> Dict[str, List[Tuple[str, str]]]:
    """(address, mask) by interface, from the kernel."""
    size = struct.calcsize("@16s16x") if struct.calcsize("P") == 4 else 40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        room = array.array("B", bytes(size * _ADDRESSES_MAX))
        address, _ = room.buffer_info()
        answer = fcntl.ioctl(asked.fileno(), _SIOCGIFCONF, struct.pack("iP", len(room), address))
        used, _ = struct.unpack("iP", answer)
        found: Dict[str, List[Tuple[str, str]]] = {}
        for start in range(0, used, size):
            entry = room[start : start + size].tobytes()
            label = entry[:16].partition(b"\0")[0]
            mask = fcntl.ioctl(asked.fileno(), _SIOCGIFNETMASK, entry[:16] + bytes(240))
            # An alias is labelled `eth0:1`; its interface is eth0.
            name = label.decode("utf-8", "replace").partition(":")[0]
            found.setdefault(name, []).append((socket.inet_ntoa(entry[20:24]), socket.inet_ntoa(mask[20:24])))
    return found


def _ipv6(root: Root) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for line in root.text("/proc/net/if_inet6").splitlines():
        fields = line.split()
        if len(fields) == 6:
            address = ipaddress.IPv6Address(bytes.fromhex(fields[0]))
            found.setdefault(fields[5], []).append(str(address))
    return found


def _gateways(root: Root) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for line in root.text("/proc/net/route").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[1] == "00000000" and int(fields[3], 16) & 2:
            address = socket.inet_ntoa(struct.pack("=I", int(fields[2], 16)))
            found.setdefault(fields[0], []).append(address)
    return found


def _name_servers(root: Root) -> List[str]:
    lines = (line.split() for line in root.text("/etc/resolv.conf").splitlines())
    return [fields[1] for fields in lines if len(fields) > 1 and fields[0] == "nameserver"]
