"""What the server is told of a job: in between, per step, at the end. Composed from the files when sent."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

from hostreeve.agent.document import Ended
from hostreeve.agent.loop import Loop
from hostreeve.agent.machine import AGENT_NAME, AGENT_VERSION, Machine
from hostreeve.agent.memory import Job
from hostreeve.agent.results import Outcome, Shown, reply_content
from hostreeve.agent.uplink import Reply, Uplink
from hostreeve.contract import jobs
from hostreeve.contract.replies import AgentIdentity


class Reporting:
    """Hands replies and the streams of steps to the uplink."""

    def __init__(self, loop: Loop, machine: Machine, uplink: Uplink) -> None:
        self._loop, self._world, self._uplink = loop, loop.world, uplink
        self._identity = AgentIdentity(AGENT_NAME, AGENT_VERSION, "linux", machine.platform_version)

    def follow(self, job: Job) -> None:
        """Stream the output of every step that has begun, if the server wants that."""
        execution = job.execution
        if execution is None or not job.stream_output:
            return
        begun = min(len(execution.outcomes) + 1, len(execution.document.steps))
        for index in range(job.steps_followed, begun):
            step = execution.document.steps[index]
            for stream in jobs.STREAMS:
                key = (job.job_id, step.step_id, stream)
                self._uplink.follow(key, f"{execution.folder_of(index)}/{stream}")
        job.steps_followed = begun
        self._uplink.pump()

    def progress(self, job: Job) -> None:
        """The job has begun and is not over."""
        if job.execution is None or job.execution.status != jobs.IN_PROGRESS:
            return
        content = reply_content(self._identity, jobs.IN_PROGRESS, [], now_ms=self._world.now_ms())
        self._uplink.send_once(job.job_id, self._world.uuid(), content)

    def steps(self, job: Job) -> None:
        """Each ended step of a document with several; one step alone stands in the final reply."""
        execution = job.execution
        if execution is None or len(execution.document.steps) == 1:
            return
        for index in range(job.steps_reported, len(execution.outcomes)):
            self._send(job, jobs.IN_PROGRESS, [index])
        job.steps_reported = len(execution.outcomes)

    def restarting(self, job: Job) -> None:
        """A step wants the machine to start again, and it will."""
        execution = job.execution
        assert execution is not None, "a restart is wanted by an execution"
        index = len(execution.outcomes)
        now_ms = self._world.now_ms()
        wish = Outcome(Ended(jobs.SUCCESS_AND_REBOOT, 194), now_ms, now_ms)
        shown = _shown(job, index, wish)
        content = reply_content(self._identity, jobs.SUCCESS_AND_REBOOT, [shown], now_ms=now_ms)
        self._uplink.send_once(job.job_id, self._world.uuid(), content)

    def final(self, job: Job, acknowledged: Callable[[], None]) -> None:
        """The job is over. As the official agent, only a single step is repeated here."""
        if job.unstarted is not None:
            status, reason = job.unstarted
            self._send(job, status, [], trace=reason, acknowledged=acknowledged)
            return
        execution = job.execution
        assert execution is not None, "a job that ran has an execution"
        indexes = [0] if len(execution.document.steps) == 1 else []
        self._send(job, execution.status, indexes, acknowledged=acknowledged)

    def refuse(self, job_id: str, reason: str) -> None:
        """A job that cannot be run at all: the refusing acknowledgement goes with a reply that says why."""
        content = reply_content(self._identity, jobs.FAILED, [], now_ms=self._world.now_ms(), trace=reason)
        reply = Reply(job_id, self._world.uuid(), compose=lambda: content, acknowledged=_nothing)
        # After the acknowledgement that is about to be written.
        self._loop.after(0, lambda: self._uplink.send(reply))

    def _send(
        self,
        job: Job,
        status: str,
        indexes: List[int],
        *,
        trace: str = "",
        acknowledged: Optional[Callable[[], None]] = None,
    ) -> None:
        def compose() -> str:
            execution = job.execution
            shown: List[Shown] = []
            unshown: List[Shown] = []
            if execution is not None and job.unstarted is None:
                shown = [_shown(job, index, execution.outcomes[index]) for index in indexes]
                if not indexes:
                    unshown = [_shown(job, index, each) for index, each in enumerate(execution.outcomes)]
            return reply_content(
                self._identity, status, shown, now_ms=self._world.now_ms(), trace=trace, unshown=unshown
            )

        message_id = self._world.uuid()
        acknowledged = acknowledged or _nothing
        self._uplink.send(Reply(job.job_id, message_id, compose=compose, acknowledged=acknowledged))


def _shown(job: Job, index: int, outcome: Outcome) -> Shown:
    execution = job.execution
    assert execution is not None, "what is shown was run"
    step = execution.document.steps[index]
    name: Tuple[str, str] = (step.step_id, step.action)
    return name, outcome, execution.folder_of(index)


def _nothing() -> None:
    """Nobody waits for this acknowledgement."""
