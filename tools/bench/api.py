"""Signed API requests per second on one core: the server pinned to a core, the load generator to another."""

import asyncio
import os
import time
from urllib.parse import urlsplit

import uvloop

from hostreeve.contract.sigv4 import Outgoing, sign_headers
from tools.bench.client import WORLD, Connection, head, request_bytes
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.machine import cpu_seconds, percentile, row

CONNECTIONS = 64
SECONDS = 4.0
WARM_UP_S = 0.5
READS = {
    "DescribeInstanceInformation": b"{}",
    "GetConnectionStatus": b'{"Target":"mi-0123456789abcdef0"}',
    "DescribeDocument": b'{"Name":"AWS-RunShellScript"}',
}


class Load(asyncio.Protocol):
    """One kept-alive connection that sends the next request when the answer is whole."""

    def __init__(self, request: bytes, latencies_ms: list[float], *, waits: bool = False) -> None:
        """`waits`: the first request is sent by `start`, not as soon as the connection is there."""
        self._request = request
        self._waits = waits
        self._latencies = latencies_ms
        self._head = b""
        self._missing: int | None = None
        self._sent = 0.0
        self.failures = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if not self._waits:
            self._next()

    def start(self) -> None:
        self._next()

    def data_received(self, data: bytes) -> None:
        if self._missing is not None:
            # A long body comes in many pieces: each is counted, and none looked at.
            self._missing -= len(data)
        else:
            self._read_head(data)
        if self._missing is not None and self._missing <= 0:
            self._latencies.append((time.perf_counter() - self._sent) * 1000)
            self._head, self._missing = b"", None
            self._next()

    def _read_head(self, data: bytes) -> None:
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._head.lower().find(b"content-length:")
        length = int(self._head[at + 15 : self._head.find(b"\r", at)])
        self._missing = end + 4 + length - len(self._head)
        if not self._head.startswith(b"HTTP/1.1 200"):
            self.failures += 1

    def _next(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)  # type: ignore[attr-defined]


def run() -> None:
    with serving() as plane:
        os.sched_setaffinity(plane.process_id, {0})
        os.sched_setaffinity(0, {1} if (os.cpu_count() or 1) > 1 else {0})
        for name, request in _requests(plane):
            before_s = cpu_seconds(plane.process_id)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                latencies, failures = runner.run(_measure(plane, request))
            cpu_s = cpu_seconds(plane.process_id) - before_s
            figure = f"{len(latencies) / SECONDS:,.0f}/s"
            # Where others use the core too, time on it is what counts; the warm-up costs some as well.
            per_core = len(latencies) * (SECONDS + WARM_UP_S) / SECONDS / cpu_s
            remark = (
                f"{per_core:,.0f} per second of processor time; "
                f"p99 {percentile(latencies, 0.99):.1f} ms at {CONNECTIONS} connections"
            )
            row(f"signed, authorised {name}", figure, "", remark if not failures else f"{failures} FAILED")
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))


def _requests(plane: ControlPlane) -> list[tuple[str, bytes]]:
    form = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = {"Host": urlsplit(plane.url).netloc, "Content-Type": "application/x-www-form-urlencoded"}
    signed = sign_headers(
        Outgoing("POST", "/", "", headers, form),
        plane.credentials,
        region="us-east-1",
        service="sts",
        now_ms=WORLD.now_ms(),
    )
    made = [("GetCallerIdentity", head("POST", "/", signed, form) + form)]
    for name, body in READS.items():
        made.append((name, request_bytes(plane.url, "ssm", f"AmazonSSM.{name}", body, plane.credentials)))
    return made


async def _measure(plane: ControlPlane, request: bytes) -> tuple[list[float], int]:
    connection = Connection(plane.url, plane.ca)
    await connection.send(request)
    split = urlsplit(plane.url)
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(
            lambda: Load(request, latencies), split.hostname, split.port, ssl=connection.context
        )
        for _ in range(CONNECTIONS)
    ]
    await asyncio.sleep(WARM_UP_S)
    latencies.clear()
    await asyncio.sleep(SECONDS)
    measured = list(latencies)
    for transport, _ in made:
        transport.abort()
    return measured, sum(load.failures for _, load in made)
