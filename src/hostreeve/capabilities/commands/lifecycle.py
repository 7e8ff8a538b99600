"""The state machines of a command and of its invocations: statuses, transitions, and what to do next.

Pure: nothing here reads a clock or a row. `plan` is given a command's tally and bounded lists of nodes, never
all invocations, so that deciding costs the same for a hundred nodes and for a hundred thousand.

AWS begins a command with one node and doubles the number with each acknowledgement. Here it begins with as
many as MaxConcurrency allows: whoever wants a careful start gives a small number.
"""

from collections.abc import Sequence

from msgspec import Struct

from hostreeve.capabilities.commands.model.status import CommandStatus, Status, Tally

BATCH_MAX = 500
"""Rows that one transaction may change."""

UNHEARD_AFTER_MS = 60_000
"""A node that has not taken its command by then, and is not connected, is shown as Delayed."""

UNHEARD_REST_MS_MAX = 3_600_000


class Limits(Struct):
    """What may be set for this process.

    `retention_ms`: how long commands are remembered after they were requested, once they have ended.
    `open_invocations_max`: of one account in one Region; what comes then is not begun (LimitExceeded).
    """

    retention_ms: int = 30 * 86_400_000
    open_invocations_max: int = 1_000_000


LIMITS = Limits()
"""What holds in this process."""


def set_limits(limits: Limits) -> None:
    """Let this process have these. All replicas must be told the same."""
    LIMITS.retention_ms = limits.retention_ms
    LIMITS.open_invocations_max = limits.open_invocations_max


MAX_CONCURRENCY = "50"
MAX_ERRORS = "0"
"""SendCommand's defaults."""


_NEVER_RAN = frozenset({Status.UNDELIVERABLE, Status.INVALID_PLATFORM, Status.ACCESS_DENIED})
_RAN = frozenset({Status.SUCCESS, Status.FAILED, Status.EXECUTION_TIMED_OUT})
_STOPPED = frozenset({Status.CANCELLED, Status.DELIVERY_TIMED_OUT})

MAY_BECOME: dict[Status, frozenset[Status]] = {
    # A reply may overtake the acknowledgement, or the acknowledgement may be lost: Pending may end at once.
    Status.PENDING: frozenset(set(Status) - {Status.PENDING}),
    Status.DELAYED: frozenset(set(Status) - {Status.PENDING, Status.DELAYED, Status.TERMINATED}),
    Status.IN_PROGRESS: _RAN | _STOPPED | {Status.CANCELLING},
    # A node may have finished before the cancel reached it; then what it did is what is shown.
    Status.CANCELLING: _RAN | _STOPPED,
    **{status: frozenset() for status in _RAN | _STOPPED | _NEVER_RAN | {Status.TERMINATED}},
}
OPEN = tuple(status for status, after in MAY_BECOME.items() if after)
CANCELLABLE = (Status.PENDING, Status.DELAYED, Status.IN_PROGRESS)

COMMAND_MAY_BECOME: dict[CommandStatus, frozenset[CommandStatus]] = {
    CommandStatus.PENDING: frozenset(set(CommandStatus) - {CommandStatus.PENDING}),
    CommandStatus.IN_PROGRESS: frozenset(
        set(CommandStatus)
        - {CommandStatus.PENDING, CommandStatus.IN_PROGRESS, CommandStatus.NO_INSTANCES_IN_TAG}
        - {CommandStatus.LIMIT_EXCEEDED, CommandStatus.ACCESS_DENIED}
    ),
    CommandStatus.CANCELLING: frozenset(
        set(CommandStatus)
        - {CommandStatus.PENDING, CommandStatus.IN_PROGRESS, CommandStatus.CANCELLING}
        - {CommandStatus.LIMIT_EXCEEDED, CommandStatus.ACCESS_DENIED}
    ),
    CommandStatus.SUCCESS: frozenset(),
    CommandStatus.FAILED: frozenset(),
    CommandStatus.EXECUTION_TIMED_OUT: frozenset(),
    CommandStatus.DELIVERY_TIMED_OUT: frozenset(),
    CommandStatus.INCOMPLETE: frozenset(),
    CommandStatus.CANCELLED: frozenset(),
    CommandStatus.NO_INSTANCES_IN_TAG: frozenset(),
    CommandStatus.LIMIT_EXCEEDED: frozenset(),
    CommandStatus.ACCESS_DENIED: frozenset(),
}
COMMAND_OPEN = tuple(status for status, after in COMMAND_MAY_BECOME.items() if after)


def sources(after: Status) -> tuple[Status, ...]:
    """The statuses that may become `after`: what an UPDATE names in its WHERE."""
    return tuple(status for status, targets in MAY_BECOME.items() if after in targets)


