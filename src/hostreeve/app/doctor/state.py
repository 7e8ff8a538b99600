"""The server's side: its state folder, its certificates, its database, and whether it runs."""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from hostreeve.app.doctor import store
from hostreeve.app.doctor.findings import Finding, ok, private_file, warning, wrong
from hostreeve.app.doctor.transport import certificate_ends
from hostreeve.app.state import StateFolder
from hostreeve.kernel.world import World
from hostreeve.platform.keys import FILE_BYTES_MAX, is_whole


def examined(folder: StateFolder, schemas: Sequence[str], world: World) -> Iterator[Finding]:
    """Files, certificates, database, disk, process."""
    if not folder.root.is_dir():
        yield wrong(
            "state folder", f"{folder.root} is missing", f"hostreeve serve --state {folder.root} creates it."
        )
        return
    yield private_file("state folder", folder.root, folder=True)
    if not os.access(folder.root, os.W_OK):
        yield wrong(
            "state folder", f"{folder.root} is not writable for this user", "Run as the user of the service."
        )
    yield _master_key(folder.master_key)
    yield private_file("administrator's key", folder.admin_env)
    yield from _certificates(folder, world)
    yield from store.examined(folder.database, schemas)
    yield store.free_space(folder.root)
    yield _process(folder)


def _master_key(path: Path) -> Finding:
    finding = private_file("master key", path)
    if finding.verdict != "ok":
        return finding
    with path.open("rb") as file:
        if not is_whole(file.read(FILE_BYTES_MAX)):
            return wrong("master key", f"{path} does not hold a master key", "Restore it from a backup.")
    return finding


def _certificates(folder: StateFolder, world: World) -> Iterator[Finding]:
    if not folder.certificates.is_dir():
        yield warning(
            "certificates", f"{folder.certificates} is missing", "Right with an own --certificate only."
        )
        return
    yield certificate_ends(folder.certificates / "ca.pem", "authority", world)
    yield certificate_ends(folder.certificates / "server.pem", "server certificate", world)
    yield private_file("server key", folder.certificates / "server.key")


def _process(folder: StateFolder) -> Finding:
    start = f"hostreeve serve --state {folder.root}"
    ready = _ready(folder.ready)
    if is_locked(folder.database.with_name(folder.database.name + ".lock")):
        if ready is None:
            return warning("process", "it runs, and has not said that it is ready", "Wait, or read its log.")
        return ok("process", f"it runs (process id {ready['ProcessId']}) and serves {ready['Url']}")
    if ready is not None:
        return wrong(
            "process", "it ended without saying so (a stale `ready` file is left)", f"Start it: {start}"
        )
    return warning("process", "no server is running on this folder", f"Start it: {start}")


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock on this file. It is not waited for, nor kept."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _ready(path: Path) -> dict[str, object] | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"Url", "ProcessId"} <= set(found) else None
