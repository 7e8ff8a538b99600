"""The work of aws:runDocument: read the document, then its steps, one after the other, by this process."""

from __future__ import annotations

from typing import List

from hostreeve.agent.document import (
    EXIT_REBOOT,
    RUN,
    SKIP,
    Document,
    Ended,
    InvalidDocument,
    Platform,
    Step,
    concluded,
    decide,
    document_status,
    merged,
    read,
)
from hostreeve.agent.machine import PLATFORM_TYPE
from hostreeve.agent.order import InvalidInputs, Order
from hostreeve.agent.parameters import InvalidParameters, check_constraints
from hostreeve.agent.plugins import catalogue, store
from hostreeve.agent.plugins.control_plane import ControlPlane
from hostreeve.agent.plugins.program import Program
from hostreeve.agent.plugins.run_document import source
from hostreeve.agent.plugins.task import Task
from hostreeve.agent.plugins.worker import StepFailed, complain, say
from hostreeve.contract import jobs

DEPTH_MAX = 3
NOTHING = "AWS-Noop"
"""A documentPath that means: no document, and that is a success."""


def work(task: Task) -> int:
    """0, or the first failed step's exit code."""
    if task.inputs.get("documentPath") == NOTHING:
        return 0
    depth = len(task.trail) + 1
    if depth > DEPTH_MAX:
        raise StepFailed(
            f"Maximum depth for document execution exceeded. Maximum depth permitted - {DEPTH_MAX} "
            f"and current depth - {depth}"
        )
    server = ControlPlane(task.state)
    found = source.find(task, server)
    if found.identity in task.trail:
        circle = " > ".join([*task.trail[task.trail.index(found.identity) :], found.identity])
        raise StepFailed(f"the document runs itself: {circle}")
    document = _read(server, found.content, task)
    return _Run(task._replace(trail=(*task.trail, found.identity)), document).steps()


def _read(server: ControlPlane, content: object, task: Task) -> Document:
    parameters = source.parameters_of(task.inputs.get("documentParameters"))
    try:
        if isinstance(content, dict):
            check_constraints(content.get("parameters"), parameters)
        return read(store.resolved(server, content), store.resolved(server, parameters))
    except (InvalidDocument, InvalidParameters) as wrong:
        raise StepFailed(f"There was an error while preparing documents - {wrong}") from None


class _Run:
    def __init__(self, task: Task, document: Document) -> None:
        self._task, self._document = task, document
        self._platform = Platform(PLATFORM_TYPE, catalogue.available() - {"aws:updateSsmAgent"})
        self._first_code = 0

    def steps(self) -> int:
        ended: List[Ended] = []
        for index, step in enumerate(self._document.steps):
            decision = decide(self._document, index, ended, self._platform)
            if decision.verb == RUN:
                ended.append(self._step(index, step))
            elif decision.verb == SKIP:
                say(decision.text)
                ended.append(Ended(jobs.SKIPPED))
            else:
                complain(decision.text)
                ended.append(Ended(jobs.FAILED, 1))
        if document_status(ended, len(self._document.steps)) == jobs.SUCCESS:
            return 0
        return next(
            (each.code for each in ended if each.status in (jobs.FAILED, jobs.TIMED_OUT) and _is_plain(each)),
            1,
        )

    def _step(self, index: int, step: Step) -> Ended:
        ends = []
        for part in range(len(step.parts)):
            end = self._part(f"{self._task.folder}/{index}.{part}", step, part)
            ends.append(end)
        ended = concluded(step, *merged(ends))
        for note, tell in ((ended.stdout_note, say), (ended.stderr_note, complain)):
            if note:
                tell(note.strip("\n"))
        return ended

    def _part(self, folder: str, step: Step, part: int) -> "tuple[str, int]":
        place = self._task.place._replace(
            folder=folder, environment={**self._document.environment, **self._task.environment}
        )
        try:
            order: Order = catalogue.prepare(step.action, step.parts[part], place.made())
        except InvalidInputs as wrong:
            complain(str(wrong))
            return jobs.FAILED, 1
        outcome = Program(order).run()
        if outcome.is_late:
            complain(f"the step {step.step_id} did not end within its {order.timeout_s} seconds")
            return jobs.TIMED_OUT, 137
        if outcome.code == EXIT_REBOOT:
            complain(
                f"the step {step.step_id} asked for a restart (exit code {EXIT_REBOOT}), "
                "which cannot be had inside aws:runDocument"
            )
            return jobs.FAILED, 1
        if outcome.error or outcome.code:
            complain(outcome.error or f"failed to run commands: exit status {outcome.code}")
        return (jobs.FAILED, outcome.code or 1) if outcome.error or outcome.code else (jobs.SUCCESS, 0)


def _is_plain(ended: Ended) -> bool:
    # Codes that would steer the outer document are for the inner one only.
    return ended.code not in (0, 168, 169, EXIT_REBOOT)
