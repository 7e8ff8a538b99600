"""What is remembered of each answered request: a line in the access log and counts for /metrics."""

from collections.abc import Callable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from hostreeve.gateway.http import HttpResponse
from hostreeve.gateway.routing import Route

if TYPE_CHECKING:
    from hostreeve.gateway.pipeline import Caller

BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0)


class Record:
    """Access log lines are JSON; they name the caller and the operation, never the request's content."""

    def __init__(self, access_log: IO[bytes] | None) -> None:
        self._access_log = access_log
        self._encode = msgspec.json.Encoder().encode
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "hostreeve_requests_total",
            "API requests answered.",
            ("service", "operation", "code"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "hostreeve_request_seconds",
            "Time from the whole request read to the answer ready.",
            ("service",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, str], Any] = {}
        self._histograms: dict[str, Any] = {}

    def answered(
        self, caller: "Caller", route: Route | None, response: HttpResponse, code: str, seconds: float
    ) -> None:
        service, operation = (route.service.name, route.operation.name) if route else ("unknown", "unknown")
        self._count(service, operation, code, seconds)
        if self._access_log is None:
            return
        line = self._encode(
            {
                "time_ms": caller.now_ms,
                "request_id": caller.request_id,
                "client": caller.http.client,
                "account": caller.scope.account or caller.principal.account,
                "region": caller.scope.region,
                "principal": caller.principal.arn,
                "service": service,
                "operation": operation,
                "status": response.status,
                "code": code,
                "ms": round(seconds * 1000, 3),
                "bytes": response.size_bytes,
            }
        )
        self._access_log.write(line + b"\n")

    def flush(self) -> None:
        if self._access_log is not None:
            self._access_log.flush()

    def watch(self, events: Mapping[str, int], connected: Callable[[], int]) -> None:
        """Also tell what happens on the nodes' channels: `events` counted by name, and how many are open."""
        self.registry.register(_Channels(events, connected))

    def metrics(self) -> bytes:
        """Everything counted, in the Prometheus text format."""
        return generate_latest(self.registry)

    def _count(self, service: str, operation: str, code: str, seconds: float) -> None:
        key = (service, operation, code)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._requests.labels(service, operation, code)
            self._histograms.setdefault(service, self._seconds.labels(service))
        child.inc()
        self._histograms[service].observe(seconds)


class _Channels:
    """The node link's own counters, read when somebody asks."""

    def __init__(self, events: Mapping[str, int], connected: Callable[[], int]) -> None:
        self._events = events
        self._connected = connected

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """One counter with the event as its label, and a gauge."""
        happened = CounterMetricFamily(
            "hostreeve_channel_events", "What happened on the nodes' channels.", labels=["event"]
        )
        for name, count in self._events.items():
            happened.add_metric([name], count)
        yield happened
        yield GaugeMetricFamily(
            "hostreeve_nodes_connected", "Open control channels of this process.", self._connected()
        )
