"""Simulated nodes: what our agent and the official one have in common, and each one's own ways."""

import json
import random
from dataclasses import dataclass, field
from typing import Any, Protocol

from hostreeve.contract import jobs as wire
from hostreeve.contract.frames import AgentMessage, decode
from hostreeve.contract.replies import AgentIdentity, StepResult, reply_document
from tests.simulation.ledger import Ledger, Violation
from tests.simulation.network import Connection
from tests.simulation.server import STEPS_OF
from tests.simulation.virtual import Clock, WorldOn


class Crash(Exception):
    """The agent dies here."""


class Driver(Protocol):
    """What a node needs of the simulation."""

    clock: Clock
    ledger: Ledger
    is_faulty: bool

    def after(self, seconds: float, act: Any, *args: Any) -> None: ...

    def note(self, *words: Any) -> None: ...

    def dial(self, node: "Node") -> Connection | None: ...

    def token(self, node_id: str) -> str | None: ...

    def starts(self, node: "Node", job_id: str) -> None: ...


@dataclass
class Job:
    """What a node has on its disk about one job. `part`: the step that was begun and has not ended, or -1."""

    job_id: str
    steps: tuple[str, ...]
    timeout_s: int
    expires_ms: int
    is_streamed: bool
    is_begun: bool = False
    is_cancelled: bool = False
    is_heard: bool = False
    unstarted: str = ""
    part: int = -1
    outcomes: list[tuple[str, int, int, int]] = field(default_factory=list)
    """Status, code, started, ended."""

    @property
    def status(self) -> str:
        if self.unstarted:
            return self.unstarted
        if self.outcomes and self.outcomes[-1][0] in (wire.FAILED, wire.TIMED_OUT, wire.CANCELLED):
            return self.outcomes[-1][0]
        return wire.SUCCESS if len(self.outcomes) == len(self.steps) else wire.IN_PROGRESS

    @property
    def has_ended(self) -> bool:
        return self.status != wire.IN_PROGRESS


