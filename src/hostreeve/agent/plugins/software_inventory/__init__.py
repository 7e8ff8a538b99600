"""aws:softwareInventory: what this machine has, told to the server by type; what is the same is not sent."""

from __future__ import annotations

from typing import Any, Dict

from hostreeve.agent.order import InvalidInputs, Order, Place
from hostreeve.agent.plugins.task import object_of, order_for_task, text_in

SWITCHES = (
    "applications",
    "awsComponents",
    "billingInfo",
    "customInventory",
    "instanceDetailedInformation",
    "networkConfig",
    "services",
    "windowsRoles",
    "windowsUpdates",
)
TEXTS = ("files", "windowsRegistry", "customInventoryDirectory")
ENABLED = "Enabled"


def prepare(inputs: Any, place: Place) -> Order:
    """InvalidInputs when a switch is neither Enabled nor Disabled; OSError when nothing can be written."""
    members = object_of(inputs or {})
    wanted: Dict[str, Any] = {name: text_in(members, name) for name in (*SWITCHES, *TEXTS)}
    for name in SWITCHES:
        if wanted[name] not in ("", ENABLED, "Disabled"):
            raise InvalidInputs(f"{name} must be {ENABLED} or Disabled")
    return order_for_task("software_inventory", wanted, place)
