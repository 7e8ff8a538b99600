"""The machines behind instances: who manages them is told what happens here, and says who is there."""

from collections.abc import Sequence
from typing import Protocol

from hostreeve.api.call import Call
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction


class Machines(Protocol):
    """What the managed nodes tell about instances, and are told."""

    def reachable(self, tx: Transaction, scope: Scope, instance_ids: Sequence[str], now_ms: int) -> set[str]:
        """Those whose agents are there."""
        ...

    def let_go(self, call: Call, instance_id: str) -> None:
        """The instance is terminated: it is no node any more."""
        ...


_told: list[Machines] = []


def report_to(machines: Machines) -> None:
    """Whom to tell; the program says so when it is composed."""
    _told[:] = [machines]


def the_machines() -> Machines:
    assert _told, "nobody manages the machines behind instances"
    return _told[0]
