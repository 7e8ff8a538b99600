"""A window opens: its execution begins, or is recorded as skipped or missed."""

import msgspec

from hostreeve.capabilities.windows.actions import telling
from hostreeve.capabilities.windows.lifecycle import ENDED
from hostreeve.capabilities.windows.model.execution import Execution, Status
from hostreeve.capabilities.windows.model.window import Window
from hostreeve.capabilities.windows.store import executions
from hostreeve.capabilities.windows.store import windows as store
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction

OVERLAPS = "The execution that began before has not ended."
MISSED = "The maintenance window was over before it could be opened."
DAY_MS = 86_400_000
_SPANS_MS = (60_000, 3_600_000, DAY_MS)


def open_window(tx: Transaction, scope: Scope, window_id: str, *, world: World, now_ms: int) -> bool:
    """Open a window that is due, once. False when it is not: somebody was faster, or it was changed."""
    row = store.find(tx, scope, window_id)
    if row is None or row.due_ms is None or row.due_ms > now_ms:
        return False
    window = row.window
    # Invariant: whoever moves `due_ms` away from what he saw opens the window; nobody else does.
    following = window.following(now_ms)
    if not store.reckon(tx, scope, window_id, seen_ms=row.due_ms, due_ms=following, now_ms=now_ms):
        return False
    # One that failed and was put off came when it was due.
    came_ms = min(window.following(row.reckoned_ms) or row.due_ms, row.due_ms)
    opened_ms = _latest(window, came_ms, now_ms)
    execution = Execution(
        account=scope.account,
        region=scope.region,
        execution_id=world.uuid(),
        window_id=window_id,
        status=Status.IN_PROGRESS,
        details="",
        started_ms=now_ms,
        ended_ms=None,
        # A window that opens late does not stay open for longer.
        cutoff_ms=window.cutoff_ms(opened_ms),
        due_ms=now_ms,
    )
    if executions.find_open(tx, scope, window_id) is not None:
        _record(tx, execution, Status.SKIPPED_OVERLAPPING, OVERLAPS, now_ms)
    elif now_ms >= window.ends_ms(opened_ms):
        _record(tx, execution, Status.TIMED_OUT, MISSED, now_ms)
    else:
        _record(tx, execution, Status.IN_PROGRESS, "", now_ms)
        tasks = store.tasks(tx, scope, window_id)
        executions.insert_tasks(tx, scope, execution.execution_id, [(world.uuid(), task) for task in tasks])
    return True


def reckon_anew(tx: Transaction, scope: Scope, window_id: str, *, now_ms: int) -> bool:
    """The clock has jumped back: what comes next under it may be sooner than was reckoned."""
    row = store.find(tx, scope, window_id)
    if row is None:
        return False
    # A clock that was corrected shows some times again: a window does not open for them again. One that was
    # wrong by more than a day has meant nothing.
    until_ms = now_ms + DAY_MS + 1
    newest = executions.newest(tx, scope, window_id, until_ms=until_ms, after=None, limit=1)
    last_ms = newest[0].started_ms if newest else 0
    due_ms = row.window.following(max(now_ms, last_ms))
    return store.reckon(tx, scope, window_id, seen_ms=row.due_ms, due_ms=due_ms, now_ms=now_ms)


def _latest(window: Window, due_ms: int, now_ms: int) -> int:
    """Of all the times that have come since, the last: a server that was down opens a window once."""
    timing = window.timing
    for span_ms in _SPANS_MS:
        moment = timing.following(max(due_ms - 1, now_ms - span_ms))
        if moment is not None and moment <= now_ms:
            while (later := timing.following(moment)) is not None and later <= now_ms:
                moment = later
            return moment
    # Nothing has come within a day: whatever came before is over.
    return due_ms


def _record(tx: Transaction, execution: Execution, status: Status, details: str, now_ms: int) -> None:
    is_over = status in ENDED
    ended = {"ended_ms": now_ms, "due_ms": None} if is_over else {}
    executions.insert(tx, msgspec.structs.replace(execution, status=status, details=details, **ended))
    telling.execution(tx, execution, status, ended=is_over, now_ms=now_ms)
