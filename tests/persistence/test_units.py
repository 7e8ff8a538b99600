"""Units of work, on both engines: what returns is kept, what raises is not, and nobody sees half of it."""

import asyncio
import contextlib
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hostreeve.persistence import errors
from hostreeve.persistence.database import Database, Transaction

PUT = "INSERT INTO lease (name, owner, fence, until_ms) VALUES (:name, :owner, :fence, 0)"


def _put(tx: Transaction, name: str, fence: int = 0) -> int:
    return tx.run(PUT, name=name, owner="test", fence=fence)


def _names(tx: Transaction) -> list[str]:
    return [row["name"] for row in tx.all("SELECT name FROM lease ORDER BY name")]


def test_a_unit_that_returns_is_kept(database: Database):
    assert database.write_sync(lambda tx: _put(tx, "a")) == 1
    assert database.read_sync(_names) == ["a"]


def test_a_unit_that_raises_leaves_nothing(database: Database):
    def unit(tx: Transaction) -> None:
        _put(tx, "a")
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        database.write_sync(unit)
    assert database.read_sync(_names) == []


def test_a_failing_unit_in_a_group_harms_only_itself(database: Database):
    def unit(tx: Transaction, number: int) -> int:
        _put(tx, f"{number:03d}")
        if number % 3 == 0:
            raise ValueError(number)
        return number

    async def main() -> list[object]:
        writes = [database.write(lambda tx, n=number: unit(tx, n)) for number in range(100)]
        return await asyncio.gather(*writes, return_exceptions=True)

    answers = asyncio.run(main())
    for number, answer in enumerate(answers):
        assert (
            isinstance(answer, ValueError) and answer.args == (number,)
            if number % 3 == 0
            else answer == number
        )
    assert database.read_sync(_names) == [f"{n:03d}" for n in range(100) if n % 3]


