"""The state machines of executions and their steps: statuses, transitions, and what comes next.

Pure: `plan` sees how one step stands and the time, `after` how a step ended; never a row or a clock.
"""

from typing import Literal

from msgspec import Struct

from hostreeve.capabilities.automations.model.runbook import ABORT, STEP, Step, following, truth
from hostreeve.capabilities.automations.model.status import ENDED, Status, Tally, Verdict

EXECUTION_MAY_BECOME: dict[Status, frozenset[Status]] = {
    # One that waits for room can be stopped before it begins, and fail when it cannot begin.
    Status.PENDING: ENDED | {Status.IN_PROGRESS, Status.WAITING, Status.CANCELLING},
    Status.IN_PROGRESS: ENDED | {Status.WAITING, Status.CANCELLING},
    Status.WAITING: ENDED | {Status.IN_PROGRESS, Status.CANCELLING},
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    **{status: frozenset() for status in ENDED},
}
STEP_MAY_BECOME: dict[Status, frozenset[Status]] = {
    Status.PENDING: ENDED | {Status.IN_PROGRESS, Status.WAITING},
    Status.IN_PROGRESS: ENDED | {Status.WAITING, Status.CANCELLING},
    Status.WAITING: ENDED | {Status.IN_PROGRESS, Status.CANCELLING},
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    **{status: frozenset() for status in ENDED},
}

CANCEL_WORKFLOW_MS = 120_000
"""How long what onCancel begins may take."""


class Standing(Struct, frozen=True, kw_only=True):
    """How the step stands whose turn it is. Times are milliseconds; None for never.

    `awaits_errand`: something outside the database was begun for it, by whoever holds it until
    `errand_until_ms`. `is_stopping`: the execution is to be cancelled and has not turned to that yet.
    """

    status: Status = Status.PENDING
    deadline_ms: int | None = None
    look_ms: int | None = None
    errand_until_ms: int | None = None
    is_stopping: bool = False
    cancel_until_ms: int | None = None
    """When a cancellation's own steps must be over."""
    is_held: bool = False
    """Interactive: it begins when somebody says so."""
    is_again: bool = False
    """An attempt has failed and the next is to begin."""


Deed = Literal["nothing", "begin", "look", "expire", "cancel", "give_up", "interrupted"]


class Plan(Struct, frozen=True):
    """What is to be done now, and when to look again if nothing happens (None: somebody will tell)."""

    deed: Deed
    due_ms: int | None = None


def plan(standing: Standing, now_ms: int) -> Plan:
    """Decide what is to be done about the step whose turn it is.

    `cancel`: stop the step and turn to its onCancel. `give_up`: the cancellation itself took too long.
    `interrupted`: whoever was outside for it is gone, and nobody knows what came of it.
    """
    if standing.cancel_until_ms is not None and now_ms >= standing.cancel_until_ms:
        return Plan("give_up")
    if standing.is_stopping:
        return Plan("cancel")
    if standing.status in ENDED:
        return Plan("nothing")
    if standing.is_again:
        return Plan("begin")
    if standing.status is Status.PENDING:
        return Plan("nothing", standing.cancel_until_ms) if standing.is_held else Plan("begin")
    if standing.deadline_ms is not None and now_ms >= standing.deadline_ms:
        return Plan("expire")
    if standing.errand_until_ms is not None:
        if now_ms >= standing.errand_until_ms:
            return Plan("interrupted")
        return Plan("nothing", _soonest(standing, standing.errand_until_ms))
    if standing.look_ms is not None and now_ms >= standing.look_ms:
        return Plan("look")
    return Plan("nothing", _soonest(standing, standing.look_ms))


def _soonest(standing: Standing, *more: int | None) -> int | None:
    times = (standing.deadline_ms, standing.cancel_until_ms, *more)
    return min((at_ms for at_ms in times if at_ms is not None), default=None)


class Move(Struct, frozen=True):
    """Where an execution goes on: at the step `to`, or nowhere more, as `stops` says.

    `end`: the steps of this level are over in good order. `abort`: nothing of the execution goes on.
    """

    to: str | None = None
    stops: Literal["", "end", "abort"] = ""
    verdict: Verdict = Verdict.SUCCESS


def after(
    steps: tuple[Step, ...],
    step: Step,
    status: Status,
    *,
    chosen: str | None = None,
    is_critical: bool | None = None,
) -> Move:
    """What follows a step that has ended with all its attempts. `chosen`: where a branch leads."""
    if status is Status.SUCCESS:
        return _onward(steps, step, chosen, Verdict.SUCCESS)
    counts = step.counts(is_critical)
    failed = Verdict.TIMED_OUT if status is Status.TIMED_OUT else Verdict.FAILED
    verdict = failed if counts else Verdict.SUCCESS
    if step.on_failure == ABORT:
        # Nothing caught it. A step that does not count and ends the runbook anyway lets it end well.
        return (
            Move(None, "end", verdict) if truth(step.is_end) and not counts else Move(None, "abort", failed)
        )
    if step.on_failure.startswith(STEP) and not truth(step.is_end):
        return Move(step.on_failure.removeprefix(STEP), "", verdict)
    return _onward(steps, step, None, verdict)


def ways(steps: tuple[Step, ...], step: Step) -> list[str]:
    """ValidNextSteps of a step that has ended well, a branch aside."""
    to = _onward(steps, step, None, Verdict.SUCCESS).to
    return [to] if to else []


def _onward(steps: tuple[Step, ...], step: Step, chosen: str | None, verdict: Verdict) -> Move:
    if chosen is None and truth(step.is_end):
        return Move(None, "end", verdict)
    to = chosen or step.next_step or following(steps, step.name)
    return Move(to, "", verdict) if to else Move(None, "end", verdict)


def worst(one: Verdict, other: Verdict) -> Verdict:
    """What two verdicts come to. The first failure decides between failed and timed out."""
    return other if one is Verdict.SUCCESS else one


def on_cancel(step: Step) -> str | None:
    """The step that a cancellation begins with; None when it ends at once."""
    return step.on_cancel.removeprefix(STEP) if step.on_cancel.startswith(STEP) else None


def tries_again(status: Status, attempt: int, max_attempts: int) -> bool:
    """Whether a failed attempt (counted from 1) is followed by another. Timeouts count as failures."""
    return status in (Status.FAILED, Status.TIMED_OUT) and attempt < max_attempts


class Spread(Struct, frozen=True):
    """What a rate-controlled execution does next: begin so many children, or end so."""

    begin: int = 0
    conclude: Verdict | None = None


CHILDREN_AT_ONCE = 50


def spread(tally: Tally, *, max_concurrency: str, max_errors: str, is_stopping: bool = False) -> Spread:
    """Decide. Concurrency grows with what has ended (1, 2, 4, …) up to MaxConcurrency; the error after the
    allowed ones ends the beginning of others, and those that run go on."""
    too_many = tally.errors > amount(max_errors, tally.total)
    if not (too_many or is_stopping or tally.begun >= tally.total):
        most = min(max(1, amount(max_concurrency, tally.total)), 1 + tally.ended)
        return Spread(min(most - tally.running, tally.total - tally.begun, CHILDREN_AT_ONCE))
    if tally.running:
        return Spread()
    return Spread(conclude=Verdict.FAILED if too_many else Verdict.SUCCESS)


def amount(limit: str, total: int) -> int:
    """MaxConcurrency and MaxErrors as a number: a percentage is of the targets, rounded down."""
    return int(limit[:-1]) * total // 100 if limit.endswith("%") else int(limit)
