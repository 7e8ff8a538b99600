"""A year of schedules in seconds: time is moved from one thing that is due to the next.

Two replicas do the work, side by side and in any order; servers are down, killed in the middle, clocks jump
and are set for summer time, nodes are away, people edit. One seed decides everything.
"""

import asyncio
import hashlib
import heapq
import json
import logging
import random
import shutil
import tempfile
from collections import Counter, deque
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import apsw

from hostreeve.app.compose import Config, build
from hostreeve.app.regions import aws_regions
from hostreeve.capabilities import commands
from hostreeve.capabilities.associations import worker as associations_worker
from hostreeve.capabilities.calendars import worker as calendars_worker
from hostreeve.capabilities.commands import worker as commands_worker
from hostreeve.capabilities.windows import worker as windows_worker
from hostreeve.contract import jobs as wire
from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.gateway.http import HttpRequest
from hostreeve.persistence.database import Transaction
from hostreeve.persistence.sqlite import INLINE
from hostreeve.platform.keys import Keyring
from hostreeve.scheduling.loop import Worker
from tests.commands.estate import SHELL, result
from tests.simulation.ledger import Violation
from tests.simulation.people import People
from tests.simulation.server import MASTER, REGION, Complaints, estate
from tests.simulation.virtual import START_MS, Clock, VirtualLoop, WorldOn
from tests.simulation.year_checks import YearChecker

DAY_S = 86_400.0
NODES = 6
AGAIN_S = 15.0
"""When a worker looks again at the latest, after something that no row tells of: a clock that jumped."""
EVERY_S = {"down": 12 * DAY_S, "kill": 3 * DAY_S, "clock": 9 * DAY_S, "away": 5 * DAY_S, "wrong": 80 * DAY_S}
TURN_STEPS_MAX = 20_000
OURS = ("commands", "calendars", "associations", "maintenance windows")


@dataclass
class YearReport:
    """What a year was like. Two runs of one seed have the same `digest`."""

    seed: int
    days: float
    executions: int
    skipped: int
    overlapping: int
    commands: int
    checks: int
    turns: int
    happened: Counter[str]
    digest: str


