"""Named leases: what only one replica may do at a time, for how long, and the fence against the last one.

Who acts outside the database under a lease records the outcome with `holds(tx, lease)` in the same
transaction: a holder that slept too long finds that its fence is no longer the last and records nothing.
"""

from dataclasses import dataclass, replace

from hostreeve.persistence.database import Transaction

SKEW_MS = 60_000
"""How far the clocks of replicas may stand apart."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as its holder knows it. `fence` is higher than that of every holder before."""

    name: str
    owner: str
    fence: int
    until_ms: int


def acquire(tx: Transaction, name: str, *, owner: str, now_ms: int, lease_ms: int) -> Lease | None:
    """The lease, if nobody else holds it. Its own holder gets it anew, with a new fence.

    Everyone asks for the same `lease_ms`. An end further away than twice that and `SKEW_MS` was written under
    a clock that has jumped back since, and counts as over: otherwise nobody would hold the lease for as long.
    """
    row = tx.one(
        "INSERT INTO lease (name, owner, fence, until_ms) VALUES (:name, :owner, 1, :until_ms)"
        " ON CONFLICT (name) DO UPDATE SET owner = :owner, fence = lease.fence + 1, until_ms = :until_ms"
        " WHERE lease.owner = :owner OR lease.until_ms <= :now_ms OR lease.until_ms > :absurd_ms"
        " RETURNING fence",
        name=name,
        owner=owner,
        now_ms=now_ms,
        until_ms=now_ms + lease_ms,
        absurd_ms=now_ms + 2 * lease_ms + SKEW_MS,
    )
    return Lease(name, owner, row["fence"], now_ms + lease_ms) if row else None


def renew(tx: Transaction, lease: Lease, *, now_ms: int, lease_ms: int) -> Lease | None:
    """The same lease, longer. None when somebody else has had it since: then stop."""
    renewed = tx.run(
        "UPDATE lease SET until_ms = :until_ms WHERE name = :name AND fence = :fence",
        name=lease.name,
        fence=lease.fence,
        until_ms=now_ms + lease_ms,
    )
    return replace(lease, until_ms=now_ms + lease_ms) if renewed else None


def release(tx: Transaction, lease: Lease) -> bool:
    """Give it back; False when it had already passed on. The fence stays, so that it never repeats."""
    return bool(
        tx.run(
            "UPDATE lease SET owner = '', until_ms = 0 WHERE name = :name AND fence = :fence",
            name=lease.name,
            fence=lease.fence,
        )
    )


def holds(tx: Transaction, lease: Lease) -> bool:
    """Whether nobody has had the lease since. Reading it makes the writing transaction depend on it."""
    row = tx.one("SELECT fence FROM lease WHERE name = :name", name=lease.name)
    return row is not None and row["fence"] == lease.fence
