"""Acknowledged means on disk: whoever is killed in the middle of the work has every write it was told of."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hostreeve.kernel.world import RealWorld
from hostreeve.persistence.bus import InProcessBus
from hostreeve.persistence.database import open_database

CHILD = """
import asyncio, os, sys
from hostreeve.kernel.world import RealWorld
from hostreeve.persistence.bus import InProcessBus
from hostreeve.persistence.database import open_database

database = open_database(sys.argv[1], RealWorld(), [], InProcessBus())

def put(tx, name):
    tx.run("INSERT INTO lease VALUES (:a, 'first half', 0, 0)", a=name)
    tx.run("INSERT INTO lease VALUES (:b, 'second half', 0, 0)", b="second/" + name)

async def writer(k):
    n = 0
    while True:
        name = f"{k}-{n}"
        await database.write(lambda tx: put(tx, name))
        os.write(1, (name + "\\n").encode())
        n += 1

async def main():
    await asyncio.gather(*(writer(k) for k in range(24)))

asyncio.run(main())
"""


@pytest.fixture
def url(engine: str, request: pytest.FixtureRequest, disk_path: Path) -> str:
    if engine == "sqlite":
        return f"sqlite://{disk_path}/store.db"
    return request.getfixturevalue("postgres_stores").fresh()


def test_every_acknowledged_write_survives_kill_9_and_none_is_half_there(url: str, tmp_path: Path):
    acknowledged: set[str] = set()
    for round_ in range(2):
        out = tmp_path / f"acknowledged-{round_}"
        child_code = CHILD.replace('f"{k}-{n}"', f'f"{round_}-{{k}}-{{n}}"')
        with out.open("wb") as file:
            child = subprocess.Popen([sys.executable, "-c", child_code, url], stdout=file)
            deadline = time.monotonic() + 20
            while out.stat().st_size < 8000 and time.monotonic() < deadline and child.poll() is None:
                time.sleep(0.02)
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        acknowledged |= set(out.read_text().rpartition("\n")[0].split())
    assert len(acknowledged) > 1000

    database = open_database(url, RealWorld(), [], InProcessBus())
    names = {row["name"] for row in database.read_sync(lambda tx: tx.all("SELECT name FROM lease"))}
    database.close()
    first = {name for name in names if not name.startswith("second/")}
    assert acknowledged <= first
    assert {f"second/{name}" for name in first} == names - first


def test_a_write_is_flushed_before_it_is_acknowledged(tmp_path: Path, disk_path: Path):
    """Killing a process does not show a missing fsync; the system calls do."""
    if shutil.which("strace") is None:
        database = open_database(f"sqlite://{disk_path}/store.db", RealWorld(), [])
        connection = database._writer._connection
        assert connection.pragma("synchronous") == 2 and connection.pragma("journal_mode") == "wal"
        database.close()
        return
    trace = tmp_path / "trace"
    code = CHILD.replace("range(24)", "range(1)").replace("while True", "while n < 20")
    subprocess.run(
        ["strace", "-f", "-e", "trace=fdatasync,fsync,write", "-o", str(trace), sys.executable, "-c", code,
         f"sqlite://{disk_path}/store.db"],
        check=True, capture_output=True,
    )  # fmt: skip
    flushed = 0
    for line in trace.read_text().splitlines():
        if "sync(" in line or "sync resumed" in line:
            flushed += 1
        if "write(1," in line:
            assert flushed, line
            flushed = 0
