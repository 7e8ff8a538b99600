"""A control plane and its fleet in one thread on virtual time, with every fault that chance can think of.

One seed decides everything. `Simulation(seed).run()` raises a Violation, or answers what happened.
"""

import asyncio
import hashlib
import heapq
import logging
import random
import shutil
import tempfile
from collections import Counter, deque
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.simulation.invariants import OPEN, Checker
from tests.simulation.ledger import Ledger, Violation
from tests.simulation.network import Connection
from tests.simulation.nodes import Node
from tests.simulation.official import OfficialNode
from tests.simulation.ours import OurNode
from tests.simulation.server import GROUPS, Complaints, Server, estate
from tests.simulation.virtual import Clock

REST_S = 4 * 3600.0
"""The longest that a healed fleet may take to come to rest."""

EVERY_S = {
    "send": 25.0,
    "cancel": 90.0,
    "crash": 20.0,
    "cut": 8.0,
    "offline": 120.0,
    "kill_soon": 30.0,
    "clock": 240.0,
}
"""How often, on average, what happens."""


@dataclass
class Report:
    """What a run was like. Two runs of one seed have the same `digest`."""

    seed: int
    nodes: int
    steps: int
    commands: int
    checks: int
    virtual_s: float
    happened: Counter[str]
    digest: str


