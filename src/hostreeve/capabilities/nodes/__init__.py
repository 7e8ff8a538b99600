"""Nodes: the machines that are managed, how they become it, whether they are there, how they are chosen."""

from hostreeve.capabilities.nodes.actions import (
    TAGGABLE,
    exists,
    find,
    find_many,
    machine_key,
    presence,
    targeted,
)
from hostreeve.capabilities.nodes.model import PRESENCE, Node, PingStatus, node_arn

__all__ = [
    "PRESENCE",
    "TAGGABLE",
    "Node",
    "PingStatus",
    "exists",
    "find",
    "find_many",
    "machine_key",
    "node_arn",
    "presence",
    "targeted",
]
