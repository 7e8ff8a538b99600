"""Parameter Store: reads, secrets, trees and durable writes, signed and over TLS, beside plain stores."""

import asyncio
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import uvloop

from hostreeve.app.compose import SCHEMAS
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction, open_database
from tools.bench.api import CONNECTIONS, SECONDS, Load
from tools.bench.client import WORLD, Connection, request_bytes
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.machine import cpu_seconds, percentile, row

SMALL, LARGE = 10_000, 1_000_000
BATCH = 2_000
TREE = "/bench/tree"


def run() -> None:
    """Print every figure. The store holds 10,000 parameters first, and 1,000,000 then."""
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-") as folder:
        state = Path(folder) / "state"
        with serving(state) as plane:
            account = asyncio.run(_prepare(plane))
        _fill(state, account, SMALL)
        with serving(state) as plane, _pinned(plane):
            few_us = _read_all(plane, f"{SMALL:,} stored")
            _measure_row(
                "durable PutParameter, new versions",
                _measure(plane, [_put(plane, number) for number in range(CONNECTIONS)]),
                "5,000/s, floor 3,000/s",
            )
        _fill(state, account, LARGE)
        with serving(state) as plane, _pinned(plane):
            many_us = _read_all(plane, f"{LARGE:,} stored")
        row("GetParameter, processor time, many stored beside few", f"{many_us / few_us:.0%}", "within 20 %")
    _peers()


def _read_all(plane: ControlPlane, remark: str) -> float:
    """Print the figures of reading; what GetParameter costs the server, in microseconds."""
    get = _request(plane, "GetParameter", {"Name": f"{TREE}/000042"})
    secret = _request(plane, "GetParameter", {"Name": "/bench/secret", "WithDecryption": True})
    page = _request(plane, "GetParametersByPath", {"Path": TREE})
    deep = _request(plane, "GetParametersByPath", {"Path": "/bench", "Recursive": True})
    listed = _request(plane, "DescribeParameters", {})
    chosen = {"ParameterFilters": [{"Key": "Tier", "Values": ["Advanced"]}]}
    rare = _request(plane, "DescribeParameters", chosen)
    figures = [
        ("GetParameter", get, "15,000/s, floor 10,000/s"),
        ("GetParameter of a SecureString, in clear", secret, "6,000/s"),
        ("GetParametersByPath, a first page", page, ""),
        ("GetParametersByPath, recursive", deep, ""),
        ("DescribeParameters, a first page", listed, ""),
    ]
    costs_us = [
        _measure_row(f"{name} ({remark})", _measure(plane, [request]), budget)
        for name, request, budget in figures
    ]
    for name, request in (("GetParametersByPath", page), ("DescribeParameters, rare filter", rare)):
        row(f"{name}, alone ({remark})", f"{asyncio.run(_alone(plane, request)):.1f} ms", "5 ms")
    return costs_us[0]


@dataclass(frozen=True)
class Measured:
    """Requests answered in SECONDS: their latencies in ms, the server's processor time, and failures."""

    latencies_ms: list[float]
    cpu_s: float
    failures: int

    @property
    def rate(self) -> float:
        """Per second, on a machine with nothing else to do."""
        return len(self.latencies_ms) / SECONDS

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time per request: the same on a machine that is busy otherwise."""
        return self.cpu_s * 1e6 / max(1, len(self.latencies_ms))


def _measure_row(name: str, measured: Measured, budget: str) -> float:
    """Print a figure; microseconds of the server per request."""
    remark = f"p99 {percentile(measured.latencies_ms, 0.99):.1f} ms at {CONNECTIONS} connections, "
    remark += f"{measured.cpu_us:.0f} us of the server each"
    failed = f"{measured.failures} FAILED"
    row(name, f"{measured.rate:,.0f}/s", budget, failed if measured.failures else remark)
    return measured.cpu_us


def _measure(plane: ControlPlane, requests: Sequence[bytes]) -> Measured:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        context = Connection(plane.url, plane.ca).context
        return runner.run(_load(urlsplit(plane.url), context, requests, plane.process_id))


async def _load(
    address: SplitResult, context: ssl.SSLContext | None, requests: Sequence[bytes], process_id: int
) -> Measured:
    """So many connections that repeat a request, each its own of `requests`."""
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    made = []
    for number in range(CONNECTIONS):
        load = Load(requests[number % len(requests)], latencies)
        made.append(
            await loop.create_connection(
                partial(_same, load), address.hostname or "", address.port or 0, ssl=context
            )
        )
    await asyncio.sleep(0.5)
    latencies.clear()
    before_s = cpu_seconds(process_id)
    await asyncio.sleep(SECONDS)
    measured, used_s = list(latencies), cpu_seconds(process_id) - before_s
    for transport, _ in made:
        transport.abort()
    return Measured(measured, used_s, sum(load.failures for _, load in made))


def _same(load: Load) -> Load:
    return load


async def _alone(plane: ControlPlane, request: bytes) -> float:
    """The median of one caller's waits, in ms."""
    connection = Connection(plane.url, plane.ca)
    waits = []
    for _ in range(50):
        started = time.perf_counter()
        await connection.send(request)
        waits.append((time.perf_counter() - started) * 1000)
    return percentile(waits, 0.5)


