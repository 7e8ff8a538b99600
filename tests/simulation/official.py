"""A node like the official agent: five workers and a buffer, replies out of order, resent for hours."""

from typing import Any

from hostreeve.contract import jobs as wire
from tests.simulation.nodes import Job, Node

RESEND_S = 300.0
DROPPED_S = 7_200.0
PERSISTED_S = 1.0
REMEMBERED_S = 2_000.0
BUFFER_MAX = 5


class OfficialNode(Node):
    """It knows neither expiry nor streams, and a crash may cost it what it was about to say."""

    boot_s = 10.0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.known: dict[str, float] = {}
        self.saved: dict[str, tuple[Job, str, list[int], float]] = {}
        self.unsaved: dict[str, tuple[Job, str, list[int]]] = {}
        self.queue: list[Job] = []
        self.deaf_until_s = 0.0

    @property
    def is_quiet(self) -> bool:
        return self.is_up and not self.jobs and not self.saved and not self.unsaved

    def opening(self, token: str) -> wire.Opening:
        return wire.Opening(token, self.world.uuid(), "3.3.0.0", "linux")

    def crashed(self, *, machine: bool) -> None:
        self.ledger.excused.update(job.job_id for job, _, _ in self.unsaved.values())
        self.ledger.excused.update(self.jobs)
        self.unsaved, self.queue = {}, []

    def recall(self) -> None:
        self.deaf_until_s = self.world.monotonic() + 3.0
        for job in list(self.jobs.values()):
            if job.has_ended:
                self._over(job)
            elif not job.is_begun:
                self.queue.append(job)
            elif job.job_id not in self.processes:
                if job.part >= 0:
                    self.step_over(job, wire.FAILED)
                else:
                    self.run_step(job)
        self.start_waiting()
        self.later(RESEND_S, self._resend)

    def take_on(self, job: wire.AgentJob) -> str:
        now_s = self.world.monotonic()
        if now_s < self.deaf_until_s:
            return ""
        if job.topic.startswith(wire.TOPIC_CANCEL):
            self._cancel(wire.read_cancel_content(job.content))
            return wire.ACK_SUCCESSFUL
        self.known = {known: at_s for known, at_s in self.known.items() if now_s - at_s < REMEMBERED_S}
        if job.job_id in self.known:
            return wire.ACK_DUPLICATE
        if len(self.jobs) >= self.workers_max + BUFFER_MAX:
            return wire.ACK_BUFFER_FULL
        self.known[job.job_id] = now_s
        kept = self.jobs[job.job_id] = self.job_of(job)
        self.queue.append(kept)
        return wire.ACK_SUCCESSFUL

    def start_waiting(self) -> None:
        while self.queue and len(self.processes) < self.workers_max:
            job = self.queue.pop(0)
            job.is_begun = True
            self.reply(job, wire.IN_PROGRESS, [], self.world.uuid())
            self.run_step(job)

    def stepped(self, job: Job) -> None:
        self._tell(job, wire.IN_PROGRESS, [len(job.outcomes) - 1])
        if job.has_ended:
            self._over(job)
            self.start_waiting()
        else:
            self.run_step(job)

    def _over(self, job: Job) -> None:
        self._tell(job, job.status, [0] if len(job.steps) == 1 and job.outcomes else [])
        self.jobs.pop(job.job_id, None)

    def _cancel(self, job_id: str) -> None:
        job = self.jobs.get(job_id)
        if job is None:
            return
        job.is_cancelled = True
        if job in self.queue:
            self.queue.remove(job)
            job.unstarted = wire.CANCELLED
            self.ledger.outcomes[job.job_id] = wire.CANCELLED
            self._over(job)
        else:
            self.cancel_step(job)

    def _tell(self, job: Job, status: str, indexes: list[int]) -> None:
        """Five threads send replies: whichever comes first."""
        message_id = self.world.uuid()
        self.unsaved[message_id] = (job, status, indexes)
        self.later(self.chance.random() * 0.3, self.reply, job, status, indexes, message_id)
        self.later(PERSISTED_S, self._save, message_id)

    def _save(self, message_id: str) -> None:
        if message_id in self.unsaved:
            self.saved[message_id] = (*self.unsaved.pop(message_id), self.world.monotonic())

    def reply_acknowledged(self, ack: wire.ReplyAck) -> None:
        told = self.unsaved.pop(ack.message_id, None) or self.saved.pop(ack.message_id, None)
        if told is not None and told[1] != wire.IN_PROGRESS:
            self.ledger.heard_ms[told[0].job_id] = self.driver.clock.latest_ms

    def _resend(self) -> None:
        now_s = self.world.monotonic()
        for message_id, (job, status, indexes, at_s) in list(self.saved.items()):
            if now_s - at_s > DROPPED_S:
                del self.saved[message_id]
                self.ledger.excused.add(job.job_id)
            else:
                self.reply(job, status, indexes, message_id)
        self.later(RESEND_S, self._resend)
