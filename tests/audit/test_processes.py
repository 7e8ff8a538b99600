"""A served control plane, killed in the middle, and the commands that look at what it left."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from tools.bench.control_plane import serving

pytestmark = pytest.mark.slow


def client(plane, service):
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=plane.url,
        aws_access_key_id=plane.credentials.access_key_id,
        aws_secret_access_key=plane.credentials.secret_access_key,
        verify=plane.ca,
        config=Config(retries={"max_attempts": 1, "mode": "standard"}),
    )


def audit(folder, *words, **how):
    return subprocess.run(
        [sys.executable, "-m", "hostreeve", "audit", *words, "--state", str(folder), *how.get("more", ())],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "NO_COLOR": "1"},
    )


def exported(folder, *filters, more=()):
    done = audit(folder, "export", *filters, more=more)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(params=["sqlite", "postgresql"])
def flags(request):
    if request.param == "sqlite":
        return ()
    return ("--database", request.getfixturevalue("postgres_stores").fresh())


def test_kill_9_loses_no_record_of_a_write_that_was_acknowledged(tmp_path, flags):
    folder, acknowledged = tmp_path / "state", []
    with serving(folder, *flags) as plane:
        stop = threading.Event()

        def write(worker):
            ssm = client(plane, "ssm")
            for at in range(10_000):
                if stop.is_set():
                    return
                try:
                    made = ssm.put_parameter(Name=f"/w/{worker}/{at}", Type="String", Value="v")
                    acknowledged.append(made["ResponseMetadata"]["RequestId"])
                    ssm.get_parameter(Name=f"/w/{worker}/{at}")
                except BotoCoreError:
                    return

        workers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
        for worker in workers:
            worker.start()
        deadline = time.monotonic() + 20
        while len(acknowledged) < 60 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(plane.process_id, signal.SIGKILL)
        stop.set()
        for worker in workers:
            worker.join()
    assert len(acknowledged) >= 60
    written = {record["requestID"] for record in exported(folder, "--event-name", "PutParameter", more=flags)}
    assert set(acknowledged) <= written
    with serving(folder, *flags) as plane:
        names = {e["EventName"] for e in client(plane, "cloudtrail").lookup_events()["Events"]}
        assert "PutParameter" in names
    done = audit(folder, "verify", more=flags)
    assert done.returncode == 0, done.stdout + done.stderr


def test_reads_are_on_disk_soon_and_verify_and_export_run_beside_the_server(tmp_path, flags):
    folder = tmp_path / "state"
    with serving(folder, *flags) as plane:
        read = client(plane, "sts").get_caller_identity()["ResponseMetadata"]["RequestId"]
        time.sleep(1.0)
        assert read in {record["requestID"] for record in exported(folder, more=flags)}
        done = audit(folder, "verify", "--json", more=flags)
        report = json.loads(done.stdout)
        assert done.returncode == 0 and report["whole"] and report["checked"]
        os.kill(plane.process_id, signal.SIGKILL)
    assert read in {record["requestID"] for record in exported(folder, more=flags)}
    assert audit(folder, "verify", more=flags).returncode == 0


def test_verify_says_where_and_fails(tmp_path):
    folder = tmp_path / "state"
    with serving(folder) as plane:
        for _ in range(3):
            client(plane, "sts").get_caller_identity()
            time.sleep(0.3)
    (path,) = (folder / "audit").glob("*.log")
    whole = path.read_bytes()
    at = whole.index(b"\nframe ", 10) + 100
    path.write_bytes(whole[:at] + b"\0\0\0\0" + whole[at + 4 :])
    done = audit(folder, "verify")
    assert done.returncode == 1
    assert "CHANGED" in done.stdout and path.name in done.stdout and "the audit log: " in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["export", "--start", "soon"], 2, "is no time"),
        (["export", "--start", "2026-12-01", "--end", "2026-11-01"], 2, "--start is after --end"),
        (["verify"], 1, "is no folder"),
        (["export", "--read-only", "perhaps"], 2, "invalid choice"),
    ],
)
def test_what_cannot_be_done_is_said(words, status, text, tmp_path):
    done = audit(tmp_path / "nothing", *words)
    assert done.returncode == status and text in done.stderr
    assert "Traceback" not in done.stderr


def test_an_export_into_a_pipe_that_closes_ends_quietly(tmp_path):
    folder = tmp_path / "state"
    with serving(folder) as plane:
        sts = client(plane, "sts")
        for _ in range(50):
            sts.get_caller_identity()
    command = [sys.executable, "-m", "hostreeve", "audit", "export", "--state", str(folder)]
    done = subprocess.run(
        ["sh", "-c", f"{' '.join(command)} | head -n 1"], capture_output=True, text=True, timeout=60
    )
    assert len(done.stdout.splitlines()) == 1 and "Traceback" not in done.stderr
    target = tmp_path / "records.jsonl"
    assert audit(folder, "export", "--output", str(target)).returncode == 0
    assert target.stat().st_mode & 0o777 == 0o600 and len(target.read_text().splitlines()) >= 50
