"""Real processes: a served control plane and agents of ours, as a user would start them."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from tools.bench.control_plane import ControlPlane, serving

HOSTREEVE = [sys.executable, "-m", "hostreeve"]
ONLINE_S = 30


@dataclass
class Site:
    """A control plane with its nodes."""

    plane: ControlPlane
    folder: Path
    agents: dict[str, subprocess.Popen] = field(default_factory=dict)

    def client(self, service, **config):
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.plane.url,
            aws_access_key_id=self.plane.credentials.access_key_id,
            aws_secret_access_key=self.plane.credentials.secret_access_key,
            verify=self.plane.ca,
            config=Config(**config),
        )

    def aws(self, *words, status=0, environment=None):
        """Run the plain AWS command line; its parsed answer."""
        program = Path(sys.executable).parent / "aws"
        done = subprocess.run(
            [program, *words, "--output", "json"],
            env=environment or self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else done.stderr

    def as_session(self, credentials):
        """`aws` as somebody else, from what AssumeRole answers."""
        environment = self.environment() | {
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }
        return partial(self.aws, environment=environment)

    def hostreeve(self, *words, status=0):
        done = subprocess.run(
            [*HOSTREEVE, *words], env=self.environment(), capture_output=True, text=True, timeout=120
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def environment(self):
        return {**self.plane.environment(), "NO_COLOR": "1", "AWS_PAGER": ""}

    def enrol(self, name="one", *options, program=None, **settings):
        """Enrol a node and start its agent with these settings; its id once it is connected.

        `options` are further ones of `enrol`, `program` is an installed agent instead of this one.
        """
        state = self.folder / name
        ssm = self.client("ssm")
        activation = ssm.create_activation(IamRole="service-role/SSMServiceRole", DefaultInstanceName=name)
        subprocess.run(
            [
                *HOSTREEVE,
                "agent",
                "enrol",
                "--server",
                self.plane.url,
                "--ca",
                self.plane.ca,
                "--activation-id",
                activation["ActivationId"],
                "--activation-code",
                activation["ActivationCode"],
                "--state",
                state,
                *options,
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
        kept = state / "node.json"
        node = json.loads(kept.read_text())
        node_id = node["node_id"]
        kept.write_text(json.dumps({**node, **settings}))
        self.start_agent(name, program)
        self.wait_connected(node_id)
        return node_id

    def start_agent(self, name="one", program=None):
        log = (self.folder / f"{name}.log").open("a")
        command = [*(program or [*HOSTREEVE, "agent"]), "run", "--state", self.folder / name]
        self.agents[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def wait_connected(self, node_id):
        ssm = self.client("ssm")
        deadline = time.monotonic() + ONLINE_S
        while ssm.get_connection_status(Target=node_id)["Status"] != "connected":
            assert time.monotonic() < deadline, "the node did not connect"
            time.sleep(0.05)

    def run(self, node_id, *commands, **more):
        """Send a shell script; the command's id."""
        sent = self.client("ssm").send_command(
            DocumentName="AWS-RunShellScript",
            InstanceIds=[node_id],
            Parameters={"commands": list(commands)},
            **more,
        )
        return sent["Command"]["CommandId"]

    def finished(self, command_id, node_id, timeout_s=30):
        """The invocation once it has ended."""
        ssm = self.client("ssm")
        deadline = time.monotonic() + timeout_s
        while True:
            found = ssm.get_command_invocation(CommandId=command_id, InstanceId=node_id)
            if found["Status"] not in ("Pending", "InProgress", "Delayed", "Cancelling"):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    def until(self, is_so, timeout_s=30):
        """Wait until `is_so()` answers something true; the answer."""
        deadline = time.monotonic() + timeout_s
        while not (answer := is_so()):
            assert time.monotonic() < deadline, "it did not come true"
            time.sleep(0.02)
        return answer

    def kill_server(self):
        os.kill(self.plane.process_id, signal.SIGKILL)

    def close(self):
        for agent in self.agents.values():
            agent.terminate()
        for agent in self.agents.values():
            agent.wait(10)


@pytest.fixture
def site(tmp_path):
    with serving() as plane:
        made = Site(plane, tmp_path)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(autouse=True)
def _no_aws_settings_of_the_tester(monkeypatch):
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