def test_many_writers_count_without_losing_one(database: Database):
    database.write_sync(lambda tx: _put(tx, "counter"))

    def increment(tx: Transaction) -> None:
        row = tx.one("SELECT fence FROM lease WHERE name = 'counter'")
        assert row is not None
        tx.run("UPDATE lease SET fence = :fence WHERE name = 'counter'", fence=row["fence"] + 1)

    async def writer() -> None:
        for _ in range(10):
            await database.write(increment)

    async def main() -> None:
        await asyncio.gather(*(writer() for _ in range(16)))

    threads = [
        threading.Thread(target=lambda: [database.write_sync(increment) for _ in range(10)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    asyncio.run(main())
    for thread in threads:
        thread.join()
    row = database.read_sync(lambda tx: tx.one("SELECT fence FROM lease WHERE name = 'counter'"))
    assert row == {"fence": 200}


def test_two_units_that_read_what_the_other_writes_are_not_both_right(database: Database):
    """Write skew: each may take the last place only if nobody has it. One order is possible."""

    def take(tx: Transaction, name: str) -> bool:
        taken = tx.one("SELECT COUNT(*) AS n FROM lease")
        assert taken is not None
        if taken["n"] == 0:
            _put(tx, name)
            return True
        return False

    async def main() -> list[bool]:
        return await asyncio.gather(*(database.write(lambda tx, n=n: take(tx, f"w{n}")) for n in range(12)))

    assert sum(asyncio.run(main())) == 1


def test_a_read_sees_one_moment(database: Database):
    database.write_sync(lambda tx: _put(tx, "a"))

    def unit(tx: Transaction) -> tuple[list[str], list[str]]:
        before = _names(tx)
        thread = threading.Thread(target=lambda: database.write_sync(lambda tx: _put(tx, "b")))
        thread.start()
        thread.join()
        return before, _names(tx)

    assert asyncio.run(database.read_long(unit)) == (["a"], ["a"])
    assert database.read_sync(_names) == ["a", "b"]


def test_a_read_cannot_write(database: Database):
    with pytest.raises(errors.ReadOnlyStore):
        database.read_sync(lambda tx: _put(tx, "a"))
    with pytest.raises(errors.ReadOnlyStore):
        asyncio.run(database.read(lambda tx: _put(tx, "a")))
    assert database.read_sync(_names) == []


def test_a_refused_row_is_a_constraint_violation(database: Database):
    database.write_sync(lambda tx: _put(tx, "a"))
    with pytest.raises(errors.ConstraintViolation):
        database.write_sync(lambda tx: _put(tx, "a"))


def test_a_unit_does_not_outlive_a_failed_statement(database: Database):
    database.write_sync(lambda tx: _put(tx, "a"))

    def unit(tx: Transaction) -> None:
        _put(tx, "b")
        with pytest.raises(errors.ConstraintViolation):
            _put(tx, "a")

    def goes_on(tx: Transaction) -> None:
        unit(tx)
        _put(tx, "c")

    with pytest.raises(errors.UnitFailed):
        database.write_sync(unit)
    with pytest.raises(errors.UnitFailed):
        database.write_sync(goes_on)
    assert database.read_sync(_names) == ["a"]


def test_what_follows_a_commit_happens_after_it_and_not_after_a_rollback(database: Database):
    seen: list[object] = []

    def unit(tx: Transaction, name: str, fails: bool) -> None:
        _put(tx, name)
        tx.after_commit(lambda: seen.append(database.read_sync(_names)))
        tx.wake("channel", name)
        tx.wake("channel", name)
        if fails:
            raise ValueError

    database.bus.listen("channel", seen.append)
    database.write_sync(lambda tx: unit(tx, "a", False))
    with pytest.raises(ValueError):
        database.write_sync(lambda tx: unit(tx, "b", True))
    assert seen == ["a", ["a"]]


def test_a_unit_inside_a_unit_is_refused_instead_of_hanging(database: Database):
    with pytest.raises(RuntimeError, match="must not start another"):
        database.write_sync(lambda tx: database.write_sync(lambda tx: 1))


def test_a_unit_that_runs_out_of_an_iterator_does_not_hang_its_caller(database: Database):
    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(asyncio.wait_for(database.write(lambda tx: next(iter(()))), 5))


def test_a_transaction_is_useless_after_its_unit(database: Database):
    kept = database.write_sync(lambda tx: tx)
    with pytest.raises(RuntimeError):
        kept.one("SELECT 1 AS one")


def test_a_cancelled_caller_leaves_the_others_alone(database: Database):
    async def main() -> list[str]:
        tasks = [asyncio.ensure_future(database.write(lambda tx, n=n: _put(tx, f"{n}"))) for n in range(6)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return await database.read(_names)

    assert set(asyncio.run(main())) >= {"1", "2", "3", "4", "5"}


def test_a_closed_store_says_so(database: Database):
    database.close()
    database.close()
    with pytest.raises(errors.StoreUnavailable):
        database.write_sync(lambda tx: 1)
    with pytest.raises(errors.StoreUnavailable):
        database.read_sync(lambda tx: 1)


def test_closing_finishes_what_was_accepted(database_with):
    database = database_with([])

    async def main() -> list[object]:
        writes = [asyncio.ensure_future(database.write(lambda tx, n=n: _put(tx, f"{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        await asyncio.to_thread(database.close)
        return await asyncio.gather(*writes)

    assert asyncio.run(main()) == [1] * 50


def test_a_saturated_loop_does_not_starve_its_writes(database: Database):
    """A thread beside a loop that is never idle hardly gets the interpreter; a commit must get it."""

    async def main() -> int:
        stop = time.perf_counter() + 0.5
        written = 0

        async def busy() -> None:
            while time.perf_counter() < stop:
                until = time.perf_counter() + 0.0005
                while time.perf_counter() < until:
                    pass
                await asyncio.sleep(0)

        async def writer(k: int) -> None:
            nonlocal written
            while time.perf_counter() < stop:
                await database.write(lambda tx, n=written: [_put(tx, f"{k}-{n}-{i}") for i in range(12)])
                written += 1

        await asyncio.gather(busy(), *(writer(k) for k in range(8)))
        return written

    # With a thread that runs the units as well it was 4, here about a thousand, on the same machine.
    enough = {"sqlite": 100, "postgresql": 16}[database.engine]
    written = asyncio.run(main())
    assert written >= enough


def test_a_loop_that_went_away_does_not_hold_up_the_next(database: Database):
    numbers = itertools.count()

    async def abandon() -> None:
        for _ in range(3):
            task = asyncio.ensure_future(database.write(lambda tx: _put(tx, f"abandoned {next(numbers)}")))
            task.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.sleep(0)

    for _ in range(20):
        asyncio.run(abandon())
        database.write_sync(lambda tx: tx.run("DELETE FROM lease"))
        loop = asyncio.new_event_loop()
        abandoned = loop.create_task(abandon())
        loop.run_until_complete(asyncio.sleep(0))
        asyncio.run(asyncio.wait_for(database.write(lambda tx: tx.run("DELETE FROM lease")), 5))
        database.write_sync(lambda tx: tx.run("DELETE FROM lease"))
        loop.run_until_complete(abandoned)
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.close()
        database.write_sync(lambda tx: tx.run("DELETE FROM lease"))


def test_writing_synchronously_on_the_loops_own_thread_does_not_deadlock(database: Database):
    async def main() -> None:
        waiting = [
            asyncio.ensure_future(database.write(lambda tx, n=n: _put(tx, f"a{n}"))) for n in range(20)
        ]
        await asyncio.sleep(0)
        for n in range(20):
            database.write_sync(lambda tx, n=n: _put(tx, f"s{n}"))
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)

    asyncio.run(asyncio.wait_for(main(), 10))
    assert len(database.read_sync(_names)) == 40


def test_loops_in_several_threads_share_the_store(database: Database):
    async def main(k: int) -> None:
        for n in range(20):
            assert await database.write(lambda tx, n=n: _put(tx, f"{k}-{n}")) == 1
            assert f"{k}-{n}" in await database.read(_names)

    threads = [threading.Thread(target=asyncio.run, args=(main(k),)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(database.read_sync(_names)) == 80


def test_a_long_unit_leaves_the_loop_free(database: Database):
    async def main() -> int:
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.005)
                beats += 1

        beating = asyncio.ensure_future(beat())
        count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"
        count += " SELECT COUNT(*) AS n FROM n"
        assert await database.read_long(lambda tx: tx.one(count)) == {"n": 1000000}
        assert await database.write_long(lambda tx: tx.one(count)) == {"n": 1000000}
        beating.cancel()
        return beats

    assert asyncio.run(main()) > 5


def test_two_who_find_no_row_and_insert_it_are_told_of_each_other_not_of_a_broken_rule(database):
    """PostgreSQL may report the key before the race; the loser is run again and finds the winner's row."""
    database.write_sync(lambda tx: tx.run("CREATE TABLE twin (id INTEGER PRIMARY KEY)"))
    together = threading.Barrier(4)

    def unit(tx):
        if tx.one("SELECT id FROM twin WHERE id = 1") is None:
            with contextlib.suppress(threading.BrokenBarrierError):
                together.wait(0.2)
            tx.run("INSERT INTO twin (id) VALUES (1)")
            return 1
        return 0

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: database.write_sync(unit), range(4)))
    assert sum(made) == 1
