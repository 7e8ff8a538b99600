"""Nodes: the machines that are managed, how they become it, whether they are there, how they are chosen."""

from hostreeve.capabilities.nodes.actions.finding import TAGGABLE, exists, find, find_many, presence
from hostreeve.capabilities.nodes.actions.joining import machine_key
from hostreeve.capabilities.nodes.actions.targeting import (
    EVERY,
    GROUP,
    GROUP_TYPES,
    group_named,
    targeted,
)
from hostreeve.capabilities.nodes.model import PRESENCE, Node, PingStatus, node_arn

__all__ = [
    "EVERY",
    "GROUP",
    "GROUP_TYPES",
    "PRESENCE",
    "TAGGABLE",
    "Node",
    "PingStatus",
    "exists",
    "find",
    "find_many",
    "group_named",
    "machine_key",
    "node_arn",
    "presence",
    "targeted",
]