COUNTED_AS: dict[Status, str] = {
    Status.SUCCESS: "success",
    Status.FAILED: "failed",
    Status.EXECUTION_TIMED_OUT: "execution_timed_out",
    Status.DELIVERY_TIMED_OUT: "delivery_timed_out",
    Status.CANCELLED: "cancelled",
    Status.TERMINATED: "terminated",
    **{status: "never_ran" for status in _NEVER_RAN},
}
"""The field of the tally that counts each final status."""


class Progress(Struct, frozen=True, kw_only=True):
    """What `plan` needs to know of a command besides its tally."""

    expires_ms: int
    max_concurrency: str = MAX_CONCURRENCY
    max_errors: str = MAX_ERRORS
    is_resolved: bool = True
    is_cancelling: bool = False


class Plan(Struct, frozen=True, kw_only=True):
    """What should be done now. The worker does it; this module never does.

    `resolve`: look for the next targets. `more`: a list was full, so plan again right after this.
    """

    send: tuple[str, ...] = ()
    terminate: tuple[str, ...] = ()
    cancel: tuple[str, ...] = ()
    expire: tuple[str, ...] = ()
    resolve: bool = False
    conclude: CommandStatus | None = None
    more: bool = False


def plan(
    progress: Progress, tally: Tally, *, pending: Sequence[str], unended: Sequence[str], now_ms: int
) -> Plan:
    """Decide. `pending` are nodes not yet sent to, in order; `unended` those that `sweep` asks for.

    Both may be cut at BATCH_MAX; what is cut comes with the next plan.
    """
    expired = now_ms >= progress.expires_ms
    if tally.ended == tally.total and (progress.is_resolved or progress.is_cancelling or expired):
        return Plan(conclude=verdict(progress, tally))
    if expired:
        return Plan(expire=tuple(unended), more=True)
    if progress.is_cancelling:
        return Plan(cancel=tuple(unended), more=bool(unended))
    if too_many_errors(progress, tally) and progress.is_resolved:
        return Plan(terminate=tuple(pending), more=bool(pending))
    send = tuple(pending[: min(room(progress, tally), BATCH_MAX)])
    return Plan(send=send, resolve=not progress.is_resolved, more=bool(send) or not progress.is_resolved)


def too_many_errors(progress: Progress, tally: Tally) -> bool:
    """Whether nothing more may be sent.

    While targets are still being looked for, percentages are of those found so far: the strictest reading,
    which may hold sending back for a moment, but only the whole set decides to give up.
    """
    return tally.errors > errors_allowed(progress.max_errors, tally.total)


def room(progress: Progress, tally: Tally) -> int:
    """How many more nodes may be sent to now. Invariant: `in_flight` never exceeds MaxConcurrency."""
    if too_many_errors(progress, tally):
        return 0
    return max(0, concurrency(progress.max_concurrency, tally.total) - tally.in_flight)


def sweep(progress: Progress, now_ms: int) -> str:
    """What must be done to every invocation that has not ended: "expire", "cancel", or nothing ("")."""
    if now_ms >= progress.expires_ms:
        return "expire"
    return "cancel" if progress.is_cancelling else ""


def verdict(progress: Progress, tally: Tally) -> CommandStatus:
    """A command's final status, once every invocation has ended (node-management.md §2.4, in its order)."""
    allowed = errors_allowed(progress.max_errors, tally.total)
    everything = tally.cancelled == tally.total
    if (progress.is_cancelling and (tally.cancelled or everything)) or (tally.total and everything):
        return CommandStatus.CANCELLED
    if not tally.total:
        return CommandStatus.NO_INSTANCES_IN_TAG if progress.is_resolved else CommandStatus.DELIVERY_TIMED_OUT
    if tally.errors > allowed:
        only_timeouts = tally.failed == 0
        return CommandStatus.EXECUTION_TIMED_OUT if only_timeouts else CommandStatus.FAILED
    if tally.delivery_timed_out > allowed:
        return CommandStatus.DELIVERY_TIMED_OUT
    if tally.never_ran == tally.total:
        return CommandStatus.FAILED
    if tally.errors or tally.delivery_timed_out or tally.cancelled or tally.terminated:
        return CommandStatus.INCOMPLETE
    return CommandStatus.SUCCESS


def unheard_rest_ms(requested_ms: int, now_ms: int) -> int:
    """How long until nodes that have not taken a command are looked at again: longer, the older it is."""
    return max(UNHEARD_AFTER_MS, min((now_ms - requested_ms) // 4, UNHEARD_REST_MS_MAX))


def concurrency(limit: str, targets: int) -> int:
    """MaxConcurrency as a number: a percentage is of the targets, rounded down, but at least one."""
    return max(1, _amount(limit, targets))


def errors_allowed(limit: str, targets: int) -> int:
    """MaxErrors as a number; the error after that many stops the command."""
    return _amount(limit, targets)


def _amount(limit: str, targets: int) -> int:
    if limit.endswith("%"):
        return int(limit[:-1]) * targets // 100
    return int(limit)
