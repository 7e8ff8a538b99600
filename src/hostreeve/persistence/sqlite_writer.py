"""Group commit: units that wait together run in one transaction, and one fsync serves them all.

Units run on the event loop that asked, their COMMIT runs on a thread. A thread that ran the units as well
would give the interpreter away at every statement, and a saturated event loop takes it back each time before
the thread wakes up: measured in docs/why/0003. For the same reason a busy loop stands still for the moment of
the commit.
"""

import asyncio
import contextlib
import threading
from collections import deque
from queue import SimpleQueue

import apsw

from hostreeve.kernel.world import World
from hostreeve.persistence.bus import Bus
from hostreeve.persistence.errors import StoreUnavailable
from hostreeve.persistence.sqlite_transaction import Contents, SqliteTransaction, translated
from hostreeve.persistence.units import Ask, run_unit, settle_all

UNITS_PER_COMMIT = 256
SECONDS_PER_COMMIT = 0.005
"""Both bound how long a group may keep its event loop from other work."""
BUSY_LAG_S = 0.0003
"""An event loop that gets round to its callbacks later than this is busy: threads beside it starve."""
STANDSTILL_S = 0.002
"""How long a busy loop stands still for a commit (most disks need less), and the pause between glances."""
GLANCE_S = 0.0005
"""How long a loop that was not busy stands still, once per pause, in case it has become so."""


