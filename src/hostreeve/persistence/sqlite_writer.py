"""The one thread that writes to SQLite. Units that wait together share one commit, so that one fsync serves
many.
"""

import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue

import apsw

from hostreeve.persistence.bus import Bus
from hostreeve.persistence.errors import StoreUnavailable, UnitFailed
from hostreeve.persistence.sqlite_transaction import SqliteTransaction, translated
from hostreeve.persistence.units import Ask, enter_unit_thread, settle_all

UNITS_PER_COMMIT = 256
"""Bounds how long the first unit of a group waits for the last, and the memory of a group."""


class Writer:
    """Takes units from any thread, runs them one after another, answers after their commit is on disk."""

    def __init__(self, connection: apsw.Connection, bus: Bus) -> None:
        self._connection = connection
        self._place = connection.filename
        self._bus = bus
        self._queue: SimpleQueue[Ask | None] = SimpleQueue()
        self._closed = False
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="sqlite-writer", daemon=True)
        self._thread.start()

    def put(self, ask: Ask) -> None:
        with self._closing:
            if self._closed:
                raise StoreUnavailable(f"{self._place} is closed")
            self._queue.put(ask)

    def close(self) -> None:
        """Commit what was accepted, then let go of the file."""
        with self._closing:
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _work(self) -> None:
        enter_unit_thread()
        while (first := self._queue.get()) is not None:
            group, last = self._waiting_with(first)
            self._commit_together(group)
            settle_all(group, self._bus)
            if last:
                return

    def _waiting_with(self, first: Ask) -> tuple[list[Ask], bool]:
        group = [first]
        try:
            while len(group) < UNITS_PER_COMMIT:
                ask = self._queue.get_nowait()
                if ask is None:
                    return group, True
                group.append(ask)
        except Empty:
            pass
        return group, False

    def _commit_together(self, group: Sequence[Ask]) -> None:
        """One transaction for the group, a savepoint for each unit.

        Some failures (a full disk, a failing device) undo the whole transaction; its units are then run again
        one by one, so that each hears of its own fate only.
        """
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for ask in group:
                connection.execute("SAVEPOINT unit")
                if not self._run(ask):
                    if not connection.in_transaction:
                        break
                    connection.execute("ROLLBACK TO unit")
                connection.execute("RELEASE unit")
            else:
                connection.execute("COMMIT")
                return
        except apsw.Error as error:
            if len(group) == 1:
                self._undo()
                group[0].failed(translated(error, self._place))
                return
        self._undo()
        if len(group) > 1:
            for ask in group:
                self._commit_together([ask])

    def _run(self, ask: Ask) -> bool:
        """Run one unit; False when it is to be undone. Its exception is carried to who asked."""
        tx = SqliteTransaction(self._connection)
        try:
            ask.value, ask.error = ask.unit(tx), None
            if tx.failure is not None:
                raise UnitFailed(
                    "the unit went on after a failed statement; nothing of it was kept"
                ) from tx.failure
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the one who asked
            ask.failed(error)
            return False
        finally:
            tx.end()
        ask.callbacks, ask.wakes = tx.callbacks, tx.wakes
        return True

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
