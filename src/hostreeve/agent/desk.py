"""Where jobs are taken on: journalled before they are acknowledged, run in turn, answered till heard.

A command's step is started at most once. All this can be rebuilt from the journal and the steps' folders.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional

from hostreeve.agent import children, memory
from hostreeve.agent.document import Platform
from hostreeve.agent.execution import Execution, Surroundings
from hostreeve.agent.journal import Journal
from hostreeve.agent.log import Log
from hostreeve.agent.loop import Loop, Timer
from hostreeve.agent.machine import PLATFORM_TYPE, Machine
from hostreeve.agent.memory import Job
from hostreeve.agent.plugins import catalogue
from hostreeve.agent.reporting import Reporting
from hostreeve.agent.state import Node, State
from hostreeve.agent.uplink import Uplink
from hostreeve.contract import jobs

PROGRESS_AFTER_S = 1.0
"""A command of one step that takes longer is reported as InProgress in between."""

RESTART_PATIENCE_S = 900.0
JOURNAL_BYTES_MAX = 4_000_000


class Office(NamedTuple):
    """What the desk works with."""

    loop: Loop
    log: Log
    state: State
    node: Node
    machine: Machine
    boot: str


class Desk:
    """Takes jobs on, runs at most `workers_max` of them at once, and reports."""

    def __init__(self, office: Office, journal: Journal, uplink: Uplink) -> None:
        self._office, self._journal, self._uplink = office, journal, uplink
        self._loop, self._log = office.loop, office.log
        self._reporting = Reporting(office.loop, office.machine, uplink)
        self._jobs: Dict[str, Job] = {}
        self._finished: Dict[str, int] = {}
        self._queue: List[Job] = []
        self._running: Dict[str, Job] = {}
        self._restart: Optional[Timer] = None

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def queued(self) -> int:
        return len(self._queue)

    def open(self) -> None:
        """Take up what an earlier run has left."""
        remembered = memory.recall(self._journal, self._log)
        self._finished = remembered.finished
        self._jobs = {job.job_id: job for job in remembered.jobs}
        self._compact()
        self._remove_strays()
        for job in remembered.jobs:
            if job.boot:
                self._safely(job, self._resume)
            else:
                self._queue.append(job)
        self._start_waiting()

    def take_on(self, job: jobs.AgentJob) -> str:
        """Journal a job, then start or queue it; the code of its acknowledgement."""
        if job.topic.startswith(jobs.TOPIC_CANCEL):
            return self._cancel(job)
        if not job.topic.startswith(jobs.TOPIC_SEND):
            return "51403"
        if not self._is_for_us(job.job_id):
            return jobs.ACK_PARSE_ERROR
        if job.job_id in self._jobs or job.job_id in self._finished:
            # Its reply, if the server lacks it, is on its way or is sent again.
            return jobs.ACK_DUPLICATE
        try:
            memory.document_in(job.content)
        except ValueError as wrong:
            self._log.warning(f"refused {job.job_id}: {wrong}")
            self._reporting.refuse(job.job_id, str(wrong))
            return jobs.ACK_PARSE_ERROR
        return self._keep(job)

    def reply_acknowledged(self, ack: jobs.ReplyAck) -> None:
        self._uplink.reply_acknowledged(ack.message_id)

    def output_acknowledged(self, ack: jobs.OutputAck) -> None:
        self._uplink.output_acknowledged(ack)
        job = self._jobs.get(ack.job_id)
        if job is not None:
            self._close_if_done(job)

    def started(self) -> None:
        """After the acknowledgement has gone out: start what may start."""
        self._start_waiting()

    def _is_for_us(self, job_id: str) -> bool:
        try:
            return jobs.node_id_of(memory.checked_id(job_id)) == self._office.node.node_id
        except ValueError:
            return False

    def _keep(self, job: jobs.AgentJob) -> str:
        is_next = len(self._running) < self._office.node.workers_max and not self._queue and not self._restart
        record = {
            "k": "job",
            "id": job.job_id,
            "content": job.content,
            "stream": job.stream_output,
            "expires": job.expires_ms,
            # Begun in the same record when it starts at once: one write to the disk instead of two.
            "boot": self._office.boot if is_next else "",
        }
        try:
            position = self._journal.append(record, durable=True)
        except OSError as wrong:
            self._log.error(f"cannot keep {job.job_id}: {wrong}")
            return jobs.ACK_BUFFER_FULL
        kept = Job(
            job.job_id,
            position,
            stream_output=job.stream_output,
            expires_ms=job.expires_ms,
            boot=self._office.boot if is_next else "",
        )
        self._jobs[job.job_id] = kept
        self._queue.append(kept)
        return jobs.ACK_SUCCESSFUL

    def _start_waiting(self) -> None:
        while self._queue and len(self._running) < self._office.node.workers_max and self._restart is None:
            self._safely(self._queue.pop(0), self._start)

    def _safely(self, job: Job, act: Callable[[Job], None]) -> None:
        try:
            act(job)
        except Exception as wrong:  # noqa: BLE001 - one job must not take the agent and all other jobs with it
            self._log.error(f"{job.job_id} cannot be handled: {wrong!r}")
            self._drop(job, jobs.FAILED)

    def _start(self, job: Job) -> None:
        if job.is_cancelled or self._is_expired(job):
            self._drop(job, jobs.CANCELLED if job.is_cancelled else jobs.TIMED_OUT)
            return
        if not job.boot:
            job.boot = self._office.boot
            if not self._note(job, {"k": "begun", "boot": job.boot}, durable=True):
                self._drop(job, jobs.FAILED)
                return
        if self._prepare(job):
            assert job.execution is not None, "prepare makes the execution"
            job.execution.start()

    def _resume(self, job: Job) -> None:
        if not self._prepare(job):
            return
        execution = job.execution
        assert execution is not None, "prepare makes the execution"
        if job.is_heard:
            # Only its output is still to be delivered.
            self._running.pop(job.job_id, None)
            self._close_if_done(job)
            return
        if job.progress.restart_asked_in == self._office.boot:
            self._await_restart(job)
        if job.is_cancelled:
            execution.cancel()
        execution.resume(job.boot)
        if job.is_cancelled:
            # What was found running is asked to end now that it is watched.
            execution.cancel()
        if job.boot != self._office.boot:
            # Noted only now: until what this start interrupted is on record, it must be seen as interrupted.
            job.boot = self._office.boot
            self._note(job, {"k": "begun", "boot": job.boot})

    def _prepare(self, job: Job) -> bool:
        try:
            record = self._journal.read(job.position)
            command, document = memory.document_in(record["content"])
        except (OSError, ValueError, KeyError) as wrong:
            self._log.error(f"cannot read {job.job_id} from the journal: {wrong}")
            self._drop(job, jobs.FAILED)
            return False
        self._running[job.job_id] = job
        around = Surroundings(
            loop=self._loop,
            platform=Platform(PLATFORM_TYPE, catalogue.available()),
            boot=self._office.boot,
            folder=self._office.state.steps / jobs.command_id_of(job.job_id),
            state=str(self._office.state.folder),
            environment=self._environment(command),
            note=lambda members: self._note_quietly(job, members),
            on_news=lambda: self._news(job),
            on_step=lambda: self._stepped(job),
            on_restart_wanted=lambda: self._restart_machine(job),
        )
        job.execution = Execution(document, around, job.progress)
        self._reporting.follow(job)
        if len(document.steps) > 1:
            self._reporting.progress(job)
        else:
            self._loop.after(PROGRESS_AFTER_S, lambda: self._reporting.progress(job))
        return True

    def _environment(self, command: Dict[str, Any]) -> Dict[str, str]:
        return {
            "AWS_SSM_INSTANCE_ID": self._office.node.node_id,
            "AWS_SSM_REGION_NAME": self._office.node.region,
            "AWS_SSM_PLATFORM_NAME": self._office.machine.platform_name,
            "AWS_SSM_PLATFORM_VERSION": self._office.machine.platform_version,
            "SSM_COMMAND_ID": str(command.get("CommandId") or ""),
            # Where scripts of ours find the server and the node's credentials.
            "HOSTREEVE_AGENT_STATE": str(self._office.state.folder),
        }

    def _news(self, job: Job) -> None:
        self._reporting.follow(job)

    def _stepped(self, job: Job) -> None:
        execution = job.execution
        assert execution is not None, "a step belongs to an execution"
        self._reporting.follow(job)
        self._reporting.steps(job)
        if len(execution.outcomes) < len(execution.document.steps):
            return
        self._running.pop(job.job_id, None)
        self._reporting.final(job, lambda: self._answered(job))
        self._loop.after(0, self._start_waiting)

    def _answered(self, job: Job) -> None:
        self._note(job, {"k": "heard"})
        job.is_heard = True
        self._close_if_done(job)

    def _close_if_done(self, job: Job) -> None:
        if job.is_heard and not job.is_closed and self._uplink.is_delivered(job.job_id):
            job.is_closed = True
            self._uplink.forget(job.job_id)
            self._jobs.pop(job.job_id, None)
            now_ms = self._loop.world.now_ms()
            self._finished[job.job_id] = now_ms
            self._note(job, {"k": "done", "at": now_ms})
            memory.remove_folder(self._office.state.steps / jobs.command_id_of(job.job_id))
            if self._journal.size_bytes > JOURNAL_BYTES_MAX:
                self._compact()

    def _drop(self, job: Job, status: str) -> None:
        """End a job none of whose steps was started."""
        self._running.pop(job.job_id, None)
        texts = {
            jobs.CANCELLED: "cancelled before it was started",
            jobs.TIMED_OUT: "not started: its time was over before its turn came",
        }
        job.unstarted = (status, texts.get(status, "the node could not read or keep it"))
        self._reporting.final(job, lambda: self._answered(job))

    def _cancel(self, job: jobs.AgentJob) -> str:
        try:
            target_id = jobs.read_cancel_content(job.content)
        except ValueError:
            return jobs.ACK_PARSE_ERROR
        target = self._jobs.get(target_id)
        if target is not None and not target.is_cancelled:
            target.is_cancelled = True
            self._note(target, {"k": "cancel"}, durable=True)
            if target in self._queue:
                self._queue.remove(target)
                self._drop(target, jobs.CANCELLED)
            elif target.execution is not None:
                target.execution.cancel()
        return jobs.ACK_SUCCESSFUL

    def _is_expired(self, job: Job) -> bool:
        return bool(job.expires_ms) and self._loop.world.now_ms() >= job.expires_ms

    def _restart_machine(self, job: Job) -> None:
        command = list(self._office.node.reboot_command)
        execution = job.execution
        assert execution is not None, "a restart is wanted by an execution"

        def finished(code: int, output: bytes, errors: bytes) -> None:
            if code != 0:
                said = (errors or output).decode(errors="replace").strip()[:300]
                execution.restart_refused(f"{' '.join(command)} ended with {code}: {said}")
                return
            job.progress.restart_asked_in = self._office.boot
            record = {"k": "reboot", "n": len(execution.outcomes), "boot": self._office.boot}
            self._note(job, record, durable=True)
            self._reporting.restarting(job)
            self._await_restart(job)

        try:
            children.run(self._loop, command, b"", finished)
        except OSError as wrong:
            execution.restart_refused(f"{command[0]} cannot be run here: {wrong.strerror}")

    def _await_restart(self, job: Job) -> None:
        def given_up() -> None:
            self._restart = None
            job.progress.restart_asked_in = ""
            assert job.execution is not None, "a restart is awaited by an execution"
            job.execution.restart_refused("the machine did not restart")

        self._restart = self._loop.after(RESTART_PATIENCE_S, given_up)

    def _note_quietly(self, job: Job, members: Dict[str, Any]) -> None:
        if not self._note(job, members) and members["k"] == "part":
            # Without this note a step could be started twice after a crash: it is not started at all.
            raise OSError(28, "the agent's journal cannot be written")

    def _note(self, job: Job, members: Dict[str, Any], *, durable: bool = False) -> bool:
        try:
            self._journal.append({**members, "id": job.job_id}, durable=durable)
        except OSError as wrong:
            self._log.error(f"cannot write the journal: {wrong}")
            return False
        return True

    def _compact(self) -> None:
        try:
            memory.compact(self._journal, list(self._jobs.values()), self._finished)
        except OSError as wrong:
            self._log.error(f"cannot rewrite the journal: {wrong}")

    def _remove_strays(self) -> None:
        kept = {jobs.command_id_of(job_id) for job_id in self._jobs}
        for folder in list(self._office.state.steps.iterdir()):
            if folder.name not in kept:
                memory.remove_folder(folder)
