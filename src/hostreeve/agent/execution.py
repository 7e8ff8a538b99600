"""A command's document under way: step after step, from the start or from where an earlier agent was.

What has happened is read from the journal and the steps' folders, never remembered only here.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from hostreeve.agent import supervisor
from hostreeve.agent.document import (
    CODE_KILLED,
    EXIT_SUCCESS_AND_STOP,
    RUN,
    SKIP,
    Document,
    Ended,
    Platform,
    Step,
    concluded,
    decide,
    document_status,
    merged,
    status_of_exit,
)
from hostreeve.agent.loop import Loop
from hostreeve.agent.order import InvalidInputs, Place
from hostreeve.agent.plugins import catalogue
from hostreeve.agent.results import Outcome
from hostreeve.agent.supervisor import End
from hostreeve.agent.watch import Watch
from hostreeve.contract import jobs

INTERRUPTED = (
    "interrupted: the node or its agent's supervisor stopped while this step ran; it was not run again"
)
NOT_RUN = "not run: an earlier step was interrupted"
CODE_NOT_RUN = 1


class Progress:
    """What the journal knows of a command that has begun.

    `part`: the last one started of the step after `outcomes` (-1: none). `restart_asked_in`: the boot
    in which that step asked for a restart, to run again after it (or empty).
    """

    def __init__(self) -> None:
        self.outcomes: List[Outcome] = []
        self.part = -1
        self.restart_asked_in = ""


class Surroundings(NamedTuple):
    """What an execution needs of the agent. `environment` is what every script sees of its command.

    `state` is the agent's folder, for plugins that speak to the server.
    """

    loop: Loop
    platform: Platform
    boot: str
    folder: Path
    state: str
    environment: Dict[str, str]
    note: Callable[[Dict[str, Any]], None]
    on_news: Callable[[], None]
    on_step: Callable[[], None]
    on_restart_wanted: Callable[[], None]


class Execution:
    """`on_step` is called at the end of every step, `on_restart_wanted` when a step exited with 194."""

    def __init__(self, document: Document, surroundings: Surroundings, progress: Progress) -> None:
        self.document = document
        self.progress = progress
        self._around = surroundings
        self._ends: List[End] = []
        self._watch: Optional[Watch] = None
        self._is_cancelled = False
        self._is_over = False

    @property
    def outcomes(self) -> List[Outcome]:
        return self.progress.outcomes

    @property
    def status(self) -> str:
        return document_status([each.ended for each in self.outcomes], len(self.document.steps))

    def folder_of(self, index: int) -> str:
        return str(self._around.folder / str(index))

    def start(self) -> None:
        self._go_on()

    def resume(self, begun_in: str) -> None:
        """Go on after the agent, or the machine, was away. `begun_in`: the boot of its last work."""
        if len(self.outcomes) == len(self.document.steps):
            self._go_on()
            return
        folder, part = self.folder_of(len(self.outcomes)), self.progress.part
        if self.progress.restart_asked_in:
            if self.progress.restart_asked_in != self._around.boot:
                self.progress.restart_asked_in = ""
                _emptied(folder)
                self._go_on()
            return
        self._ends = [end for end in (supervisor.end_of(folder, each) for each in range(part)) if end]
        if part < 0:
            # After a new start of the machine the note that a step had begun may be what was lost.
            if begun_in != self._around.boot:
                self._interrupted()
            else:
                self._go_on()
            return
        if begun_in == self._around.boot and supervisor.was_never_started(folder, part):
            self._start_anew(part)
            return
        self._watch_part(folder, part).find_again()

    def _start_anew(self, part: int) -> None:
        """The agent was killed between its note that a part starts and the start."""
        if part == 0:
            self.progress.part = -1
            self._go_on()
        elif self._is_cancelled:
            self._end_step(self._timed(Ended(jobs.CANCELLED, CODE_NOT_RUN)))
        else:
            self._start_part(self.document.steps[len(self.outcomes)], part)

    def cancel(self) -> None:
        """End what runs and everything after it."""
        self._is_cancelled = True
        if self._watch is not None:
            self._watch.cancel()

    def restart_refused(self, why: str) -> None:
        """The restart that a step asked for cannot be had: the step has failed."""
        outcome = self._timed(
            Ended(jobs.FAILED, 1), trouble=f"the step asked for a restart (exit code 194), but {why}"
        )
        self._end_step(outcome)

    def _go_on(self) -> None:
        while len(self.outcomes) < len(self.document.steps):
            index = len(self.outcomes)
            step = self.document.steps[index]
            if self._is_cancelled:
                self._keep(self._at_once(Ended(jobs.CANCELLED, CODE_NOT_RUN)))
                continue
            decision = decide(
                self.document, index, [each.ended for each in self.outcomes], self._around.platform
            )
            if decision.verb == RUN:
                self._ends = []
                self._start_part(step, 0)
                return
            status = jobs.SKIPPED if decision.verb == SKIP else jobs.FAILED
            code = 0 if decision.verb == SKIP else CODE_NOT_RUN
            self._keep(self._at_once(Ended(status, code), text=decision.text))
            if index < len(self.document.steps) - 1:
                self._around.on_step()
        if not self._is_over:
            self._is_over = True
            self._around.on_step()

    def _start_part(self, step: Step, part: int) -> None:
        index = len(self.outcomes)
        folder = self.folder_of(index)
        try:
            Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._separate_parts(folder, part)
            place = Place(
                folder,
                str(self._around.folder / "downloads"),
                {**self.document.environment, **self._around.environment},
                state=self._around.state,
            )
            order = catalogue.prepare(step.action, step.parts[part], place)
            self._around.note({"k": "part", "n": index, "part": part})
            self.progress.part = part
            pid, pipe = supervisor.launch(order, folder, part)
        except (InvalidInputs, OSError) as wrong:
            self._not_started(folder, part, wrong)
            return
        self._watch_part(folder, part).attach(pid, pipe)

    def _not_started(self, folder: str, part: int, wrong: Exception) -> None:
        now_ms = self._around.loop.world.now_ms()
        text = str(wrong) if isinstance(wrong, InvalidInputs) else f"the step could not be started: {wrong}"
        end = End(supervisor.FAILED, 1, now_ms, now_ms, text)
        # Kept where a supervisor would have left it: of several parts this one may not be the last.
        with contextlib.suppress(OSError):
            supervisor.write_end(folder, part, end)
        self._part_ended(end)

    def _separate_parts(self, folder: str, part: int) -> None:
        if part == 0:
            return
        for name in jobs.STREAMS:
            path = Path(folder) / name
            if path.exists() and path.stat().st_size:
                with path.open("ab") as stream:
                    stream.write(b"\n")

    def _watch_part(self, folder: str, part: int) -> Watch:
        def ended(end: Optional[End]) -> None:
            self._watch = None
            if end is None:
                supervisor.end_orphan(folder, part)
                self._interrupted()
            else:
                self._part_ended(end)

        self._watch = Watch(self._around.loop, folder, part, on_news=self._around.on_news, on_end=ended)
        return self._watch

    def _part_ended(self, end: End) -> None:
        index = len(self.outcomes)
        step = self.document.steps[index]
        self._ends.append(end)
        wants_more = len(self._ends) < len(step.parts)
        status, code = _read_end(end)
        if wants_more and status != jobs.SUCCESS_AND_REBOOT and not self._is_cancelled:
            self._start_part(step, len(self._ends))
            return
        if status == jobs.SUCCESS_AND_REBOOT:
            self._around.on_restart_wanted()
            return
        status, code = merged([_read_end(each) for each in self._ends])
        trouble = "\n".join(text for text in (_trouble(step, each) for each in self._ends) if text)
        self._end_step(self._timed(concluded(step, status, code), trouble=trouble))

    def _interrupted(self) -> None:
        self._keep(self._timed(Ended(jobs.FAILED, CODE_NOT_RUN), trouble=INTERRUPTED))
        while len(self.outcomes) < len(self.document.steps):
            self._keep(self._at_once(Ended(jobs.SKIPPED), text=NOT_RUN))
        self._is_over = True
        self._around.on_step()

    def _end_step(self, outcome: Outcome) -> None:
        self._keep(outcome)
        if len(self.outcomes) < len(self.document.steps):
            self._around.on_step()
        self._go_on()

    def _keep(self, outcome: Outcome) -> None:
        self._around.note({"k": "result", "n": len(self.outcomes), **outcome.record()})
        self.outcomes.append(outcome)
        self.progress.part, self.progress.restart_asked_in = -1, ""

    def _timed(self, ended: Ended, *, trouble: str = "") -> Outcome:
        now_ms = self._around.loop.world.now_ms()
        first_ms = self._ends[0].started_ms if self._ends else now_ms
        last_ms = self._ends[-1].ended_ms if self._ends else now_ms
        return Outcome(ended, first_ms, last_ms, trouble=trouble)

    def _at_once(self, ended: Ended, *, text: str = "") -> Outcome:
        now_ms = self._around.loop.world.now_ms()
        return Outcome(ended, now_ms, now_ms, text=text)


def _read_end(end: End) -> Tuple[str, int]:
    if end.how == supervisor.TIMED_OUT:
        return jobs.TIMED_OUT, CODE_KILLED
    if end.how == supervisor.CANCELLED:
        return jobs.CANCELLED, CODE_KILLED
    if end.how == supervisor.EXITED:
        return status_of_exit(end.code), end.code
    return jobs.FAILED, end.code or 1


def _trouble(step: Step, end: End) -> str:
    if end.how == supervisor.SHUT_DOWN:
        return "interrupted: the node was shutting down; the step was not run again"
    if end.error:
        return end.error
    # A plugin's own process has said itself what is wrong.
    is_program = step.action not in catalogue.WITH_OWN_WORDS
    if is_program and end.how == supervisor.EXITED and end.code not in (0, EXIT_SUCCESS_AND_STOP):
        return f"failed to run commands: exit status {end.code}"
    return ""


def _emptied(folder: str) -> None:
    """Forget what a step wrote before it is run again from the start."""
    if Path(folder).is_dir():
        for file in list(Path(folder).iterdir()):
            file.unlink()
