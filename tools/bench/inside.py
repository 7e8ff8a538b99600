"""Requests in this process, through the whole pipeline, without sockets or TLS: the least processor time of
many turns, nearly the same on a busy machine as on a quiet one."""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hostreeve.app import bootstrap
from hostreeve.app.compose import App, Config, build
from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.gateway.http import HttpRequest
from hostreeve.persistence.database import Database
from hostreeve.platform.audit import Auditor
from hostreeve.platform.keys import Keyring
from tools.bench.client import TARGETS, WORLD

TURNS, A_TURN = 40, 50
HOST = "127.0.0.1:8443"


class Inside:
    """A control plane of its own; `cost_us` measures one operation."""

    def __init__(self, app: App, key: tuple[str, str], loop: asyncio.AbstractEventLoop) -> None:
        self._app, self._key, self._loop = app, Credentials(*key), loop

    def cost_us(
        self,
        operation: str,
        members: Mapping[str, object],
        *,
        service: str = "ssm",
        together: bool = False,
    ) -> float:
        """Microseconds of processor time for one request, the least of all turns: one after another, or all
        of a turn at once."""
        request = self._request(operation, members, service)
        answered = self._answered_together if together else self._answered
        self._loop.run_until_complete(answered(request, A_TURN))
        costs = []
        for _ in range(TURNS):
            before_s = time.process_time()
            self._loop.run_until_complete(answered(request, A_TURN))
            costs.append((time.process_time() - before_s) / A_TURN)
        return min(costs) * 1e6

    async def _answered_together(self, request: HttpRequest, count: int) -> None:
        await asyncio.gather(*(self._answered(request, 1) for _ in range(count)))

    def ask(
        self, operation: str, members: Mapping[str, object], *, service: str = "ssm", count: int = 1
    ) -> None:
        """One request, or the same so many times, which must succeed."""
        self._loop.run_until_complete(self._answered(self._request(operation, members, service), count))

    @property
    def auditor(self) -> Auditor:
        return self._app.auditor

    @property
    def database(self) -> Database:
        return self._app.database

    async def _answered(self, request: HttpRequest, count: int) -> None:
        for _ in range(count):
            answer = await self._app.pipeline.answer(request)
            if answer.status != 200:
                raise RuntimeError(answer.body.decode(errors="replace"))

    def _request(self, operation: str, members: Mapping[str, object], service: str) -> HttpRequest:
        body = json.dumps(dict(members)).encode()
        headers = {
            "host": HOST,
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"{TARGETS[service]}.{operation}",
        }
        signed = sign_headers(
            Outgoing("POST", "/", "", headers, body),
            self._key,
            region="us-east-1",
            service=service,
            now_ms=WORLD.now_ms(),
        )
        lines = [(name.lower(), value) for name, value in signed.items()]
        return HttpRequest("POST", "/", "", lines, body, client="127.0.0.1")


@contextmanager
def inside(*, journal: bool = False) -> Iterator[Inside]:
    """With a journal of reads and denials, or without."""
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-") as folder:
        keys = Keyring(WORLD.token(32), WORLD)
        database = f"sqlite:///{Path(folder) / 'hostreeve.db'}"
        kept = Path(folder) / "audit" if journal else None
        app = build(Config(database, frozenset({"us-east-1"}), "bench", audit=kept), WORLD, keys)
        key = app.database.write_sync(lambda tx: bootstrap.bootstrap(tx, keys, WORLD))
        assert key is not None
        loop = asyncio.new_event_loop()
        try:
            yield Inside(app, key, loop)
        finally:
            app.database.close()
            loop.close()
