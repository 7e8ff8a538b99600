"""When an association is applied next, and what the end of an execution means for it. Pure."""

from enum import StrEnum

from msgspec import Struct

from hostreeve.scheduling.expressions import Timing

CORRECTION_MS_MAX = 86_400_000


class Status(StrEnum):
    """Of an execution, and of an association on a node."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCESS = "Success"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    SKIPPED = "Skipped"
    CANCELLED = "Cancelled"


MAY_BECOME: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(set(Status) - {Status.PENDING}),
    Status.IN_PROGRESS: frozenset({Status.SUCCESS, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED}),
    Status.SUCCESS: frozenset(),
    Status.FAILED: frozenset(),
    Status.TIMED_OUT: frozenset(),
    Status.SKIPPED: frozenset(),
    Status.CANCELLED: frozenset(),
}
OPEN = frozenset(status for status, following in MAY_BECOME.items() if following)
ENDED = frozenset(Status) - OPEN


class Plan(Struct, frozen=True, kw_only=True):
    """What is done with an association that is due. `replaces`: the execution before it has had its time."""

    launch: bool = False
    skip: str = ""
    replaces: bool = False
    due_ms: int | None = None


def plan(
    timing: Timing | None, *, due_ms: int | None, now_ms: int, is_running: bool, closed: str = ""
) -> Plan:
    """What to do now with an association whose time is `due_ms`.

    A time that passed while nobody looked is made up for once, however many it were. `closed` names the
    calendar that is closed now: then this time is skipped, and an association without a schedule never comes.
    """
    if due_ms is None or due_ms > now_ms:
        return Plan(due_ms=due_ms)
    following = timing.following(now_ms) if timing else None
    if closed:
        return Plan(skip=closed, due_ms=following)
    return Plan(launch=True, replaces=is_running, due_ms=following)


def first_due_ms(timing: Timing | None, now_ms: int, *, waits: bool) -> int | None:
    """When a new or edited association is due first: now, or with its schedule."""
    if waits and timing is not None:
        return timing.following(now_ms)
    return now_ms


def due_again_ms(
    timing: Timing | None, *, due_ms: int | None, reckoned_ms: int, last_ms: int, now_ms: int
) -> int | None:
    """When an association is due under a clock that has jumped back, and was last applied at `last_ms`.

    A clock that was corrected shows some times again: nothing is applied for them again. One that was wrong
    by more than CORRECTION_MS_MAX has meant nothing: what was done under it is not in `last_ms`.
    """
    if due_ms is not None and due_ms <= reckoned_ms:
        return now_ms
    if timing is None:
        return None
    return timing.following(max(now_ms, last_ms))


def verdict(counts: dict[str, int]) -> tuple[Status, str]:
    """Status and DetailedStatus of an execution whose nodes have ended so."""
    if not counts:
        return Status.SUCCESS, "NoInstancesInTag"
    for status in (Status.FAILED, Status.TIMED_OUT, Status.CANCELLED, Status.SKIPPED):
        if counts.get(status):
            return (Status.FAILED if status is not Status.SKIPPED else status), str(status)
    return Status.SUCCESS, str(Status.SUCCESS)
