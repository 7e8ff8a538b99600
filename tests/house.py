"""The whole control plane in this process, spoken to by a real botocore client through its `before-send`
hook."""

import asyncio
import functools
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config as ClientConfig

from hostreeve.app import bootstrap
from hostreeve.app.compose import App, Config, build
from hostreeve.app.regions import aws_regions
from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.kernel.world import SimulatedWorld, World
from hostreeve.platform.keys import Keyring

ENDPOINT = "https://127.0.0.1:8443"


@functools.cache
def _session() -> boto3.Session:
    """One for all clients: each new one would read the service models from disk again."""
    return boto3.Session()


class House:
    """`house.client("ssm").send_command(...)`: no socket between, everything else as in production."""

    def __init__(self, url: str, world: World) -> None:
        self.world = world
        self._clients: dict[tuple[Any, ...], Any] = {}
        self.keys = Keyring(b"k" * 32, world)
        self.objects = tempfile.TemporaryDirectory(prefix="hostreeve-objects-")
        self.journal = tempfile.TemporaryDirectory(prefix="hostreeve-journal-")
        config = Config(
            database=url,
            regions=aws_regions(),
            replica="house",
            objects=Path(self.objects.name),
            audit=Path(self.journal.name),
        )
        self.app: App = build(config, world, self.keys)
        self.loop = asyncio.new_event_loop()
        key = self.app.database.write_sync(lambda tx: bootstrap.bootstrap(tx, self.keys, world))
        assert key is not None, "a house is built on an empty database"
        self.key: tuple[str, str] = key
        self.signed_ago_s = 0.0
        """How old signatures are when they arrive."""
        self._secrets: dict[str, str] = {}

    def client(
        self, service: str, key: tuple[str, ...] | None = None, region: str = "us-east-1", **config: Any
    ) -> Any:
        """A botocore client signing with `key` = (id, secret[, session token]); the administrator's by
        default. Whoever asks for the same gets the same: making one takes longer than most tests."""
        known = (service, key or self.key, region, repr(config))
        if known not in self._clients:
            self._clients[known] = self._client(service, key or self.key, region, config)
        return self._clients[known]

    def _client(self, service: str, key: tuple[str, ...], region: str, config: dict[str, Any]) -> Any:
        access_key_id, secret, *token = key
        self._secrets[access_key_id] = secret
        client = _session().client(
            service,
            region_name=region,
            endpoint_url=ENDPOINT,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret,
            aws_session_token=token[0] if token else None,
            config=ClientConfig(retries={"max_attempts": 1, "mode": "standard"}, **config),
        )
        client.meta.events.register("before-send.*.*", self._send)
        return client

    def request(self, http: HttpRequest) -> HttpResponse:
        """Any request at all, for what no client would send."""
        return self.loop.run_until_complete(self.app.pipeline.answer(http))

    def tick(self) -> None:
        """Let the workers do everything that is due now."""
        from hostreeve.scheduling.loop import run_until_idle

        self.loop.run_until_complete(run_until_idle(self.app.workers))

    def close(self) -> None:
        self.app.auditor.close()
        self.app.database.close()
        self.loop.close()
        self.objects.cleanup()
        self.journal.cleanup()

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        headers = [(name.lower(), _text(value).strip()) for name, value in request.headers.items()]
        if not any(name == "host" for name, _ in headers):
            headers.append(("host", url.netloc))
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        body = body.read() if hasattr(body, "read") else body
        http = HttpRequest(request.method, url.path or "/", url.query, headers, body, client="127.0.0.1")
        if isinstance(self.world, SimulatedWorld):
            self._sign_anew(http)
        answer = self.request(http)
        body = b"".join(chunk for part in answer.files for chunk in part.chunks(1 << 20)) or answer.body
        if request.method == "HEAD":
            body = b""
        return AWSResponse(request.url, answer.status, dict(answer.headers), _Raw(body))

    def _sign_anew(self, http: HttpRequest) -> None:
        """botocore signs by the machine's clock; a simulated world has another."""
        written = http.header("authorization") or ""
        found = re.search(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/", written)
        if found is None or found[1] not in self._secrets:
            return
        headers = dict(http.headers)
        token = headers.pop("x-amz-security-token", None)
        signed = sign_headers(
            Outgoing(
                http.method, http.path, http.query, headers, http.body, headers.get("x-amz-content-sha256")
            ),
            Credentials(found[1], self._secrets[found[1]], token),
            region=found[2],
            service=found[3],
            now_ms=self.world.now_ms() - round(self.signed_ago_s * 1000),
        )
        http.headers = [(name.lower(), value) for name, value in signed.items()]


class _Raw:
    """What urllib3 would hand botocore: a stream of the body."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body

    def read(self, *_: Any, **__: Any) -> bytes:
        body, self._body = self._body, b""
        return body


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


@contextmanager
def module_house(
    request: pytest.FixtureRequest, folders: pytest.TempPathFactory, begin_ms: int
) -> Iterator[House]:
    """A house for one module of tests, its clock at `begin_ms`; on SQLite unless `postgresql` is asked."""
    if getattr(request, "param", "sqlite") == "sqlite":
        url = f"sqlite://{folders.mktemp('house')}/house.db"
    else:
        url = request.getfixturevalue("postgres_stores").fresh()
    with house_at(url, SimulatedWorld(7, begin_ms)) as made:
        yield made


@contextmanager
def house_at(url: str, world: World | None = None) -> Iterator[House]:
    house = House(url, world or SimulatedWorld(7))
    try:
        yield house
    finally:
        house.close()
