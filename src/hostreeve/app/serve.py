"""`hostreeve serve`: prepare the state folder, open the port, run the workers, drain on SIGTERM."""

import argparse
import asyncio
import errno
import ipaddress
import os
import re
import signal
import socket
import sys
from pathlib import Path

import uvloop

from hostreeve.agent.zipapp import build_zipapp
from hostreeve.app import bootstrap, issuers, master_key, quotas
from hostreeve.app.addresses import local_addresses, own_names
from hostreeve.app.compose import App, Config, build
from hostreeve.app.log import log_to_stderr
from hostreeve.app.pages import About
from hostreeve.app.port import Port, Renewing, places
from hostreeve.app.regions import REGION_DEFAULT, aws_regions
from hostreeve.app.state import StateFolder, write_admin_env
from hostreeve.app.tuning import tune
from hostreeve.gateway import certificates, guests
from hostreeve.gateway.patience import Patience
from hostreeve.kernel.world import RealWorld, World
from hostreeve.persistence.errors import StoreError
from hostreeve.platform.keys import Keyring, load_or_create_master_key
from hostreeve.sandbox.script import Endpoint
from hostreeve.scheduling.loop import run_workers

WILDCARDS = ("0.0.0.0", "::")
RENEWAL_CHECK_S = 6 * 3600.0
FLUSH_S = 0.1
REGION_CHARS_MAX = 64
RESTORE = "Put back the file `master.key` that was made with it: every backup and every other replica has it."
PATIENCE_CHECK_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `serve`, which `up` shares."""
    parser.add_argument("--port", type=_port, default=8443, help="TLS port for everything (default 8443)")
    parser.add_argument(
        "--listen", default="0.0.0.0", type=_address, help="address to listen on (default: all)"
    )
    parser.add_argument(
        "--name", action="append", default=[], help="another name or address for the certificate"
    )
    parser.add_argument(
        "--region", action="append", default=[], type=_region, help="a Region name of your own, beside AWS's"
    )
    parser.add_argument("--advertise", help="URL under which other machines reach this server")
    parser.add_argument("--database", help="postgresql://… instead of SQLite in the state folder")
    parser.add_argument("--certificate", help="PEM file with your own server certificate and its chain")
    parser.add_argument("--key", help="PEM file with the key of --certificate")
    quotas.add_arguments(parser)
    master_key.add_arguments(parser)
    issuers.add_arguments(parser)
    parser.add_argument(
        "--max-connections",
        type=_count,
        default=guests.CONNECTIONS_MAX,
        help=f"connections at once, from everywhere (default {guests.CONNECTIONS_MAX})",
    )
    parser.add_argument(
        "--max-connections-per-address",
        type=_count,
        default=guests.OF_ADDRESS_MAX,
        help=f"of them from one address, this machine excepted (default {guests.OF_ADDRESS_MAX})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop. Answers the exit code: 0 after a drain, 1 when it could not start."""
    folder = StateFolder(Path(arguments.state).resolve())
    world = RealWorld()
    log_to_stderr()
    tune()
    # For files made while starting only: commands of an agent that shares the terminal keep the user's own.
    umask = os.umask(0o077)
    try:
        folder.prepare()
        port = _opened_port(arguments, folder, world)
    except (OSError, ValueError, RuntimeError, StoreError) as error:
        sys.stderr.write(f"hostreeve serve: {_told(error, folder)}\n")
        return 1
    finally:
        os.umask(umask)
    quotas.apply(dict(arguments.quota))
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn handles both while it serves and raises them again afterwards, before all is tidied up.
        signal.signal(number, lambda *_: None)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(port, world))
    except SystemExit:
        # uvicorn leaves this way when the address cannot be had; it has said why.
        sys.stderr.write(
            f"hostreeve serve: cannot listen on {arguments.listen} port {arguments.port}, as the line above "
            "says. Choose another with --port and --listen, or stop what listens there.\n"
        )
        return 1
    finally:
        folder.ready.unlink(missing_ok=True)
        port.app.auditor.close()
        port.app.database.close()
    return 0 if port.was_ready else 1


