"""How many parameters an account may have, checked without counting them at every step."""

from threading import Lock

from hostreeve.capabilities.parameters.model.values import PARAMETERS_MAX
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction


class Allowances:
    """After a count, half of what is left may be created before the next one: exact where it matters.

    Every process keeps its own; replicas together may pass the limit by what they had left at their last
    count. Units that are run again, and deletions, only bring the next count forward or leave it too early.
    """

    def __init__(self, most: int = PARAMETERS_MAX) -> None:
        self._most = most
        self._left: dict[Scope, int] = {}
        self._lock = Lock()

    def takes_one(self, tx: Transaction, scope: Scope) -> bool:
        """Whether the account may have one more, which is then counted as made."""
        with self._lock:
            left = self._left.get(scope, 0)
            if left <= 0:
                room = self._most - store.count(tx, scope)
                if room <= 0:
                    return False
                left = (room + 1) // 2
            self._left[scope] = left - 1
        return True


allowances = Allowances()
