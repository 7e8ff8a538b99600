"""A node like our agent: journalled before acknowledged, started once, told until heard, whole output."""

from typing import Any

from hostreeve.contract import jobs as wire
from tests.simulation.nodes import Job, Node

RESEND_S = 30.0
CHUNK_BYTES = 2_000
WINDOW_BYTES = 8_000


class OurNode(Node):
    """`finished` and `jobs` are its disk; everything else is gone with a crash."""

    is_ours = True
    workers_max = 2

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.finished: set[str] = set()
        self.queue: list[Job] = []
        self.running: set[str] = set()
        self.replies: dict[str, tuple[Job, str, list[int]]] = {}
        self.reported: dict[str, int] = {}
        self.sent: dict[tuple[str, str, str], int] = {}
        self.kept: dict[tuple[str, str, str], int] = {}

    @property
    def is_quiet(self) -> bool:
        return self.is_up and not self.jobs

    def opening(self, token: str) -> wire.Opening:
        return wire.Opening(token, self.world.uuid(), "1", "linux", "1", (wire.EXTENSION_OUTPUT,))

    def crashed(self, *, machine: bool) -> None:
        self.queue, self.running = [], set()
        self.replies, self.reported, self.sent, self.kept = {}, {}, {}, {}

    def recall(self) -> None:
        """Take up what an earlier life has left on the disk."""
        for job in list(self.jobs.values()):
            if job.has_ended:
                self._over(job)
            elif not job.is_begun:
                self.queue.append(job)
            else:
                self.running.add(job.job_id)
                if job.job_id in self.processes:
                    if job.is_cancelled:
                        self.cancel_step(job)
                elif job.part >= 0:
                    self.step_over(job, wire.CANCELLED if job.is_cancelled else wire.FAILED)
                else:
                    self._go_on(job)
        self.start_waiting()
        self.later(RESEND_S, self._resend)

    def take_on(self, job: wire.AgentJob) -> str:
        if job.topic.startswith(wire.TOPIC_CANCEL):
            self._cancel(wire.read_cancel_content(job.content))
            return wire.ACK_SUCCESSFUL
        if job.job_id in self.jobs or job.job_id in self.finished:
            return wire.ACK_DUPLICATE
        self.may_crash("before a job is on disk")
        kept = self.jobs[job.job_id] = self.job_of(job)
        self.queue.append(kept)
        self.may_crash("between disk and acknowledgement")
        return wire.ACK_SUCCESSFUL

    def start_waiting(self) -> None:
        while self.queue and len(self.running) < self.workers_max:
            job = self.queue.pop(0)
            expired = bool(job.expires_ms) and self.world.now_ms() >= job.expires_ms
            if job.is_cancelled or expired:
                self._drop(job, wire.CANCELLED if job.is_cancelled else wire.TIMED_OUT)
                continue
            job.is_begun = True
            self.running.add(job.job_id)
            self.run_step(job)

    def stepped(self, job: Job) -> None:
        self.may_crash("after a step's end is on disk")
        if job.has_ended:
            self.running.discard(job.job_id)
            self._over(job)
            self.start_waiting()
        else:
            self._report_steps(job)
            self._go_on(job)

    def _go_on(self, job: Job) -> None:
        if job.is_cancelled:
            job.part = len(job.outcomes)
            self.step_over(job, wire.CANCELLED)
        else:
            self.run_step(job)

    def _over(self, job: Job) -> None:
        self._report_steps(job)
        is_told = any(told is job and status != wire.IN_PROGRESS for told, status, _ in self.replies.values())
        if not job.is_heard and not is_told:
            self._tell(job, job.status, [0] if len(job.steps) == 1 and job.outcomes else [])
        self.pump()
        self._close_if_done(job)

    def _report_steps(self, job: Job) -> None:
        if len(job.steps) > 1:
            for index in range(self.reported.get(job.job_id, 0), len(job.outcomes)):
                self._tell(job, wire.IN_PROGRESS, [index])
            self.reported[job.job_id] = len(job.outcomes)

    def _drop(self, job: Job, status: str) -> None:
        job.unstarted = status
        self.ledger.outcomes[job.job_id] = status
        self._over(job)

    def _cancel(self, job_id: str) -> None:
        job = self.jobs.get(job_id)
        if job is None or job.is_cancelled or job.has_ended:
            return
        job.is_cancelled = True
        self.may_crash("after a cancel is on disk")
        if job in self.queue:
            self.queue.remove(job)
            self._drop(job, wire.CANCELLED)
        else:
            self.cancel_step(job)

    # The uplink.

    def _tell(self, job: Job, status: str, indexes: list[int]) -> None:
        message_id = self.world.uuid()
        self.replies[message_id] = (job, status, indexes)
        self.reply(job, status, indexes, message_id)

    def reply_acknowledged(self, ack: wire.ReplyAck) -> None:
        job, status, _ = self.replies.pop(ack.message_id, (None, "", []))
        if job is not None and status != wire.IN_PROGRESS:
            self.may_crash("before a final reply counts as heard")
            job.is_heard = True
            self.ledger.heard_ms[job.job_id] = self.driver.clock.latest_ms
            self._close_if_done(job)

    def wrote(self, job: Job) -> None:
        self.pump()

    def opened(self) -> None:
        self.sent = dict(self.kept)
        self.pump()
        for message_id, (job, status, indexes) in self.replies.items():
            self.reply(job, status, indexes, message_id)

    def pump(self) -> None:
        """Send what output there is, as far as the window goes."""
        if not self.is_open:
            return
        for job in self.jobs.values():
            if not job.is_streamed:
                continue
            for index, step in enumerate(job.steps):
                for stream in wire.STREAMS:
                    self._send_chunks((job.job_id, step, stream), self.written(job, index, stream))

    def _send_chunks(self, key: tuple[str, str, str], whole: bytearray) -> None:
        while (sent := self.sent.get(key, 0)) < len(whole) and sent - self.kept.get(key, 0) < WINDOW_BYTES:
            chunk = wire.OutputChunk(*key, sent, bytes(whole[sent : sent + CHUNK_BYTES]))
            self.sent[key] = sent + len(chunk.chunk)
            self.say(wire.AGENT_JOB_OUTPUT, chunk.encode())

    def output_acknowledged(self, ack: wire.OutputAck) -> None:
        job = self.jobs.get(ack.job_id)
        if job is None:
            return
        key = (ack.job_id, ack.step_id, ack.stream)
        size = len(self.ledger.produced.get(key, b""))
        self.kept[key] = min(max(self.kept.get(key, 0), ack.offset), size)
        self.sent[key] = max(self.sent.get(key, 0), self.kept[key])
        self.pump()
        self._close_if_done(job)

    def _resend(self) -> None:
        self.sent = dict(self.kept)
        self.pump()
        for message_id, (job, status, indexes) in self.replies.items():
            self.reply(job, status, indexes, message_id)
        self.later(RESEND_S, self._resend)

    def _close_if_done(self, job: Job) -> None:
        streams = [(job.job_id, step, stream) for step in job.steps for stream in wire.STREAMS]
        produced = self.ledger.produced
        whole = all(self.kept.get(key, 0) >= len(produced.get(key, b"")) for key in streams)
        if job.is_heard and job.job_id in self.jobs and (whole or not job.is_streamed):
            del self.jobs[job.job_id]
            self.finished.add(job.job_id)
