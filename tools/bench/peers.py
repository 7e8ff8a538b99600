"""Fan-out to twenty local nodes: Hostreeve beside Ansible and Salt in one run, each in a throw-away
environment."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tools.bench.client import Connection
from tools.bench.commands import activations
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.machine import row

NODES = 20
RUNS = 5
MINIONS_S = 240.0
"""How long Salt's minions get to answer for the first time."""


def run() -> None:
    row(f"a command to {NODES} local nodes, Hostreeve", f"{_hostreeve() * 1000:.0f} ms", "100 ms, floor 200")
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-peers-") as folder:
        for name, measure in (
            ("Ansible (local connections)", _ansible),
            ("Salt (master and minions)", _salt),
        ):
            try:
                row(f"a command to {NODES} local nodes, {name}", f"{measure(Path(folder)) * 1000:.0f} ms")
            except (OSError, subprocess.SubprocessError, RuntimeError) as error:
                row(f"a command to {NODES} local nodes, {name}", "not run", "", str(error)[-160:])


def _hostreeve() -> float:
    with serving() as plane, tempfile.TemporaryDirectory() as folder, _agents(plane, folder):
        return asyncio.run(_fastest(plane))


@contextlib.contextmanager
def _agents(plane: ControlPlane, folder: str) -> Iterator[None]:
    hostreeve = [sys.executable, "-m", "hostreeve", "agent"]
    activation = asyncio.run(activations(plane, NODES))[0]
    agents = []
    try:
        for number in range(NODES):
            state = f"{folder}/{number}"
            enrol = ["enrol", "--server", plane.url, "--ca", plane.ca, "--state", state]
            enrol += ["--activation-id", activation["ActivationId"]]
            enrol += ["--activation-code", activation["ActivationCode"]]
            subprocess.run([*hostreeve, *enrol], check=True, stdout=subprocess.DEVNULL)
            agents.append(
                subprocess.Popen(
                    [*hostreeve, "run", "--state", state],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        asyncio.run(_all_online(plane))
        yield
    finally:
        for agent in agents:
            agent.terminate()
        for agent in agents:
            agent.wait(10)


async def _all_online(plane: ControlPlane) -> None:
    connection = Connection(plane.url, plane.ca)
    for _ in range(300):
        request = {"MaxResults": 50}
        answer = await connection.call("ssm", "DescribeInstanceInformation", request, plane.credentials)
        nodes = [n for n in answer["InstanceInformationList"] if n["PingStatus"] == "Online"]
        statuses = [
            await connection.call(
                "ssm", "GetConnectionStatus", {"Target": n["InstanceId"]}, plane.credentials
            )
            for n in nodes
        ]
        if sum(s["Status"] == "connected" for s in statuses) == NODES:
            return
        await asyncio.sleep(0.2)
    raise RuntimeError("not all agents came online")


async def _fastest(plane: ControlPlane) -> float:
    """The median of several runs, after one that warms up."""
    connection = Connection(plane.url, plane.ca)
    request = {
        "DocumentName": "AWS-RunShellScript",
        "Targets": [{"Key": "tag:Fleet", "Values": ["sim"]}],
        "Parameters": {"commands": ["true"]},
        "MaxConcurrency": "100%",
    }
    took = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        command = (await connection.call("ssm", "SendCommand", request, plane.credentials))["Command"]
        asked = {"CommandId": command["CommandId"]}
        while True:
            found = (await connection.call("ssm", "ListCommands", asked, plane.credentials))["Commands"][0]
            if found["Status"] not in ("Pending", "InProgress"):
                break
            await asyncio.sleep(0.002)
        assert found["Status"] == "Success", found
        took.append(time.perf_counter() - started)
    return sorted(took[1:])[RUNS // 2]


def _ansible(folder: Path) -> float:
    venv = environment(folder / "ansible", "ansible-core")
    inventory = folder / "hosts"
    line = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    inventory.write_text("".join(f"n{number} {line}\n" for number in range(NODES)))
    command = [str(venv / "bin" / "ansible"), "all", "-i", str(inventory), "-f", str(NODES)]
    return _median([*command, "-m", "command", "-a", "true"])


def _salt(folder: Path) -> float:
    venv = environment(folder / "salt", "salt")
    programs = venv / "bin"
    ports = {"publish_port": 24505, "ret_port": 24506}
    (folder / "master").mkdir()
    settings = {
        "user": "root",
        "interface": "127.0.0.1",
        "auto_accept": True,
        "root_dir": str(folder / "master"),
        **ports,
    }
    _write_yaml(folder / "master" / "master", settings)
    children = [_quiet([str(programs / "salt-master"), "-c", str(folder / "master")])]
    try:
        for number in range(NODES):
            home = folder / f"minion{number}"
            home.mkdir()
            _write_yaml(
                home / "minion",
                {
                    "user": "root",
                    "id": f"n{number}",
                    "master": "127.0.0.1",
                    "master_port": 24506,
                    "root_dir": str(home),
                    "publish_port": 24505,
                },
            )
            children.append(_quiet([str(programs / "salt-minion"), "-c", str(home)]))
        # cmd.run of a silent program prints no line of a minion at all; its exit code is always said.
        # `true` alone would be YAML's, and reach the minions as True.
        salt = [
            str(programs / "salt"),
            "-c",
            str(folder / "master"),
            "--out=txt",
            "*",
            "cmd.retcode",
            "/bin/true",
        ]
        deadline = time.monotonic() + MINIONS_S
        while time.monotonic() < deadline:
            done = subprocess.run(salt, capture_output=True, text=True, timeout=60, check=False)
            if done.stdout.count(":") >= NODES and "not return" not in done.stdout:
                return _median(salt)
            time.sleep(2)
        raise RuntimeError(f"the minions did not all answer: {_last_line(done.stderr or done.stdout)}")
    finally:
        for child in children:
            # Master and minions are several processes each, which would outlive the first of them.
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _quiet(command: list[str]) -> "subprocess.Popen[bytes]":
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=nowhere, stderr=nowhere, start_new_session=True)


def _write_yaml(path: Path, settings: dict[str, object]) -> None:
    shown = {k: str(v).lower() if isinstance(v, bool) else v for k, v in settings.items()}
    path.write_text("".join(f"{name}: {value}\n" for name, value in shown.items()))


def environment(folder: Path, package: str) -> Path:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", package]
    subprocess.run(pip, check=True, capture_output=True, timeout=1200)
    return folder


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def _median(command: list[str]) -> float:
    took = []
    for _ in range(RUNS):
        started = time.perf_counter()
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            said = _last_line(done.stderr or done.stdout)
            raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}: {said}")
        took.append(time.perf_counter() - started)
    return sorted(took)[RUNS // 2]
