"""Bytes and rows: what is deleted and when, what a crash leaves, and how large objects leave the house."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hostreeve.gateway.http import HttpRequest
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import RealWorld, SimulatedWorld
from hostreeve.persistence.database import open_database
from hostreeve.persistence.errors import StorageFull
from hostreeve.platform import objects
from tests.objects.conftest import files_of, let_pass, refused

SCHEMAS = ["hostreeve.platform.objects"]
SCOPE = Scope("111122223333", "us-east-1")


def test_files_of_deleted_and_replaced_objects_stay_a_while_and_go(house, s3, bucket):
    before = files_of(house)
    s3.put_object(Bucket=bucket, Key="kept", Body=b"old")
    s3.put_object(Bucket=bucket, Key="kept", Body=b"new")
    s3.put_object(Bucket=bucket, Key="gone", Body=b"gone")
    s3.delete_object(Bucket=bucket, Key="gone")
    let_pass(house, 60)
    assert len(files_of(house) - before) == 3
    let_pass(house, 700)
    (left,) = files_of(house) - before
    assert (Path(house.objects.name) / left[:2] / left).read_bytes() == b"new"


def test_an_orphan_is_swept_when_it_is_old_and_nothing_else_is(house, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"mine")
    named = files_of(house)
    orphan = objects.keep(house.world, [b"never", b" named"])
    assert (orphan.size_bytes, orphan.file in files_of(house)) == (11, True)
    let_pass(house, 1800)
    assert orphan.file in files_of(house)
    let_pass(house, 3700)
    assert orphan.file not in files_of(house)
    assert files_of(house) <= named
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"mine"


def test_a_refused_body_leaves_no_file_for_long(house, s3, bucket):
    before = files_of(house)
    assert refused(s3.put_object, Bucket="no-such-bucket-1", Key="k", Body=b"x") == ("NoSuchBucket", 404)
    let_pass(house, 2 * 3600)
    assert files_of(house) <= before


def test_many_writers_of_one_key_leave_one_whole_object(house, s3, presigned, bucket):
    before = files_of(house)
    url = urlsplit(presigned("put_object", Bucket=bucket, Key="k"))
    bodies = [bytes([n]) * 5000 for n in range(20)]

    async def all_at_once():
        return await asyncio.gather(
            *(
                house.app.pipeline.answer(
                    HttpRequest("PUT", url.path, url.query, [("host", url.netloc)], body)
                )
                for body in bodies
            )
        )

    answers = house.loop.run_until_complete(all_at_once())
    assert {answer.status for answer in answers} == {200}
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() in bodies
    let_pass(house, 2 * 3600)
    assert len(files_of(house) - before) == 1


def test_a_large_object_is_sent_in_chunks_from_its_file(house, s3, presigned, bucket):
    body = os.urandom(1_000_000)
    s3.put_object(Bucket=bucket, Key="large", Body=body)
    url = urlsplit(presigned("get_object", Bucket=bucket, Key="large"))
    sent = []

    async def send(event):
        sent.append(event)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(b"host", url.netloc.encode())],
        "client": ("127.0.0.1", 1),
    }
    house.loop.run_until_complete(house.app.asgi(scope, receive, send))
    assert dict(sent[0]["headers"])[b"content-length"] == b"1000000"
    chunks = [event["body"] for event in sent[1:]]
    assert b"".join(chunks) == body
    assert max(map(len, chunks)) <= 256 * 1024
    assert [event.get("more_body", False) for event in sent[1:]] == [True] * (len(chunks) - 1) + [False]


def test_other_slices_put_and_read_through_the_front_door(database, world, tmp_path):
    objects.keep_in(tmp_path / "objects")
    database.write_sync(lambda tx: objects.create_bucket(tx, SCOPE, "of-a-slice", world.now_ms()))
    content = objects.keep(world, (b"line\n" for _ in range(1000)))
    made = database.write_sync(
        lambda tx: objects.put(
            tx, SCOPE, "of-a-slice", "out/stdout", content, now_ms=world.now_ms(), content_type="text/plain"
        )
    )
    assert (made.size_bytes, made.headers["ContentType"]) == (5000, "text/plain")
    stored = database.read_sync(lambda tx: objects.read(tx, SCOPE, "of-a-slice", "out/stdout"))
    assert stored is not None and stored.whole() == b"line\n" * 1000
    assert database.read_sync(lambda tx: objects.read(tx, SCOPE, "of-a-slice", "out")) is None
    other = Scope("222233334444", "us-east-1")
    assert database.read_sync(lambda tx: objects.exists_bucket(tx, SCOPE, "of-a-slice"))
    assert not database.read_sync(lambda tx: objects.exists_bucket(tx, other, "of-a-slice"))


def test_a_file_that_finds_no_room_is_said_so_and_leaves_nothing(tmp_path):
    objects.keep_in(tmp_path)
    code = f"""
