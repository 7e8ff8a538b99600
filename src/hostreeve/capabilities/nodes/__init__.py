"""Nodes: the machines that are managed, how they become it, whether they are there, how they are chosen."""

from hostreeve.capabilities.nodes.actions.finding import TAGGABLE, NodePresence, exists, find, find_many
from hostreeve.capabilities.nodes.actions.instances import machines
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
    "NodePresence",
    "PingStatus",
    "exists",
    "find",
    "find_many",
    "group_named",
    "machine_key",
    "machines",
    "node_arn",
    "targeted",
]