class Writer:
    """Lends the writing connection to one driver at a time: an event loop, or a thread without one.

    A driver runs what waits, whoever asked. From an event loop the commit is handed to the committing thread,
    which also ends the turn, so that nobody ever waits for an event loop that is itself waiting.

    `inline`: the loop commits by itself, and what happens when is decided by it alone. For simulations.
    """

    def __init__(self, connection: apsw.Connection, bus: Bus, world: World, *, inline: bool = False) -> None:
        self.contents = Contents()
        self._connection = connection
        self._place = connection.filename
        self._bus = bus
        self._world = world
        self._inline = inline
        self._turn = threading.Condition()
        self._busy = False
        self._closed = False
        self._promised: asyncio.AbstractEventLoop | None = None
        self._promised_at = self._handed_at = 0.0
        self._loop_is_busy = False
        self._committing = threading.Lock()
        self._glance: asyncio.TimerHandle | None = None
        self._waiting: deque[Ask] = deque()
        self._commits: SimpleQueue[tuple[list[Ask], bool] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._keep_committing, name="sqlite-commit", daemon=True)
        self._thread.start()

    def put(self, ask: Ask) -> None:
        """Accept a unit from the running event loop. What one turn of the loop asks for shares a commit."""
        with self._turn:
            self._accept(ask)
            if self._busy or (self._promised is not None and self._promised.is_running()):
                return
            self._promised, self._promised_at = ask.loop, self._world.monotonic()
        assert ask.loop is not None
        ask.loop.call_soon(self._drive_from_loop)

    def drive(self, ask: Ask) -> None:
        """Accept a unit from a thread, and return when it is settled; this thread drives when nobody does."""
        with self._turn:
            self._accept(ask)
        while self._took_turn_before(ask):
            self._drive_here()

    def close(self) -> None:
        """Commit what was accepted, then let go of the file."""
        with self._turn:
            self._closed = True
        while self._took_turn_before(None):
            self._drive_here()
        self._commits.put(None)
        self._thread.join()
        self._connection.close()

    def _accept(self, ask: Ask) -> None:
        if self._closed:
            raise StoreUnavailable(f"{self._place} is closed")
        self._waiting.append(ask)

    def _took_turn_before(self, ask: Ask | None) -> bool:
        """Wait for the turn; False when it is not needed, `ask` (or, without one, everything) being done."""
        with self._turn:
            while self._busy and not (ask and ask.future.done()):
                self._turn.wait()
            if ask.future.done() if ask else not self._waiting:
                return False
            self._busy = True
            return True

    def _drive_here(self) -> None:
        group, whole = self._run_waiting()
        self._commit(group, whole=whole)
        self._end_turn(group)

    def _drive_from_loop(self) -> None:
        with self._turn:
            self._promised = None
            if self._busy or not self._waiting:
                return
            self._busy = True
            self._loop_is_busy = self._world.monotonic() - self._promised_at > BUSY_LAG_S
        if self._inline:
            self._drive_here()
            return
        job = self._run_waiting()
        self._committing.acquire()
        self._handed_at = self._world.monotonic()
        self._commits.put(job)
        self._stand_still(STANDSTILL_S if self._loop_is_busy else 0)

    def _stand_still(self, seconds: float) -> None:
        """Let the committing thread have the interpreter, now and from time to time, until it is done."""
        if seconds and self._committing.acquire(timeout=seconds):
            self._committing.release()
        elif self._glance is None and self._committing.locked():
            self._glance = asyncio.get_running_loop().call_later(STANDSTILL_S, self._glance_again)

    def _glance_again(self) -> None:
        """The longer the disk or the scheduler takes, the longer a busy loop waits: up to half the time."""
        self._glance = None
        taken_s = self._world.monotonic() - self._handed_at
        self._stand_still(max(GLANCE_S, taken_s / 2) if self._loop_is_busy else GLANCE_S)

    def _keep_committing(self) -> None:
        while (job := self._commits.get()) is not None:
            group, whole = job
            self._commit(group, whole=whole)
            self._end_turn(group)
            self._committing.release()

    def _end_turn(self, group: list[Ask]) -> None:
        settle_all(group, self._bus)
        with self._turn:
            self._busy = False
            loop = next((ask.loop for ask in self._waiting if ask.loop and ask.loop.is_running()), None)
            self._promised, self._promised_at = loop, self._world.monotonic()
            self._turn.notify_all()
        if loop is not None:
            # Behind the settled units' waiters, so that what they write next goes along. A loop that was
            # closed this moment leaves its units to the next driver.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.call_soon, self._drive_from_loop)

    def _run_waiting(self) -> tuple[list[Ask], bool]:
        """Run what waits, a savepoint for each unit. False when the engine has undone the transaction."""
        group: list[Ask] = []
        connection, waiting = self._connection, self._waiting
        deadline = self._world.monotonic() + SECONDS_PER_COMMIT
        try:
            connection.execute("BEGIN IMMEDIATE")
            while waiting and len(group) < UNITS_PER_COMMIT and self._world.monotonic() <= deadline:
                ask = waiting.popleft()
                if ask.future.cancelled():
                    continue
                group.append(ask)
                connection.execute("SAVEPOINT unit")
                if not self._run(ask):
                    connection.execute("ROLLBACK TO unit")
                connection.execute("RELEASE unit")
        except apsw.Error as error:
            if not group:
                # The transaction could not begin: that is the answer to the unit that needed it.
                group.append(waiting.popleft())
                group[0].failed(translated(error, self._place))
            return group, False
        return group, True

    def _run(self, ask: Ask) -> bool:
        """Run one unit; False when it is to be undone. Its exception is carried to who asked."""
        tx = SqliteTransaction(self._connection)
        try:
            run_unit(ask, tx)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the one who asked
            ask.failed(error)
            return False
        return True

    def _commit(self, group: list[Ask], *, whole: bool) -> None:
        """Make the group durable. When that fails, its units are run again one by one, each for its own fate.

        A full disk or a failing device makes SQLite undo the whole transaction, neighbours included.
        """
        self.contents.change()
        try:
            self._commit_group(group, whole=whole)
        finally:
            self.contents.changed()

    def _commit_group(self, group: list[Ask], *, whole: bool) -> None:
        if whole:
            try:
                self._connection.execute("COMMIT")
                return
            except apsw.Error as error:
                self._undo()
                if len(group) == 1:
                    group[0].failed(translated(error, self._place))
                    return
        self._undo()
        for ask in group:
            self._commit_alone(ask)

    def _commit_alone(self, ask: Ask) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            if self._run(ask):
                self._connection.execute("COMMIT")
        except apsw.Error as error:
            ask.failed(translated(error, self._place))
        self._undo()

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
