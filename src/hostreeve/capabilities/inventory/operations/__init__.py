"""Inventory, as AWS callers and agents see it."""

from hostreeve.capabilities.inventory.operations import deletions, inventory, syncs
from hostreeve.capabilities.inventory.operations.service import hostreeve, ssm

__all__ = ["deletions", "hostreeve", "inventory", "ssm", "syncs"]
