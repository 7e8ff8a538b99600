"""The locations of an execution across accounts: steps of its own, counted by entry."""

from hostreeve.capabilities.automations.model.status import Status, Tally
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SPAN = (
    "account = :account AND region = :region AND execution_id = :execution_id"
    " AND number >= :since AND number < :until"
)


def tally(tx: Transaction, scope: Scope, execution_id: str, since: int, until: int) -> Tally:
    """How the locations of these numbers stand."""
    rows = tx.all(
        f"SELECT status, COUNT(*) AS n FROM automation_steps WHERE {_SPAN} GROUP BY status",
        account=scope.account,
        region=scope.region,
        execution_id=execution_id,
        since=since,
        until=until,
    )
    found = {Status(row["status"]): int(row["n"]) for row in rows}
    return Tally(
        total=until - since,
        begun=sum(found.values()) - found.get(Status.PENDING, 0),
        success=found.get(Status.SUCCESS, 0),
        failed=found.get(Status.FAILED, 0),
        timed_out=found.get(Status.TIMED_OUT, 0),
        cancelled=found.get(Status.CANCELLED, 0),
    )


def next_pending(tx: Transaction, scope: Scope, execution_id: str, since: int, until: int) -> int | None:
    """The first of these that has not begun."""
    row = tx.one(
        f"SELECT MIN(number) AS number FROM automation_steps WHERE {_SPAN} AND status = 'Pending'",
        account=scope.account,
        region=scope.region,
        execution_id=execution_id,
        since=since,
        until=until,
    )
    return row["number"] if row else None
