"""Nodes: the machines that are managed, how they become it, whether they are there, how they are chosen."""

from hostreeve.capabilities.nodes.actions.finding import (
    ACTIVE,
    ATTRIBUTES,
    ONLINE,
    TAGGABLE,
    NodePresence,
    count,
    counted,
    every,
    exists,
    find,
    find_many,
    ids,
    ids_with,
)
from hostreeve.capabilities.nodes.actions.instances import machines
from hostreeve.capabilities.nodes.actions.joining import announce_leaving, machine_key
from hostreeve.capabilities.nodes.actions.targeting import (
    EVERY,
    GROUP,
    GROUP_TYPES,
    group_named,
    targeted,
)
from hostreeve.capabilities.nodes.model import PRESENCE, Node, PingStatus, node_arn
from hostreeve.capabilities.nodes.store.nodes import Operator

__all__ = [
    "ACTIVE",
    "ATTRIBUTES",
    "EVERY",
    "GROUP",
    "GROUP_TYPES",
    "ONLINE",
    "PRESENCE",
    "TAGGABLE",
    "Node",
    "NodePresence",
    "Operator",
    "PingStatus",
    "announce_leaving",
    "count",
    "counted",
    "every",
    "exists",
    "find",
    "find_many",
    "group_named",
    "ids",
    "ids_with",
    "machine_key",
    "machines",
    "node_arn",
    "targeted",
]
