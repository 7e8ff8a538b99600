"""AWS:Service: the units of systemd; without it OpenRC's services, or the scripts in /etc/init.d."""

from __future__ import annotations

import contextlib
from typing import Dict, List, Set

from hostreeve.agent.plugins.software_inventory.root import Root, Row, blocks, told

_PROPERTIES = "Id,Description,ActiveState,UnitFileState,Type,Requires,RequiredBy"
_STATUS = {"active": "Running", "activating": "Running", "reloading": "Running", "failed": "Failed"}
_START = {"enabled": "Automatic", "enabled-runtime": "Automatic", "masked": "Disabled"}
_SERVICE = ".service"


def gather(root: Root) -> List[Row]:
    """By name."""
    if root.path("/run/systemd/system").is_dir():
        return _systemd(root)
    if root.path("/run/openrc").is_dir():
        return _openrc(root)
    return _scripts(root)


def _systemd(root: Root) -> List[Row]:
    """Units that are loaded, and those that are only installed: these are stopped."""
    shown = root.said_by("systemctl", "show", "--no-pager", f"--property={_PROPERTIES}", f"*{_SERVICE}") or ""
    found = {}
    for unit in map(_properties, shown.split("\n\n")):
        name = unit.get("Id", "")
        if name:
            found[name] = told(
                Name=name.removesuffix(_SERVICE) if hasattr(str, "removesuffix") else name[: -len(_SERVICE)],
                DisplayName=unit.get("Description", ""),
                ServiceType=unit.get("Type", ""),
                Status=_STATUS.get(unit.get("ActiveState", ""), "Stopped"),
                StartType=_START.get(unit.get("UnitFileState", ""), "Manual"),
                ServicesDependedOn=_services(unit.get("Requires", "")),
                DependentServices=_services(unit.get("RequiredBy", "")),
            )
    listed = (
        root.said_by("systemctl", "list-unit-files", "--type=service", "--no-legend", "--plain", "--no-pager")
        or ""
    )
    for line in listed.splitlines():
        fields = line.split()
        if len(fields) > 1 and fields[0] not in found and "@." not in fields[0]:
            found[fields[0]] = told(
                Name=fields[0][: -len(_SERVICE)],
                Status="Stopped",
                StartType=_START.get(fields[1], "Manual"),
            )
    return [found[name] for name in sorted(found)]


def _properties(text: str) -> Dict[str, str]:
    parts = (line.partition("=") for line in text.splitlines())
    return {name: value for name, _, value in parts}


def _services(units: str) -> str:
    return " ".join(unit[: -len(_SERVICE)] for unit in units.split() if unit.endswith(_SERVICE))


def _openrc(root: Root) -> List[Row]:
    started = _names(root, "/run/openrc/started")
    enabled: Set[str] = set()
    levels = root.path("/etc/runlevels")
    for level in levels.iterdir() if levels.is_dir() else ():
        enabled |= _names(root, f"/etc/runlevels/{level.name}")
    return [
        told(
            Name=name,
            ServiceType="openrc",
            Status="Running" if name in started else "Stopped",
            StartType="Automatic" if name in enabled else "Manual",
        )
        for name in sorted(_names(root, "/etc/init.d") - {"functions.sh"})
    ]


def _scripts(root: Root) -> List[Row]:
    """Who runs is known of those that leave a process id behind; of the others it is not said."""
    enabled = set()
    for level in "2345":
        for name in _names(root, f"/etc/rc{level}.d"):
            if name[:1] == "S" and name[1:3].isdigit():
                enabled.add(name[3:])
    found = []
    for name in sorted(_names(root, "/etc/init.d") - {"README", "skeleton", "rc", "rcS"}):
        header = _header(root, name)
        found.append(
            told(
                Name=name,
                DisplayName=header.get("Short-Description", ""),
                ServiceType="sysv",
                Status=_running(root, name),
                StartType="Automatic" if name in enabled else "Manual",
                ServicesDependedOn=header.get("Required-Start", ""),
            )
        )
    return found


def _header(root: Root, name: str) -> Dict[str, str]:
    """The comment in which a script says what it is (LSB)."""
    _, _, text = root.text(f"/etc/init.d/{name}").partition("### BEGIN INIT INFO")
    lines = text.partition("### END INIT INFO")[0].splitlines()
    read = blocks("\n".join(line.lstrip("#").lstrip(" ") for line in lines if line.startswith("# ")))
    return read[0] if read else {}


def _running(root: Root, name: str) -> str:
    for path in (f"/run/{name}.pid", f"/run/{name}/{name}.pid", f"/var/run/{name}.pid"):
        pid = root.text(path).strip()
        if pid.isdigit():
            return "Running" if root.path(f"/proc/{pid}").is_dir() else "Stopped"
    return ""


def _names(root: Root, folder: str) -> Set[str]:
    with contextlib.suppress(OSError):
        return {each.name for each in root.path(folder).iterdir()}
    return set()