import resource
from pathlib import Path
from hostreeve.kernel.world import RealWorld
from hostreeve.persistence.errors import StorageFull
from hostreeve.platform import objects
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
objects.keep_in(Path({str(tmp_path)!r}))
try:
    objects.keep(RealWorld(), [b"x" * 60_000] * 3)
except {StorageFull.__name__} as error:
    print("refused")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "refused\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


WRITER = """
import os, sys
from pathlib import Path
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import RealWorld
from hostreeve.persistence.database import open_database
from hostreeve.platform import objects

world = RealWorld()
database = open_database(sys.argv[1], world, ["hostreeve.platform.objects"])
objects.keep_in(Path(sys.argv[2]))
scope = Scope("111122223333", "us-east-1")
n = 0
while True:
    key = f"{sys.argv[3]}-{n}"
    content = objects.keep(world, [key.encode() * 500])
    database.write_sync(lambda tx: objects.put(tx, scope, "crashes", key, content, now_ms=world.now_ms()))
    database.write_sync(lambda tx: objects.put(tx, scope, "crashes", "one for all",
        objects.keep(world, [key.encode() * 500]), now_ms=world.now_ms()))
    os.write(1, (key + "\\n").encode())
    n += 1
"""


@pytest.mark.parametrize("engine", ["sqlite"])
def test_kill_9_anywhere_leaves_no_object_without_its_content(engine, tmp_path):
    url, folder = f"sqlite://{tmp_path}/store.db", tmp_path / "objects"
    world = RealWorld()
    database = open_database(url, world, SCHEMAS)
    database.write_sync(lambda tx: objects.create_bucket(tx, SCOPE, "crashes", world.now_ms()))
    database.close()
    acknowledged = []
    for round_ in range(4):
        out = tmp_path / f"out-{round_}"
        with out.open("wb") as file:
            child = subprocess.Popen(
                [sys.executable, "-c", WRITER, url, str(folder), str(round_)], stdout=file
            )
            deadline = time.monotonic() + 20
            while out.stat().st_size < 300 and time.monotonic() < deadline:
                time.sleep(0.01 + round_ * 0.003)
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        acknowledged += out.read_text().rpartition("\n")[0].split()
    assert len(acknowledged) > 100
    objects.keep_in(folder)
    database = open_database(url, world, SCHEMAS)
    rows = database.read_sync(lambda tx: tx.all("SELECT object_key FROM objects"))
    keys = [row["object_key"] for row in rows]
    assert set(acknowledged) <= set(keys)
    for key in keys:
        stored = database.read_sync(lambda tx, key=key: objects.read(tx, SCOPE, "crashes", key))
        whole = stored.whole()
        assert len(whole) == stored.found.size_bytes
        assert key == "one for all" or whole == key.encode() * 500
    database.close()


def test_a_simulated_world_names_files_by_its_seed(tmp_path):
    objects.keep_in(tmp_path)
    first, second = (objects.keep(SimulatedWorld(seed), [b"x"]).file for seed in (1, 2))
    assert first != second and len(first) == 32
