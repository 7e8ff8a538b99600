"""Leases: one holder at a time, a fence that only grows, and clocks that jump."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostreeve.persistence import leases
from hostreeve.persistence.database import Database
from hostreeve.persistence.leases import Lease

NOW = 1_800_000_000_000


def _acquire(database: Database, owner: str, now_ms: int = NOW, lease_ms: int = 1000) -> Lease | None:
    return database.write_sync(
        lambda tx: leases.acquire(tx, "planner", owner=owner, now_ms=now_ms, lease_ms=lease_ms)
    )


def test_one_holder_at_a_time(database: Database):
    first = _acquire(database, "a")
    assert first is not None
    assert _acquire(database, "b", NOW + 999) is None
    second = _acquire(database, "b", NOW + 1000)
    assert second is not None and second.fence > first.fence


def test_the_one_before_is_shut_out(database: Database):
    first = _acquire(database, "a")
    second = _acquire(database, "b", NOW + 1000)
    assert first and second
    assert not database.read_sync(lambda tx: leases.holds(tx, first))
    assert database.read_sync(lambda tx: leases.holds(tx, second))
    assert database.write_sync(lambda tx: leases.renew(tx, first, now_ms=NOW + 1001, lease_ms=1000)) is None
    assert not database.write_sync(lambda tx: leases.release(tx, first))


def test_a_renewed_lease_lasts_and_a_released_one_is_free(database: Database):
    first = _acquire(database, "a")
    assert first
    longer = database.write_sync(lambda tx: leases.renew(tx, first, now_ms=NOW + 900, lease_ms=1000))
    assert longer == Lease("planner", "a", first.fence, NOW + 1900)
    assert _acquire(database, "b", NOW + 1500) is None
    assert database.write_sync(lambda tx: leases.release(tx, longer))
    second = _acquire(database, "b", NOW + 1500)
    assert second is not None and second.fence == first.fence + 1


def test_a_restarted_holder_gets_its_lease_anew(database: Database):
    first, again = _acquire(database, "a"), _acquire(database, "a")
    assert first and again and again.fence == first.fence + 1
    assert not database.read_sync(lambda tx: leases.holds(tx, first))


def test_a_clock_that_jumped_back_does_not_lock_everyone_out(database: Database):
    assert _acquire(database, "a", NOW + 10**10)
    assert _acquire(database, "b", NOW)


def test_clocks_a_little_apart_do_not_break_a_lease(database: Database):
    assert _acquire(database, "a", NOW)
    assert _acquire(database, "b", NOW - 50_000) is None


def test_of_many_who_ask_at_once_one_gets_it(database: Database):
    async def main() -> list[Lease | None]:
        asks = (
            database.write(lambda tx, n=n: leases.acquire(tx, "x", owner=f"o{n}", now_ms=NOW, lease_ms=1000))
            for n in range(20)
        )
        return await asyncio.gather(*asks)

    assert sum(lease is not None for lease in asyncio.run(main())) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from("abc"), st.integers(-200_000, 200_000)), max_size=12))
def test_whatever_the_clock_does_the_fence_grows_and_only_the_last_holder_holds(database: Database, steps):
    now_ms, held, fences = NOW, [], []
    for owner, jump_ms in steps:
        now_ms += jump_ms
        lease = _acquire(database, owner, now_ms)
        if lease:
            held.append(lease)
            fences.append(lease.fence)
    assert fences == sorted(set(fences))
    assert [database.read_sync(lambda tx, h=each: leases.holds(tx, h)) for each in held] == [
        each is held[-1] for each in held
    ]