class Simulation:
    """`faulty_s`: virtual seconds of trouble before everything heals."""

    def __init__(self, seed: int, *, nodes: int = 0, faulty_s: float = 600.0) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.clock = Clock()
        self.ledger = Ledger()
        self.checker = Checker(self.ledger, self.note)
        self.is_faulty = True
        self.faulty_s = faulty_s
        self.happened: Counter[str] = Counter()
        self.tail: deque[str] = deque(maxlen=300)
        self.steps = 0
        shm = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="hostreeve-sim-", dir=shm if shm.is_dir() else None))
        self._digest = hashlib.sha256()
        self._serial = 0
        self._events: list[tuple[float, int, Any, tuple[Any, ...]]] = []
        self._order = count()
        self._dies_in, self._is_doomed = -1, False
        self._dead: list[Server] = []
        self.server: Server | None = None
        self.complaints = Complaints()
        number = nodes or self.chance.randint(20, 60)
        kinds = [OurNode if self.chance.random() < 0.7 else OfficialNode for _ in range(number)]
        self.nodes: list[Node] = [
            kind(self, node_id, seed) for kind, node_id in zip(kinds, estate().node_ids, strict=False)
        ]

    # What nodes and the network ask for.

    def after(self, seconds: float, act: Any, *args: Any) -> None:
        heapq.heappush(self._events, (self.clock.elapsed_s + seconds, next(self._order), act, args))

    def delay_s(self) -> float:
        """How long a frame is on its way: mostly little."""
        slow = self.is_faulty and self.chance.random() < 0.02
        return self.chance.random() * (5.0 if slow else 0.03)

    def elapsed_s(self) -> float:
        return self.clock.elapsed_s

    def arrived(self) -> None:
        """The moments in which the server has to do with a frame are those to kill it in."""
        if self._is_doomed:
            self._is_doomed, self._dies_in = False, self.chance.randrange(12)

    def note(self, *words: Any) -> None:
        line = f"{self.clock.elapsed_s:.3f} {' '.join(map(str, words))}"
        self._digest.update(line.encode())
        self.tail.append(line)

    def dial(self, node: Node) -> Connection | None:
        return Connection(self, self.server, node) if self.server is not None else None

    def token(self, node_id: str) -> str | None:
        return self.server.token(node_id) if self.server is not None else None

    def starts(self, node: Node, job_id: str) -> None:
        """A node starts a step: may it?"""
        if not node.is_ours:
            self.checker.status_of(job_id)
            return
        job = node.jobs[job_id]
        if self.ledger.starts[job_id, job.steps[job.part]]:
            raise Violation(f"{job_id} {job.steps[job.part]} is started twice")
        if job.part == 0:
            if self.clock.wall_ms() >= job.expires_ms:
                raise Violation(f"{job_id} is started after it expired")
            status = self.checker.status_of(job_id)
            if status not in OPEN and self.clock.latest_ms < self.checker.expires_ms(job_id):
                raise Violation(f"{job_id} is started while it is {status}")

    # The run.

    def run(self) -> Report:
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
            self._bury()
            log.removeHandler(self.complaints)
            log.level, log.propagate = before
            shutil.rmtree(self.folder, ignore_errors=True)
        return Report(
            seed=self.seed,
            nodes=len(self.nodes),
            steps=self.steps,
            commands=len(self.checker.commands),
            checks=self.checker.checks,
            virtual_s=self.clock.elapsed_s,
            happened=self.happened,
            digest=self._digest.hexdigest(),
        )

    def _run(self) -> None:
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{estate().path}{suffix}", self.folder / f"0.db{suffix}")
        self._start_server()
        for node in self.nodes:
            self.after(self.chance.random() * 10, node.boot)
        for name, mean_s in EVERY_S.items():
            self._again(name, mean_s)
        self.after(self.faulty_s, self._heal)
        while not self._is_at_rest():
            self._turn()
        assert self.server is not None
        self.checker.check_at_rest(self.server.watch, {node.node_id for node in self.nodes if node.is_ours})

    def _turn(self) -> None:
        """One callback of the server, or one event elsewhere; time passes only when neither is due."""
        server, now_s = self.server, self.clock.elapsed_s
        is_due = bool(self._events) and self._events[0][0] <= now_s
        is_ready = server is not None and server.loop.has_ready()
        if server is not None and is_ready and not (is_due and self.chance.random() < 0.3):
            self._step(server)
        elif is_due:
            _, _, act, args = heapq.heappop(self._events)
            act(*args)
        else:
            next_s = [self._events[0][0]] if self._events else []
            timer_s = server.loop.next_s() if server is not None else None
            self.clock.elapsed_s = min(next_s + ([] if timer_s is None else [timer_s]))
            self.clock.wall_ms()

    def _step(self, server: Server) -> None:
        self.steps += 1
        server.loop.step()
        if server.loop.failures or self.complaints.said:
            raise Violation(f"the server complains: {self.complaints.said} {server.loop.failures}")
        self.checker.check_if_changed(server.watch)
        if self._dies_in >= 0:
            self._dies_in -= 1
            if self._dies_in < 0:
                self._kill()

    def _is_at_rest(self) -> bool:
        if self.is_faulty or self.server is None:
            return False
        if not self.checker.unended() and all(node.is_quiet for node in self.nodes):
            return True
        latest_ms = max((seen.expires_ms for seen in self.checker.commands.values()), default=0)
        if self.clock.elapsed_s > self.faulty_s + REST_S and self.clock.wall_ms() > latest_ms + 3_600_000:
            busy = {node.node_id: list(node.jobs) for node in self.nodes if not node.is_quiet}
            raise Violation(f"it never comes to rest: {self.checker.unended()} {busy}")
        return False

    # The server's lives.

    def _start_server(self) -> None:
        self.note("server starts", self._serial)
        self.server = Server(self.folder, self.clock, seed=self.seed, serial=self._serial, estate=estate())
        self.checker.forget_version()

    def _kill(self) -> None:
        server = self.server
        assert server is not None
        self.note("server is killed")
        self.happened["kills"] += 1
        self._serial += 1
        server.kill(self.folder, self._serial)
        self._dead.append(server)
        self._bury_old()
        self.server = None
        for node in self.nodes:
            if node.connection is not None:
                node.connection.end()
        self.after(self.chance.random() * (30 if self.chance.random() < 0.3 else 3), self._start_server)

    def _bury_old(self) -> None:
        for server in self._dead:
            server.bury()
        self._dead.clear()
        self.complaints.said.clear()

    def _bury(self) -> None:
        if self.server is not None:
            self._dead.append(self.server)
        self._bury_old()

    def _heal(self) -> None:
        self.note("everything heals")
        self.is_faulty = False
        self._dies_in, self._is_doomed = -1, False

    # What happens to them.

    def _again(self, name: str, mean_s: float) -> None:
        def happen() -> None:
            if self.is_faulty:
                getattr(self, f"_{name}")()
                self._again(name, mean_s)

        self.after(self.chance.expovariate(1 / mean_s), happen)

    def _send(self) -> None:
        if self.server is None:
            return
        request: dict[str, Any] = {
            "MaxConcurrency": self.chance.choice(["1", "2", "5", "50", "10%", "50%", "100%"]),
            "MaxErrors": self.chance.choice(["0", "1", "3", "10%", "50%", "100%"]),
            "TimeoutSeconds": self.chance.choice([30, 60, 300, 900]),
        }
        timeout = str(self.chance.choice([5, 20, 120]))
        if self.chance.random() < 0.5:
            request |= {"DocumentName": "Three", "Parameters": {"executionTimeout": [timeout]}}
        else:
            parameters = {"commands": ["id"], "executionTimeout": [timeout]}
            request |= {"DocumentName": "AWS-RunShellScript", "Parameters": parameters}
        if self.chance.random() < 0.6:
            chosen = self.chance.sample(self.nodes, self.chance.randint(1, min(12, len(self.nodes))))
            request["InstanceIds"] = [node.node_id for node in chosen]
        else:
            values = sorted({str(self.chance.randrange(GROUPS)) for _ in range(2)})
            request["Targets"] = [{"Key": "tag:group", "Values": values}]
        self._ask("SendCommand", request)

    def _cancel(self) -> None:
        unended = self.checker.unended()
        if self.server is None or not unended:
            return
        command_id = self.chance.choice(unended)
        request: dict[str, Any] = {"CommandId": command_id}
        node_ids = sorted(self.checker.commands[command_id].rows)
        if node_ids and self.chance.random() < 0.5:
            request["InstanceIds"] = self.chance.sample(
                node_ids, self.chance.randint(1, min(5, len(node_ids)))
            )
        self._ask("CancelCommand", request)

    def _ask(self, operation: str, request: dict[str, Any]) -> None:
        assert self.server is not None
        server = self.server
        self.note("asks", operation, request)
        self.happened[operation] += 1

        def answered(task: asyncio.Task[dict[str, Any]]) -> None:
            if not server.is_alive or task.cancelled():
                return
            answer = task.result()
            self.note("answered", operation, answer.get("error", ""), answer.get("said", ""))
            # A clock that jumps between signing and looking makes any signature wrong.
            if answer.get("error", 0) not in (0, 400, 403):
                raise Violation(f"{operation} {request}: {answer}")
            if answer.get("error"):
                self.happened[f"{operation} refused"] += 1
            elif operation == "SendCommand":
                self.ledger.answered.append(answer["Command"]["CommandId"])

        server.run(server.call(operation, **request)).add_done_callback(answered)

    def _crash(self) -> None:
        self.happened["crashes"] += 1
        self.chance.choice(self.nodes).crash(machine=self.chance.random() < 0.5)

    def _cut(self) -> None:
        connected = [node for node in self.nodes if node.connection is not None]
        if connected:
            self.happened["cuts"] += 1
            node = self.chance.choice(connected)
            assert node.connection is not None
            late = 60.0 if self.chance.random() < 0.3 else 1.0
            self.note("cut", node.node_id)
            node.connection.cut(self.chance.random() * late, self.chance.random() * late)

    def _offline(self) -> None:
        """A node is away for a while: its network is, or it sleeps."""
        node = self.chance.choice(self.nodes)
        if node.connection is not None:
            self.happened["nodes offline"] += 1
            self.note("offline", node.node_id)
            node.connection.cut(self.chance.random() * 60, self.chance.random() * 400)

    def _kill_soon(self) -> None:
        if self.chance.random() < 0.2:
            self._dies_in = self.chance.randrange(500)
        else:
            self._is_doomed = True

    def _clock(self) -> None:
        by_s = self.chance.choice([-1800, -60, -1, 1, 30, 300, 1800]) * self.chance.random()
        self.note("the clock jumps", by_s)
        self.happened["clock jumps"] += 1
        self.clock.skew_ms += round(by_s * 1000)
