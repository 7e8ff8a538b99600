"""What a unit may keep for the next one: only what was derived from the very same state of the store."""

import asyncio
import threading

from hostreeve.persistence.database import Database, Transaction
from tests.persistence.test_units import _names, _put


def _state(tx: Transaction) -> int | None:
    return tx.state


def test_states_are_told_apart_by_commits_or_not_at_all(database: Database):
    before = database.read_sync(_state)
    assert database.read_sync(_state) == before
    database.write_sync(lambda tx: _put(tx, "a"))
    after = database.read_sync(_state)
    if database.engine == "sqlite":
        assert before is not None and after is not None and after != before
    else:
        assert before is None and after is None


def test_a_unit_that_writes_is_in_no_state(database: Database):
    assert database.write_sync(_state) is None


def test_stores_in_one_process_share_no_state(database_with):
    first, second = database_with([]), database_with([])
    states = {first.read_sync(_state), second.read_sync(_state)}
    assert len(states) == 2 or states == {None}
    first.close()
    second.close()


def test_a_unit_that_was_told_of_one_state_and_read_another_is_run_again(database: Database):
    told: list[tuple[int | None, list[str]]] = []

    def unit(tx: Transaction) -> tuple[int | None, list[str]]:
        if not told:
            # Somebody commits between the moment of the state and the first statement.
            writer = threading.Thread(target=database.write_sync, args=(lambda tx: _put(tx, "late"),))
            writer.start()
            writer.join()
        told.append((tx.state, _names(tx)))
        return told[-1]

    assert database.read_sync(unit) == (None, ["late"])
    assert len(told) == (2 if database.engine == "sqlite" else 1)


def test_what_a_torn_unit_raised_is_not_told(database: Database):
    runs = []

    def unit(tx: Transaction) -> list[str]:
        runs.append(tx.state)
        if len(runs) == 1 and tx.state is not None:
            writer = threading.Thread(target=database.write_sync, args=(lambda tx: _put(tx, "late"),))
            writer.start()
            writer.join()
            raise LookupError(_names(tx))
        return _names(tx)

    assert database.read_sync(unit) == (["late"] if len(runs) == 2 else [])


def test_a_unit_begins_with_an_empty_memo(database: Database):
    def unit(tx: Transaction) -> dict[str, int]:
        found = dict(tx.memo)
        tx.memo["left"] = 1
        return found

    assert [database.read_sync(unit), database.read_sync(unit), database.write_sync(unit)] == [{}, {}, {}]


def test_a_commit_that_is_under_way_is_no_state(database: Database):
    """Units that read beside writers see a state only together with what was committed in it."""
    seen: dict[int, int] = {}

    def count(tx: Transaction) -> tuple[int | None, int]:
        return tx.state, len(_names(tx))

    async def main() -> None:
        for number in range(20):
            writes = [database.write(lambda tx, n=number, m=m: _put(tx, f"{n}-{m}")) for m in range(5)]
            tasks = [asyncio.ensure_future(write) for write in writes]
            while not all(task.done() for task in tasks):
                state, rows = await database.read(count)
                assert state is None or seen.setdefault(state, rows) == rows
                await asyncio.sleep(0)

    asyncio.run(main())
