"""Simulated nodes: registered, authenticated and connected as real ones are, over TLS; they answer Success
at once.

Run as a process of its own: `python -m tools.bench.simulator URL CA COUNT TAG` with activations on standard
input;
prints `connected` when all channels are open, and one line with its processor time when its input ends.
"""

import asyncio
import base64
import json
import os
import ssl
import sys
from typing import Any
from urllib.parse import urlsplit

import uvloop
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from hostreeve.contract import frames, jobs
from hostreeve.contract.sigv4 import Credentials, KeyHolder, Outgoing, machine_key_request, sign_headers
from hostreeve.kernel.world import RealWorld
from tools.bench.client import Connection, head

REGION = "us-east-1"
PREPARERS = 48
WORLD = RealWorld()


class NodeChannel(asyncio.Protocol):
    """One node's WebSocket, with as little of a WebSocket as the server's frames need."""

    def __init__(self, node_id: str, request: bytes, token: str) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._node_id = node_id
        self._request = request
        self._token = token
        self._buffer = b""
        self._upgraded = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(RuntimeError(self._buffer.decode(errors="replace")))
                return
            self._buffer = self._buffer[end + 4 :]
            self._upgraded = True
            opening = jobs.Opening(self._token, WORLD.uuid(), "3.3.0.0", "linux", "0.1.0", ("output",))
            self._send(1, opening.encode().encode())
            self.opened.set_result(None)
        self._frames()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or RuntimeError("closed while opening"))

    def _frames(self) -> None:
        buffer = self._buffer
        while len(buffer) >= 2:
            opcode, size, start = buffer[0] & 15, buffer[1] & 127, 2
            if size == 126:
                size, start = int.from_bytes(buffer[2:4], "big"), 4
            elif size == 127:
                size, start = int.from_bytes(buffer[2:10], "big"), 10
            if len(buffer) < start + size:
                break
            if opcode == 2:
                self._job(buffer[start : start + size])
            elif opcode == 9:
                self._send(10, buffer[start : start + size])
            buffer = buffer[start + size :]
        self._buffer = buffer

    def _job(self, payload: bytes) -> None:
        message = frames.decode(payload)
        if message.message_type != jobs.AGENT_JOB:
            return
        job_id = json.loads(message.payload)["JobId"]
        ack = jobs.JobAck(job_id, message.message_id, message.created_ms)
        self._message(jobs.AGENT_JOB_ACK, ack.encode())
        self._message(jobs.AGENT_JOB_REPLY, jobs.JobReply(job_id, REPLY).encode())

    def _message(self, kind: str, payload: bytes) -> None:
        self._send(2, frames.AgentMessage(kind, payload, WORLD.uuid(), WORLD.now_ms()).encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        # A mask of zeros is a mask, and costs nothing.
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._transport.write(bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload)


REPLY = json.dumps(
    {
        "additionalInfo": {
            "agent": {
                "lang": "en-US",
                "name": "amazon-ssm-agent",
                "os": "linux",
                "osver": "1",
                "ver": "3.3.0.0",
            },
            "dateTime": "2026-11-22T15:28:30.988Z",
            "runId": "",
            "runtimeStatusCounts": {"Success": 1},
        },
        "documentStatus": "Success",
        "documentTraceOutput": "",
        "runtimeStatus": {
            "aws:runShellScript": {
                "status": "Success",
                "code": 0,
                "name": "aws:runShellScript",
                "output": "ok\n",
                "startDateTime": "2026-11-22T15:28:30.988Z",
                "endDateTime": "2026-11-22T15:28:31.036Z",
                "outputS3BucketName": "",
                "outputS3KeyPrefix": "",
                "stepName": "",
                "standardOutput": "ok\n",
                "standardError": "",
            }
        },
        "hostreeve": {"steps": {"aws:runShellScript": {"stdoutBytes": 3, "stderrBytes": 0}}},
    }
)


class Fleet:
    """All simulated nodes of this process. They share one key pair: making ten thousand is not what is
    measured."""

    def __init__(self, url: str, ca: str) -> None:
        self._url = url
        self._ca = ca
        self._context = ssl.create_default_context(cafile=ca)
        self._key = rsa.generate_private_key(65537, 2048)
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._public = base64.b64encode(public).decode()
        self._channels: list[NodeChannel] = []

    async def connect(self, count: int, activations: list[dict[str, str]]) -> None:
        waiting: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        for number in range(count):
            waiting.put_nowait(activations[number])
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(PREPARERS, count)):
                tasks.create_task(self._prepare(waiting))

    async def _prepare(self, waiting: asyncio.Queue[dict[str, str]]) -> None:
        connection = Connection(self._url, self._ca)
        while not waiting.empty():
            await self._join(connection, waiting.get_nowait())
        connection.close()

    async def _join(self, connection: Connection, activation: dict[str, str]) -> None:
        # Nodes that share an activation are told apart by their fingerprints.
        fingerprint = WORLD.uuid()
        registration = {
            **activation,
            "Fingerprint": fingerprint,
            "PublicKey": self._public,
            "PublicKeyType": "Rsa",
        }
        node_id = (await connection.call("ssm", "RegisterManagedInstance", registration, None))["InstanceId"]
        credentials = await self._credentials(connection, node_id, fingerprint)
        told = {
            "AgentName": "amazon-ssm-agent",
            "AgentStatus": "Active",
            "AgentVersion": "3.3.0.0",
            "ComputerName": f"sim-{node_id}",
            "IPAddress": "127.0.0.1",
            "InstanceId": node_id,
            "PlatformName": "Simulated",
            "PlatformType": "Linux",
            "PlatformVersion": "1",
        }
        await connection.call("ssm", "UpdateInstanceInformation", told, credentials)
        token = await self._token(connection, node_id, credentials)
        await self._open(node_id, credentials, token)

    async def _credentials(self, connection: Connection, node_id: str, fingerprint: str) -> Credentials:
        body = json.dumps({"Fingerprint": fingerprint}).encode()
        headers = {
            "Host": urlsplit(self._url).netloc,
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AmazonSSM.RequestManagedInstanceRoleToken",
        }
        outgoing = Outgoing("POST", "/", "", headers, body)
        unsigned = machine_key_request(outgoing, KeyHolder(node_id, REGION), now_ms=WORLD.now_ms())
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        signed = unsigned.signed_by(self._key.sign(unsigned.string_to_sign, pss, hashes.SHA256()))
        told = json.loads(await connection.send(head("POST", "/", signed, body) + body))
        return Credentials(told["AccessKeyId"], told["SecretAccessKey"], told["SessionToken"])

    async def _token(self, connection: Connection, node_id: str, credentials: Credentials) -> str:
        path = jobs.CONTROL_CHANNEL_PATH + node_id
        body = json.dumps({"MessageSchemaVersion": "1.0", "RequestId": WORLD.uuid()}).encode()
        headers = {"Host": urlsplit(self._url).netloc, "Content-Type": "application/json"}
        signed = sign_headers(
            Outgoing("POST", path, "", headers, body),
            credentials,
            region=REGION,
            service="ssmmessages",
            now_ms=WORLD.now_ms(),
        )
        answer = (await connection.send(head("POST", path, signed, body) + body)).decode()
        return answer.split("<TokenValue>")[1].split("</TokenValue>")[0]

    async def _open(self, node_id: str, credentials: Credentials, token: str) -> None:
        split = urlsplit(self._url)
        path = jobs.CONTROL_CHANNEL_PATH + node_id
        signed = sign_headers(
            Outgoing("GET", path, jobs.CONTROL_CHANNEL_QUERY, {"Host": split.netloc}),
            credentials,
            region=REGION,
            service="ssmmessages",
            now_ms=WORLD.now_ms(),
        )
        signed |= {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        lines = [
            f"GET {path}?{jobs.CONTROL_CHANNEL_QUERY} HTTP/1.1",
            *(f"{k}: {v}" for k, v in signed.items()),
        ]
        request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_connection(
            lambda: NodeChannel(node_id, request, token), split.hostname, split.port, ssl=self._context
        )
        await channel.opened
        self._channels.append(channel)


async def simulate(url: str, ca: str, count: int) -> None:
    activations = json.loads(await asyncio.to_thread(sys.stdin.readline))
    fleet = Fleet(url, ca)
    await fleet.connect(count, activations)
    before = sum(os.times()[:2])
    print("connected", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps({"CpuSeconds": sum(os.times()[:2]) - before}), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(simulate(sys.argv[1], sys.argv[2], int(sys.argv[3])))
