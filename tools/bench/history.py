"""Flat cost: the operations of Run Command beside 100, 10,000 and 100,000 stored commands."""

import asyncio
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from hostreeve.app.compose import SCHEMAS
from hostreeve.capabilities.commands.model.command import Command, Step
from hostreeve.capabilities.commands.store import commands, invocations
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction, open_database
from tools.bench.client import WORLD, Connection
from tools.bench.commands import simulated
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.machine import percentile, row

STORED = (100, 10_000, 100_000)
BATCH = 2_000
RUNS = 200
NODES = 10
RARE = 5
"""The oldest commands are the only ones that failed, the only ones of their document and of their node: a
query for them that walks from the newest on walks past everything."""
SETTLE_S = 2.0
DAY_MS = 86_400_000

Asked = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Cost:
    """Of one request: the server's processor time, and what its caller waited."""

    cpu_us: float
    p50_ms: float


def run() -> None:
    """Print every operation's cost at the three sizes. It is processor time: others may be at work."""
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-") as folder:
        state = Path(folder) / "state"
        with serving(state) as plane, simulated(plane, 1):
            time.sleep(SETTLE_S)
            asyncio.run(_send(plane, 1))
        costs = []
        for count in STORED:
            _fill(state, count)
            with serving(state) as plane, simulated(plane, NODES):
                time.sleep(SETTLE_S)
                costs.append(asyncio.run(_costs(plane)))
    for name in costs[0]:
        every = [cost[name] for cost in costs]
        figure = " / ".join(f"{cost.cpu_us:,.0f}" for cost in every) + " us"
        waits = " / ".join(f"{cost.p50_ms:.1f}" for cost in every)
        grown = every[-1].cpu_us / every[0].cpu_us - 1
        row(name, figure, "within 20 %", f"{grown:+.0%}; p50 {waits} ms")


async def _costs(plane: ControlPlane) -> dict[str, Cost]:
    connection = Connection(plane.url, plane.ca)
    costs = {"SendCommand, until Success": await _send(plane, RUNS)}
    for name, (operation, request) in _asked().items():
        waits: list[float] = []
        for number in range(RUNS + 20):
            if number == 20:
                waits.clear()
                before_s = processor_s(plane.process_id)
            started = time.perf_counter()
            await connection.call("ssm", operation, request, plane.credentials)
            waits.append((time.perf_counter() - started) * 1000)
        used_s = processor_s(plane.process_id) - before_s
        costs[name] = Cost(used_s / RUNS * 1e6, percentile(waits, 0.5))
    connection.close()
    return costs


def _asked() -> dict[str, Asked]:
    old, rare = _command_id(2), {"MaxResults": 10}
    details = {"Details": True, "MaxResults": 10}

    def narrowed(key: str, value: str) -> dict[str, Any]:
        return rare | {"Filters": [{"key": key, "value": value}]}

    return {
        "ListCommands": ("ListCommands", rare),
        "ListCommands of a node": ("ListCommands", rare | {"InstanceId": _node_id(1)}),
        "ListCommands of a node with few, long ago": ("ListCommands", rare | {"InstanceId": _node_id(NODES)}),
        "ListCommands, Status rare": ("ListCommands", narrowed("Status", "Failed")),
        "ListCommands, Status common": ("ListCommands", narrowed("Status", "Success")),
        "ListCommands, ExecutionStage Executing": ("ListCommands", narrowed("ExecutionStage", "Executing")),
        "ListCommands, ExecutionStage Complete": ("ListCommands", narrowed("ExecutionStage", "Complete")),
        "ListCommands, DocumentName rare": ("ListCommands", narrowed("DocumentName", "Rare")),
        "ListCommands, DocumentName common": (
            "ListCommands",
            narrowed("DocumentName", "AWS-RunShellScript"),
        ),
        "ListCommandInvocations, Details": ("ListCommandInvocations", details),
        "ListCommandInvocations of a command, Details": (
            "ListCommandInvocations",
            {"Details": True, "CommandId": old},
        ),
        "ListCommandInvocations of a node, Details": (
            "ListCommandInvocations",
            details | {"InstanceId": _node_id(1)},
        ),
        "ListCommandInvocations, Status rare": ("ListCommandInvocations", narrowed("Status", "Failed")),
        "ListCommandInvocations, DocumentName rare": (
            "ListCommandInvocations",
            narrowed("DocumentName", "Rare"),
        ),
        "ListCommandInvocations, DocumentName common": (
            "ListCommandInvocations",
            narrowed("DocumentName", "AWS-RunShellScript"),
        ),
        "GetCommandInvocation": (
            "GetCommandInvocation",
            {"CommandId": old, "InstanceId": _node_id(NODES)},
        ),
    }


