"""Facts about the machine the agent runs on, read from where Linux keeps them; nothing here fails."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Dict, NamedTuple

AGENT_VERSION = "0.1.0"
AGENT_NAME = "hostreeve-agent"
PLATFORM_TYPE = "Linux"


class Machine(NamedTuple):
    """What the node says of itself."""

    platform_name: str
    platform_version: str
    computer_name: str


def describe(os_release: str = "/etc/os-release") -> Machine:
    release = _os_release(os_release)
    return Machine(
        platform_name=release.get("NAME", "Linux"),
        platform_version=release.get("VERSION_ID", os.uname().release),
        computer_name=os.uname().nodename,
    )


def address_towards(host: str, port: int) -> str:
    """The address this machine uses to reach `host`, empty when there is no way there. Sends nothing."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def architecture() -> str:
    """The processor's kind in EC2's words."""
    kind = os.uname().machine
    return {"aarch64": "arm64", "amd64": "x86_64", "i686": "i386"}.get(kind, kind)


def boot_id() -> str:
    """Different after every start of the machine or of its container.

    A container shares the kernel's id with its host, so the time at which process 1 started is part of it.
    """
    kernel = _first_line("/proc/sys/kernel/random/boot_id")
    return f"{kernel}/{start_of(1)}"


def start_of(pid: int) -> str:
    """When a process started, in the kernel's ticks: with the pid it names a process. Empty: none is."""
    stat = _first_line(f"/proc/{pid}/stat")
    # The second field is the program's name in brackets and may hold spaces and brackets of its own.
    fields = stat.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""


def _os_release(path: str) -> Dict[str, str]:
    found: Dict[str, str] = {}
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name, _, value = line.strip().partition("=")
                found[name] = value.strip("\"'")
    except OSError:
        return {}
    return found


def _first_line(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as text:
            return text.readline().strip()
    except OSError:
        return ""
