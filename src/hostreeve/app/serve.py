"""`hostreeve serve`: prepare the state folder, open the port, run the workers, drain on SIGTERM."""

import argparse
import asyncio
import gc
import ipaddress
import logging
import resource
import socket
import ssl
import sys
from pathlib import Path

import uvicorn
import uvloop

from hostreeve.agent.zipapp import build_zipapp
from hostreeve.app import bootstrap
from hostreeve.app.addresses import local_addresses, own_names
from hostreeve.app.compose import App, Config, build
from hostreeve.app.pages import About
from hostreeve.app.regions import REGION_DEFAULT, aws_regions
from hostreeve.app.state import StateFolder, write_admin_env, write_ready
from hostreeve.gateway import certificates
from hostreeve.kernel import limits
from hostreeve.kernel.world import RealWorld, World
from hostreeve.persistence.errors import StoreError
from hostreeve.platform.keys import Keyring, load_or_create_master_key
from hostreeve.scheduling.loop import run_workers

WILDCARDS = ("0.0.0.0", "::")
log = logging.getLogger("hostreeve.serve")


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop. Answers the exit code: 0 after a drain, 1 when it could not start."""
    folder = StateFolder(Path(arguments.state).resolve())
    world = RealWorld()
    try:
        folder.prepare()
        app, cert = _open(arguments, folder, world)
    except (OSError, ValueError, RuntimeError, StoreError) as error:
        sys.stderr.write(f"hostreeve serve: {error}\n")
        return 1
    _raise_limits()
    server = _Server(_uvicorn(app, arguments, cert), folder, local_url(arguments.listen, arguments.port))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(server, app, world))
    finally:
        folder.ready.unlink(missing_ok=True)
        app.database.close()
    return 0 if server.was_ready else 1


def local_url(listen: str, port: int) -> str:
    """How programs on this machine reach the server."""
    host = "127.0.0.1" if listen in WILDCARDS else listen
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _open(
    arguments: argparse.Namespace, folder: StateFolder, world: World
) -> tuple[App, certificates.Certificates]:
    keys = Keyring(load_or_create_master_key(folder.master_key, world), world)
    names = [*own_names(), *arguments.name]
    if arguments.listen not in WILDCARDS:
        names.append(arguments.listen)
    cert = (
        certificates.given(Path(arguments.certificate), Path(arguments.key))
        if arguments.certificate
        else certificates.ensure(folder.certificates, list(dict.fromkeys(names)), world)
    )
    agent_file = folder.root / "agent.pyz"
    build_zipapp(agent_file)
    about = About(
        urls=tuple(_urls(arguments)),
        ca_file=cert.ca_pem_path,
        ca_sha256=cert.ca_sha256,
        agent_file=agent_file,
    )
    config = Config(
        database=arguments.database or f"sqlite:///{folder.database}",
        regions=aws_regions() | set(arguments.region),
        replica=f"{socket.gethostname()}:{arguments.port}:{world.hex(8)}",
        access_log=folder.access_log.open("ab"),
        about=about,
    )
    app = build(config, world, keys)
    first_region = arguments.region[0] if arguments.region else REGION_DEFAULT
    key = app.database.write_sync(lambda tx: bootstrap.bootstrap(tx, keys, world))
    url = local_url(arguments.listen, arguments.port)
    write_admin_env(folder, url=url, region=first_region, ca=cert.ca_pem_path, key=key)
    return app, cert


def _urls(arguments: argparse.Namespace) -> list[str]:
    hosts = local_addresses() if arguments.listen in WILDCARDS else [arguments.listen]
    advertised = [arguments.advertise] if arguments.advertise else []
    return [*advertised, *(f"https://{host}:{arguments.port}" for host in [*hosts, "127.0.0.1"])]


class _Server(uvicorn.Server):
    """uvicorn, telling through the `ready` file when the port answers."""

    def __init__(self, config: uvicorn.Config, folder: StateFolder, url: str) -> None:
        super().__init__(config)
        self._folder = folder
        self._url = url
        self.was_ready = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.was_ready = True
            write_ready(self._folder, url=self._url)
            sys.stderr.write(f"serving {self._url}; for the aws command: . {self._folder.admin_env}\n")


def _uvicorn(app: App, arguments: argparse.Namespace, cert: certificates.Certificates) -> uvicorn.Config:
    config = uvicorn.Config(
        app.asgi,
        host=arguments.listen,
        port=arguments.port,
        loop="none",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=4 * 1024 * 1024,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        backlog=8192,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(limits.DRAIN_S),
        h11_max_incomplete_event_size=limits.REQUEST_HEADERS_BYTES_MAX,
        ssl_certfile=str(cert.cert_path),
        ssl_keyfile=str(cert.key_path),
    )
    config.load()
    _tune(config.ssl)
    return config


def _tune(context: ssl.SSLContext | None) -> None:
    assert context is not None, "the port is never opened without TLS"
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # An idle node's connection keeps no record buffers: measured in docs/benchmarks.
    context.options |= getattr(ssl, "OP_NO_RENEGOTIATION", 0)


async def _serve(server: uvicorn.Server, app: App, world: World) -> None:
    workers = asyncio.create_task(run_workers(app.workers, app.database, world))
    flusher = asyncio.create_task(_flush(app))
    channels = asyncio.create_task(app.channels.run())
    try:
        await server.serve()
    finally:
        for task in (workers, flusher, channels):
            task.cancel()
        await asyncio.gather(workers, flusher, channels, return_exceptions=True)
        app.record.flush()


async def _flush(app: App) -> None:
    while True:
        await asyncio.sleep(0.1)
        app.record.flush()


def _raise_limits() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65536), hard)
    )
    # Ten thousand channels are long-lived objects: scanning them for cycles again and again is wasted work.
    gc.set_threshold(100_000, 50, 1000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `serve`, which `up` shares."""
    parser.add_argument("--port", type=int, default=8443, help="TLS port for everything (default 8443)")
    parser.add_argument(
        "--listen", default="0.0.0.0", type=_address, help="address to listen on (default: all)"
    )
    parser.add_argument(
        "--name", action="append", default=[], help="another name or address for the certificate"
    )
    parser.add_argument(
        "--region", action="append", default=[], help="a Region name of your own, beside AWS's"
    )
    parser.add_argument("--advertise", help="URL under which other machines reach this server")
    parser.add_argument("--database", help="postgresql://… instead of SQLite in the state folder")
    parser.add_argument("--certificate", help="PEM file with your own server certificate and its chain")
    parser.add_argument("--key", help="PEM file with the key of --certificate")


def _address(text: str) -> str:
    return str(ipaddress.ip_address(text))
