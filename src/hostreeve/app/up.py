"""`hostreeve up`: serve, enrol this machine as the first node, and say what to type next."""

import argparse
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType

import msgspec

from hostreeve.app.serve import local_url
from hostreeve.app.state import StateFolder, admin_settings
from hostreeve.cli.client import Client
from hostreeve.cli.settings import Given, Settings
from hostreeve.kernel.world import RealWorld

START_S = 30.0
STOP_S = 8.0


def run(arguments: argparse.Namespace) -> int:
    """Run until interrupted. The server and the agent are processes of their own and stop with this one."""
    folder = StateFolder(Path(arguments.state).resolve())
    folder.ready.unlink(missing_ok=True)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: _stop(stopped, number, frame))
    server = subprocess.Popen(_serve_command(arguments), start_new_session=True)
    children = [server]
    try:
        if not _wait_ready(server, folder, stopped):
            return server.poll() or 1
        node_state = folder.root / "node"
        url = local_url(arguments.listen, arguments.port)
        if not (node_state / "node.json").exists():
            _enrol(folder, node_state, url)
        children.append(_program("agent", "run", "--state", str(node_state)))
        _tell(folder, node_state, url)
        while not stopped.wait(0.5):
            if any(child.poll() is not None for child in children):
                return 1
        return 0
    finally:
        _end(children)


def _serve_command(arguments: argparse.Namespace) -> list[str]:
    command = [sys.executable, "-m", "hostreeve", "serve", "--state", arguments.state]
    command += ["--port", str(arguments.port), "--listen", arguments.listen]
    master_key = ("master-key-passphrase-file", "master-key-pkcs11", "master-key-kms-file")
    limits = ("max-connections", "max-connections-per-address")
    for flag in (*limits, "advertise", "database", "certificate", "key", *master_key):
        value = getattr(arguments, flag.replace("-", "_"))
        if value:
            command += [f"--{flag}", str(value)]
    for flag in ("name", "region"):
        for value in getattr(arguments, flag):
            command += [f"--{flag}", value]
    return command


def _program(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "hostreeve", *words], start_new_session=True)


def _wait_ready(server: subprocess.Popen[bytes], folder: StateFolder, stopped: threading.Event) -> bool:
    for _ in range(int(START_S / 0.05)):
        if folder.ready.exists():
            return True
        if server.poll() is not None or stopped.wait(0.05):
            return False
    sys.stderr.write(f"the server did not get ready within {START_S:.0f} s\n")
    return False


def _enrol(folder: StateFolder, node_state: Path, url: str) -> None:
    client = Client(Settings(Given(), admin_settings(folder)), RealWorld())
    activation = client.call("ssm", "CreateActivation", IamRole="service-role/SSMServiceRole")
    client.close()
    enrol = _program(
        *("agent", "enrol", "--server", url, "--ca", str(folder.certificates / "ca.pem")),
        *("--activation-id", activation["ActivationId"], "--activation-code", activation["ActivationCode"]),
        *("--state", str(node_state)),
    )
    if enrol.wait(60) != 0:
        raise RuntimeError("this machine could not be enrolled; the lines above say why")


def _tell(folder: StateFolder, node_state: Path, url: str) -> None:
    node_id = msgspec.json.decode((node_state / "node.json").read_bytes())["node_id"]
    env = os.path.relpath(folder.admin_env)
    sys.stdout.write(
        f"\nHostreeve serves {url} and this machine is its first node. In another shell:\n\n"
        f"  . {env if not env.startswith('..') else folder.admin_env}\n"
        "  aws ssm describe-instance-information\n"
        f"  hostreeve run 'uname -a' --instance-ids {node_id}\n"
        "  hostreeve nodes; hostreeve activate; hostreeve doctor\n\n"
        "Ctrl-C stops both.\n"
    )
    sys.stdout.flush()


def _stop(stopped: threading.Event, number: int, frame: FrameType | None) -> None:
    stopped.set()


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    """Agents first, so that they say goodbye to a server that still listens."""
    for child in reversed(children):
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
    for child in children:
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
