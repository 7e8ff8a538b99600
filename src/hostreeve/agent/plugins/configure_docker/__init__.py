"""aws:configureDocker: docker put onto this node, or taken from it, by the node's own package manager."""

from __future__ import annotations

from typing import Any, List, NamedTuple

from hostreeve.agent.children import program
from hostreeve.agent.order import InvalidInputs, Order, Place
from hostreeve.agent.plugins.script import order_for, write_script
from hostreeve.agent.plugins.task import object_of, text_in


class _PackageTool(NamedTuple):
    program: str
    install: str
    remove: str


_PACKAGE_MANAGERS = (
    _PackageTool(
        "apt-get",
        "export DEBIAN_FRONTEND=noninteractive; apt-get update; apt-get install -y docker.io",
        "DEBIAN_FRONTEND=noninteractive apt-get remove -y docker.io",
    ),
    _PackageTool(
        "dnf", "dnf install -y docker || dnf install -y moby-engine", "dnf remove -y docker moby-engine"
    ),
    _PackageTool("yum", "yum install -y docker", "yum remove -y docker"),
    _PackageTool(
        "zypper", "zypper --non-interactive install docker", "zypper --non-interactive remove docker"
    ),
    _PackageTool("apk", "apk add docker", "apk del docker"),
)

_START = """
if [ -d /run/systemd/system ]; then systemctl enable --now docker
elif command -v rc-service >/dev/null 2>&1; then rc-update add docker default; rc-service docker start
elif command -v service >/dev/null 2>&1; then service docker start
else echo "nothing here starts services: start the docker daemon yourself" >&2; exit 1
fi
"""


def prepare(inputs: Any, place: Place) -> Order:
    """InvalidInputs for other actions than Install and Uninstall, and where no package manager is known."""
    members = object_of(inputs)
    action = text_in(members, "action")
    if action not in ("Install", "Uninstall"):
        raise InvalidInputs(f"configureDocker: action must be Install or Uninstall, not {action!r}")
    text = "\n".join(_script(action))
    return order_for(members, place, ["/bin/sh", write_script(place, "_script.sh", text)])


def _script(action: str) -> List[str]:
    is_installed = program("docker") is not None
    if action == "Uninstall" and not is_installed:
        return ["echo 'docker is not installed'", ""]
    if action == "Install" and is_installed:
        return [
            "docker --version || exit",
            "docker info >/dev/null 2>&1 && { echo 'docker is installed and runs'; exit 0; }",
            _START,
        ]
    manager = next((each for each in _PACKAGE_MANAGERS if program(each.program)), None)
    if manager is None:
        known = ", ".join(each.program for each in _PACKAGE_MANAGERS)
        raise InvalidInputs(f"configureDocker: this node has none of the package managers {known}")
    if action == "Uninstall":
        return ["set -e", manager.remove, ""]
    # One command after the other, so that `set -e` stops at the first that fails.
    return ["set -e", manager.install, _START, "docker --version", ""]
