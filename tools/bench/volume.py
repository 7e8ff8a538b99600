"""Volume of Run Command: 100 MB of one node's output, 200 commands a second, and 100,000 commands kept."""

import asyncio
import hashlib
import random
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from tools.bench.client import Connection
from tools.bench.commands import real_agent, simulated
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.machine import cpu_seconds, resident_kb, row, spread

OUTPUT_BYTES = 100_000_000
PIECE_BYTES = 1_000_000
RANGE_BYTES = 1 << 20
SAMPLE_S = 0.05
SETTLE_S = 3.0
UNENDED = ("Pending", "InProgress")

NODES = 200
RATE = 200
QUERY_RATE = 20
SECONDS = 60
SENDERS = 16

# The node's program and the benchmark make the same bytes from the same seed.
PROGRAM = (
    f"import random,sys; r=random.Random(7)\n"
    f"for _ in range({OUTPUT_BYTES // PIECE_BYTES}): sys.stdout.buffer.write(r.randbytes({PIECE_BYTES}))"
)


def output() -> None:
    """100 MB of random bytes written by a script on one real node, kept whole, then read back by ranges."""
    with serving() as plane, real_agent(plane) as node_id:
        asyncio.run(_run(plane, node_id, "true"))
        time.sleep(SETTLE_S)
        for attempt in ("first", "second"):
            _output_once(plane, node_id, attempt)


def _output_once(plane: ControlPlane, node_id: str, attempt: str) -> None:
    before_kb, cpu_s, started = resident_kb(plane.process_id), cpu_seconds(plane.process_id), time.monotonic()
    with _peak(plane.process_id) as peak_kb:
        command_id = asyncio.run(_run(plane, node_id, f"{sys.executable} -c '{PROGRAM}'"))
    took_s, cpu_s = time.monotonic() - started, cpu_seconds(plane.process_id) - cpu_s
    time.sleep(SETTLE_S)
    after_kb, started = resident_kb(plane.process_id), time.monotonic()
    with _peak(plane.process_id) as reading_kb:
        told = asyncio.run(_read_back(plane, node_id, command_id))
    read_s = time.monotonic() - started
    megabytes = OUTPUT_BYTES / 1e6
    row(
        f"100 MB of output, until all is durable ({attempt})",
        f"{megabytes / took_s:.1f} MB/s",
        "",
        f"{took_s:.1f} s, server {cpu_s:.1f} s of CPU",
    )
    grown = (max(peak_kb + reading_kb) - before_kb) / 1024
    sizes = [before_kb, max(peak_kb), after_kb, max(reading_kb), resident_kb(plane.process_id)]
    steps = " / ".join(f"{kb / 1024:.1f}" for kb in sizes)
    remark = f"before / peak / after / reading / end {steps} MB"
    row(f"server memory grown by 100 MB of output ({attempt})", f"{grown:.1f} MB", "16 MB", remark)
    whole = "whole" if told == _digest() else "DAMAGED"
    row(f"read back by ranges, SHA-256 ({attempt})", f"{megabytes / read_s:.1f} MB/s", "whole", whole)


def _digest() -> str:
    made, digest = random.Random(7), hashlib.sha256()
    for _ in range(OUTPUT_BYTES // PIECE_BYTES):
        digest.update(made.randbytes(PIECE_BYTES))
    return digest.hexdigest()


@contextmanager
def _peak(process_id: int) -> Iterator[list[int]]:
    """The sizes of the process while the block runs, in KB."""
    sizes, ended = [resident_kb(process_id)], threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_S):
            sizes.append(resident_kb(process_id))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield sizes
    finally:
        ended.set()
        sampler.join()


async def _run(plane: ControlPlane, node_id: str, script: str) -> str:
    """Run a script on the node; the command's id once it has succeeded and its output is complete."""
    connection = Connection(plane.url, plane.ca)
    request = shell_command([node_id], script)
    command = (await connection.call("ssm", "SendCommand", request, plane.credentials))["Command"]
    asked = {"CommandId": command["CommandId"], "InstanceId": node_id}
    while True:
        found = await connection.call(
            "hostreeve", "GetCommandOutput", asked | {"Length": 1}, plane.credentials
        )
        if found["Complete"]:
            break
        await asyncio.sleep(SAMPLE_S)
    answer = await connection.call("ssm", "GetCommandInvocation", asked, plane.credentials)
    assert answer["Status"] == "Success", answer
    connection.close()
    return str(command["CommandId"])


async def _read_back(plane: ControlPlane, node_id: str, command_id: str) -> str:
    connection, digest, offset = Connection(plane.url, plane.ca), hashlib.sha256(), 0
    while True:
        asked = {"CommandId": command_id, "InstanceId": node_id, "Offset": offset, "Length": RANGE_BYTES}
        found = await connection.call("hostreeve", "GetCommandOutput", asked, plane.credentials)
        part = b64decode(found["Data"])
        digest.update(part)
        offset += len(part)
        if not part or offset == found["TotalBytes"]:
            break
    connection.close()
    return digest.hexdigest()


def shell_command(node_ids: list[str], script: str) -> dict[str, Any]:
    """A SendCommand request."""
    return {
        "DocumentName": "AWS-RunShellScript",
        "InstanceIds": node_ids,
        "Parameters": {"commands": [script]},
    }