async def _send(plane: ControlPlane, count: int) -> Cost:
    """So many commands, one after another, to the nodes that are connected; the cost of the whole life."""
    connection = Connection(plane.url, plane.ca)
    node_ids = await _connected(connection, plane)
    waits, before_s = [], processor_s(plane.process_id)
    for number in range(count):
        request = {
            "DocumentName": "AWS-RunShellScript",
            "InstanceIds": [node_ids[number % len(node_ids)]],
            "Parameters": {"commands": ["true"]},
        }
        started = time.perf_counter()
        answer = await connection.call("ssm", "SendCommand", request, plane.credentials)
        waits.append((time.perf_counter() - started) * 1000)
    await _until_ended(connection, plane, answer["Command"]["CommandId"])
    used_s = processor_s(plane.process_id) - before_s
    connection.close()
    return Cost(used_s / count * 1e6, percentile(waits, 0.5))


async def _connected(connection: Connection, plane: ControlPlane) -> list[str]:
    """The nodes that are here now; those of the round before may still be shown as online."""
    answer = await connection.call("ssm", "DescribeInstanceInformation", {}, plane.credentials)
    found = []
    for node in answer["InstanceInformationList"]:
        asked = {"Target": node["InstanceId"]}
        told = await connection.call("ssm", "GetConnectionStatus", asked, plane.credentials)
        if told["Status"] == "connected":
            found.append(node["InstanceId"])
    return found


async def _until_ended(connection: Connection, plane: ControlPlane, command_id: str) -> None:
    asked = {"CommandId": command_id}
    for _ in range(500):
        answer = await connection.call("ssm", "ListCommands", asked, plane.credentials)
        if answer["Commands"][0]["Status"] == "Success":
            return
        await asyncio.sleep(0.02)
    raise RuntimeError("the last command did not end")


def processor_s(process_id: int) -> float:
    """Processor time of all threads to the nanosecond; /proc/PID/stat counts hundredths of a second."""
    threads = Path(f"/proc/{process_id}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def _fill(state: Path, count: int) -> None:
    """So many ended commands in all, of one node each, written while no server runs on the store."""
    database = open_database(f"sqlite:///{state}/hostreeve.db", WORLD, SCHEMAS)
    try:
        first = database.read_sync(_template)
        have = database.read_sync(_stored)
        for start in range(have, count, BATCH):
            numbers = range(start, min(start + BATCH, count))
            database.write_sync(partial(_insert, template=first, numbers=numbers))
    finally:
        database.close()


def _template(tx: Transaction) -> tuple[Scope, Command]:
    """A command that the server itself has accepted."""
    found = tx.one("SELECT account, region, request FROM commands ORDER BY requested_ms DESC LIMIT 1")
    assert found is not None
    scope = Scope(found["account"], found["region"])
    return scope, msgspec.json.decode(found["request"], type=Command)


def _stored(tx: Transaction) -> int:
    found = tx.one("SELECT count(*) AS n FROM commands WHERE command_id LIKE '00000000-%'")
    return int(found["n"]) if found else 0


def _insert(tx: Transaction, template: tuple[Scope, Command], numbers: range) -> None:
    scope, like = template
    for number in numbers:
        is_rare = number < RARE
        node_id = _node_id(NODES if is_rare else number % NODES)
        command = msgspec.structs.replace(
            like,
            command_id=_command_id(number),
            document_name="Rare" if is_rare else like.document_name,
            instance_ids=[node_id],
            requested_ms=like.requested_ms - DAY_MS + number * (DAY_MS // STORED[-1]) // 2,
        )
        status = "Failed" if is_rare else "Success"
        commands.insert(tx, scope, command, status=status, due_ms=None)
        commands.count(tx, scope, command.command_id, {"total": 1, status.lower(): 1})
        invocation: Mapping[str, Any] = {
            "node_id": node_id,
            "node_name": "",
            "requested_ms": command.requested_ms,
            "status": status,
            "is_sent": 1,
        }
        invocations.insert(tx, scope, command.command_id, [dict(invocation)])
        invocations.keep_step(tx, scope, command.command_id, node_id, _step(command, status))


def _step(command: Command, status: str) -> Step:
    step_id, plugin = command.steps[0]
    return Step(
        step_id=step_id,
        plugin=plugin,
        status=status,
        code=0,
        started_ms=command.requested_ms,
        ended_ms=command.requested_ms + 50,
        output="ok\n",
        stdout="ok\n",
        stderr="",
        stdout_bytes=3,
        stderr_bytes=0,
    )


def _command_id(number: int) -> str:
    # Ids of commands are random, so their rows lie anywhere in the tables; the first group marks ours.
    return "00000000" + str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))[8:]


def _node_id(number: int) -> str:
    return f"mi-{number:017x}"
