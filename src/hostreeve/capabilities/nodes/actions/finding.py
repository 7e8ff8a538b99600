"""Nodes looked up: which there are, who can be tagged as a managed node, and signs of life."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from hostreeve.capabilities.nodes.model import Node, is_instance, node_arn
from hostreeve.capabilities.nodes.store import nodes
from hostreeve.capabilities.nodes.store.nodes import Condition, Operator
from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups, identity

ATTRIBUTES: Mapping[str, str] = {
    "AgentType": "AgentType",
    "AgentVersion": "AgentVersion",
    "ComputerName": "ComputerName",
    "InstanceId": "InstanceIds",
    "InstanceStatus": "PingStatus",
    "IpAddress": "IpAddress",
    "PlatformName": "PlatformName",
    "PlatformType": "PlatformTypes",
    "PlatformVersion": "PlatformVersion",
    "ResourceType": "ResourceType",
}
"""AWS:InstanceInformation's attributes, by which nodes are chosen, and the store's names of them."""
ACTIVE, ONLINE = "Active", "Online"
"""What inventory calls a node that is there, and what all else calls it."""

PLATFORM_TYPES = {"linux": "Linux", "windows": "Windows", "darwin": "MacOS"}


def exists(tx: Transaction, scope: Scope, node_id: str) -> bool:
    return bool(nodes.existing(tx, scope, [node_id]))


def find(tx: Transaction, scope: Scope, node_id: str, now_ms: int = 0) -> Node | None:
    """The node, or None. Its presence is as of `now_ms` (0: not asked for)."""
    return nodes.find_many(tx, scope, [node_id], now_ms).get(node_id)


def count(tx: Transaction, scope: Scope) -> int:
    """How many nodes there are."""
    return nodes.size(tx, scope)


def find_many(tx: Transaction, scope: Scope, node_ids: Iterable[str], now_ms: int = 0) -> dict[str, Node]:
    """Those of the nodes that exist, by id."""
    return nodes.find_many(tx, scope, node_ids, now_ms)


def ids_with(
    tx: Transaction,
    scope: Scope,
    attribute: str,
    values: Sequence[str],
    *,
    operator: Operator = "Equal",
    now_ms: int,
) -> list[str]:
    """The ids of all nodes with an attribute of ATTRIBUTES that compares so with one of the values."""
    if attribute == "InstanceStatus":
        values = [ONLINE if value == ACTIVE else value for value in values]
    return nodes.ids(tx, scope, [Condition(ATTRIBUTES[attribute], tuple(values), operator)], now_ms)


def ids(tx: Transaction, scope: Scope) -> list[str]:
    """The ids of all nodes."""
    return nodes.ids(tx, scope, [], 0)


def counted(
    tx: Transaction, scope: Scope, attributes: Sequence[str], now_ms: int
) -> list[tuple[tuple[str, ...], int]]:
    """How many nodes there are of each combination of these attributes of ATTRIBUTES."""
    return nodes.count(tx, scope, [], [ATTRIBUTES[each] for each in attributes], now_ms)


def every(tx: Transaction, scope: Scope, *, after: str, limit: int, now_ms: int) -> list[Node]:
    """All nodes by id, behind `after`."""
    return nodes.select(tx, scope, [], after=after, limit=limit, now_ms=now_ms)


def _is_taggable(tx: Transaction, scope: Scope, node_id: str) -> bool:
    """EC2's instances have EC2's tags, and no others."""
    return not is_instance(node_id) and exists(tx, scope, node_id)


Came = Callable[[Transaction, Scope, str, int], None]
"""Told, in the same transaction, that a node has connected: its id, and the time in ms."""


class NodePresence:
    """What the node link tells about channels (`messaging.channels.Presence`), and who else hears of it."""

    def __init__(self, *came: Came) -> None:
        self.came = came

    def opened(self, tx: Transaction, scope: Scope, node_id: str, opening: wire.Opening, now_ms: int) -> bool:
        """A sign of life. False when no such node is registered, or its account is closed."""
        if identity.is_closed(tx, scope.account):
            return False
        reported = {
            "agent_version": opening.agent_version,
            "platform_type": PLATFORM_TYPES.get(opening.platform_type.lower(), ""),
        }
        if not nodes.report(tx, scope, node_id, reported, now_ms):
            return False
        for came in self.came:
            came(tx, scope, node_id, now_ms)
        return True


TAGGABLE = groups.Taggable(
    "ManagedInstance", node_arn, _is_taggable, "AWS::SSM::ManagedInstance", "ssm:managed-instance"
)
