"""The unmodified amazon-ssm-agent as a real process, and a control plane that can be stopped and started.

The program keeps its state in fixed folders of the machine, so there is one of it at a time, and the folders
are removed afterwards. A machine that has an agent of its own is left alone. It runs with mounts of its own:
it finds the hosts of `HOSTS`, and /sbin/shutdown only writes down that it was called.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from tools.bench.client import environment
from tools.bench.control_plane import ControlPlane

from hostreeve.contract.sigv4 import Credentials
from tests.acceptance.conftest import HOSTREEVE, Site

STATE = Path("/var/lib/amazon/ssm")
LOGS = Path("/var/log/amazon/ssm")
OURS = STATE / "made-by-the-tests-of-hostreeve"
REGISTRATION = STATE / "registration"
START_S = 30
STOP_S = 40
S3_HOST = "s3.us-east-1.amazonaws.com.hostreeve.test"
BUCKETS = ("outputs", "scripts")
HOSTS = (S3_HOST, *(f"{bucket}.{S3_HOST}" for bucket in BUCKETS))
"""All on this machine, for the agent only: it names buckets in the host, as AWS has them."""
PROGRAMS = ("amazon-ssm-agent", "ssm-agent-worker", "ssm-document-worker", "ssm-session-worker")


class Server:
    """`hostreeve serve` on one port and one state folder, started as often as a test wishes."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.log = folder / "server.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> ControlPlane:
        started = time.monotonic()
        where = ["--state", self.state, "--listen", "127.0.0.1", "--port", str(self.port)]
        where += ["--name", S3_HOST, "--name", f"*.{S3_HOST}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([*HOSTREEVE, "serve", *where], stderr=log)
        while not (self.state / "ready").exists():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() - started < START_S, "the server did not get ready"
            time.sleep(0.01)
        found = environment(self.state / "admin.env")
        key = Credentials(found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"])
        took_s = time.monotonic() - started
        url, ca = found["AWS_ENDPOINT_URL"], found["AWS_CA_BUNDLE"]
        return ControlPlane(url, ca, key, self.state, self._process.pid, took_s)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_S)
            self._process = None

    def complaints(self) -> list[dict]:
        """What the server logged above information."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["level"] not in ("debug", "info")]


class OfficialAgent:
    """The agent, installed into a folder of its own from the folder with its programs."""

    def __init__(
        self, site: Site, folder: Path, programs: Path, endpoint: str = "", s3_endpoint: str = ""
    ) -> None:
        assert not STATE.exists() or OURS.exists(), f"this machine has an agent of its own: {STATE}"
        self._remove_state()
        OURS.parent.mkdir(parents=True)
        OURS.touch()
        self._site = site
        self._folder = folder / "program"
        self._home = folder / "home"
        self.reboots = folder / "reboots"
        self._endpoint = endpoint or site.plane.url
        self._s3_endpoint = s3_endpoint or self._endpoint
        self._process: subprocess.Popen[bytes] | None = None
        self.node_id = ""
        self._install(programs)

    def register(self, role: str = "service-role/SSMServiceRole") -> str:
        """Register with a new activation; the node's id."""
        made = self._site.client("ssm").create_activation(IamRole=role, DefaultInstanceName="official")
        code, activation_id = made["ActivationCode"], made["ActivationId"]
        words = ["-register", "-code", code, "-id", activation_id, "-region", "us-east-1", "-y"]
        done = subprocess.run(
            [self._folder / "amazon-ssm-agent", *words],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.node_id = json.loads(REGISTRATION.read_text())["ManagedInstanceID"]
        return self.node_id

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", self._mounts(), self._folder / "amazon-ssm-agent"],
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Stop agent and worker; the commands under way go on in processes of their own."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOP_S)
            self._process = None
            for pid in self._pids("ssm-agent-worker"):
                _end(pid)

    def kill(self) -> None:
        """As a crash does it: agent and worker at once, commands under way go on."""
        assert self._process is not None
        self._process.kill()
        for pid in self._pids("ssm-agent-worker"):
            _end(pid)
        self._process.wait(STOP_S)
        self._process = None

    def forget_credentials(self) -> None:
        """So that the agent proves itself by its key again when it starts, and not in half an hour."""
        shutil.rmtree(self._home / ".aws")

    def log(self) -> str:
        return (LOGS / "amazon-ssm-agent.log").read_text()

    def end_everything(self) -> None:
        """As a restart of the machine does it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_S)
            self._process = None
        for name in PROGRAMS:
            for pid in self._pids(name):
                _end(pid)

    def close(self) -> None:
        self.end_everything()
        self._remove_state()

    def _install(self, programs: Path) -> None:
        # A folder of its own is only used by the agent when nobody but root can write into it.
        configuration = self._folder / "configuration"
        configuration.mkdir(parents=True)
        self._home.mkdir()
        for program in programs.iterdir():
            shutil.copyfile(program, self._folder / program.name)
            (self._folder / program.name).chmod(0o755)
        services = ("Ssm", "Mds", "Mgs", "S3", "Kms")
        settings = {name: {"Endpoint": self._endpoint} for name in services}
        settings["S3"]["Endpoint"] = self._s3_endpoint
        settings["Identity"] = {"ConsumptionOrder": ["OnPrem"]}
        (configuration / "amazon-ssm-agent.json").write_text(json.dumps(settings))

    def _mounts(self) -> str:
        """The script that lays them and becomes the agent: this machine is not restarted."""
        hosts, shutdown = self._folder.parent / "hosts", self._folder.parent / "shutdown"
        hosts.write_text(Path("/etc/hosts").read_text() + f"127.0.0.1 {' '.join(HOSTS)}\n")
        # It is systemctl by another name, whose version tells the agent what starts services here.
        lines = ["#!/bin/sh", '[ "$1" = --version ] && exec echo systemd 252', f'echo "$@" >> {self.reboots}']
        shutdown.write_text("\n".join(lines) + "\n")
        shutdown.chmod(0o755)
        return f"mount --bind {hosts} /etc/hosts && mount --bind {shutdown} /sbin/shutdown && exec $0"

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**own, "SSL_CERT_FILE": self._site.plane.ca, "HOME": str(self._home)}

    def _pids(self, name: str) -> list[int]:
        """Processes of this installation that run the program."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                program = (folder / "exe").readlink() if folder.name.isdigit() else None
            except OSError:
                continue
            if program == self._folder / name:
                found.append(int(folder.name))
        return found

    def _remove_state(self) -> None:
        shutil.rmtree(STATE, ignore_errors=True)
        shutil.rmtree(LOGS, ignore_errors=True)


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def wait_for(condition, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
