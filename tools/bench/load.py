"""The load of one store: kept-alive connections that repeat requests, and what answering cost the server."""

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvloop

from tools.bench.api import CONNECTIONS, Load
from tools.bench.machine import cpu_seconds, percentile


@dataclass(frozen=True)
class Measured:
    """Requests answered in some seconds: their latencies in ms, the server's processor time, and failures."""

    latencies_ms: list[float]
    seconds: float
    cpu_s: float
    failures: int

    @property
    def rate(self) -> float:
        """Per second, with whatever else the machine does."""
        return len(self.latencies_ms) / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of the server's processor time per request: nearly the same on a busy machine."""
        return self.cpu_s * 1e6 / max(1, len(self.latencies_ms))

    @property
    def per_core(self) -> float:
        """Requests that a second of processor time answers."""
        return 1e6 / max(0.001, self.cpu_us)

    def remark(self) -> str:
        middle, late = (percentile(self.latencies_ms, share) for share in (0.5, 0.99))
        told = f"p50 {middle:.1f} p99 {late:.1f} ms at "
        told += (
            f"{CONNECTIONS} connections; {self.cpu_us:.0f} us of processor time each: {self.per_core:,.0f}/s"
        )
        return f"{self.failures} FAILED" if self.failures else told


@dataclass(frozen=True)
class Target:
    """Where requests go: the address, the TLS to speak (None: none), and the process that answers."""

    url: str
    tls: ssl.SSLContext | None
    process_id: int


def measure(target: Target, requests: Sequence[bytes], *, seconds: float) -> Measured:
    """So many connections, each repeating one of the requests."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_loaded(target, requests, seconds))


async def _loaded(target: Target, requests: Sequence[bytes], seconds: float) -> Measured:
    address = urlsplit(target.url)
    latencies: list[float] = []
    loads = [Load(requests[number % len(requests)], latencies, waits=True) for number in range(CONNECTIONS)]
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(_always(load), address.hostname or "", address.port or 0, ssl=target.tls)
        for load in loads
    ]
    # Whoever connects while others ask already waits behind their answers, some of which are long.
    for load in loads:
        load.start()
    await asyncio.sleep(0.3)
    latencies.clear()
    before_s, started = cpu_seconds(target.process_id), time.perf_counter()
    await asyncio.sleep(seconds)
    found, used_s = list(latencies), cpu_seconds(target.process_id) - before_s
    took_s = time.perf_counter() - started
    for transport, _ in made:
        transport.abort()
    return Measured(found, took_s, used_s, sum(load.failures for load in loads))


def _always(load: Load) -> Callable[[], Load]:
    return lambda: load


def measure_short(target: Target, request: bytes, *, seconds: float, workers: int = 8) -> Measured:
    """The same for a server that ends its connection with every answer."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_short(target, request, seconds, workers))


async def _short(target: Target, request: bytes, seconds: float, workers: int) -> Measured:
    address = urlsplit(target.url)
    latencies: list[float] = []
    failures = 0
    before_s, started = cpu_seconds(target.process_id), time.perf_counter()

    async def repeat() -> None:
        nonlocal failures
        while time.perf_counter() - started < seconds:
            sent = time.perf_counter()
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(request)
            answer = await reader.read()
            writer.close()
            failures += b" 200 " not in answer[:20]
            latencies.append((time.perf_counter() - sent) * 1000)

    await asyncio.gather(*(repeat() for _ in range(workers)))
    took_s = time.perf_counter() - started
    return Measured(latencies, took_s, cpu_seconds(target.process_id) - before_s, failures)
