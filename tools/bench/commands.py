"""Run Command: latency to one idle node, and fan-out to simulated nodes until every result is durable."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.bench.client import Connection
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.machine import cpu_seconds, resident_kb, row, spread

ROLE = "service-role/SSMServiceRole"
LATENCY_RUNS = 100
SETTLE_S = 3.0
NODES_PER_ACTIVATION = 1000
POLL_S = 0.001


def latency() -> None:
    """One real agent of ours on this machine, commands one after another."""
    with serving() as plane, real_agent(plane) as node_id:
        took = asyncio.run(_latencies(plane, node_id))
        row("one command to one idle node, accepted to Success visible", spread(took), "p50 15 ms, floor 30")


def fanout(counts: tuple[int, ...] = (100, 1000, 10_000)) -> None:
    """MaxConcurrency 100 %; the simulator shares the machine with the server."""
    for count in counts:
        with serving() as plane:
            before_kb = resident_kb(plane.process_id)
            with simulated(plane, count) as simulator:
                time.sleep(SETTLE_S)
                per_node = (resident_kb(plane.process_id) - before_kb) / count
                name = f"server memory per idle node over TLS, {count:,} nodes"
                row(name, f"{per_node:.1f} KB", "25 KB, floor 55")
                for attempt in ("first", "second"):
                    _fan_out(plane, count, attempt, simulator)


def _fan_out(plane: ControlPlane, count: int, attempt: str, simulator: "subprocess.Popen[str]") -> None:
    server_before = cpu_seconds(plane.process_id)
    simulated_before = _simulator_cpu(simulator)
    seconds = asyncio.run(_until_success(plane, count))
    server_s = cpu_seconds(plane.process_id) - server_before
    simulated_s = _simulator_cpu(simulator) - simulated_before
    budget = "2 s, floor 6 s" if count == 10_000 else ""
    remark = f"server {server_s:.2f} s of CPU, simulator {simulated_s:.2f} s"
    row(f"command to {count:,} simulated nodes, all durable ({attempt})", f"{seconds:.2f} s", budget, remark)


@contextmanager
def simulated(plane: ControlPlane, count: int) -> Iterator["subprocess.Popen[str]"]:
    """`count` simulated nodes, connected, tagged `Fleet=sim`."""
    command = [sys.executable, "-m", "tools.bench.simulator", plane.url, plane.ca, str(count)]
    simulator = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert simulator.stdin is not None and simulator.stdout is not None
    try:
        made = asyncio.run(activations(plane, count))
        simulator.stdin.write(json.dumps(made) + "\n")
        simulator.stdin.flush()
        started = time.monotonic()
        if simulator.stdout.readline().strip() != "connected":
            raise RuntimeError("the simulated nodes could not connect")
        took = time.monotonic() - started
        row(
            f"{count:,} nodes registered and connected",
            f"{took:.1f} s",
            "",
            f"{took / count * 1000:.1f} ms each",
        )
        yield simulator
    finally:
        simulator.kill()
        simulator.wait()


def _simulator_cpu(simulator: "subprocess.Popen[str]") -> float:
    assert simulator.stdin is not None and simulator.stdout is not None
    simulator.stdin.write("cpu\n")
    simulator.stdin.flush()
    return float(json.loads(simulator.stdout.readline())["CpuSeconds"])


async def activations(plane: ControlPlane, count: int) -> list[dict[str, str]]:
    """What `count` nodes register with, one each; a thousand of them share an activation."""
    connection = Connection(plane.url, plane.ca)
    made: list[dict[str, str]] = []
    while len(made) < count:
        limit = min(count - len(made), NODES_PER_ACTIVATION)
        wanted = {"IamRole": ROLE, "RegistrationLimit": limit, "Tags": [{"Key": "Fleet", "Value": "sim"}]}
        one = await connection.call("ssm", "CreateActivation", wanted, plane.credentials)
        made += [{"ActivationId": one["ActivationId"], "ActivationCode": one["ActivationCode"]}] * limit
    connection.close()
    return made


async def _until_success(plane: ControlPlane, count: int) -> float:
    connection = Connection(plane.url, plane.ca)
    request = {
        "DocumentName": "AWS-RunShellScript",
        "Targets": [{"Key": "tag:Fleet", "Values": ["sim"]}],
        "Parameters": {"commands": ["true"]},
        "MaxConcurrency": "100%",
        "MaxErrors": "0",
    }
    started = time.monotonic()
    command = (await connection.call("ssm", "SendCommand", request, plane.credentials))["Command"]
    while True:
        found = await _command(connection, plane, command["CommandId"])
        if found["Status"] not in ("Pending", "InProgress"):
            break
        await asyncio.sleep(0.05)
    seconds = time.monotonic() - started
    assert found["Status"] == "Success" and found["CompletedCount"] == count, found
    connection.close()
    return seconds


async def _command(connection: Connection, plane: ControlPlane, command_id: str) -> dict[str, Any]:
    answer = await connection.call("ssm", "ListCommands", {"CommandId": command_id}, plane.credentials)
    found: dict[str, Any] = answer["Commands"][0]
    return found


@contextmanager
def real_agent(plane: ControlPlane) -> Iterator[str]:
    """Our agent as a process on this machine; its node id."""
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-node-") as folder:
        activation = asyncio.run(activations(plane, 1))[0]
        hostreeve = [sys.executable, "-m", "hostreeve", "agent"]
        enrol = ["enrol", "--server", plane.url, "--ca", plane.ca, "--state", folder]
        enrol += [
            "--activation-id",
            activation["ActivationId"],
            "--activation-code",
            activation["ActivationCode"],
        ]
        subprocess.run([*hostreeve, *enrol], check=True, stdout=subprocess.DEVNULL)
        errors = Path(folder) / "bench.log"
        with errors.open("w") as log:
            agent = subprocess.Popen([*hostreeve, "run", "--state", folder], stdout=log, stderr=log)
        try:
            yield asyncio.run(_online(plane))
        finally:
            agent.terminate()
            agent.wait(10)


async def _online(plane: ControlPlane) -> str:
    connection = Connection(plane.url, plane.ca)
    for _ in range(600):
        answer = await connection.call("ssm", "DescribeInstanceInformation", {}, plane.credentials)
        online = [n for n in answer["InstanceInformationList"] if n["PingStatus"] == "Online"]
        if online:
            node_id: str = online[0]["InstanceId"]
            status = await connection.call(
                "ssm", "GetConnectionStatus", {"Target": node_id}, plane.credentials
            )
            if status["Status"] == "connected":
                connection.close()
                return node_id
        await asyncio.sleep(0.1)
    raise RuntimeError("the agent did not come online")


async def _latencies(plane: ControlPlane, node_id: str) -> list[float]:
    connection = Connection(plane.url, plane.ca)
    took = []
    for run in range(LATENCY_RUNS + 5):
        request = {
            "DocumentName": "AWS-RunShellScript",
            "InstanceIds": [node_id],
            "Parameters": {"commands": ["true"]},
        }
        started = time.perf_counter()
        command = (await connection.call("ssm", "SendCommand", request, plane.credentials))["Command"]
        asked = {"CommandId": command["CommandId"], "InstanceId": node_id}
        while True:
            answer = await connection.call("ssm", "GetCommandInvocation", asked, plane.credentials)
            if answer["Status"] not in ("Pending", "InProgress"):
                break
            # Asking without a pause would measure how three programs share two cores.
            await asyncio.sleep(POLL_S)
        assert answer["Status"] == "Success", answer
        if run >= 5:
            took.append((time.perf_counter() - started) * 1000)
    connection.close()
    return took
