"""What is done about the step whose turn it is, and what is made of what its action came to."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hostreeve.api.errors import AwsError
from hostreeve.capabilities.automations import lifecycle
from hostreeve.capabilities.automations.actions import ending, looping, queueing, telling
from hostreeve.capabilities.automations.actions.house import Action, At, House
from hostreeve.capabilities.automations.actions.knowing import Knowledge
from hostreeve.capabilities.automations.actions.laying import first_rows
from hostreeve.capabilities.automations.actions.preparing import prepared
from hostreeve.capabilities.automations.actions.steps import registry
from hostreeve.capabilities.automations.actions.turning import Turn, over
from hostreeve.capabilities.automations.lifecycle import Standing
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model import selectors, values
from hostreeve.capabilities.automations.model.execution import (
    INTERACTIVE,
    Done,
    Execution,
    Failure,
    StepRow,
)
from hostreeve.capabilities.automations.model.outcome import Broken, Goes, Outcome, Succeeded, Unfit, Waits
from hostreeve.capabilities.automations.model.references import Absent, TooLarge
from hostreeve.capabilities.automations.model.runbook import LOOP, Step
from hostreeve.capabilities.automations.model.status import ENDED, Status
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

DEEDS_AT_ONCE = 12
TURN_S = 0.02
"""How long one transaction goes on from step to step."""
LEASE_MS = 30_000
"""How long somebody outside the database may say nothing."""


class Stumble(Exception):
    """A step came to nothing while its transaction did other things: nothing of that may stay."""

    def __init__(self, number: int, attempt: int, failure: Failure) -> None:
        super().__init__(failure.message)
        self.number, self.attempt, self.failure = number, attempt, failure


class Errand(Struct, frozen=True, kw_only=True):
    """Something to be done outside the database, for one attempt of a step."""

    scope: Scope
    execution_id: str
    number: int
    errand_id: str
    action: str
    what: dict[str, Any]
    timeout_s: float


class Turned(Struct, frozen=True):
    """What a turn came to: whether anything moved, and what is to be done outside."""

    moved: bool
    errand: Errand | None = None


class Deeds(Turn):
    """What is done in one turn."""

    def __init__(
        self, tx: Transaction, one: Execution, *, house: House, now_ms: int, stumble: Stumble | None
    ) -> None:
        super().__init__(tx, one, house=house, now_ms=now_ms)
        self.errand: Errand | None = None
        self._stumble = stumble

    def go(self) -> Turned:
        """Step after step, until it waits, ends, or has taken long enough."""
        until = self.house.world.monotonic() + TURN_S
        moved, stumbled = False, self._stumble is not None
        if self.one.state.next_number == 0:
            self._lay_out()
            moved = True
        for _ in range(DEEDS_AT_ONCE):
            if self.one.has_ended:
                return Turned(True)
            if not self._deed():
                break
            moved = True
            if self.errand is not None or self.house.world.monotonic() > until:
                break
            if stumbled and self._stumble is None:
                # The failure is written before anything else can come to nothing.
                break
        self._write()
        return Turned(moved, self.errand)

    def take_back(self, errand: Errand, came_to: Succeeded | Broken) -> Turned:
        row = self.current()
        if row.body.errand != errand.errand_id or row.status in ENDED:
            return Turned(False)
        self._take(row, self.step_of(row), came_to)
        if self.one.has_ended:
            return Turned(True)
        self.one = replace(self.one, due_ms=self.now_ms)
        self._write()
        return Turned(True)

    def break_off(self) -> None:
        """The step whose turn it is, be it the first, has failed by a fault of ours."""
        if self.one.state.next_number == 0:
            self._lay_out()
        row = self.current()
        failure = outcomes.failed(outcomes.FAULT, type=outcomes.INTERNAL)
        row = replace(row, started_ms=row.started_ms if row.started_ms is not None else self.now_ms)
        body = replace(row.body, max_attempts=row.body.attempt)
        self._fail(replace(row, body=body), self.step_of(row), Broken(failure=failure))
        if not self.one.has_ended:
            self.one = replace(self.one, due_ms=self.now_ms)
            self._write()

    def _write(self) -> None:
        before = self._before
        if not rows.save(self.tx, before, self.one):
            return
        self._before = self.one
        if self.one.status is not before.status:
            telling.execution(self.tx, self.one, self.now_ms)
        if before.holds_slot and not self.one.holds_slot:
            # It waits for others: they, or whoever is next, may have its room.
            queueing.admit(self.tx, self.one.scope, self.now_ms)
            self.tx.wake(ending.CHANNEL)

    def _read_again(self) -> None:
        """A call may have been about this very execution: what it changed holds."""
        found = rows.find(self.tx, self.one.scope, self.one.execution_id)
        assert found is not None, "an execution does not vanish while it runs"
        self.one = self._before = found

    def _lay_out(self) -> None:
        first_rows(self, self.runbook.steps)
        self.change(at=0)
        if self.one.asked.mode == INTERACTIVE:
            self._hold((self.runbook.steps[0].name,))

    def _deed(self) -> bool:
        """Do one thing. False when it now waits."""
        row = self.current()
        if row.body.memory.get("stop") and row.status not in ENDED:
            self._stop_step(row)
            return True
        plan = lifecycle.plan(self._standing(row), self.now_ms)
        if plan.deed == "nothing":
            self.one = replace(self.one, due_ms=plan.due_ms)
            return False
        self.one = replace(self.one, due_ms=self.now_ms)
        if plan.deed == "begin":
            self._begin(row)
        elif plan.deed == "look":
            self._take(row, self.step_of(row), self._ask(row, "look"))
        elif plan.deed == "expire":
            self._expire(row)
        elif plan.deed == "interrupted":
            self._interrupted(row)
        elif plan.deed == "cancel":
            self._stop(row)
        else:
            self.end_open(row, Status.CANCELLED)
            self.conclude(Status.CANCELLED)
        return True

    def _standing(self, row: StepRow) -> Standing:
        body, state = row.body, self.one.state
        deadlines = [frame.deadline_ms for frame in state.path] + [body.deadline_ms]
        return Standing(
            status=row.status,
            deadline_ms=min((each for each in deadlines if each is not None), default=None),
            look_ms=body.look_ms,
            errand_until_ms=body.errand_until_ms,
            is_stopping=bool(state.stop) and state.cancel_until_ms is None,
            cancel_until_ms=state.cancel_until_ms,
            is_held=state.is_held,
            is_again=body.is_again,
        )

    def _begin(self, row: StepRow) -> None:
        """Begin an attempt. What cannot be filled in is a failure of the step."""
        step = self.step_of(row)
        knowledge = Knowledge(self.tx, self.one, self.now_ms)
        attempt = row.body.attempt + 1
        before = row
        try:
            body = prepared(step, knowledge, attempt, self.now_ms)
        except (Absent, TooLarge, Unfit) as wrong:
            why = f"{wrong} has no value." if isinstance(wrong, Absent) else str(wrong)
            # It would not be otherwise at another attempt.
            body = Done(attempt=attempt, max_attempts=attempt)
            begun = replace(row, status=Status.IN_PROGRESS, started_ms=self.now_ms, body=body)
            row = self.save(before, begun)
            self._take(row, step, Broken(failure=outcomes.unfit(why)))
            return
        started_ms = row.started_ms if row.started_ms is not None else self.now_ms
        row = replace(row, status=Status.IN_PROGRESS, body=body, started_ms=started_ms)
        row = self.save(before, row)
        self.become(Status.IN_PROGRESS)
        self.one = replace(self.one, current_action=row.action, holds_slot=True)
        if step.action == LOOP:
            looping.enter(self, row, step, knowledge)
            return
        self._take(row, step, self._ask(row, "start"))

    def _ask(self, row: StepRow, what: str) -> Outcome:
        """Let the action act. Whatever it refuses with becomes the step's failure."""
        stumbled = self._stumble
        if stumbled is not None and (stumbled.number, stumbled.attempt) == (row.number, row.body.attempt):
            self._stumble = None
            return Broken(failure=stumbled.failure)
        action = registry.action_of(row.action)
        if action is None:
            return Broken(failure=outcomes.failed(registry.missing(row.action)))
        try:
            may_call = row.action in registry.CALLS_ANYTHING
            if may_call:
                self._write()
            at = self._at(row)
            outcome = action.start(at) if what == "start" else action.look(at)
            if may_call:
                self._read_again()
            return outcome
        except Unfit as wrong:
            return Broken(failure=outcomes.unfit(str(wrong)))
        except AwsError as refused:
            api = str(row.body.memory.get("inputs", {}).get("Api", ""))
            failure = outcomes.refused(refused.code, refused.message, api)
            raise Stumble(row.number, row.body.attempt, failure) from refused

    def _at(self, row: StepRow) -> At:
        return At(
            tx=self.tx,
            one=self.one,
            step=self.step_of(row),
            step_id=row.step_execution_id,
            inputs=row.body.memory.get("inputs", {}),
            memory=row.body.memory.get("own", {}),
            outputs=row.body.outputs,
            house=self.house,
            now_ms=self.now_ms,
        )

    def _take(self, row: StepRow, step: Step, outcome: Outcome) -> None:
        """Write what an action came to, and go on accordingly."""
        if isinstance(outcome, Waits):
            self._wait(row, outcome)
        elif isinstance(outcome, Goes):
            self._send(row, outcome)
        elif isinstance(outcome, Succeeded):
            try:
                outputs = self._selected(step, outcome)
            except (values.WrongType, selectors.BadSelector) as wrong:
                self._fail(
                    row, step, Broken(failure=outcomes.unverified(str(wrong)), outputs=outcome.outputs)
                )
                return
            body = replace(
                row.body,
                outputs=outputs,
                response=outcome.response,
                response_code=outcome.response_code,
                goes_to=outcome.goes_to,
            )
            if outcome.variables:
                self.change(variables=self.one.state.variables | outcome.variables)
            self.end_step(replace(row, body=body), step, Status.SUCCESS)
        else:
            self._fail(row, step, outcome)

    def _selected(self, step: Step, outcome: Succeeded) -> dict[str, Any]:
        """The outputs of the action, and those that the runbook takes out of its answer."""
        found = dict(outcome.outputs)
        if registry.is_recorded(step.action):
            return found
        for each in step.outputs:
            picked = selectors.select(each.selector, outcome.answer)
            if picked.is_nothing or picked.value is None:
                if step.action in registry.ANSWERS_ANYTHING:
                    continue
                raise values.WrongType(
                    f"The answer has nothing at {each.selector} for the output {each.name}."
                )
            found[each.name] = values.output(each.name, each.type, picked.value)
        return found

    def _wait(self, row: StepRow, waits: Waits) -> None:
        memory = row.body.memory | {"own": waits.memory or row.body.memory.get("own", {})}
        body = replace(
            row.body, look_ms=waits.look_ms, memory=memory, outputs=row.body.outputs | waits.outputs
        )
        status = Status.WAITING if waits.is_waiting else Status.IN_PROGRESS
        self.save(row, replace(row, status=status, body=body))
        self.become(status)
        self.one = replace(self.one, holds_slot=not waits.frees_slot)

    def _send(self, row: StepRow, goes: Goes) -> None:
        errand_id = self.house.world.uuid()
        body = replace(row.body, errand=errand_id, errand_until_ms=self.now_ms + LEASE_MS)
        self.save(row, replace(row, body=body))
        self.one = replace(self.one, due_ms=self.now_ms + LEASE_MS)
        self.errand = Errand(
            scope=self.one.scope,
            execution_id=self.one.execution_id,
            number=row.number,
            errand_id=errand_id,
            action=row.action,
            what=goes.errand,
            timeout_s=goes.timeout_s,
        )

    def _fail(self, row: StepRow, step: Step, broken: Broken) -> None:
        body = replace(
            row.body,
            failure=broken.failure,
            outputs=row.body.outputs | broken.outputs,
            response=broken.response,
            response_code=broken.response_code,
            errand="",
            errand_until_ms=None,
            look_ms=None,
        )
        if lifecycle.tries_again(broken.status, body.attempt, body.max_attempts) and not self.one.state.stop:
            # The next attempt fills its inputs in anew: none of them is kept till then.
            again = replace(row, status=Status.IN_PROGRESS, body=replace(body, is_again=True, memory={}))
            self.save(row, again)
            return
        self.end_step(replace(row, body=body), step, broken.status)

    def _expire(self, row: StepRow) -> None:
        """The step, or a loop around it, has taken too long: what it began is stopped."""
        over = next((f for f in self.one.state.path if f.deadline_ms and f.deadline_ms <= self.now_ms), None)
        self._cancel_action(row)
        if over is None:
            failure = outcomes.timed_out(row.body.timeout_s)
            self._fail(row, self.step_of(row), Broken(failure=failure, status=Status.TIMED_OUT))
            return
        self.end_open(row, Status.CANCELLED, down_to=over)
        loop_row = self.current()
        failed = replace(loop_row.body, failure=outcomes.timed_out(loop_row.body.timeout_s))
        self.end_step(replace(loop_row, body=failed), self.step_of(loop_row), Status.TIMED_OUT)

    def _interrupted(self, row: StepRow) -> None:
        """Whoever was outside is gone. What may be done twice is begun again, as the same attempt."""
        action: Action | None = registry.action_of(row.action)
        if action is not None and action.is_repeatable:
            body = replace(row.body, is_again=True, attempt=row.body.attempt - 1, errand="")
            self.save(row, replace(row, body=replace(body, errand_until_ms=None)))
            return
        failure = outcomes.failed(outcomes.UNKNOWN_OUTCOME, type=outcomes.INTERNAL)
        self._fail(row, self.step_of(row), Broken(failure=failure))

    def _stop(self, row: StepRow) -> None:
        """Somebody wants it to end: the step is stopped, and its onCancel followed."""
        runs = row.status not in ENDED and row.status is not Status.PENDING
        step = self.step_of(row)
        if runs:
            self._cancel_action(row)
        to = lifecycle.on_cancel(step) if runs and self.one.state.stop == "Cancel" else None
        if to is None:
            self.end_open(row, Status.CANCELLED)
            is_done = self.one.state.stop == "Complete"
            self.conclude(Status.SUCCESS if is_done else Status.CANCELLED)
            return
        self.save(row, over(row, Status.CANCELLED, self.now_ms))
        until_ms = self.now_ms + lifecycle.CANCEL_WORKFLOW_MS
        self.change(at=self._number_of(row, step, to), cancel_until_ms=until_ms, is_held=False)

    def _stop_step(self, row: StepRow) -> None:
        """Interactive: this step alone is stopped, and the next waits for somebody to say so."""
        self._cancel_action(row)
        step = self.step_of(row)
        self.save(row, over(row, Status.CANCELLED, self.now_ms))
        ways = lifecycle.ways(self.level(), step)
        if not ways or self.one.state.path:
            self.end_open(row, Status.CANCELLED)
            self.conclude(Status.CANCELLED)
            return
        self.one = replace(self.one, due_ms=self.now_ms)
        self.change(at=self._number_of(row, step, ways[0]))
        self._hold(tuple(ways))

    def _cancel_action(self, row: StepRow) -> None:
        action = registry.action_of(row.action)
        if action is not None and row.status not in ENDED and row.status is not Status.PENDING:
            action.cancel(self._at(row))
