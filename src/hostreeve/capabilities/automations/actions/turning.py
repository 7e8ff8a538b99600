"""An execution in the hands of one transaction: where it stands, how it goes on, how it ends."""

from typing import Any

from msgspec.structs import replace

from hostreeve.capabilities.automations import lifecycle
from hostreeve.capabilities.automations.actions import ending, looping, telling
from hostreeve.capabilities.automations.actions.house import House
from hostreeve.capabilities.automations.actions.laying import layout
from hostreeve.capabilities.automations.lifecycle import Move
from hostreeve.capabilities.automations.model.execution import (
    INTERACTIVE,
    STEPS_DONE_MAX,
    Execution,
    StepRow,
)
from hostreeve.capabilities.automations.model.runbook import Runbook, Step, named
from hostreeve.capabilities.automations.model.status import ENDED, Status, Verdict
from hostreeve.capabilities.automations.store import steps as step_rows
from hostreeve.persistence.database import Transaction


class Turn:
    """An execution in the hands of one transaction. `one` is as it will be written."""

    def __init__(self, tx: Transaction, one: Execution, *, house: House, now_ms: int) -> None:
        self.tx = tx
        self.one = one
        self.house = house
        self.now_ms = now_ms
        self.runbook: Runbook = layout(tx, one)
        self._before = one

    def current(self) -> StepRow:
        assert self.one.state.at is not None, "an execution that goes on has a step whose turn it is"
        row = step_rows.find(self.tx, self.one.scope, self.one.execution_id, self.one.state.at)
        assert row is not None, "the step whose turn it is has no row"
        return row

    def level(self) -> tuple[Step, ...]:
        """The steps among which it goes on now."""
        return self.runbook.inside(tuple(frame.name for frame in self.one.state.path))

    def step_of(self, row: StepRow) -> Step:
        return named(self.level(), row.name)

    def change(self, **changes: Any) -> None:
        """Change where it stands."""
        self.one = replace(self.one, state=replace(self.one.state, **changes))

    def become(self, status: Status) -> None:
        """Change the status, unless it is being cancelled: that it stays until it has ended."""
        if self.one.status not in (status, Status.CANCELLING):
            self.one = replace(self.one, status=status)

    def save(self, before: StepRow, after: StepRow) -> StepRow:
        """Write a step, and tell of its status if that is another."""
        step_rows.save(self.tx, self.one.scope, self.one.execution_id, before, after)
        if after.status is not before.status:
            telling.step(self.tx, self.one, after, self.now_ms)
        return after

    def _hold(self, valid_next: tuple[str, ...]) -> None:
        self.change(is_held=True, valid_next=valid_next)
        self.become(Status.WAITING)

    def end_open(self, row: StepRow, status: Status, *, down_to: Any = None) -> None:
        """End the current step and the loops around it; with `down_to`, only those inside that loop, whose
        step then is the current one."""
        if row.status not in ENDED and row.status is not Status.PENDING:
            self.save(row, over(row, status, self.now_ms))
        while self.one.state.path:
            frame = self.one.state.path[-1]
            self.change(path=self.one.state.path[:-1], at=frame.step_number)
            if frame == down_to:
                return
            loop_row = self.current()
            self.save(loop_row, over(loop_row, status, self.now_ms))

    def end_step(self, row: StepRow, step: Step, status: Status) -> None:
        """A step has ended with all its attempts: write it, and go where that leads."""
        level = self.level()
        goes_to = row.body.goes_to
        move = lifecycle.after(level, step, status, chosen=goes_to, is_critical=row.body.is_critical)
        ways = tuple(lifecycle.ways(level, step)) if goes_to is None else (goes_to,)
        body = replace(
            row.body, valid_next=ways, memory={}, look_ms=None, errand_until_ms=None, is_again=False
        )
        before = self.current()
        self.save(before, over(replace(row, body=body), status, self.now_ms))
        verdict = lifecycle.worst(self.one.state.verdict, move.verdict)
        if move.verdict is not Verdict.SUCCESS and not self.one.state.failure:
            self.change(failure=row.body.failure.message if row.body.failure else "")
        self.change(verdict=verdict)
        self.follow(before, step, move)

    def follow(self, row: StepRow, step: Step, move: Move) -> None:
        """Go where a step leads."""
        if move.to is not None:
            self.change(at=self._number_of(row, step, move.to))
            if self.one.asked.mode == INTERACTIVE and not self.one.state.path:
                self._hold((move.to,))
        elif move.stops == "end" and self.one.state.path:
            looping.next_time(self)
        else:
            self.end_open(self.current(), Status(str(self.one.state.verdict)))
            self.conclude(Status(str(self.one.state.verdict)))

    def _number_of(self, row: StepRow, step: Step, to: str) -> int:
        """The row of another step of the same level: they were written in the order of the document."""
        names = [each.name for each in self.level()]
        return row.number - names.index(step.name) + names.index(to)

    def conclude(self, status: Status) -> None:
        """End the execution; one that is being cancelled ends cancelled, or completed if that was asked."""
        if self.one.status is Status.CANCELLING and self.one.state.stop == "Cancel":
            status = Status.CANCELLED
        self.one = ending.ended(
            self.tx, self._before, replace(self.one, status=status), self.runbook, self.now_ms
        )

    def too_many(self) -> bool:
        """Whether it has done as many steps as one execution may."""
        return self.one.state.next_number >= STEPS_DONE_MAX


def over(row: StepRow, status: Status, now_ms: int) -> StepRow:
    return replace(row, status=status, ended_ms=now_ms, body=replace(row.body, memory={}, errand=""))
