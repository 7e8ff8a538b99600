"""The plugins of this agent, by the action that documents name. Each is loaded when it is first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Dict, FrozenSet

from hostreeve.agent.children import program
from hostreeve.agent.order import Order, Place

PLUGINS: Dict[str, str] = {
    "aws:runShellScript": "run_shell_script",
    "aws:runPowerShellScript": "run_powershell_script",
    "aws:runDocument": "run_document",
    "aws:downloadContent": "download_content",
    "aws:configureDocker": "configure_docker",
    "aws:runDockerAction": "run_docker_action",
    "aws:configurePackage": "configure_package",
    "aws:softwareInventory": "software_inventory",
    "aws:refreshAssociation": "refresh_association",
    "aws:updateSsmAgent": "update_ssm_agent",
}
"""Each names a folder here, whose `prepare(inputs, place)` makes the order for the supervisor."""

WITH_OWN_WORDS = frozenset(
    ("aws:runDocument", "aws:downloadContent", "aws:refreshAssociation", "aws:updateSsmAgent")
)
"""Those that are done by a process of ours, which tells what went wrong."""

_NEEDED = {"aws:runPowerShellScript": "pwsh"}
"""Programs that count as the platform: without them the action is not to be had here."""


def prepare(action: str, inputs: Any, place: Place) -> Order:
    """InvalidInputs when the inputs do not fit the plugin; OSError when a file cannot be written."""
    plugin = import_module(f"hostreeve.agent.plugins.{PLUGINS[action]}")
    order: Order = plugin.prepare(inputs, place)
    return order


def available() -> FrozenSet[str]:
    """The actions that can be done on this machine as it is now."""
    return frozenset(
        action for action in PLUGINS if action not in _NEEDED or program(_NEEDED[action]) is not None
    )