class Year:
    """`Year(seed).run()` raises a Violation, or answers what happened."""

    def __init__(self, seed: int, *, days: float = 365.0) -> None:
        self.seed, self.days = seed, days
        self.chance = random.Random(seed)
        self.clock = Clock()
        self.loop = VirtualLoop(self.clock)
        self.checker = YearChecker(self.note, lambda: self.clock.elapsed_s)
        self.happened: Counter[str] = Counter()
        self.tail: deque[str] = deque(maxlen=100)
        self.complaints = Complaints()
        self.turns = 0
        shm = Path("/dev/shm")
        self._folder = Path(tempfile.mkdtemp(prefix="hostreeve-year-", dir=shm if shm.is_dir() else None))
        path = self._folder / "year.db"
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{estate().path}{suffix}", f"{path}{suffix}")
        self.world = WorldOn(self.clock, seed)
        self.keys = Keyring(MASTER, self.world)
        self.app = build(Config(f"sqlite://{path}{INLINE}", aws_regions(), "one"), self.world, self.keys)
        self.database = self.app.database
        self.watch = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        self._lives = count(1)
        self.replicas = [self._workers() for _ in range(2)]
        self.listener = commands.NodeListener()
        self.node_ids = estate().node_ids[:NODES]
        self.away: set[str] = set()
        self.is_down = False
        self.is_faulty = True
        self._digest = hashlib.sha256()
        self._events: list[tuple[float, int, Any, tuple[Any, ...]]] = []
        self._order = count()
        self._asked: list[asyncio.Task[Any]] = []
        self._jobs: set[str] = set()
        self._look_s = 0.0
        self._dies_in = -1
        self.people = People(self)

    def _workers(self) -> list[Worker]:
        world = WorldOn(self.clock, self.seed * 100_000 + next(self._lives))
        every = [
            *commands_worker.workers(self.database, world),
            *calendars_worker.workers(self.database, world),
            *associations_worker.workers(self.database, world, self.keys),
            *windows_worker.workers(self.database, world, self.keys),
        ]
        self.forgetting = [each for each in every if each.name.startswith("history")]
        return [each for each in every if each.name in OURS]

    def note(self, *words: Any) -> None:
        line = f"{self.clock.elapsed_s / DAY_S:.4f} {' '.join(map(str, words))}"
        self._digest.update(line.encode())
        self.tail.append(line)

    def after(self, seconds: float, act: Any, *args: Any) -> None:
        heapq.heappush(self._events, (self.clock.elapsed_s + seconds, next(self._order), act, args))

    def wall_s(self) -> float:
        return self.clock.wall_ms() / 1000

    def run(self) -> YearReport:
        log = logging.getLogger("hostreeve")
        before = log.level, log.propagate
        log.setLevel(logging.ERROR)
        log.propagate = False
        log.addHandler(self.complaints)
        try:
            self._run()
        except Violation as violation:
            violation.add_note(f"seed {self.seed}; the last that happened:\n" + "\n".join(self.tail))
            raise
        finally:
            self.loop.bury([])
            self.watch.close()
            self.database.close()
            log.removeHandler(self.complaints)
            log.level, log.propagate = before
            shutil.rmtree(self._folder, ignore_errors=True)
        return YearReport(
            seed=self.seed,
            days=round(self.clock.elapsed_s / DAY_S, 1),
            executions=self.checker.executions,
            skipped=self.checker.skipped,
            overlapping=self.checker.overlapping,
            commands=len(self.checker.run_ids),
            checks=self.checker.checks,
            turns=self.turns,
            happened=self.happened,
            digest=self._digest.hexdigest(),
        )

    def _run(self) -> None:
        self.people.plant()
        for name, mean_s in EVERY_S.items():
            self._again(name, mean_s)
        self.people.begin()
        self.after(DAY_S, self._forget)
        while self.clock.elapsed_s < self.days * DAY_S:
            self._turn()

    def _again(self, name: str, mean_s: float) -> None:
        def happen() -> None:
            if self.is_faulty:
                getattr(self, f"_{name}")()
                self._again(name, mean_s)

        self.after(self.chance.expovariate(1 / mean_s), happen)

    # One turn: time passes, what is due happens, and is done.

    def _turn(self) -> None:
        self.turns += 1
        self.clock.elapsed_s = max(self.clock.elapsed_s, self._next_s())
        while self._events and self._events[0][0] <= self.clock.elapsed_s:
            _, _, act, args = heapq.heappop(self._events)
            act(*args)
        if self.is_down:
            return
        # Whoever is awake sees what the clock shows; what it showed meanwhile, nobody has seen.
        for _, due in (*self.checker.windows.values(), *self.checker.associations.values()):
            due.clock_is(self.wall_s())
        self.work()
        self.checker.check_settled(self.watch, self.wall_s())
        self._hand_out()

    def _next_s(self) -> float:
        found = [self._events[0][0]] if self._events else []
        if not self.is_down:
            found.append(self._look_s if self._look_s > self.clock.elapsed_s else float("inf"))
            dues = [each.next_due_ms() for each in self.replicas[0] if each.next_due_ms is not None]
            for due_ms in self._answers(dues):
                if due_ms is None:
                    continue
                due_s = (due_ms - START_MS - self.clock.skew_ms) / 1000
                if due_s <= self.clock.elapsed_s and not self._look_s > self.clock.elapsed_s:
                    raise Violation("something is due, and nobody can do it: a worker would never rest")
                # Nobody is awake at the very moment.
                found.append(due_s + self.chance.random() * 0.5)
        return min(found)

    def _answers(self, asked: list[Any]) -> list[Any]:
        tasks = [self.loop.create_task(each) for each in asked]
        self._until(tasks)
        return [task.result() for task in tasks]

    def work(self, *asked: Any) -> list[Any]:
        """Both replicas work until nothing is left; `asked` is asked for meanwhile, and answered."""
        tasks = [self.loop.create_task(each) for each in asked]
        # The other replica may be asleep: what it misses, nobody misses.
        for workers in self.replicas if self.chance.random() < 0.4 else self.replicas[:1]:
            tasks += [self.loop.create_task(self._until_idle(each)) for each in workers]
        self._until(tasks, may_die=not asked)
        # What one worker did may have made something due for another.
        for _ in range(50):
            if not sum(self._answers([self._until_idle(each) for each in self.replicas[0]])):
                break
        else:
            raise Violation("the workers do not come to rest")
        return [task.result() for task in tasks[: len(asked)] if not task.cancelled()]

    async def _until_idle(self, worker: Worker) -> int:
        moved = 0
        while found := await worker.tick():
            moved += found
        return moved

    def _until(self, tasks: list[asyncio.Task[Any]], *, may_die: bool = False) -> None:
        """Step the loop, in any order, until all are done, or the process was killed."""
        for _ in range(TURN_STEPS_MAX):
            if all(task.done() for task in tasks):
                return
            if not self.loop.has_ready():
                raise Violation("somebody waits for nothing")
            ready = self.loop._ready
            ready.rotate(-self.chance.randrange(len(ready)) if len(ready) > 1 else 0)
            self.loop.step()
            if self.loop.failures or self.complaints.said:
                raise Violation(f"the server complains: {self.complaints.said} {self.loop.failures}")
            self.checker.check_if_changed(self.watch)
            if may_die and self._dies_in >= 0:
                self._dies_in -= 1
                if self._dies_in < 0:
                    self._killed(tasks)
        raise Violation("a turn does not end")

    def _killed(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Whoever was at work is gone, in the middle; others begin anew."""
        self.note("killed")
        self.happened["kills"] += 1
        for task in tasks:
            task.cancel()
        self.replicas = [self._workers() for _ in range(2)]

    def ask(self, operation: str, **request: Any) -> Any:
        """The answer of an operation of ssm by an administrator, asked while workers work."""
        answers = self.work(self._call(operation, request))
        return answers[0] if answers else None

    async def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(request).encode()
        headers = {
            "host": "127.0.0.1:8443",
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AmazonSSM.{operation}",
        }
        signed = sign_headers(
            Outgoing("POST", "/", "", headers, body),
            Credentials(*estate().key),
            region=REGION,
            service="ssm",
            now_ms=self.world.now_ms(),
        )
        lines = [(name.lower(), value) for name, value in signed.items()]
        answer = await self.app.pipeline.answer(HttpRequest("POST", "/", "", lines, body, client="127.0.0.1"))
        if answer.status != 200:
            raise Violation(f"{operation} {request}: {answer.status} {answer.body!r}")
        said: dict[str, Any] = json.loads(answer.body or b"{}")
        return said

    # Nodes: they do what they are handed, after a while, if they are there.

    def _hand_out(self) -> None:
        rows = self.database.read_sync(
            lambda tx: tx.all("SELECT job_id, node_id, topic FROM mailbox_jobs ORDER BY job_id")
        )
        for row in rows:
            job_id, node_id = row["job_id"], row["node_id"]
            if node_id in self.away or job_id in self._jobs:
                continue
            self._jobs.add(job_id)
            is_cancel = row["topic"].startswith(wire.TOPIC_CANCEL)
            took_s = self.chance.choice([1, 30, 300, 1200]) * self.chance.random()
            if self.chance.random() < 0.1:
                took_s = self.chance.choice([3, 40]) * 3600 * self.chance.random()
            self.after(2.0 if is_cancel else took_s, self._end, job_id, node_id, is_cancel)

    def _end(self, job_id: str, node_id: str, is_cancel: bool) -> None:
        if self.is_down or node_id in self.away:
            self.after(3600.0, self._end, job_id, node_id, is_cancel)
            return
        status = "Success" if self.chance.random() < 0.9 else "Failed"
        job = job_id
        if is_cancel:
            row = self.database.read_sync(
                lambda tx: tx.one(
                    "SELECT c.content FROM mailbox_jobs j JOIN mailbox_contents c USING (content_id)"
                    " WHERE job_id = :job_id",
                    job_id=job_id,
                )
            )
            status = "Cancelled"
            job = wire.read_cancel_content(row["content"]) if row else ""
        now_ms = self.world.now_ms()
        steps = {SHELL: result(status, 0 if status == "Success" else 1)}
        reply = {"documentStatus": status, "documentTraceOutput": "", "runtimeStatus": steps}

        def unit(tx: Transaction) -> None:
            if job:
                self.listener.acknowledged(tx, estate().scope, node_id, job, now_ms)
                self.listener.replied(tx, estate().scope, node_id, job, reply, now_ms)
            tx.run("DELETE FROM mailbox_jobs WHERE job_id = :job_id", job_id=job_id)

        self._answers([self.database.write(unit)])

    # What happens.

    def _forget(self) -> None:
        """What is older than 30 days by the clock that is there."""
        self._answers([self._until_idle(each) for each in self.forgetting])
        self.after(DAY_S, self._forget)

    def _away(self) -> None:
        node_id = self.chance.choice(self.node_ids)
        self.happened["nodes away"] += 1
        self.away.add(node_id)
        self.after(self.chance.random() * 3 * DAY_S, self.away.discard, node_id)

    def _down(self) -> None:
        if self.is_down:
            return
        self.note("down")
        self.happened["down"] += 1
        self.is_down = True
        for_s = self.chance.choice([60.0, 3600.0, 6 * 3600.0, 3 * DAY_S]) * self.chance.random()
        self.after(for_s, self._up)

    def _up(self) -> None:
        self.note("up")
        self.is_down = False
        self.replicas = [self._workers() for _ in range(2)]

    def _kill(self) -> None:
        self._dies_in = self.chance.randrange(1, 120)

    def _clock(self) -> None:
        self._jump(self.chance.choice([-7200, -600, -30, -1, 1, 30, 600, 7200]) * self.chance.random())

    def _wrong(self) -> None:
        """A clock that is wrong by weeks for some hours."""
        by_s = self.chance.choice([-40 * DAY_S, 40 * DAY_S])
        self._jump(by_s)
        self.after(self.chance.random() * 6 * 3600, self._jump, -by_s)

    def _jump(self, by_s: float) -> None:
        self.note("the clock jumps", by_s)
        self.happened["clock jumps"] += 1
        self.clock.skew_ms += round(by_s * 1000)
        self._look_s = self.clock.elapsed_s + AGAIN_S
