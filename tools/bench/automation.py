"""Automation: steps a second that are on disk, what a step costs one execution, and what waiting costs.

`EXECUTIONS=200 make bench B=automation` makes it shorter (1,000 by default).
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import apsw

from hostreeve.app.compose import SCHEMAS
from hostreeve.capabilities.automations.model.execution import Asked, Execution, State
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.capabilities.automations.store import executions
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction, open_database
from tools.bench.client import WORLD, Connection
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.history import processor_s
from tools.bench.machine import row

EXECUTIONS = int(os.environ.get("EXECUTIONS", "1000"))
STEPS = 10
CALLERS = 8
ALONE = 20
TARGETS = 10_000
MAPS_MAX = 300
HELD = 100_000
IDLE_S = 20.0
SETTLE_S = 4.0
PATIENCE_S = 300.0
BATCH = 2_000
ENDED = "SELECT count(*) FROM automation_executions WHERE ended_ms IS NOT NULL AND status = 'Success'"


def run() -> None:
    """Executions of ten steps that wait for nothing: half call an operation, half write a variable."""
    with serving() as plane:
        asyncio.run(_steps(plane))
    _targets()
    _waiting()


async def _steps(plane: ControlPlane) -> None:
    connections = [Connection(plane.url, plane.ca) for _ in range(CALLERS)]
    await _write(connections[0], plane)
    watch = apsw.Connection(f"{plane.state}/hostreeve.db", flags=apsw.SQLITE_OPEN_READONLY)
    for number in range(ALONE):
        await _start(connections[0], plane)
        await _until(watch, number + 1)
    alone = _spans(watch, 0)
    before_s = processor_s(plane.process_id)
    shares = [EXECUTIONS // CALLERS] * CALLERS
    await asyncio.gather(*(_start_many(c, plane, n) for c, n in zip(connections, shares, strict=True)))
    await _until(watch, ALONE + sum(shares))
    used_s = processor_s(plane.process_id) - before_s
    began_ms, ended_ms = watch.execute(
        "SELECT min(started_ms), max(ended_ms) FROM (SELECT started_ms, ended_ms FROM automation_executions"
        " ORDER BY started_ms DESC LIMIT ?)",
        (sum(shares),),
    ).fetchone()  # type: ignore[misc]
    steps = sum(shares) * STEPS
    rate = steps / max(0.001, (ended_ms - began_ms) / 1000)
    row(f"{sum(shares):,} executions of {STEPS} steps, durable", f"{rate:,.0f} steps/s", "300 steps/s")
    row("  processor time for a step", f"{used_s / steps * 1000:.2f} ms", "", "starting them included")
    alone.sort()
    figure = f"p50 {alone[len(alone) // 2] / STEPS:.1f} ms"
    row("a step of one execution by itself", figure, "15 ms", f"slowest execution {alone[-1]} ms")
    watch.close()
    for connection in connections:
        connection.close()


def _spans(watch: apsw.Connection, after: int) -> list[int]:
    found = watch.execute("SELECT ended_ms - started_ms FROM automation_executions").fetchall()
    return [int(span) for (span,) in found[after:]]


async def _write(connection: Connection, plane: ControlPlane) -> None:
    """The runbook."""
    listed = []
    for number in range(STEPS):
        if number % 2:
            value = {"Name": "variable:x", "Value": f"{number}"}
            listed.append({"name": f"s{number}", "action": "aws:updateVariable", "inputs": value})
        else:
            asked = {"Service": "ssm", "Api": "GetParameters", "Names": ["{{ variable:x }}"]}
            listed.append({"name": f"s{number}", "action": "aws:executeAwsApi", "inputs": asked})
    variables = {"x": {"type": "String", "default": "a"}}
    parameters = {"P": {"type": "String", "default": "p"}}
    content = {"schemaVersion": "0.3", "variables": variables, "parameters": parameters, "mainSteps": listed}
    asked = {"Name": "Bench", "DocumentType": "Automation", "Content": json.dumps(content)}
    await connection.call("ssm", "CreateDocument", asked, plane.credentials)


async def _start(connection: Connection, plane: ControlPlane, **more: object) -> None:
    asked = {"DocumentName": "Bench", **more}
    await connection.call("ssm", "StartAutomationExecution", asked, plane.credentials)


async def _start_many(connection: Connection, plane: ControlPlane, count: int) -> None:
    for _ in range(count):
        await _start(connection, plane)


async def _until(watch: apsw.Connection, count: int) -> None:
    began_s = time.monotonic()
    while watch.execute(ENDED).fetchone()[0] < count:  # type: ignore[index]
        assert time.monotonic() - began_s < PATIENCE_S, "not all have ended well"
        await asyncio.sleep(0.01)


def _targets() -> None:
    """A rate-controlled execution: what its later children cost, against the earlier ones."""
    count = min(TARGETS, EXECUTIONS * 3)
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-") as folder:
        state = Path(folder) / "state"
        with serving(state) as plane:
            asyncio.run(_spread(plane, count))


async def _spread(plane: ControlPlane, count: int) -> None:
    connection = Connection(plane.url, plane.ca)
    await _write(connection, plane)
    watch = apsw.Connection(f"{plane.state}/hostreeve.db", flags=apsw.SQLITE_OPEN_READONLY)
    began_s = time.monotonic()
    for first in range(0, count, MAPS_MAX):
        many = [{"P": [f"t{number}"]} for number in range(first, min(first + MAPS_MAX, count))]
        await _start(connection, plane, TargetMaps=many, MaxConcurrency="100")
    await _until(watch, count + -(-count // MAPS_MAX))
    seconds = time.monotonic() - began_s
    row(f"rate control, {count:,} targets", f"{count / seconds:,.0f} targets/s", "", "100 at once each")
    connection.close()
    watch.close()


def _waiting() -> None:
    """Executions that wait for a person cost an idle server nothing."""
    held = min(HELD, EXECUTIONS * 100)
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-") as folder:
        state = Path(folder) / "state"
        empty = _idle_share(state)
        database = open_database(f"sqlite:///{state}/hostreeve.db", WORLD, SCHEMAS)
        waiting = _waiters(held)
        while several := list(islice(waiting, BATCH)):
            database.write_sync(partial(_insert_all, several))
        database.close()
        share = _idle_share(state)
        row(f"{held:,} executions wait, idle processor", f"{share:.2f} %", "< 1 %", f"{empty:.2f} % without")


def _idle_share(state: Path) -> float:
    with serving(state) as plane:
        time.sleep(SETTLE_S)
        before_s = processor_s(plane.process_id)
        time.sleep(IDLE_S)
        return (processor_s(plane.process_id) - before_s) / IDLE_S * 100


def _waiters(count: int) -> Iterator[Execution]:
    asked = Asked(document_name="Bench", document_version="1", document_arn="", hash="h")
    scope = Scope("800000000000", "us-east-1")
    for _ in range(count):
        yield Execution(
            account=scope.account,
            region=scope.region,
            execution_id=WORLD.uuid(),
            status=Status.WAITING,
            asked=asked,
            state=State(at=0, next_number=1),
            holds_slot=True,
            started_ms=WORLD.now_ms(),
        )


def _insert_all(several: list[Execution], tx: Transaction) -> None:
    for one in several:
        executions.insert(tx, one)
