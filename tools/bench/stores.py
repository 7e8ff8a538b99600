"""Stores of small values beside ours: moto's mock of Systems Manager, etcd, Redis; those that are installed.

moto comes from PyPI into a throw-away environment, the others from Debian (`etcd-server`, `redis-server`).
Neither checks signatures or permissions or speaks TLS here; moto keeps nothing on disk.
"""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hostreeve.contract.sigv4 import Credentials
from tools.bench.api import CONNECTIONS
from tools.bench.client import request_bytes
from tools.bench.load import Measured, Target, measure, measure_short
from tools.bench.machine import cpu_seconds
from tools.bench.peers import environment

VALUE = "v" * 40
START_S = 30.0


class Figures(NamedTuple):
    """Of one store: its reads, and its durable writes (None: it has none)."""

    reads: Measured
    writes: Measured | None


def moto(seconds: float) -> Figures:
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-moto-") as folder:
        program = environment(Path(folder) / "venv", "moto[server,ssm]") / "bin" / "moto_server"
        port = _free_port()
        with _started([str(program), "-H", "127.0.0.1", "-p", str(port)], port) as process:
            url = f"http://127.0.0.1:{port}"
            target = Target(url, None, process.pid)

            def asked(operation: str, **members: object) -> bytes:
                body = json.dumps(members).encode()
                keys = Credentials("AKIAIOSFODNN7EXAMPLE", "secret")
                return request_bytes(url, "ssm", f"AmazonSSM.{operation}", body, keys)

            put = asked("PutParameter", Name="/bench", Value=VALUE, Type="String", Overwrite=True)
            measure_short(target, put, seconds=0.2, workers=1)
            return Figures(measure_short(target, asked("GetParameter", Name="/bench"), seconds=seconds), None)


def etcd(seconds: float) -> Figures:
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-etcd-") as folder:
        port, peer = _free_port(), _free_port()
        url, other = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
        flags = ["--data-dir", folder, "--listen-client-urls", url, "--advertise-client-urls", url]
        flags += ["--listen-peer-urls", other, "--initial-advertise-peer-urls", other]
        flags += ["--initial-cluster", f"default={other}"]
        with _started([_program("etcd"), *flags], port) as process:
            target = Target(url, None, process.pid)

            def asked(path: str, **members: str) -> bytes:
                body = json.dumps({k: base64.b64encode(v.encode()).decode() for k, v in members.items()})
                lines = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                return f"{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode()

            puts = [asked("/v3/kv/put", key=f"bench{number}", value=VALUE) for number in range(CONNECTIONS)]
            time.sleep(1.5)
            writes = measure(target, puts, seconds=seconds)
            return Figures(measure(target, [asked("/v3/kv/range", key="bench0")], seconds=seconds), writes)


def redis(seconds: float) -> Figures:
    """By redis-benchmark, which speaks no HTTP; writes are synced before they are answered."""
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-redis-") as folder:
        port = _free_port()
        flags = ["--port", str(port), "--save", "", "--dir", folder, "--appendonly", "yes"]
        with _started([_program("redis-server"), *flags, "--appendfsync", "always"], port) as process:
            writes = _redis_benchmark(port, process.pid, "set", 20_000)
            return Figures(_redis_benchmark(port, process.pid, "get", 200_000), writes)


STORES: dict[str, Callable[[float], Figures]] = {
    "moto_server (in memory, plain HTTP)": moto,
    "etcd (JSON gateway, plain HTTP)": etcd,
    "Redis (own protocol)": redis,
}


def _redis_benchmark(port: int, process_id: int, deed: str, count: int) -> Measured:
    words = [
        _program("redis-benchmark"),
        "-p",
        str(port),
        "-t",
        deed,
        "-n",
        str(count),
        "-d",
        str(len(VALUE)),
    ]
    before_s, started = cpu_seconds(process_id), time.perf_counter()
    done = subprocess.run(
        [*words, "-c", str(CONNECTIONS), "--csv"], capture_output=True, text=True, timeout=120
    )
    took_s = time.perf_counter() - started
    done.check_returncode()
    # test, rps, avg, min, p50, p95, p99, max: the middle one stands for all.
    p50_ms = float(done.stdout.strip().splitlines()[-1].split(",")[4].strip('"'))
    return Measured([p50_ms] * count, took_s, cpu_seconds(process_id) - before_s, 0)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed")
    return found


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _started(command: list[str], port: int) -> Iterator["subprocess.Popen[bytes]"]:
    # On the core that our server has to itself too.
    server = subprocess.Popen(
        ["taskset", "-c", "0", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + START_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start")
            time.sleep(0.05)
        yield server
    finally:
        server.terminate()
        server.wait(10)
