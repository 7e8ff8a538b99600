"""A node in a test: the official agent's side of the control channel, spoken to the ASGI application."""

import asyncio
import json
import uuid
from contextlib import asynccontextmanager, suppress
from typing import Any

from hostreeve.api.call import Principal
from hostreeve.api.errors import common
from hostreeve.contract import jobs as wire
from hostreeve.contract.frames import AgentMessage, decode
from hostreeve.kernel.scope import Scope
from hostreeve.messaging import mailbox, tokens
from hostreeve.messaging.channels import Channels
from hostreeve.platform.keys import Keyring

SCOPE = Scope("111122223333", "us-east-1")
NODE = "mi-0a1b2c3d4e5f60718"
OTHER = "mi-1111222233334444f"
FAR = 4_000_000_000_000


class Heard:
    """A listener that remembers what it was told, and can be made to break or to lag behind."""

    def __init__(self) -> None:
        self.acknowledged_jobs: list[str] = []
        self.refusals: list[tuple[str, str]] = []
        self.replies: list[tuple[str, dict[str, Any]]] = []
        self.chunks: list[wire.OutputChunk] = []
        self.stored: int | None = None
        self.poison = ""

    def acknowledged(self, tx, scope, node_id, job_id, now_ms):
        self.acknowledged_jobs.append(job_id)

    def refused(self, tx, scope, node_id, job_id, code, now_ms):
        self.refusals.append((job_id, code))

    def replied(self, tx, scope, node_id, job_id, reply, now_ms):
        assert reply.get("documentTraceOutput") != "poison", "this listener cannot take that"
        self.replies.append((job_id, reply))

    def output(self, tx, scope, node_id, job_id, chunk, now_ms):
        self.chunks.append(chunk)
        return self.stored


class Registered:
    """A registry of nodes that knows a few."""

    def __init__(self, *node_ids: str) -> None:
        self.node_ids = set(node_ids)
        self.openings: list[wire.Opening] = []

    def opened(self, tx, scope, node_id, opening, now_ms):
        self.openings.append(opening)
        return node_id in self.node_ids


async def signed(scope: dict[str, Any]) -> tuple[Principal, Scope]:
    """Believe the header `x-node`."""
    names = dict(scope["headers"])
    node_id = names.get(b"x-node", b"").decode()
    if not node_id:
        raise common.MissingAuthenticationToken("no signature")
    return Principal(SCOPE.account, f"arn:{node_id}", node_id, "ASIA", node_id=node_id), SCOPE


class Link:
    """Everything a channel test needs, on one database."""

    def __init__(self, database, world, *, replica: str = "one", node_ids=(NODE, OTHER)) -> None:
        self.database, self.world = database, world
        self.keys = Keyring(b"k" * 32, world)
        self.heard = Heard()
        self.registered = Registered(*node_ids)
        self.channels = Channels(
            database=database,
            world=world,
            keys=self.keys,
            replica=replica,
            listener=self.heard,
            presence=self.registered,
            authenticate=signed,
        )

    def token(self, node_id: str = NODE, scope: Scope = SCOPE) -> str:
        return tokens.control_channel_token(self.keys, scope, node_id, self.world.now_ms())

    async def post(self, *jobs: mailbox.Job, content: str = '{"CommandId":"c"}') -> None:
        now_ms = self.world.now_ms()

        def unit(tx):
            for job in jobs:
                mailbox.keep_content(tx, job.content_id, content)
            mailbox.post(tx, SCOPE, jobs, now_ms)

        await self.database.write(unit)

    async def jobs_left(self) -> list[str]:
        # What the listener has heard may not be committed yet; a write behind it waits for that.
        await self.database.write(lambda tx: None)
        rows = await self.database.read(lambda tx: tx.all("SELECT job_id FROM mailbox_jobs ORDER BY job_id"))
        return [row["job_id"] for row in rows]

    @asynccontextmanager
    async def running(self):
        task = asyncio.ensure_future(self.channels.run())
        await asyncio.sleep(0.02)
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def connect(self, node_id: str = NODE, **opening: Any) -> "Socket":
        socket = Socket(self.channels, node_id)
        await socket.accepted()
        socket.text(opening_frame(self.token(node_id), **opening))
        for _ in range(200):
            channel = self.channels.hub.get(node_id)
            if channel is not None and channel._send == socket._to_client:
                return socket
            await asyncio.sleep(0.005)
        raise AssertionError(f"the channel did not open: {socket.events}")


