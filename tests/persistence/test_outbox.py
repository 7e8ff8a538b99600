"""The outbox: nothing is lost, nothing overtakes within an aggregate, and a zombie is shut out."""

import asyncio
from collections import defaultdict

import pytest

from hostreeve.kernel.scope import Scope
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Database, Transaction

SCOPE = Scope("123456789012", "us-east-1")
NOW = 1_800_000_000_000


def _put(
    tx: Transaction, aggregate: str = "command/1", n: int = 0, scope: Scope = SCOPE, now_ms: int = NOW
) -> None:
    outbox.put(tx, scope, detail_type="Changed", aggregate=aggregate, detail={"n": n}, now_ms=now_ms)


def _claim(database: Database, now_ms: int = NOW, owner: str = "r1", **how: int) -> list[outbox.Claim]:
    return database.write_sync(lambda tx: outbox.claim(tx, owner=owner, now_ms=now_ms, **how))


def test_events_of_an_aggregate_are_counted_and_come_in_order(database: Database):
    for n in range(3):
        database.write_sync(lambda tx, n=n: _put(tx, n=n))
    database.write_sync(lambda tx: _put(tx, scope=Scope("210987654321", "us-east-1"), n=9))
    claims = _claim(database)
    assert {claim.scope.account: [event.detail["n"] for event in claim.events] for claim in claims} == {
        "123456789012": [0, 1, 2],
        "210987654321": [9],
    }
    assert sorted([event.sequence for event in claim.events] for claim in claims) == [[1], [1, 2, 3]]
    ids = [event.id for claim in claims for event in claim.events]
    assert len(set(ids)) == 4


def test_an_event_of_a_unit_that_failed_is_never_seen(database: Database):
    def unit(tx: Transaction) -> None:
        _put(tx)
        raise ValueError

    with pytest.raises(ValueError):
        database.write_sync(unit)
    assert _claim(database) == []
    assert database.read_sync(outbox.next_due_ms) is None


def test_what_is_claimed_is_not_claimed_again_until_the_lease_is_over(database: Database):
    database.write_sync(_put)
    (first,) = _claim(database, lease_ms=1000)
    assert _claim(database, NOW + 999) == []
    (second,) = _claim(database, NOW + 1000, owner="r2")
    assert second.events == first.events and second.fence > first.fence
    assert not database.write_sync(lambda tx: outbox.acknowledge(tx, first, 1, now_ms=NOW))
    assert not database.write_sync(lambda tx: outbox.retry(tx, first, 1, now_ms=NOW))
    assert database.write_sync(lambda tx: outbox.acknowledge(tx, second, 1, now_ms=NOW))
    assert _claim(database, NOW + 10**6) == []


def test_an_event_put_during_the_lease_is_found_after_it(database: Database):
    database.write_sync(_put)
    (claim,) = _claim(database)
    database.write_sync(lambda tx: _put(tx, n=1))
    assert _claim(database) == []
    database.write_sync(lambda tx: outbox.acknowledge(tx, claim, 1, now_ms=NOW))
    (claim,) = _claim(database)
    assert [event.sequence for event in claim.events] == [2]


def test_a_failed_event_holds_back_its_followers_and_nobody_else(database: Database):
    database.write_sync(lambda tx: [_put(tx, n=0), _put(tx, n=1), _put(tx, "command/2")])
    stuck = next(claim for claim in _claim(database, lease_ms=1) if claim.aggregate == "command/1")
    database.write_sync(lambda tx: outbox.retry(tx, stuck, 1, now_ms=NOW))
    (other,) = _claim(database, NOW + 999)
    assert other.aggregate == "command/2"
    (again,) = _claim(database, NOW + 1000)
    assert [event.sequence for event in again.events] == [1, 2]


def test_retry_times_double_up_to_a_bound(database: Database):
    database.write_sync(_put)
    now_ms, waits = NOW, []
    for _ in range(12):
        (claim,) = _claim(database, now_ms)
        assert database.write_sync(lambda tx, c=claim, t=now_ms: outbox.retry(tx, c, 1, now_ms=t))
        due_ms = database.read_sync(outbox.next_due_ms)
        assert due_ms is not None and _claim(database, due_ms - 1) == []
        waits.append(due_ms - now_ms)
        now_ms = due_ms
    assert waits[:4] == [1000, 2000, 4000, 8000] and waits[-1] == outbox.RETRY_LONGEST_MS
    (claim,) = _claim(database, now_ms)
    assert claim.events[0].attempts == 12


def test_a_clock_that_jumped_back_does_not_keep_events_for_years(database: Database):
    database.write_sync(lambda tx: _put(tx, now_ms=NOW + 10**11))
    assert len(_claim(database, NOW + 10**11)) == 1
    assert len(_claim(database, NOW)) == 1


def test_idle_counters_are_forgotten_and_waiting_ones_kept(database: Database):
    database.write_sync(lambda tx: [_put(tx, "old"), _put(tx, "waiting")])
    old = next(claim for claim in _claim(database) if claim.aggregate == "old")
    database.write_sync(lambda tx: outbox.acknowledge(tx, old, 1, now_ms=NOW))
    assert database.write_sync(lambda tx: outbox.forget_idle(tx, before_ms=NOW)) == 0
    assert database.write_sync(lambda tx: outbox.forget_idle(tx, before_ms=NOW + 1)) == 1
    database.write_sync(lambda tx: _put(tx, "waiting"))
    (waiting,) = _claim(database, NOW + 10**6)
    assert [event.sequence for event in waiting.events] == [1, 2]


def test_concurrent_claimers_hand_over_everything_once_and_in_order(database: Database):
    aggregates, events = 12, 8
    delivered: dict[str, list[int]] = defaultdict(list)

    async def producer(name: str) -> None:
        for n in range(events):
            await database.write(lambda tx, n=n: _put(tx, name, n))

    async def courier(owner: str, stop: asyncio.Event) -> None:
        while not stop.is_set() or await database.read(outbox.next_due_ms) is not None:
            claims = await database.write(
                lambda tx: outbox.claim(tx, owner=owner, now_ms=NOW, aggregates=4, events=3)
            )
            for claim in claims:
                for event in claim.events:
                    delivered[claim.aggregate].append(event.detail["n"])
                through = claim.events[-1].sequence
                assert await database.write(
                    lambda tx, c=claim, t=through: outbox.acknowledge(tx, c, t, now_ms=NOW)
                )
            await asyncio.sleep(0.001)

    async def main() -> None:
        stop = asyncio.Event()
        couriers = [asyncio.ensure_future(courier(f"r{n}", stop)) for n in range(4)]
        await asyncio.gather(*(producer(f"a{n}") for n in range(aggregates)))
        stop.set()
        await asyncio.gather(*couriers)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert delivered == {f"a{n}": list(range(events)) for n in range(aggregates)}