def sustained() -> None:
    """200 commands a second for a minute, each to one of 200 simulated nodes, with history queries beside."""
    with serving() as plane, simulated(plane, NODES):
        time.sleep(SETTLE_S)
        cpu_s, before_kb = cpu_seconds(plane.process_id), resident_kb(plane.process_id)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            told = runner.run(_Minute(plane).run())
        cpu_s = cpu_seconds(plane.process_id) - cpu_s
        megabytes = (resident_kb(plane.process_id) - before_kb) / 1024
        sent = len(told.waits_ms["SendCommand"])
        row(
            f"commands sent in {told.took_s:.0f} s, all with their result",
            f"{sent / told.took_s:.1f}/s",
            f"{RATE}/s",
            f"server {cpu_s / told.took_s:.0%} of a core, memory +{megabytes:.1f} MB, "
            f"last result {told.lag_s:.2f} s after the last SendCommand",
        )
        for name, waits in told.waits_ms.items():
            budget = "" if name == "SendCommand" else "p99 < 20 ms"
            row(f"{name} meanwhile ({len(waits)})", spread(waits), budget, f"longest {max(waits):.1f} ms")


class _Minute:
    """An open loop: requests have their times, and a wait counts from then, not from when there was room."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.waits_ms: dict[str, list[float]] = {}
        self.took_s = self.lag_s = 0.0
        self._latest: tuple[str, str] = ("", "")

    async def run(self) -> "_Minute":
        node_ids = await self._nodes()
        started = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(SENDERS):
                tasks.create_task(self._send(number, node_ids))
            await asyncio.sleep(0.2)
            queries = self._queries()
            for place, (name, asked) in enumerate(queries.items()):
                # Not all at the same moment, or they would wait for one another.
                shift_s = place / QUERY_RATE / len(queries)
                tasks.create_task(self._paced(name, QUERY_RATE, shift_s, asked))
        self.took_s = time.monotonic() - started
        ended = time.monotonic()
        await self._until_all_ended()
        self.lag_s = time.monotonic() - ended
        return self

    def _queries(self) -> dict[str, Callable[[], tuple[str, dict[str, Any]]]]:
        def latest() -> dict[str, Any]:
            return {"CommandId": self._latest[0], "InstanceId": self._latest[1]}

        detailed = {"Details": True}
        return {
            "ListCommands, newest 50": lambda: ("ListCommands", {"MaxResults": 50}),
            "ListCommandInvocations, newest 50, Details": lambda: (
                "ListCommandInvocations",
                detailed | {"MaxResults": 50},
            ),
            "ListCommandInvocations of a command, Details": lambda: (
                "ListCommandInvocations",
                detailed | {"CommandId": self._latest[0]},
            ),
            "ListCommandInvocations of a node, Details": lambda: (
                "ListCommandInvocations",
                detailed | {"InstanceId": self._latest[1], "MaxResults": 50},
            ),
            "GetCommandInvocation": lambda: ("GetCommandInvocation", latest()),
        }

    async def _send(self, number: int, node_ids: list[str]) -> None:
        turn = iter(node_ids[number::SENDERS] * RATE)

        def asked() -> tuple[str, dict[str, Any]]:
            return "SendCommand", shell_command([next(turn)], "true")

        await self._paced("SendCommand", RATE / SENDERS, number / RATE, asked)

    async def _paced(
        self, name: str, rate: float, shift_s: float, asked: Callable[[], tuple[str, dict[str, Any]]]
    ) -> None:
        connection = Connection(self._plane.url, self._plane.ca)
        await connection.call("ssm", "ListCommands", {"MaxResults": 1}, self._plane.credentials)
        waits = self.waits_ms.setdefault(name, [])
        started = time.perf_counter() + shift_s
        for count in range(int(rate * SECONDS)):
            due = started + count / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            operation, request = asked()
            answer = await connection.call("ssm", operation, request, self._plane.credentials)
            waits.append((time.perf_counter() - due) * 1000)
            if operation == "SendCommand":
                self._latest = (answer["Command"]["CommandId"], request["InstanceIds"][0])
        connection.close()

    async def _nodes(self) -> list[str]:
        connection = Connection(self._plane.url, self._plane.ca)
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = await connection.call(
                "ssm", "DescribeInstanceInformation", {"MaxResults": 50} | token, self._plane.credentials
            )
            found += [node["InstanceId"] for node in page["InstanceInformationList"]]
            if "NextToken" not in page:
                connection.close()
                return found
            token = {"NextToken": page["NextToken"]}

    async def _until_all_ended(self) -> None:
        connection = Connection(self._plane.url, self._plane.ca)
        executing = {"Filters": [{"key": "ExecutionStage", "value": "Executing"}], "MaxResults": 1}
        while (await connection.call("ssm", "ListCommands", executing, self._plane.credentials))["Commands"]:
            await asyncio.sleep(0.01)
        failed = {"Filters": [{"key": "Status", "value": "Failed"}], "MaxResults": 1}
        answer = await connection.call("ssm", "ListCommands", failed, self._plane.credentials)
        assert not answer["Commands"], answer
        connection.close()


def run() -> None:
    output()
    sustained()
