"""What is remembered of each answered request: a line in the access log and counts for /metrics."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import IO

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from hostreeve.gateway.caller import Caller
from hostreeve.gateway.http import HttpResponse
from hostreeve.gateway.routing import Route

BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0)


class _Line(msgspec.Struct):
    """A line of the access log. It names the caller and the operation, never the request's content."""

    time_ms: int
    request_id: str
    client: str
    account: str
    region: str
    principal: str
    service: str
    operation: str
    status: int
    code: str
    ms: float
    bytes: int


class Record:
    """What every answered request leaves behind: a line of JSON, and its place in the counts."""

    def __init__(self, access_log: IO[bytes] | None) -> None:
        self._access_log = access_log
        self._encode = msgspec.json.Encoder().encode
        self._answered = _Answered()
        self.registry = CollectorRegistry()
        self.registry.register(self._answered)

    def answered(
        self, caller: Caller, route: Route | None, response: HttpResponse, code: str, seconds: float
    ) -> None:
        service, operation = (route.service.name, route.operation.name) if route else ("unknown", "unknown")
        self._answered.count(service, operation, code, seconds)
        if self._access_log is None:
            return
        line = _Line(
            caller.now_ms,
            caller.request_id,
            caller.http.client,
            caller.scope.account or caller.principal.account,
            caller.scope.region,
            caller.principal.arn,
            service,
            operation,
            response.status,
            code,
            int(seconds * 1e6) / 1000,
            response.size_bytes,
        )
        self._access_log.write(self._encode(line) + b"\n")

    def flush(self) -> None:
        if self._access_log is not None:
            self._access_log.flush()

    def watch(self, events: Mapping[str, int], connected: Callable[[], int]) -> None:
        """Also tell what happens on the nodes' channels: `events` counted by name, and how many are open."""
        self.registry.register(_Channels(events, connected))

    def tell(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Also tell a number that goes up and down, read when somebody asks."""
        self.registry.register(_Read(lambda: GaugeMetricFamily(name, meaning, read())))

    def count(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Also tell a number that only goes up."""
        self.registry.register(_Read(lambda: CounterMetricFamily(name, meaning, read())))

    def metrics(self) -> bytes:
        """Everything counted, in the Prometheus text format."""
        return generate_latest(self.registry)


class _Answered:
    """How many requests, and how long they took. Counted in plain dictionaries, by the event loop alone: the
    library's own counters take a lock for each of the three that a request moves."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def count(self, service: str, operation: str, code: str, seconds: float) -> None:
        key = (service, operation, code)
        self._counts[key] = self._counts.get(key, 0) + 1
        buckets = self._buckets.get(service)
        if buckets is None:
            buckets = self._buckets[service] = [0] * (len(BUCKETS_S) + 1)
            self._seconds[service] = 0.0
        buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self._seconds[service] += seconds

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        """A counter by service, operation and code, and a histogram by service."""
        requests = CounterMetricFamily(
            "hostreeve_requests", "API requests answered.", labels=["service", "operation", "code"]
        )
        for key, count in self._counts.items():
            requests.add_metric(list(key), count)
        yield requests
        took = HistogramMetricFamily(
            "hostreeve_request_seconds",
            "Time from the whole request read to the answer ready.",
            labels=["service"],
        )
        bounds = [*map(str, BUCKETS_S), "+Inf"]
        for service, buckets in self._buckets.items():
            upto = zip(bounds, accumulate(buckets), strict=True)
            took.add_metric([service], [(bound, count) for bound, count in upto], self._seconds[service])
        yield took


class _Read:
    """A number that somebody else keeps."""

    def __init__(self, read: Callable[[], CounterMetricFamily | GaugeMetricFamily]) -> None:
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        yield self._read()


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
