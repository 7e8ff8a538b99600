"""Inventory: what each node has, by type, as its agent last told it; and what became different.

Agents put it; what the server knows itself (AWS:InstanceInformation, AWS:Tag, compliance) is shown beside it.
Who has to hear of a type follows it (`announce`). Resource data syncs write it all to a bucket.
"""

from hostreeve.capabilities.inventory.actions.changes import node_leaves
from hostreeve.capabilities.inventory.actions.putting import announce, follow_all
from hostreeve.capabilities.inventory.actions.syncing import complied, taken
from hostreeve.capabilities.inventory.model.items import Item

__all__ = ["Item", "announce", "complied", "follow_all", "node_leaves", "taken"]
