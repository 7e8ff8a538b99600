"""Events on their way out: written with the rows they tell about, handed over later, in order per aggregate.

An event is never found by "id greater than the last one seen": a transaction that commits late would be
overlooked. Instead each aggregate (a command, a window, …) has a row that knows whether something waits and
who holds its lease; the holder alone hands over its events, by sequence. Delivery is at least once:
`Event.id` tells repeats apart.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.persistence.leases import SKEW_MS

CHANNEL = "outbox"
"""The bus channel on which a new event is hinted at."""
RETRY_FIRST_MS = 1_000
RETRY_LONGEST_MS = 300_000
UNCLAIMED_KEPT_MS = 3_600_000
"""How long events wait for somebody who hands them over."""
_IDS = uuid.UUID("6f7d1c1e-0d5b-5c55-9a41-6a1f5d2f0b77")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `sequence` counts the events of its aggregate from 1 without gaps."""

    scope: Scope
    aggregate: str
    sequence: int
    detail_type: str
    detail: Mapping[str, Any]
    created_ms: int
    attempts: int

    @property
    def id(self) -> str:
        """The same UUID at every delivery."""
        name = f"{self.scope.account}/{self.scope.region}/{self.aggregate}/{self.sequence}/{self.created_ms}"
        return str(uuid.uuid5(_IDS, name))


@dataclass(frozen=True, slots=True)
class Claim:
    """The first waiting events of one aggregate, held until `until_ms` by whoever knows the fence."""

    scope: Scope
    aggregate: str
    fence: int
    until_ms: int
    events: tuple[Event, ...]


def put(
    tx: Transaction,
    scope: Scope,
    *,
    detail_type: str,
    aggregate: str,
    detail: Mapping[str, Any],
    now_ms: int,
) -> None:
    """Write an event, with the other events of this transaction. It is handed over only if that commits."""
    event = {
        "account": scope.account,
        "region": scope.region,
        "aggregate": aggregate,
        "detail_type": detail_type,
        "detail": msgspec.json.encode(detail).decode(),
        "now_ms": now_ms,
    }
    tx.gather(_write, event)
    tx.wake(CHANNEL)


def _write(tx: Transaction, events: list[dict[str, Any]]) -> None:
    """Many nodes' replies come here together. On SQLite RETURNING or INSERT … SELECT would make it four times
    as dear."""
    counters: dict[tuple[str, str, str], dict[str, Any]] = {}
    for event in events:
        key = (event["account"], event["region"], event["aggregate"])
        before = counters.get(key)
        event["place"] = before["count"] + 1 if before else 1
        counters[key] = {"now_ms": event["now_ms"], "count": event["place"]}
    # In one order for all, so that two transactions do not wait for one another.
    tx.many(
        "INSERT INTO outbox_aggregate (account, region, aggregate, last_sequence, last_put_ms, due_ms)"
        " VALUES (:account, :region, :aggregate, :count, :now_ms, :now_ms)"
        " ON CONFLICT (account, region, aggregate) DO UPDATE"
        " SET last_sequence = outbox_aggregate.last_sequence + :count, last_put_ms = :now_ms,"
        "     due_ms = COALESCE(outbox_aggregate.due_ms, :now_ms)",
        (
            {"account": account, "region": region, "aggregate": aggregate, **counter}
            for (account, region, aggregate), counter in sorted(counters.items())
        ),
    )
    for event in events:
        event["back"] = counters[event["account"], event["region"], event["aggregate"]]["count"]
    tx.many(
        "INSERT INTO outbox_event"
        " (account, region, aggregate, sequence, detail_type, detail, created_ms)"
        " VALUES (:account, :region, :aggregate, (SELECT last_sequence FROM outbox_aggregate"
        " WHERE account = :account AND region = :region AND aggregate = :aggregate) - :back + :place,"
        " :detail_type, :detail, :now_ms)",
        events,
    )


def claim(
    tx: Transaction,
    *,
    owner: str,
    now_ms: int,
    lease_ms: int = 30_000,
    aggregates: int = 50,
    events: int = 20,
) -> list[Claim]:
    """Take the lease of up to `aggregates` aggregates that are due, the longest waiting first.

    A lease that ran out is taken over; its former holder's fence is worth nothing from then on.
    """
    due = tx.all(
        "SELECT account, region, aggregate, lease_fence FROM outbox_aggregate"
        " WHERE due_ms IS NOT NULL AND (due_ms <= :now_ms OR due_ms > :absurd_due_ms)"
        " AND (lease_until_ms <= :now_ms OR lease_until_ms > :absurd_until_ms)"
        " ORDER BY due_ms LIMIT :aggregates FOR UPDATE SKIP LOCKED",
        now_ms=now_ms,
        aggregates=aggregates,
        # Times that far ahead were written under a clock that has jumped back since.
        absurd_due_ms=now_ms + RETRY_LONGEST_MS + SKEW_MS,
        absurd_until_ms=now_ms + 2 * lease_ms + SKEW_MS,
    )
    return [_claimed(tx, row, owner=owner, until_ms=now_ms + lease_ms, events=events) for row in due]