def _told(error: Exception, folder: StateFolder) -> str:
    """What a folder that cannot be written costs, with what to do about it; other errors say that by
    themselves."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
        return (
            f"{error.filename or folder.root} cannot be written ({error.strerror}). Free some space, or make "
            "it writable for this user, or choose another folder with --state. Nothing there was lost."
        )
    return str(error)


def local_url(listen: str, port: int) -> str:
    """How programs on this machine reach the server."""
    host = "127.0.0.1" if listen in WILDCARDS else listen
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _own_address(listen: str) -> str:
    return "127.0.0.1" if listen in WILDCARDS else listen


def _opened_port(arguments: argparse.Namespace, folder: StateFolder, world: World) -> Port:
    if bool(arguments.certificate) != bool(arguments.key):
        raise ValueError("--certificate and --key belong together: give both or neither.")
    issuers.trust(arguments)
    is_new = not folder.master_key.exists()
    if is_new and folder.database.exists() and not arguments.database:
        raise ValueError(
            f"{folder.master_key} is gone, and what is stored cannot be read without it. {RESTORE}"
        )
    under = master_key.wrapping(arguments, world)
    keys = Keyring(load_or_create_master_key(folder.master_key, world, under), world)
    renewing = None
    if arguments.certificate:
        cert = certificates.given(Path(arguments.certificate), Path(arguments.key))
    else:
        renewing = Renewing(folder, _names(arguments), world)
        cert = renewing.ensure()
    app = _opened_app(arguments, folder, world, (keys, cert))
    url = local_url(arguments.listen, arguments.port)
    try:
        key = app.database.write_sync(lambda tx: bootstrap.bootstrap(tx, keys, world))
    except ValueError as wrong:
        app.auditor.close()
        app.database.close()
        if is_new:
            folder.master_key.unlink()
        raise ValueError(
            f"the master key in {folder.root} does not open what the database holds. {RESTORE}"
        ) from wrong
    if key is None and not folder.admin_env.exists():
        key = app.database.write_sync(lambda tx: bootstrap.administrator_key(tx, keys, world))
    regions = aws_regions() | set(arguments.region)
    app.database.write_sync(lambda tx: bootstrap.publish(tx, regions, world))
    region = arguments.region[0] if arguments.region else REGION_DEFAULT
    write_admin_env(folder, url=url, region=region, ca=cert.ca_pem_path, key=key)
    return Port(
        app, folder, cert, (arguments.listen, arguments.port, url), renewing, _guests(arguments, app, world)
    )


def _guests(arguments: argparse.Namespace, app: App, world: World) -> guests.Guests:
    most, of_address = places(arguments.max_connections), arguments.max_connections_per_address
    made = guests.Guests(most, of_address, world.monotonic)
    app.record.tell("hostreeve_connections", "Connections that are open.", lambda: made.here)
    app.record.count("hostreeve_connections_refused", "Connections without a place.", lambda: made.refused)
    return made


def _opened_app(
    arguments: argparse.Namespace,
    folder: StateFolder,
    world: World,
    secured: tuple[Keyring, certificates.Certificates],
) -> App:
    keys, cert = secured
    agent_file = folder.root / "agent.pyz"
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
        objects=folder.objects,
        audit=folder.audit,
        access_log=folder.access_log.open("ab"),
        about=about,
        endpoint=Endpoint("127.0.0.1", _own_address(arguments.listen), arguments.port, cert.ca_pem_path),
    )
    app = build(config, world, keys)
    # Only who holds the store may touch what the running server shows.
    folder.ready.unlink(missing_ok=True)
    build_zipapp(agent_file)
    return app


def _names(arguments: argparse.Namespace) -> list[str]:
    listening = [] if arguments.listen in WILDCARDS else [arguments.listen]
    return list(dict.fromkeys([*own_names(), *listening, *arguments.name]))


def _urls(arguments: argparse.Namespace) -> list[str]:
    hosts = local_addresses() if arguments.listen in WILDCARDS else [arguments.listen]
    advertised = [arguments.advertise] if arguments.advertise else []
    return [*advertised, *(f"https://{host}:{arguments.port}" for host in [*hosts, "127.0.0.1"])]


async def _serve(port: Port, world: World) -> None:
    app = port.app
    stop = asyncio.Event()
    patience = Patience(lambda: port.server_state.connections, world.monotonic)
    workers = asyncio.create_task(run_workers(app.workers, app.database.bus, world, stop))
    beside = [
        asyncio.create_task(port.every(FLUSH_S, app.record.flush)),
        asyncio.create_task(port.every(RENEWAL_CHECK_S, port.renew)),
        asyncio.create_task(port.every(PATIENCE_CHECK_S, patience.look)),
        asyncio.create_task(app.channels.run()),
        asyncio.create_task(app.auditor.run()),
    ]
    try:
        await port.serve()
    finally:
        stop.set()
        for task in beside:
            task.cancel()
        await asyncio.gather(workers, *beside, return_exceptions=True)
        app.record.flush()
        app.auditor.close()


def _port(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 1 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,7}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of connections: 1 or more")
    return int(text)


def _region(text: str) -> str:
    """As it may stand in an ARN, in a signature's scope and in a shell's assignment."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text) or len(text) > REGION_CHARS_MAX:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name for a Region: small letters, digits and single hyphens"
        )
    return text


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no IP address") from None
