"""Compliance: what was looked at on each node, by type, and whether it is as it should be.

Whoever finds something out puts it here as items of a type (`put`), in the place of what was known before;
`Association` is put in parts, one per association. Only what is now is known. Events tell of nodes whose
status changes.
"""

from hostreeve.capabilities.compliance.actions.putting import (
    follow,
    node_left,
    put,
    remove,
    remove_everywhere,
)
from hostreeve.capabilities.compliance.actions.summing import content_hash, items, standings, types_of
from hostreeve.capabilities.compliance.actions.taking import ask_about_associations
from hostreeve.capabilities.compliance.model import (
    ASSOCIATION,
    ASSOCIATION_ID,
    COMPLIANT,
    NON_COMPLIANT,
    PATCH,
    SEVERITIES,
    Execution,
    Item,
    Part,
    summary_row,
    zulu,
)

__all__ = [
    "ASSOCIATION",
    "ASSOCIATION_ID",
    "COMPLIANT",
    "NON_COMPLIANT",
    "PATCH",
    "SEVERITIES",
    "Execution",
    "Item",
    "Part",
    "ask_about_associations",
    "content_hash",
    "follow",
    "items",
    "node_left",
    "put",
    "remove",
    "remove_everywhere",
    "standings",
    "summary_row",
    "types_of",
    "zulu",
]