def _claimed(tx: Transaction, row: Mapping[str, Any], *, owner: str, until_ms: int, events: int) -> Claim:
    scope, aggregate, fence = Scope(row["account"], row["region"]), row["aggregate"], row["lease_fence"] + 1
    tx.run(
        "UPDATE outbox_aggregate SET lease_owner = :owner, lease_fence = :fence, lease_until_ms = :until_ms"
        " WHERE account = :account AND region = :region AND aggregate = :aggregate",
        owner=owner,
        fence=fence,
        until_ms=until_ms,
        account=scope.account,
        region=scope.region,
        aggregate=aggregate,
    )
    rows = tx.all(
        "SELECT sequence, detail_type, detail, created_ms, attempts FROM outbox_event"
        " WHERE account = :account AND region = :region AND aggregate = :aggregate"
        " ORDER BY sequence LIMIT :events",
        account=scope.account,
        region=scope.region,
        aggregate=aggregate,
        events=events,
    )
    waiting = (
        Event(
            scope=scope,
            aggregate=aggregate,
            sequence=each["sequence"],
            detail_type=each["detail_type"],
            detail=msgspec.json.decode(each["detail"]),
            created_ms=each["created_ms"],
            attempts=each["attempts"],
        )
        for each in rows
    )
    return Claim(scope, aggregate, fence, until_ms, tuple(waiting))


def acknowledge(tx: Transaction, claim: Claim, through: int, *, now_ms: int) -> bool:
    """The events up to sequence `through` have been handed over: forget them and end the lease.

    False, and nothing is changed, when the lease has passed to somebody else.
    """
    if not _still_held(tx, claim):
        return False
    tx.run(
        "DELETE FROM outbox_event WHERE account = :account AND region = :region AND aggregate = :aggregate"
        " AND sequence <= :through",
        account=claim.scope.account,
        region=claim.scope.region,
        aggregate=claim.aggregate,
        through=through,
    )
    left = tx.one(
        "SELECT sequence FROM outbox_event"
        " WHERE account = :account AND region = :region AND aggregate = :aggregate LIMIT 1",
        account=claim.scope.account,
        region=claim.scope.region,
        aggregate=claim.aggregate,
    )
    _end_lease(tx, claim, due_ms=None if left is None else now_ms)
    return True


def retry(tx: Transaction, claim: Claim, sequence: int, *, now_ms: int) -> bool:
    """Handing over event `sequence` failed: it and what follows it wait, longer with every attempt.

    The events before it have been acknowledged or are handed over again. False when the lease has passed on.
    """
    if not _still_held(tx, claim):
        return False
    row = tx.one(
        "UPDATE outbox_event SET attempts = attempts + 1"
        " WHERE account = :account AND region = :region AND aggregate = :aggregate AND sequence = :sequence"
        " RETURNING attempts",
        account=claim.scope.account,
        region=claim.scope.region,
        aggregate=claim.aggregate,
        sequence=sequence,
    )
    attempts = int(row["attempts"]) if row else 1
    wait_ms = min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** min(attempts - 1, 20))
    _end_lease(tx, claim, due_ms=now_ms + wait_ms)
    return True


def next_due_ms(tx: Transaction) -> int | None:
    """When the next aggregate is due, or None when nothing waits."""
    row = tx.one("SELECT MIN(due_ms) AS due_ms FROM outbox_aggregate WHERE due_ms IS NOT NULL")
    return row["due_ms"] if row else None


def forget_idle(tx: Transaction, *, before_ms: int, at_most: int = 500) -> int:
    """Drop the counters of aggregates whose last event was handed over and is older than that."""
    idle: Sequence[Mapping[str, Any]] = tx.all(
        "SELECT account, region, aggregate FROM outbox_aggregate"
        " WHERE due_ms IS NULL AND last_put_ms < :before_ms LIMIT :at_most",
        before_ms=before_ms,
        at_most=at_most,
    )
    tx.many(
        "DELETE FROM outbox_aggregate"
        " WHERE account = :account AND region = :region AND aggregate = :aggregate AND due_ms IS NULL",
        idle,
    )
    return len(idle)


def drop_unclaimed(tx: Transaction, *, now_ms: int, at_most: int = 500) -> int:
    """Drop the events of up to `at_most` aggregates that nobody has come for in an hour: as long as nobody
    subscribes, what is written is bounded all the same. Answers how many aggregates were looked at."""
    before_ms = now_ms - UNCLAIMED_KEPT_MS
    old = tx.all(
        "SELECT account, region, aggregate FROM outbox_aggregate"
        " WHERE due_ms IS NOT NULL AND due_ms <= :before_ms AND lease_until_ms <= :now_ms"
        " ORDER BY due_ms LIMIT :at_most",
        before_ms=before_ms,
        now_ms=now_ms,
        at_most=at_most,
    )
    where = " WHERE account = :account AND region = :region AND aggregate = :aggregate"
    tx.many(
        f"DELETE FROM outbox_event{where} AND created_ms <= :before_ms",
        [{**row, "before_ms": before_ms} for row in old],
    )
    # What is younger goes on waiting, from when it was written.
    oldest = f"(SELECT MIN(created_ms) FROM outbox_event{where})"
    tx.many(f"UPDATE outbox_aggregate SET due_ms = {oldest}{where}", old)
    tx.many(f"DELETE FROM outbox_aggregate{where} AND due_ms IS NULL", old)
    return len(old)


def _still_held(tx: Transaction, claim: Claim) -> bool:
    row = tx.one(
        "SELECT lease_fence FROM outbox_aggregate"
        " WHERE account = :account AND region = :region AND aggregate = :aggregate",
        account=claim.scope.account,
        region=claim.scope.region,
        aggregate=claim.aggregate,
    )
    return row is not None and row["lease_fence"] == claim.fence


def _end_lease(tx: Transaction, claim: Claim, *, due_ms: int | None) -> None:
    tx.run(
        "UPDATE outbox_aggregate SET lease_until_ms = 0, lease_owner = '', due_ms = :due_ms"
        " WHERE account = :account AND region = :region AND aggregate = :aggregate",
        due_ms=due_ms,
        account=claim.scope.account,
        region=claim.scope.region,
        aggregate=claim.aggregate,
    )