class Node:
    """Goes on and off, connects, is spoken to. Chance and message ids are its own, made from one seed."""

    workers_max = 5
    boot_s = 1.0

    def __init__(self, driver: Driver, node_id: str, seed: int) -> None:
        self.driver, self.ledger, self.node_id = driver, driver.ledger, node_id
        self.chance = random.Random(f"{seed}/{node_id}")
        self.world = WorldOn(driver.clock, self.chance.getrandbits(60))
        self.identity = AgentIdentity("agent", "1", "linux", "1")
        self.life = 0
        self.is_up = False
        self.connection: Connection | None = None
        self.is_open = False
        self.jobs: dict[str, Job] = {}
        """On disk."""
        self.processes: dict[str, tuple[int, int]] = {}
        """Steps that run, by job id: the step, and the run's number. They outlive the agent."""
        self._runs = 0

    def boot(self) -> None:
        self.life += 1
        self.is_up = True
        self.connection, self.is_open = None, False
        self._guarded(self.recall)
        if self.is_up:
            self.later(self.chance.random() * self.boot_s, self.connect)

    def crash(self, *, machine: bool) -> None:
        """The agent's memory is gone; with the machine, so are the steps that ran."""
        if not self.is_up:
            return
        self.driver.note(self.node_id, "crashes", "machine" if machine else "agent")
        self.is_up = False
        self.life += 1
        if machine:
            self.processes.clear()
        self.crashed(machine=machine)
        if self.connection is not None:
            self.connection.end()
        self.connection, self.is_open = None, False
        self.driver.after(0.5 + 30 * self.chance.random(), self.boot)

    def later(self, seconds: float, act: Any, *args: Any) -> None:
        """Unless the agent dies first."""
        life = self.life
        self.driver.after(seconds, lambda: self._guarded(act, *args) if self.life == life else None)

    def may_crash(self, at: str) -> None:
        """A point at which agents like to die."""
        if self.driver.is_faulty and self.chance.random() < 0.01:
            self.driver.note(self.node_id, "dies", at)
            raise Crash(at)

    def _guarded(self, act: Any, *args: Any) -> None:
        try:
            act(*args)
        except Crash:
            self.crash(machine=self.chance.random() < 0.5)

    # The link.

    def connect(self) -> None:
        if self.connection is not None:
            return
        self.connection = self.driver.dial(self)
        if self.connection is None:
            self.later(1 + 9 * self.chance.random(), self.connect)
            return
        connection = self.connection

        def given_up() -> None:
            if self.connection is connection and not self.is_open:
                connection.cut(0.0, 0.0)

        self.later(20.0, given_up)

    def accepted(self, connection: Connection) -> None:
        token = self.driver.token(self.node_id)
        if connection is not self.connection or token is None:
            return
        self.is_open = True
        connection.text(self.opening(token).encode())
        self._guarded(self.opened)

    def lost(self, connection: Connection) -> None:
        if connection is self.connection and self.is_up:
            self.connection, self.is_open = None, False
            self.later(2.5 * self.chance.random() + 0.1, self.connect)

    def say(self, message_type: str, payload: bytes, message_id: str = "") -> None:
        if self.connection is None or not self.is_open:
            return
        frame = AgentMessage(message_type, payload, message_id or self.world.uuid(), self.world.now_ms())
        self.connection.frame(frame.encode())
        if self.driver.is_faulty and self.chance.random() < 0.03:
            self.connection.frame(frame.encode())

    def received(self, connection: Connection, frame: bytes) -> None:
        if connection is self.connection and self.is_up:
            self._guarded(self._heard, decode(frame))

    def _heard(self, message: AgentMessage) -> None:
        if message.message_type == wire.AGENT_JOB:
            job = wire.read_agent_job(message.payload)
            code = self.take_on(job)
            if code:
                self.driver.note(self.node_id, "acks", job.job_id, code)
                ack = wire.JobAck(job.job_id, message.message_id, message.created_ms, code)
                self.say(wire.AGENT_JOB_ACK, ack.encode())
                self.may_crash("after the acknowledgement")
                self.start_waiting()
        elif message.message_type == wire.AGENT_JOB_REPLY_ACK:
            self.reply_acknowledged(wire.read_reply_ack(message.payload))
        elif message.message_type == wire.AGENT_JOB_OUTPUT_ACK:
            self.output_acknowledged(wire.read_output_ack(message.payload))

    def reply(self, job: Job, status: str, indexes: list[int], message_id: str) -> None:
        """Say how these steps ended."""
        shown = [self._result(job, index) for index in indexes]
        unshown = [] if indexes else [self._result(job, index) for index in range(len(job.outcomes))]
        content = reply_document(
            self.identity, status, shown, now_ms=self.world.now_ms(), unshown=unshown if self.is_ours else []
        )
        if not self.is_ours:
            del content["hostreeve"]
        self.driver.note(self.node_id, "replies", job.job_id, status, indexes)
        self.say(wire.AGENT_JOB_REPLY, wire.JobReply(job.job_id, json.dumps(content)).encode(), message_id)

    def _result(self, job: Job, index: int) -> StepResult:
        status, code, started_ms, ended_ms = job.outcomes[index]
        sizes = {stream: len(self.written(job, index, stream)) for stream in wire.STREAMS}
        return StepResult(
            job.steps[index],
            "aws:runShellScript",
            status,
            code,
            started_ms=started_ms,
            ended_ms=ended_ms,
            stdout_bytes=sizes["stdout"],
            stderr_bytes=sizes["stderr"],
        )

    def written(self, job: Job, index: int, stream: str) -> bytearray:
        return self.ledger.produced.get((job.job_id, job.steps[index], stream), bytearray())

    # Steps.

    def job_of(self, job: wire.AgentJob) -> Job:
        content = json.loads(job.content)
        timeout = content["Parameters"].get("executionTimeout", "60")
        return Job(
            job.job_id,
            STEPS_OF[content["DocumentName"]],
            int(timeout),
            job.expires_ms,
            job.stream_output,
        )

    def run_step(self, job: Job) -> None:
        """Start the next step; it goes on by itself."""
        index = job.part = len(job.outcomes)
        self.may_crash("before a step")
        self.driver.note(self.node_id, "starts", job.job_id, job.steps[index])
        self.driver.starts(self, job.job_id)
        self.ledger.starts[job.job_id, job.steps[index]] += 1
        self._runs += 1
        run = (index, self._runs)
        self.processes[job.job_id] = run
        long = self.chance.random() < 0.1
        lasts_s = min(self.chance.random() * (200 if long else 20), job.timeout_s)
        timed_out = lasts_s == job.timeout_s
        for _ in range(self.chance.randrange(6)):
            self.driver.after(self.chance.random() * lasts_s, self._write, job, run)
        self.driver.after(lasts_s, self._ended, job, run, wire.TIMED_OUT if timed_out else "")
        self.may_crash("after a step began")

    def _write(self, job: Job, run: tuple[int, int]) -> None:
        if self.processes.get(job.job_id) == run:
            stream = self.chance.choice(wire.STREAMS)
            key = (job.job_id, job.steps[run[0]], stream)
            size = self.chance.choice((1, 100, 5_000))
            self.ledger.produced.setdefault(key, bytearray()).extend(self.chance.randbytes(size))
            if self.is_up:
                self._guarded(self.wrote, job)

    def _ended(self, job: Job, run: tuple[int, int], status: str = "") -> None:
        if self.processes.get(job.job_id) == run:
            del self.processes[job.job_id]
            status = status or (wire.FAILED if self.chance.random() < 0.15 else wire.SUCCESS)
            self.step_over(job, status)

    def step_over(self, job: Job, status: str) -> None:
        """The step's own process writes down how it ended, whether the agent lives or not."""
        now_ms = self.world.now_ms()
        code = {wire.SUCCESS: 0, wire.FAILED: 7, wire.CANCELLED: 137}.get(status, 1)
        self.ledger.steps[job.job_id, job.steps[len(job.outcomes)]] = (status, code)
        job.outcomes.append((status, code, now_ms, now_ms))
        job.part = -1
        if job.has_ended:
            if job.job_id in self.ledger.outcomes and self.is_ours:
                raise Violation(f"{job.job_id} ended twice")
            self.ledger.outcomes[job.job_id] = job.status
        if self.is_up:
            self._guarded(self.stepped, job)

    def cancel_step(self, job: Job) -> None:
        if self.processes.pop(job.job_id, None) is not None:
            self.step_over(job, wire.CANCELLED)

    # Each kind's own ways.

    is_ours = False

    def opening(self, token: str) -> wire.Opening:
        raise NotImplementedError

    def opened(self) -> None: ...

    def recall(self) -> None: ...

    def crashed(self, *, machine: bool) -> None: ...

    def take_on(self, job: wire.AgentJob) -> str: ...

    def start_waiting(self) -> None: ...

    def wrote(self, job: Job) -> None: ...

    def stepped(self, job: Job) -> None: ...

    def reply_acknowledged(self, ack: wire.ReplyAck) -> None: ...

    def output_acknowledged(self, ack: wire.OutputAck) -> None: ...

    @property
    def is_quiet(self) -> bool:
        """Nothing is left to do or to tell."""
        raise NotImplementedError
