"""What compute asks about and tells of the machines behind EC2's instances (`compute.report_to`)."""

from collections.abc import Sequence

from hostreeve.api.call import Call
from hostreeve.capabilities.nodes.actions import joining
from hostreeve.capabilities.nodes.model import PingStatus
from hostreeve.capabilities.nodes.store import nodes
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction


class InstanceMachines:
    """See compute's `Machines`."""

    def reachable(self, tx: Transaction, scope: Scope, instance_ids: Sequence[str], now_ms: int) -> set[str]:
        """Those whose agents are online."""
        found = nodes.find_many(tx, scope, instance_ids, now_ms)
        return {node_id for node_id, node in found.items() if node.ping_status is PingStatus.ONLINE}

    def let_go(self, call: Call, instance_id: str) -> None:
        """The instance is terminated: its agent has no identity any more."""
        joining.let_go(call, instance_id)


machines = InstanceMachines()
