"""State Manager: associations bind a document to nodes, apply it again and again, and know how it went.

It is told of the commands that it sent (`ended`), of nodes that come (`node_came`) and of their tags, and of
changes to the documents and parameters that associations are made of.
"""

from hostreeve.capabilities.associations.actions.complying import sync_modes
from hostreeve.capabilities.associations.actions.running import (
    OWNER,
    document_changed,
    ended,
    latest_changed,
    parameter_changed,
)
from hostreeve.capabilities.associations.actions.tagging import TAGGABLE
from hostreeve.capabilities.associations.actions.welcoming import node_came, tags_changed

__all__ = [
    "OWNER",
    "TAGGABLE",
    "document_changed",
    "ended",
    "latest_changed",
    "node_came",
    "parameter_changed",
    "sync_modes",
    "tags_changed",
]
