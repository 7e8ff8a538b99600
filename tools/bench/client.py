"""A fast signing client over one kept-alive TLS connection, for measuring: it does no more than it must."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.kernel.world import RealWorld

TARGETS = {
    "ssm": "AmazonSSM",
    "hostreeve": "Hostreeve",
    "ec2messages": "EC2WindowsMessageDeliveryService",
}
WORLD = RealWorld()


class Refused(Exception):
    """An answer other than 2xx: its status and body."""


def environment(admin_env: Path) -> dict[str, str]:
    """The assignments of an admin.env."""
    lines = [
        line.removeprefix("export ")
        for line in admin_env.read_text().splitlines()
        if line.startswith("export ")
    ]
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}


def request_bytes(
    url: str,
    service: str,
    target: str,
    body: bytes,
    credentials: Credentials | None,
    region: str = "us-east-1",
) -> bytes:
    """One whole JSON 1.1 request as it goes on the wire, signed now."""
    host = urlsplit(url).netloc
    headers = {"Host": host, "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    if credentials:
        outgoing = Outgoing("POST", "/", "", headers, body)
        headers = sign_headers(outgoing, credentials, region=region, service=service, now_ms=WORLD.now_ms())
    return head("POST", "/", headers, body) + body


def head(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + f"\r\nContent-Length: {len(body)}\r\n\r\n").encode("latin-1")


class Connection:
    """One kept-alive connection; requests go one after another."""

    def __init__(self, url: str, ca: str) -> None:
        self.url = url
        self.context = ssl.create_default_context(cafile=ca)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, request: bytes) -> bytes:
        """The body of the answer. Refused when it is an error."""
        if self._writer is None:
            split = urlsplit(self.url)
            self._reader, self._writer = await asyncio.open_connection(
                split.hostname, split.port, ssl=self.context
            )
        assert self._reader is not None
        self._writer.write(request)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(answer.split(" ", 2)[1])
        length = next(
            (
                int(line.split(":")[1])
                for line in answer.lower().split("\r\n")
                if line.startswith("content-length")
            ),
            0,
        )
        body = await self._reader.readexactly(length)
        if status >= 300:
            raise Refused(f"{status} {body.decode(errors='replace')}")
        return body

    async def call(
        self, service: str, operation: str, request: dict[str, Any], credentials: Credentials | None
    ) -> Any:
        body = json.dumps(request).encode()
        wire = request_bytes(self.url, service, f"{TARGETS[service]}.{operation}", body, credentials)
        return json.loads(await self.send(wire) or b"{}")

    def close(self) -> None:
        if self._writer:
            self._writer.close()
            self._writer = None