def _request(plane: ControlPlane, operation: str, members: Mapping[str, object]) -> bytes:
    body = json.dumps(dict(members)).encode()
    return request_bytes(plane.url, "ssm", f"AmazonSSM.{operation}", body, plane.credentials)


def _put(plane: ControlPlane, number: int) -> bytes:
    members = {"Name": f"/bench/put/{number}", "Value": "v" * 40, "Type": "String", "Overwrite": True}
    return _request(plane, "PutParameter", members)


async def _prepare(plane: ControlPlane) -> str:
    """Make the secret; the account."""
    connection = Connection(plane.url, plane.ca)
    members = {"Name": "/bench/secret", "Value": "hush" * 10, "Type": "SecureString"}
    await connection.call("ssm", "PutParameter", members, plane.credentials)
    found = await connection.call("ssm", "GetParameter", {"Name": "/bench/secret"}, plane.credentials)
    return str(found["Parameter"]["ARN"]).split(":")[4]


def _fill(state: Path, account: str, count: int) -> None:
    """So many parameters in all, written to the store of a server that is not running."""
    database = open_database(f"sqlite:///{state}/hostreeve.db", WORLD, SCHEMAS)
    scope = Scope(account, "us-east-1")
    have = database.read_sync(lambda tx: store.count(tx, scope))
    now_ms = WORLD.now_ms()
    for start in range(have, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        made = [_parameter(account, number, now_ms) for number in numbers]
        database.write_sync(partial(_insert, made))
    database.close()


def _insert(made: Sequence[Parameter], tx: Transaction) -> None:
    for each in made:
        store.insert(tx, each)


def _parameter(account: str, number: int, now_ms: int) -> Parameter:
    path = f"{TREE}/{number:06}" if number < SMALL else f"/bench/more/{number // 1000}/{number:07}"
    return Parameter(
        account=account,
        region="us-east-1",
        path=path,
        name=path,
        version=1,
        type="String",
        tier="Standard",
        data_type="text",
        key_id="",
        description="one of many",
        allowed_pattern="",
        policies=(),
        modified_ms=now_ms,
        modified_by=f"arn:aws:iam::{account}:user/bench",
        value=b"v" * 40,
    )


@contextmanager
def _pinned(plane: ControlPlane) -> Iterator[None]:
    """The server on one core, the load generator on another."""
    os.sched_setaffinity(plane.process_id, {0})
    os.sched_setaffinity(0, {1} if (os.cpu_count() or 1) > 1 else {0})
    try:
        yield
    finally:
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))


def _peers() -> None:
    """What stores without signatures, policies or TLS do; those that are installed."""
    for name, measure in (("Redis", _redis), ("etcd, JSON gateway", _etcd)):
        try:
            row(f"a read, {name}", f"{measure():,.0f}/s")
        except (OSError, RuntimeError, subprocess.SubprocessError, ValueError) as error:
            row(f"a read, {name}", "not run", "", str(error)[:80])


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed")
    return found


def _redis() -> float:
    port = _free_port()
    server = _started([_program("redis-server"), "--port", str(port), "--save", ""], port)
    try:
        command = [_program("redis-benchmark"), "-p", str(port), "-t", "get", "-c", str(CONNECTIONS), "--csv"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
        return float(told.strip().splitlines()[-1].split(",")[1].strip('"'))
    finally:
        server.terminate()
        server.wait(10)


def _etcd() -> float:
    with tempfile.TemporaryDirectory() as folder:
        port, peer = _free_port(), _free_port()
        url, other = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
        flags = ["--data-dir", folder, "--listen-client-urls", url, "--advertise-client-urls", url]
        flags += ["--listen-peer-urls", other, "--initial-advertise-peer-urls", other]
        server = _started([_program("etcd"), *flags, "--initial-cluster", f"default={other}"], port)
        try:
            body = b'{"key":"YmVuY2g="}'
            return _plain(
                port, server.pid, _plain_request("/v3/kv/range", body, {"Content-Type": "application/json"})
            )
        finally:
            server.terminate()
            server.wait(10)


def _plain_request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + f"\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def _plain(port: int, process_id: int, request: bytes) -> float:
    address = urlsplit(f"http://127.0.0.1:{port}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured = runner.run(_load(address, None, [request], process_id))
    if measured.failures or not measured.latencies_ms:
        raise RuntimeError(f"{measured.failures} failures")
    return measured.rate


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _started(command: list[str], port: int) -> "subprocess.Popen[bytes]":
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.05)
    server.terminate()
    raise RuntimeError(f"{command[0]} did not start")
