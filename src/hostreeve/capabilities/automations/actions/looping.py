"""Loops: the steps inside are done once per value, or as long as a condition holds when they are over."""

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from hostreeve.capabilities.automations.actions import choosing
from hostreeve.capabilities.automations.actions.house import number_of
from hostreeve.capabilities.automations.actions.knowing import Knowledge
from hostreeve.capabilities.automations.actions.laying import first_rows
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model.execution import STEPS_DONE_MAX, Frame, StepRow
from hostreeve.capabilities.automations.model.outcome import Unfit
from hostreeve.capabilities.automations.model.references import Absent, TooLarge, written
from hostreeve.capabilities.automations.model.runbook import Step
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.capabilities.automations.model.values import fits

if TYPE_CHECKING:
    from hostreeve.capabilities.automations.actions.turning import Turn

ITERATIONS_MAX = 100


def enter(turn: "Turn", row: StepRow, step: Step, knowledge: Knowledge) -> None:
    """The loop's turn has come. Without any value it is over at once."""
    try:
        most = number_of(
            {"MaxIterations": knowledge.fill(step.inputs.get("MaxIterations", ITERATIONS_MAX))},
            "MaxIterations",
            ITERATIONS_MAX,
            1,
            ITERATIONS_MAX,
        )
        iterators = _iterators(step, knowledge) if "Iterators" in step.inputs else None
    except (Absent, TooLarge, Unfit) as wrong:
        why = f"{wrong} has no value." if isinstance(wrong, Absent) else str(wrong)
        turn.end_step(replace(row, body=replace(row.body, failure=outcomes.unfit(why))), step, Status.FAILED)
        return
    if iterators is not None:
        most = min(most, len(iterators))
    if most == 0:
        turn.end_step(row, step, Status.SUCCESS)
        return
    memory = {"iterators": iterators, "most": most}
    row = turn.save(row, replace(row, body=replace(row.body, memory=memory)))
    frame = Frame(step.name, row.number, 1, row.body.deadline_ms)
    turn.change(path=(*turn.one.state.path, frame))
    _begin(turn, row, step, frame)


def next_time(turn: "Turn") -> None:
    """The steps inside are over: they are done once more, or the loop is over."""
    frame = turn.one.state.path[-1]
    outside = turn.one.state.path[:-1]
    step = next(s for s in turn.runbook.inside(tuple(f.name for f in outside)) if s.name == frame.name)
    again = replace(frame, iteration=frame.iteration + 1)
    row = _row(turn, frame)
    if again.iteration <= row.body.memory["most"]:
        try:
            holds = _holds(turn, step)
        except Unfit as wrong:
            turn.change(path=outside, at=frame.step_number)
            failed = replace(row, body=replace(row.body, failure=outcomes.unfit(str(wrong))))
            turn.end_step(failed, step, Status.FAILED)
            return
        if holds:
            turn.change(path=(*outside, again))
            _begin(turn, row, step, again)
            return
    turn.change(path=outside, at=frame.step_number)
    turn.end_step(row, step, Status.SUCCESS)


def _holds(turn: "Turn", step: Step) -> bool:
    if "LoopCondition" not in step.inputs:
        return True
    knowledge = Knowledge(turn.tx, turn.one, turn.now_ms)
    return choosing.is_true(step.inputs["LoopCondition"], knowledge)


def _row(turn: "Turn", frame: Frame) -> StepRow:
    turn.change(at=frame.step_number)
    return turn.current()


def _begin(turn: "Turn", row: StepRow, step: Step, frame: Frame) -> None:
    if turn.too_many():
        failure = outcomes.failed(f"An execution does at most {STEPS_DONE_MAX} steps.")
        turn.change(path=turn.one.state.path[:-1], at=frame.step_number)
        turn.end_step(replace(row, body=replace(row.body, failure=failure)), step, Status.FAILED)
        return
    iterators = row.body.memory["iterators"]
    value = written(iterators[frame.iteration - 1])[:512] if iterators is not None else ""
    first = first_rows(
        turn, step.steps, loop_id=row.step_execution_id, iteration=frame.iteration, value=value
    )
    turn.change(at=first)


def _iterators(step: Step, knowledge: Knowledge) -> list[Any]:
    filled = knowledge.fill(step.inputs["Iterators"])
    listed = filled if isinstance(filled, list) else [filled]
    type_ = step.inputs.get("IteratorDataType", "String")
    if len(listed) > ITERATIONS_MAX:
        raise Unfit(f"Iterators: a loop takes at most {ITERATIONS_MAX} values, not {len(listed)}.")
    made = [_typed(item, type_) for item in listed]
    for item in made:
        if not fits(type_, item):
            raise Unfit(f"Iterators: {written(item)[:80]} is not a {type_}.")
    return made


def _typed(item: Any, type_: str) -> Any:
    """Texts of numbers and flags are them: parameters hold lists of texts only."""
    if type_ == "Integer" and isinstance(item, str) and item.lstrip("-").isdigit() and len(item) < 19:
        return int(item)
    if type_ == "Boolean" and isinstance(item, str) and item.lower() in ("true", "false"):
        return item.lower() == "true"
    return item