class Socket:
    """One WebSocket connection, from the node's side."""

    def __init__(
        self, asgi: Any, path_node: str, *, signer: str | None = None, scope: dict[str, Any] | None = None
    ) -> None:
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.events: list[dict[str, Any]] = []
        self.writable = asyncio.Event()
        self.writable.set()
        self.gone = False
        scope = scope or {
            "type": "websocket",
            "path": wire.CONTROL_CHANNEL_PATH + path_node,
            "headers": [(b"x-node", (path_node if signer is None else signer).encode())],
            "extensions": {"websocket.http.response": {}},
        }
        self._to_app.put_nowait({"type": "websocket.connect"})
        self.app = asyncio.ensure_future(asgi(scope, self._to_app.get, self._to_client))

    async def _to_client(self, event: dict[str, Any]) -> None:
        await self.writable.wait()
        if self.gone:
            raise OSError("gone")
        self._from_app.put_nowait(event)
        if event["type"] == "websocket.close":
            self._to_app.put_nowait({"type": "websocket.disconnect", "code": event["code"]})

    async def event(self) -> dict[str, Any]:
        event = await asyncio.wait_for(self._from_app.get(), 5)
        self.events.append(event)
        return event

    async def accepted(self) -> None:
        event = await self.event()
        assert event["type"] == "websocket.accept", event

    async def frame(self) -> AgentMessage:
        event = await self.event()
        assert event["type"] == "websocket.send", event
        return decode(event["bytes"])

    async def job(self, seconds: float = 5) -> str | None:
        """The id of the next job that comes, if one does."""
        try:
            event = await asyncio.wait_for(self._from_app.get(), seconds)
        except TimeoutError:
            return None
        return json.loads(decode(event["bytes"]).payload)["JobId"]

    async def closed(self) -> int:
        while True:
            event = await self.event()
            if event["type"] == "websocket.close":
                return event["code"]

    async def silence(self, seconds: float = 0.1) -> None:
        await asyncio.sleep(seconds)
        assert self._from_app.empty(), self._from_app.get_nowait()

    def text(self, text: str) -> None:
        self._to_app.put_nowait({"type": "websocket.receive", "text": text})

    def raw(self, frame: bytes) -> None:
        self._to_app.put_nowait({"type": "websocket.receive", "bytes": frame})

    def message(self, message_type: str, payload: bytes, message_id: str | None = None) -> str:
        message_id = message_id or str(uuid.uuid4())
        self.raw(AgentMessage(message_type, payload, message_id, 1).encode())
        return message_id

    def ack(self, job_id: str, code: str = "200") -> None:
        self.message(wire.AGENT_JOB_ACK, wire.JobAck(job_id, str(uuid.uuid4()), 1, code).encode())

    def reply(self, job_id: str, status: str = "Success", **how: Any) -> str:
        document = {
            "documentStatus": status,
            "runtimeStatus": None,
            "documentTraceOutput": how.pop("trace", ""),
        }
        payload = wire.JobReply(job_id, json.dumps(document), how.pop("topic", wire.TOPIC_SEND)).encode()
        return self.message(wire.AGENT_JOB_REPLY, payload, **how)

    def leave(self) -> None:
        self.gone = True
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})


def opening_frame(token: str, **how: Any) -> str:
    return wire.Opening(token, str(uuid.uuid4()), "3.3.0.0", "linux", **how).encode()


def job(number: int, node_id: str = NODE, **how: Any) -> mailbox.Job:
    command = f"00000000-0000-4000-8000-{number:012d}"
    return mailbox.Job(
        job_id=wire.job_id(command, node_id),
        node_id=node_id,
        topic=how.pop("topic", f"{wire.TOPIC_SEND}.us-east-1"),
        content_id=how.pop("content_id", "content"),
        expires_ms=how.pop("expires_ms", FAR),
        **how,
    )


async def until(condition, seconds: float = 5.0) -> None:
    """Wait for something that another task brings about."""
    for _ in range(int(seconds / 0.005)):
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen")
