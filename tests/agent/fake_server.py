"""A small server that speaks to the agent over real TLS: registration, role tokens, channel, polling.

It checks signatures, keeps every frame it saw, and misbehaves on request.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import hmac
import ipaddress
import json
import re
import ssl
import threading
import time
import uuid
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509.oid import NameOID
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from hostreeve.contract import frames, jobs

SECRET = "fake-secret"
NODE_ID = "mi-0a1b2c3d4e5f60718"
REGION = "eu-test-1"


@dataclass
class Job:
    """What the server knows of a job it sent."""

    job_id: str
    acks: list[jobs.JobAck] = field(default_factory=list)
    replies: list[dict[str, Any]] = field(default_factory=list)
    reply_ids: list[str] = field(default_factory=list)
    output: dict[tuple[str, str], bytearray] = field(default_factory=dict)
    chunks: int = 0
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def final(self) -> dict[str, Any] | None:
        return next((r for r in self.replies if r["documentStatus"] in jobs.TERMINAL_STATUSES), None)

    def written(self, stream: str = "stdout", step: str = "aws:runShellScript") -> bytes:
        return bytes(self.output.get((step, stream), b""))


class FakeServer:
    """Runs in a thread of its own. Attributes beginning with `will_` change its behaviour."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._certify()
        self.port = 0
        self.public_key: Any = None
        self.forget()
        self._loop = asyncio.new_event_loop()
        self._channels: list[asyncio.StreamWriter] = []
        self._protocols: dict[asyncio.StreamWriter, ServerProtocol] = {}
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.start()

    def forget(self) -> None:
        """Be as new: nothing seen, nothing held, well behaved. Connections stay."""
        self.jobs: dict[str, Job] = {}
        self.seen: list[tuple[str, Any]] = []
        self.will_ack_replies = True
        self.will_ack_output = True
        self.will_open_channels = True
        self.will_refuse_credentials = False
        self.will_rotate_key = False
        self.will_lose_key_answer = False
        self.pages: dict[str, bytes] = {}
        self.documents: dict[str, Any] = {}
        self.parameters: dict[str, tuple[str, str]] = {}
        self.associations: list[dict[str, Any]] | None = None
        self.objects: dict[str, bytes] = {}
        self.page_size = 1000
        self.polled: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        async def listen() -> None:
            self._server = await asyncio.start_server(
                self._connection, "127.0.0.1", self.port, ssl=self._context, limit=2**22
            )
            self.port = self._server.sockets[0].getsockname()[1]

        asyncio.run_coroutine_threadsafe(listen(), self._loop).result(10)

    def stop(self) -> None:
        async def halt() -> None:
            self._server.close()
            for writer in list(self._channels):
                writer.transport.abort()
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(halt(), self._loop).result(10)

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    @property
    def is_connected(self) -> bool:
        return bool(self._channels)

    def wait(self, is_so: Callable[[], Any], timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not is_so():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"it did not happen; seen: {self.seen[-8:]}")
                self._changed.wait(min(left, 0.1))

    def send_raw(self, payload: bytes, *, text: bool = False) -> None:
        async def send() -> None:
            for writer in self._channels:
                self._send_frame(writer, Opcode.TEXT if text else Opcode.BINARY, payload)

        asyncio.run_coroutine_threadsafe(send(), self._loop).result(10)

    def send(self, message_type: str, payload: bytes) -> str:
        message_id = str(uuid.uuid4())
        message = frames.AgentMessage(message_type, payload, message_id, int(time.time() * 1000))
        self.send_raw(message.encode())
        return message_id

    def send_job(
        self, document: dict[str, Any], parameters: dict[str, Any] | None = None, **more: Any
    ) -> Job:
        command_id = more.pop("command_id", None) or str(uuid.uuid4())
        job_id = jobs.job_id(command_id, NODE_ID)
        job = self.jobs.setdefault(job_id, Job(job_id))
        job.document = document
        content = command_content(document, parameters, command_id)
        more.setdefault("stream_output", True)
        self.send(
            jobs.AGENT_JOB, jobs.AgentJob(job_id, f"{jobs.TOPIC_SEND}.{REGION}", content, **more).encode()
        )
        return job

    def run(self, *lines: str, **more: Any) -> Job:
        return self.send_job(shell_document(*lines, **more.pop("inputs", {})), **more)

    def cancel(self, job: Job) -> None:
        job_id = jobs.job_id(str(uuid.uuid4()), NODE_ID)
        self.jobs[job_id] = Job(job_id)
        content = jobs.cancel_content(job.job_id)
        self.send(jobs.AGENT_JOB, jobs.AgentJob(job_id, f"{jobs.TOPIC_CANCEL}.{REGION}", content).encode())

    def finish(self, job: Job, timeout_s: float = 15.0) -> dict[str, Any]:
        self.wait(lambda: job.final, timeout_s)
        assert job.final is not None
        return job.final

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            request_line, *lines = head.decode("latin-1").split("\r\n")
            headers = {
                n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines) if n
            }
            method, target, _ = request_line.split(" ")
            if headers.get("upgrade", "").lower() == "websocket":
                self._check_sigv4(method, target, headers, b"", "ssmmessages")
                await self._channel(reader, writer, head)
                return
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status, answer = await self._answer(method, target, headers, body)
            kind = "text/xml" if answer.startswith(b"<") else "application/x-amz-json-1.1"
            writer.write(
                f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(answer)}\r\n"
                "Connection: close\r\n\r\n".encode()
                + answer
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes]:
        if target.startswith("/v1/control-channel/"):
            self._check_sigv4(method, target, headers, body, "ssmmessages")
            if self.will_refuse_credentials:
                return (
                    403,
                    b'{"__type":"com.amazonaws#ExpiredTokenException:x","message":"the token has expired"}',
                )
            if not self.will_open_channels:
                return (
                    400,
                    b"<Error><AccessDeniedException><Message>no</Message></AccessDeniedException></Error>",
                )
            return (
                201,
                b"<R xmlns='x'><TokenValue>tok</TokenValue></R>",
            )
        if target in self.pages:
            self._note(f"page {target}", None)
            return 200, self.pages[target]
        if "x-amz-target" not in headers:
            return self._stored(method, target, headers)
        operation = headers["x-amz-target"].rpartition(".")[2]
        members = json.loads(body)
        self._note(operation, members)
        if operation in ("RequestManagedInstanceRoleToken", "UpdateManagedInstancePublicKey"):
            if not self._is_signed_by_key(method, target, headers, body):
                return 400, b'{"__type":"AccessDeniedException","message":"bad machine key signature"}'
        elif operation != "RegisterManagedInstance":
            service = "ec2messages" if "EC2Windows" in headers["x-amz-target"] else "ssm"
            self._check_sigv4(method, target, headers, body, service)
        answer = await getattr(self, f"_{operation}")(members)
        if isinstance(answer, tuple):
            return answer
        return 200, json.dumps(answer).encode()

    def _stored(self, method: str, target: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """A little of S3: objects by path, and lists of what is below a prefix."""
        if "authorization" not in headers:
            return 404, b"This server has no such file."
        self._check_sigv4(method, target, headers, b"", "s3")
        assert headers["x-amz-content-sha256"] == hashlib.sha256(b"").hexdigest()
        path, _, query = target.partition("?")
        name = unquote(path.lstrip("/"))
        self._note("GET", target)
        if not query:
            found = self.objects.get(name)
            return (404, b"<Error><Code>NoSuchKey</Code></Error>") if found is None else (200, found)
        asked = dict(parse_qsl(query))
        below = sorted(key for key in self.objects if key.startswith(f"{name}/{asked['prefix']}"))
        start = int(asked.get("continuation-token", 0))
        page, rest = below[start : start + self.page_size], below[start + self.page_size :]
        listed = "".join(f"<Contents><Key>{key.partition('/')[2]}</Key></Contents>" for key in page)
        if rest:
            listed += f"<NextContinuationToken>{start + self.page_size}</NextContinuationToken>"
        namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
        return 200, f"<ListBucketResult xmlns='{namespace}'>{listed}</ListBucketResult>".encode()

    async def _GetDocument(self, members: dict[str, Any]) -> Any:
        name, version = members["Name"], members.get("DocumentVersion", "1")
        content = self.documents.get(f"{name}:{version}") or self.documents.get(name)
        if content is None:
            return 400, b'{"__type":"InvalidDocument","message":"no such document"}'
        text = content if isinstance(content, str) else json.dumps(content)
        return {"Name": name, "DocumentVersion": version, "Content": text}

    async def _GetParameters(self, members: dict[str, Any]) -> Any:
        found, missing = [], []
        for name in members["Names"]:
            kind, value = self.parameters.get(name, ("", ""))
            if kind == "SecureString" and not members["WithDecryption"]:
                value = "encrypted"
            (found if kind else missing).append({"Name": name, "Type": kind, "Value": value, "Version": 1})
        return {"Parameters": found, "InvalidParameters": [each["Name"] for each in missing]}

    async def _RefreshInstanceAssociations(self, members: dict[str, Any]) -> Any:
        """One at a time, page by page."""
        if self.associations is None:
            return 400, b'{"__type":"UnknownOperationException","message":"x"}'
        wanted = members.get("AssociationIds")
        known = [each["AssociationId"] for each in self.associations]
        if missing := [each for each in wanted or () if each not in known]:
            message = f"There is no association {missing[0]}."
            return 400, json.dumps({"__type": "AssociationDoesNotExist", "message": message}).encode()
        chosen = [each for each in self.associations if wanted is None or each["AssociationId"] in wanted]
        place = int(members.get("NextToken", 0))
        more = {"NextToken": str(place + 1)} if place + 1 < len(chosen) else {}
        return {"Associations": chosen[place : place + 1], **more}

    async def _RegisterManagedInstance(self, members: dict[str, Any]) -> Any:
        if members["ActivationCode"] != "right-code-0123456789":
            return 400, b'{"__type":"InvalidActivation","message":"no such activation"}'
        self.public_key = serialization.load_der_public_key(b64decode(members["PublicKey"]))
        return {"InstanceId": NODE_ID, "Region": REGION, "AccountId": "000000000001"}

    async def _RequestManagedInstanceRoleToken(self, members: dict[str, Any]) -> Any:
        rotate, self.will_rotate_key = self.will_rotate_key, False
        self.will_refuse_credentials = False
        return {
            "AccessKeyId": "ASIAFAKE",
            "SecretAccessKey": SECRET,
            "SessionToken": "token",
            "TokenExpirationDate": time.time() + 3600,
            "UpdateKeyPair": rotate,
        }

    async def _UpdateManagedInstancePublicKey(self, members: dict[str, Any]) -> Any:
        self.public_key = serialization.load_der_public_key(b64decode(members["NewPublicKey"]))
        if self.will_lose_key_answer:
            return 500, b'{"__type":"InternalServerError","message":"lost"}'
        return {}

    async def _UpdateInstanceInformation(self, members: dict[str, Any]) -> Any:
        return {}

    async def _GetMessages(self, members: dict[str, Any]) -> Any:
        for _ in range(20):
            if self.polled:
                break
            await asyncio.sleep(0.1)
        messages, self.polled = self.polled, []
        return {"Destination": members["Destination"], "MessagesRequestId": "x", "Messages": messages}

    async def _AcknowledgeMessage(self, members: dict[str, Any]) -> Any:
        return {}

    async def _SendReply(self, members: dict[str, Any]) -> Any:
        self._reply(members["MessageId"], members["ReplyId"], members["Payload"])
        return {}

    async def _channel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        protocol = ServerProtocol(max_size=2**22)
        protocol.receive_data(head)
        request = protocol.events_received()[0]
        protocol.send_response(protocol.accept(request))
        self._flush(writer, protocol)
        self._protocols[writer] = protocol
        try:
            while received := await reader.read(65536):
                protocol.receive_data(received)
                self._flush(writer, protocol)
                for event in protocol.events_received():
                    self._event(writer, event)
        finally:
            self._protocols.pop(writer, None)
            if writer in self._channels:
                self._channels.remove(writer)
            self._note("closed", None)

    def _event(self, writer: asyncio.StreamWriter, event: Any) -> None:
        if not isinstance(event, Frame):
            return
        if event.opcode is Opcode.TEXT:
            opening = jobs.read_opening(bytes(event.data).decode())
            assert opening.token == "tok"
            self._channels.append(writer)
            self._note("open", opening)
        elif event.opcode is Opcode.PING:
            self._note("ping", bytes(event.data))
        elif event.opcode is Opcode.BINARY:
            message = frames.decode(bytes(event.data))
            self._note(message.message_type, message)
            self._message(writer, message)

    def _message(self, writer: asyncio.StreamWriter, message: frames.AgentMessage) -> None:
        if message.message_type == jobs.AGENT_JOB_ACK:
            ack = jobs.read_job_ack(message.payload)
            self.jobs.setdefault(ack.job_id, Job(ack.job_id)).acks.append(ack)
        elif message.message_type == jobs.AGENT_JOB_REPLY:
            reply = jobs.read_job_reply(message.payload)
            self._reply(reply.job_id, message.message_id, reply.content)
            if self.will_ack_replies:
                ack_payload = jobs.ReplyAck(reply.job_id, message.message_id).encode()
                self._answer_frame(writer, jobs.AGENT_JOB_REPLY_ACK, ack_payload)
        elif message.message_type == jobs.AGENT_JOB_OUTPUT:
            self._output(writer, jobs.read_output_chunk(message.payload))

    def _reply(self, job_id: str, message_id: str, content: str) -> None:
        job = self.jobs.setdefault(job_id, Job(job_id))
        job.replies.append(json.loads(content))
        job.reply_ids.append(message_id)
        self._note("reply", job_id)

    def _output(self, writer: asyncio.StreamWriter, chunk: jobs.OutputChunk) -> None:
        job = self.jobs.setdefault(chunk.job_id, Job(chunk.job_id))
        held = job.output.setdefault((chunk.step_id, chunk.stream), bytearray())
        job.chunks += 1
        if chunk.offset <= len(held):
            held += chunk.chunk[len(held) - chunk.offset :]
        if self.will_ack_output:
            ack = jobs.OutputAck(chunk.job_id, chunk.step_id, chunk.stream, len(held))
            self._answer_frame(writer, jobs.AGENT_JOB_OUTPUT_ACK, ack.encode())

    def _answer_frame(self, writer: asyncio.StreamWriter, message_type: str, payload: bytes) -> None:
        message = frames.AgentMessage(message_type, payload, str(uuid.uuid4()), int(time.time() * 1000))
        self._send_frame(writer, Opcode.BINARY, message.encode())

    def _send_frame(self, writer: asyncio.StreamWriter, opcode: Opcode, payload: bytes) -> None:
        protocol = self._protocols[writer]
        if opcode is Opcode.TEXT:
            protocol.send_text(payload)
        else:
            protocol.send_binary(payload)
        self._flush(writer, protocol)

    def _flush(self, writer: asyncio.StreamWriter, protocol: ServerProtocol) -> None:
        for piece in protocol.data_to_send():
            if piece:
                writer.write(piece)

    def _note(self, what: str, detail: Any) -> None:
        with self._changed:
            self.seen.append((what, detail))
            self._changed.notify_all()

    def _check_sigv4(
        self, method: str, target: str, headers: dict[str, str], body: bytes, service: str
    ) -> None:
        found = re.search(r"SignedHeaders=([^,]+), Signature=(.+)", headers["authorization"])
        assert found and headers["x-amz-security-token"] == "token", headers
        text = self._string_to_sign(method, target, headers, body, found.group(1).split(";"), service)
        key = b"AWS4" + SECRET.encode()
        for part in (headers["x-amz-date"][:8], REGION, service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        assert hmac.digest(key, text, "sha256").hex() == found.group(2), "bad SigV4 signature"

    def _is_signed_by_key(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bool:
        found = re.search(
            r"Credential=([^/]+)/.*SignedHeaders=([^,]+), Signature=(.+)", headers["authorization"]
        )
        assert found and found.group(1) == NODE_ID
        text = self._string_to_sign(method, target, headers, body, found.group(2).split(";"), "ssm")
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        try:
            self.public_key.verify(b64decode(found.group(3)), text, pss, hashes.SHA256())
        except Exception:  # noqa: BLE001 - cryptography's InvalidSignature, or a signature of another length
            return False
        return True

    def _string_to_sign(
        self, method: str, target: str, headers: dict[str, str], body: bytes, signed: list[str], service: str
    ) -> bytes:
        # Written out here again, so that the agent's arithmetic is not checked by itself.
        path, _, query = target.partition("?")
        lines = "".join(f"{name}:{headers[name]}\n" for name in signed)
        digest = hashlib.sha256(body).hexdigest()
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{';'.join(signed)}\n{digest}".encode()
        date = headers["x-amz-date"]
        scope = f"{date[:8]}/{REGION}/{service}/aws4_request"
        return f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}".encode()

    def _certify(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        # Two authorities of one name could not be told apart without key identifiers.
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"fake {uuid.uuid4()}")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (self.folder / "key.pem").write_bytes(private)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.ca, self.folder / "key.pem")


def shell_document(*lines: str, **inputs: Any) -> dict[str, Any]:
    return {
        "schemaVersion": "1.2",
        "runtimeConfig": {
            "aws:runShellScript": {
                "properties": [{"id": "0.aws:runShellScript", "runCommand": list(lines), **inputs}]
            }
        },
    }


def steps_document(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"schemaVersion": "2.2", "mainSteps": list(steps)}


def shell_step(name: str, *lines: str, **more: Any) -> dict[str, Any]:
    inputs = {"runCommand": list(lines), **more.pop("inputs", {})}
    return {"action": "aws:runShellScript", "name": name, "inputs": inputs, **more}


def command_content(document: dict[str, Any], parameters: dict[str, Any] | None, command_id: str) -> str:
    return json.dumps(
        {
            "Parameters": parameters or {},
            "DocumentContent": document,
            "CommandId": command_id,
            "DocumentName": "AWS-RunShellScript",
            "OutputS3KeyPrefix": "",
            "OutputS3BucketName": "",
            "CloudWatchLogGroupName": "",
            "CloudWatchOutputEnabled": "false",
        }
    )
