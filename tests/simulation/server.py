"""One life of the control plane: the whole of it on a file of its own, until it is killed."""

import asyncio
import json
import logging
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import apsw

from hostreeve.api.call import Principal
from hostreeve.api.errors import common
from hostreeve.app.bootstrap import bootstrap
from hostreeve.app.compose import Config, build
from hostreeve.app.regions import aws_regions
from hostreeve.capabilities import associations, commands, nodes
from hostreeve.capabilities.nodes.model import MachineKey
from hostreeve.capabilities.nodes.store import nodes as node_rows
from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.gateway.http import HttpRequest
from hostreeve.kernel.scope import Scope
from hostreeve.messaging import tokens
from hostreeve.messaging.channels import Channels
from hostreeve.persistence.sqlite import INLINE
from hostreeve.platform import groups, organizations
from hostreeve.platform.identity.actions import usage
from hostreeve.platform.keys import Keyring
from hostreeve.scheduling.loop import run_workers
from tests.simulation.virtual import Clock, VirtualLoop, WorldOn

REGION = "us-east-1"
MASTER = b"k" * 32
NODES_MAX = 200
GROUPS = 4


class Complaints(logging.Handler):
    """What the control plane logs as an error: there is nothing in a simulation that would excuse one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(f"{record.getMessage()}: {record.exc_info[1] if record.exc_info else ''!r}")


class Server:
    """`serial` tells the lives of one simulation apart."""

    def __init__(self, folder: Path, clock: Clock, *, seed: int, serial: int, estate: "Estate") -> None:
        self.path = folder / f"{serial}.db"
        self.loop = VirtualLoop(clock)
        self.world = WorldOn(clock, seed * 1000 + serial)
        self.keys = Keyring(MASTER, self.world)
        self.estate = estate
        self.is_alive = True
        # The one thing that a process remembers outside of its parts; a new life does not.
        usage.taken()
        self._tasks: list[asyncio.Task[Any]] = []
        url = f"sqlite://{self.path}{INLINE}"
        config = Config(database=url, regions=aws_regions(), replica=self.world.hex(8))
        self.app = build(config, self.world, self.keys)
        self.channels = Channels(
            database=self.app.database,
            world=self.world,
            keys=self.keys,
            replica=config.replica,
            listener=commands.NodeListener(),
            presence=nodes.NodePresence(associations.node_came),
            authenticate=self._who,
        )
        self.watch = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)
        stop = asyncio.Event()
        self.run(self.channels.run())
        self.run(run_workers(self.app.workers, self.app.database.bus, self.world, stop))

    def run(self, work: Any) -> asyncio.Task[Any]:
        task = self.loop.create_task(work)
        self._tasks.append(task)
        return task

    async def _who(self, scope: dict[str, Any]) -> tuple[Principal, Scope]:
        """Signatures are tested elsewhere: here a node says who it is."""
        node_id = dict(scope["headers"]).get(b"x-node", b"").decode()
        if not node_id:
            raise common.MissingAuthenticationToken("no signature")
        account = self.estate.scope.account
        return Principal(account, f"arn:{node_id}", node_id, "ASIA", node_id=node_id), self.estate.scope

    def token(self, node_id: str) -> str:
        return tokens.control_channel_token(self.keys, self.estate.scope, node_id, self.world.now_ms())

    async def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """An operation of ssm by an administrator; {"error": code} when it was refused."""
        body = json.dumps(request).encode()
        headers = {
            "host": "127.0.0.1:8443",
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AmazonSSM.{operation}",
        }
        signed = sign_headers(
            Outgoing("POST", "/", "", headers, body),
            Credentials(*self.estate.key),
            region=REGION,
            service="ssm",
            now_ms=self.world.now_ms(),
        )
        lines = [(name.lower(), value) for name, value in signed.items()]
        answer = await self.app.pipeline.answer(HttpRequest("POST", "/", "", lines, body, client="127.0.0.1"))
        said: dict[str, Any] = json.loads(answer.body or b"{}")
        return said if answer.status == 200 else {"error": answer.status, "said": said}

    def kill(self, folder: Path, serial: int) -> None:
        """The process is gone this moment: what it had committed is all that the next life finds."""
        self.is_alive = False
        for suffix in ("", "-wal"):
            here = self.path.with_name(self.path.name + suffix)
            if here.exists():
                shutil.copyfile(here, folder / f"{serial}.db{suffix}")

    def bury(self) -> None:
        self.is_alive = False
        self.loop.bury(self._tasks)
        self.watch.close()
        self.app.database.close()
        for left in self.path.parent.glob(self.path.name + "*"):
            left.unlink()


class Estate:
    """What every simulation begins with: an account, nodes in tagged groups, a document of three steps."""

    def __init__(self, path: Path, scope: Scope, key: tuple[str, str], node_ids: list[str]) -> None:
        self.path, self.scope, self.key, self.node_ids = path, scope, key, node_ids


STEPS_OF = {"AWS-RunShellScript": ("aws:runShellScript",), "Three": ("one", "two", "three")}
THREE = {
    "schemaVersion": "2.2",
    "parameters": {"executionTimeout": {"type": "String", "default": "60"}},
    "mainSteps": [
        {
            "action": "aws:runShellScript",
            "name": name,
            "inputs": {"runCommand": ["true"], "timeoutSeconds": "{{ executionTimeout }}"},
        }
        for name in STEPS_OF["Three"]
    ],
}


@cache
def estate() -> Estate:
    """Made once per process: migrating takes longer than many a simulation."""
    folder = Path(tempfile.mkdtemp(prefix="hostreeve-estate-"))
    clock = Clock()
    path = folder / "0.db"
    world = WorldOn(clock, 1)
    keys = Keyring(MASTER, world)
    app = build(Config(f"sqlite://{path}{INLINE}", aws_regions(), "made"), world, keys)
    key = app.database.write_sync(lambda tx: bootstrap(tx, keys, world))
    assert key is not None
    account = app.database.read_sync(organizations.management_account)
    assert account is not None
    scope = Scope(account, REGION)
    made = Estate(path, scope, key, [f"mi-{number:017x}" for number in range(NODES_MAX)])

    def register(tx: Any) -> None:
        for number, node_id in enumerate(made.node_ids):
            machine = MachineKey(
                account=scope.account,
                region=scope.region,
                node_id=node_id,
                iam_role="R",
                fingerprint="f",
                public_key=b"%d" % number,
                key_changed_ms=0,
            )
            node_rows.insert(tx, machine, activation_id="a", name="", now_ms=world.now_ms())
            node_rows.report(tx, scope, node_id, {"platform_type": "Linux"}, world.now_ms())
            groups.set_tags(tx, scope, nodes.node_arn(scope, node_id), {"group": str(number % GROUPS)})

    app.database.write_sync(register)
    app.database.close()
    for left in folder.glob("0.db-*"):
        left.unlink()
    server = Server(folder, clock, seed=0, serial=0, estate=made)
    asked = server.run(
        server.call("CreateDocument", Name="Three", Content=json.dumps(THREE), DocumentType="Command")
    )
    while not asked.done():
        assert server.loop.has_ready()
        server.loop.step()
    assert "error" not in asked.result(), asked.result()
    server.kill(folder, 1)
    server.bury()
    made.path = folder / "1.db"
    return made
