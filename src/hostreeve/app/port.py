"""The one TLS port: uvicorn around the ASGI application, and its certificate, renewed while it serves."""

import asyncio
import logging
import resource
import socket
import ssl
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn

from hostreeve.app.compose import App
from hostreeve.app.state import StateFolder, write_ready
from hostreeve.gateway import certificates
from hostreeve.gateway.certificates import Certificates
from hostreeve.gateway.direct import DirectHttp
from hostreeve.gateway.guests import Guests
from hostreeve.gateway.sockets import DirectSocket
from hostreeve.gateway.tls import Tls
from hostreeve.kernel import limits
from hostreeve.kernel.world import World
from hostreeve.messaging.model import FRAME_BYTES_MAX

log = logging.getLogger("hostreeve.serve")

FILES_OF_OUR_OWN = 256
"""Open files that are no connections: the database, its readers, outputs being written."""
PARTING_S = 0.5
"""How long clients get to end their connections, when the server stops and no request is under way."""


class Renewing:
    """Our own certificate, made at first start and renewed before its end."""

    def __init__(self, folder: StateFolder, names: list[str], world: World) -> None:
        self._folder = folder
        self._names = names
        self._world = world

    def ensure(self) -> Certificates:
        return certificates.ensure(self._folder.certificates, self._names, self._world)


class Port(uvicorn.Server):
    """uvicorn, telling through the `ready` file when the port answers. `at` is (address, port, URL)."""

    def __init__(
        self,
        app: App,
        folder: StateFolder,
        certificate: Certificates,
        at: tuple[str, int, str],
        renewing: Renewing | None,
        guests: Guests,
    ) -> None:
        self._context = _context(certificate)
        super().__init__(_config(app, at[0], at[1], self._context, guests))
        self.app = app
        self.was_ready = False
        self._folder = folder
        self._url = at[2]
        self._renewing = renewing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.was_ready = True
            write_ready(self._folder, url=self._url)
            sys.stderr.write(f"serving {self._url}; for the aws command: . {self._folder.admin_env}\n")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Requests under way are answered; then nobody is waited for."""
        self.app.pipeline.drain()
        parting = asyncio.create_task(self._part())
        await super().shutdown(sockets)
        parting.cancel()

    async def _part(self) -> None:
        """Drop connections whose other side does not end them: the official agent reads nothing after the
        frame that closes its channel, so the end of TLS would be waited for in vain."""
        while True:
            await asyncio.sleep(PARTING_S)
            if not self.server_state.tasks:
                for connection in list(self.server_state.connections):
                    connection.transport.abort()

    async def every(self, seconds: float, act: Callable[[], None]) -> None:
        """Act again and again until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            act()

    def renew(self) -> None:
        """New connections get a renewed certificate without a restart."""
        if self._renewing is None:
            return
        found = self._renewing.ensure()
        if found.renewed:
            self._context.load_cert_chain(found.cert_path, found.key_path)
            log.warning("the server certificate was renewed")


def _context(certificate: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.cert_path, certificate.key_path)
    return context


def places(wanted: int) -> int:
    """How many connections there can be: the process may open so many files, and needs some itself."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if files == resource.RLIM_INFINITY else max(1, min(wanted, files - FILES_OF_OUR_OWN))


def _config(app: App, address: str, port: int, context: ssl.SSLContext, guests: Guests) -> uvicorn.Config:
    def behind_tls(**given: Any) -> Tls:
        return Tls(context, partial(DirectHttp, **given), guests)

    config = uvicorn.Config(
        app.asgi,
        host=address,
        port=port,
        loop="none",
        http=behind_tls,  # type: ignore[arg-type]
        ws=DirectSocket,
        ws_max_size=FRAME_BYTES_MAX,
        # Without pings a machine whose power went away would keep its channel, and stay Online.
        ws_ping_interval=60,
        ws_ping_timeout=30,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=8192,
        timeout_graceful_shutdown=int(limits.DRAIN_S),
    )
    config.load()
    return config
