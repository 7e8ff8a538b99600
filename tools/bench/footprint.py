"""What the programs cost when nothing happens, and how soon they are there."""

import asyncio
import subprocess
import tempfile
import time
from pathlib import Path

from tools.bench.client import Connection
from tools.bench.commands import real_agent
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.machine import cpu_seconds, resident_kb, row

IDLE_S = 30.0
COMMANDS = 100


def ready() -> None:
    """`serve` on an empty folder, and again on the folder it made."""
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-") as folder:
        state = Path(folder) / "state"
        for name, budget in (("an empty folder", "1.5 s, floor 3"), ("an existing one", "1 s, floor 2")):
            with serving(state) as plane:
                row(f"serve on {name} until ready", f"{plane.ready_s:.2f} s", budget)


def agent() -> None:
    """Our agent: resident size, processor time when idle, wake-ups, and the cost of a `true`."""
    with serving() as plane, real_agent(plane) as node_id:
        process_id = _agent_process()
        time.sleep(3)
        cpu, wakes = cpu_seconds(process_id), _wakes(process_id)
        time.sleep(IDLE_S)
        share = (cpu_seconds(process_id) - cpu) / IDLE_S * 100
        size, pss = _rss_kb(process_id) / 1024, resident_kb(process_id) / 1024
        row("our agent, resident", f"{size:.1f} MB", "20 MB, floor 24", f"Pss {pss:.1f} MB")
        waking = f"{(_wakes(process_id) - wakes) / IDLE_S:.1f} wake-ups/s"
        row("our agent, idle processor", f"{share:.2f} %", "< 0.1 %", waking)
        cpu = _tree_cpu(process_id)
        asyncio.run(_run_commands(plane, node_id))
        per = (_tree_cpu(process_id) - cpu) / COMMANDS * 1000
        row("our agent, CPU per `true` command", f"{per:.1f} ms", "8 ms, floor 15", "with its children")


async def _run_commands(plane: ControlPlane, node_id: str) -> None:
    connection = Connection(plane.url, plane.ca)
    for _ in range(COMMANDS):
        request = {
            "DocumentName": "AWS-RunShellScript",
            "InstanceIds": [node_id],
            "Parameters": {"commands": ["true"]},
        }
        command = (await connection.call("ssm", "SendCommand", request, plane.credentials))["Command"]
        asked = {"CommandId": command["CommandId"], "InstanceId": node_id}
        while (await connection.call("ssm", "GetCommandInvocation", asked, plane.credentials))["Status"] in (
            "Pending",
            "InProgress",
        ):
            await asyncio.sleep(0.005)
    connection.close()


def _agent_process() -> int:
    command = ["pgrep", "-n", "-f", "hostreeve agent run --state"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(found.stdout.split()[0])


def _rss_kb(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def _wakes(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])


def _tree_cpu(process_id: int) -> float:
    """The agent's own time and that of the children it has waited for."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / 100
