"""A throw-away PostgreSQL server for tests and benchmarks: no root needed, nothing left behind.

`python tools/postgres.py FOLDER --while PID` keeps a server in FOLDER until that process is gone, and writes
its URL to FOLDER/url once it answers. A keeper of its own ends the server even when the tests were killed.
"""

import argparse
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "max_pred_locks_per_transaction": "256",
    "shared_buffers": "64MB",
    "listen_addresses": "127.0.0.1",
}
"""Tests trade durability for speed. `--durable` leaves PostgreSQL's own defaults, for benchmarks and crash
tests.
"""


def programs() -> Path | None:
    """The folder of initdb and postgres: the newest installed, or None."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parent.parent.name)
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def start(folder: Path, watched_pid: int, *, durable: bool = False, patience_s: float = 60) -> str:
    """Start a keeper and answer the server's URL. RuntimeError with the server's own words when it does not
    come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, str(folder), "--while", str(watched_pid)]
    with tempfile.TemporaryFile() as log:
        keeper = subprocess.Popen(
            command + ["--durable"] * durable,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if (folder / "url").exists():
                return (folder / "url").read_text()
            if keeper.poll() is not None:
                break
            time.sleep(0.02)
        keeper.terminate()
        log.seek(0)
        raise RuntimeError(f"PostgreSQL did not start:\n{log.read().decode(errors='replace')}")


def stop(folder: Path) -> None:
    """End the keeper of this folder, and with it the server."""
    with contextlib.suppress(OSError, ValueError):
        os.kill(int((folder / "keeper.pid").read_text()), signal.SIGTERM)
    for _ in range(500):
        if not (folder / "keeper.pid").exists():
            return
        time.sleep(0.02)


def keep(folder: Path, watched_pid: int, *, durable: bool) -> None:
    """Run the server until the watched process is gone or we are told to end."""
    where = programs()
    if where is None:
        sys.exit("PostgreSQL is not installed: no initdb in /usr/lib/postgresql/*/bin or on PATH")
    (folder / "keeper.pid").write_text(str(os.getpid()))
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    server = None
    try:
        server = _serve(where, folder, durable=durable)
        while not ended and server.poll() is None and _lives(watched_pid):
            time.sleep(0.1)
    finally:
        if server is not None and server.poll() is None:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _serve(where: Path, folder: Path, *, durable: bool) -> "subprocess.Popen[bytes]":
    home, user = folder / "cluster", _user()
    home.mkdir()
    if user:
        os.chown(home, user.pw_uid, user.pw_gid)
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    environment = {"PATH": f"{where}:{os.environ.get('PATH', '')}", "LC_ALL": "C", "TZ": "UTC"}
    where_to = ["-D", str(home / "pg")]
    made = ["--no-sync", "--auth=trust", "--username=hostreeve", "--encoding=UTF8", "--locale=C"]
    subprocess.run([where / "initdb", *where_to, *made], check=True, env=environment, cwd=home, **as_user)
    port = _free_port()
    settings = {**({} if durable else SETTINGS), "port": str(port), "unix_socket_directories": ""}
    settings |= {"max_connections": "200", "listen_addresses": "127.0.0.1"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = subprocess.Popen([where / "postgres", *where_to, *options], env=environment, cwd=home, **as_user)
    while server.poll() is None:
        ready = subprocess.run([where / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False)
        if ready.returncode == 0:
            unfinished = folder / "url.new"
            unfinished.write_text(f"postgresql://hostreeve@127.0.0.1:{port}/postgres")
            unfinished.rename(folder / "url")
            break
        time.sleep(0.02)
    return server


def _user() -> "pwd.struct_passwd | None":
    """PostgreSQL refuses to run as root; then it runs as its own user, or as nobody."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    sys.exit("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--while", dest="watched_pid", type=int, default=os.getppid())
    parser.add_argument("--durable", action="store_true")
    given = parser.parse_args()
    keep(given.folder, given.watched_pid, durable=given.durable)
