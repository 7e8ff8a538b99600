"""Parameter Store: reads, secrets, trees and durable writes, signed and over TLS; what a million stored ones
change; and other stores in the same run.

The machine is rarely quiet, so processor time is told beside the clock's, and what is compared is measured in
turn: a little of one, a little of the other, again and again, and the middle of the ratios.
"""

import asyncio
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from hostreeve.app.compose import SCHEMAS
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction, open_database
from tools.bench.api import CONNECTIONS
from tools.bench.client import WORLD, Connection, request_bytes
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.inside import inside
from tools.bench.load import Measured, Target, measure
from tools.bench.machine import percentile, row
from tools.bench.stores import STORES, VALUE

SMALL, LARGE = 10_000, 1_000_000
BATCH = 2_000
TREE = "/bench/tree"
SECONDS, TURN_S, TURNS = 3.0, 0.6, 7
LOAD_MOST_S = 900.0


def run() -> None:
    """Print every figure."""
    _inside()
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-") as folder:
        few, many = Path(folder) / "few", Path(folder) / "many"
        for state, count in ((few, SMALL), (many, LARGE)):
            _prepare(state, count)
        with serving(few) as small, serving(many) as large, pinned(small, large):
            reads = _reads(small)
            _writes(small)
            _beside_many(small, large)
            _others(small, reads)


def _inside() -> None:
    """What requests cost without sockets and TLS."""
    name, secret = {"Name": "/bench/plain"}, {"Name": "/bench/secret"}
    with inside() as here:
        for number in range(10):
            here.ask("PutParameter", {"Name": f"/bench/page/{number}", "Value": VALUE, "Type": "String"})
        for each, kind in ((name, "String"), (secret, "SecureString")):
            here.ask("PutParameter", each | {"Value": VALUE, "Type": kind})
        for what, operation, members in (
            ("GetParameter", "GetParameter", name),
            ("GetParameter of a SecureString, in clear", "GetParameter", secret | {"WithDecryption": True}),
            ("GetParametersByPath, ten", "GetParametersByPath", {"Path": "/bench/page"}),
            ("PutParameter", "PutParameter", name | {"Value": VALUE, "Overwrite": True}),
            ("PutParameter of a SecureString", "PutParameter", secret | {"Value": VALUE, "Overwrite": True}),
        ):
            row(f"in process: {what}", f"{here.cost_us(operation, members):.0f} us", "", "processor time")


def _reads(plane: ControlPlane) -> Measured:
    """Print what reads cost with a few parameters stored; the figures of GetParameter."""
    measured = {}
    for name, request, budget in (
        ("GetParameter", _get(plane), "15,000/s, floor 10,000/s"),
        ("GetParameter of a SecureString, in clear", _get_secret(plane), "6,000/s"),
        ("GetParameters, ten at once", _get_ten(plane), ""),
        ("GetParametersByPath, a first page", _page(plane), ""),
        ("GetParametersByPath, recursive, a first page", _page(plane, Path="/bench", Recursive=True), ""),
        ("DescribeParameters, a first page", _request(plane, "DescribeParameters", {}), ""),
    ):
        measured[name] = measure(_target(plane), [request], seconds=SECONDS)
        row(name, f"{measured[name].rate:,.0f}/s", budget, measured[name].remark())
    return measured["GetParameter"]


def _writes(plane: ControlPlane) -> None:
    for name, more, budget in (
        ("durable PutParameter, new versions", {"Type": "String"}, "5,000/s, floor 3,000/s"),
        ("durable PutParameter of a SecureString", {"Type": "SecureString"}, ""),
    ):
        kind = more["Type"].lower()
        requests = [_put(plane, f"/bench/put/{kind}/{number}", **more) for number in range(CONNECTIONS)]
        found = measure(_target(plane), requests, seconds=SECONDS)
        row(name, f"{found.rate:,.0f}/s", budget, found.remark())


def _beside_many(small: ControlPlane, large: ControlPlane) -> None:
    """One caller's waits, and the cost of reads, with a million stored beside ten thousand."""
    for name, ask, budget in (
        ("GetParameter", _get, ""),
        ("GetParametersByPath, a first page", _page, "5 ms"),
        ("DescribeParameters, a rare filter", _rare, ""),
    ):
        waits = [(_alone(small, ask(small)), _alone(large, ask(large))) for _ in range(TURNS)]
        few, many = (statistics.median(each) for each in zip(*waits, strict=True))
        ratio = statistics.median(two / one for one, two in waits)
        figure = f"{few:.1f} and {many:.1f} ms"
        row(f"{name}, alone, {SMALL:,} and {LARGE:,} stored", figure, budget, f"{ratio:.0%} in turn")
    for name, ask in (("GetParameter", _get), ("a SecureString in clear", _get_secret), ("a page", _page)):
        costs = [
            tuple(measure(_target(plane), [ask(plane)], seconds=TURN_S).cpu_us for plane in (small, large))
            for _ in range(TURNS)
        ]
        ratio = statistics.median(many / few for few, many in costs)
        row(f"{name}, processor time, {LARGE:,} beside {SMALL:,}", f"{ratio:.0%}", "within 20 %")


def _others(plane: ControlPlane, reads: Measured) -> None:
    """Every other store, and ours measured anew beside it."""
    puts = [_put(plane, f"/bench/beside/{number}", Type="String") for number in range(CONNECTIONS)]
    measure(_target(plane), puts, seconds=TURN_S)
    for name, of in STORES.items():
        try:
            found = of(SECONDS)
        except (OSError, RuntimeError, subprocess.SubprocessError, ValueError, IndexError) as error:
            row(f"a read, {name}", "not run", "", str(error)[:80])
            continue
        ours = measure(_target(plane), [_get(plane)], seconds=SECONDS)
        _row_of(f"a read, {name}", found.reads, ours)
        if found.writes:
            _row_of(f"a durable write, {name}", found.writes, measure(_target(plane), puts, seconds=SECONDS))


def _row_of(name: str, theirs: Measured, ours: Measured) -> None:
    told = f"{theirs.per_core:,.0f} per second of processor time; ours beside it {ours.rate:,.0f}/s, "
    told += (
        f"{ours.per_core:,.0f}: {ours.rate / theirs.rate:.2f} and {ours.per_core / theirs.per_core:.2f} times"
    )
    row(name, f"{theirs.rate:,.0f}/s", "", f"{theirs.failures} FAILED" if theirs.failures else told)


def _target(plane: ControlPlane) -> Target:
    return Target(plane.url, Connection(plane.url, plane.ca).context, plane.process_id)


def _alone(plane: ControlPlane, request: bytes) -> float:
    """The median of one caller's waits, in ms."""

    async def asked() -> float:
        connection = Connection(plane.url, plane.ca)
        waits = []
        for _ in range(40):
            started = time.perf_counter()
            await connection.send(request)
            waits.append((time.perf_counter() - started) * 1000)
        connection.close()
        return percentile(waits, 0.5)

    return asyncio.run(asked())


def _get(plane: ControlPlane) -> bytes:
    return _request(plane, "GetParameter", {"Name": f"{TREE}/000042"})


def _get_secret(plane: ControlPlane) -> bytes:
    return _request(plane, "GetParameter", {"Name": "/bench/secret", "WithDecryption": True})


def _get_ten(plane: ControlPlane) -> bytes:
    return _request(plane, "GetParameters", {"Names": [f"{TREE}/{number:06}" for number in range(10)]})


def _page(plane: ControlPlane, **more: object) -> bytes:
    return _request(plane, "GetParametersByPath", {"Path": TREE, **more})


def _rare(plane: ControlPlane) -> bytes:
    chosen = [{"Key": "Tier", "Values": ["Advanced"]}]
    return _request(plane, "DescribeParameters", {"ParameterFilters": chosen})


def _put(plane: ControlPlane, name: str, **more: object) -> bytes:
    return _request(plane, "PutParameter", {"Name": name, "Value": VALUE, "Overwrite": True, **more})


def _request(plane: ControlPlane, operation: str, members: Mapping[str, object]) -> bytes:
    body = json.dumps(dict(members)).encode()
    return request_bytes(plane.url, "ssm", f"AmazonSSM.{operation}", body, plane.credentials)


def _prepare(state: Path, count: int) -> None:
    """A state folder with a secret and so many parameters."""
    with serving(state) as plane:
        account = asyncio.run(_with_secret(plane))
    started = time.monotonic()
    _fill(state, account, count)
    size_mb = (state / "hostreeve.db").stat().st_size / 1e6
    took_s = time.monotonic() - started
    row(
        f"{count:,} parameters written to the store",
        f"{took_s:.0f} s",
        f"{LOAD_MOST_S:.0f} s",
        f"{size_mb:.0f} MB",
    )


async def _with_secret(plane: ControlPlane) -> str:
    """Make the secret; the account."""
    connection = Connection(plane.url, plane.ca)
    members = {"Name": "/bench/secret", "Value": "hush" * 10, "Type": "SecureString"}
    await connection.call("ssm", "PutParameter", members, plane.credentials)
    found = await connection.call("ssm", "GetParameter", {"Name": "/bench/secret"}, plane.credentials)
    return str(found["Parameter"]["ARN"]).split(":")[4]


def _fill(state: Path, account: str, count: int) -> None:
    """So many parameters in all, written to the store of a server that is not running."""
    database = open_database(f"sqlite:///{state}/hostreeve.db", WORLD, SCHEMAS)
    scope = Scope(account, "us-east-1")
    have = database.read_sync(lambda tx: store.count(tx, scope))
    now_ms, started = WORLD.now_ms(), time.monotonic()
    for start in range(have, count, BATCH):
        if time.monotonic() - started > LOAD_MOST_S:
            raise RuntimeError(f"only {start:,} parameters were written in {LOAD_MOST_S:.0f} s")
        numbers = range(start, min(start + BATCH, count))
        made = [_parameter(account, number, now_ms) for number in numbers]
        database.write_sync(partial(_insert, made))
    database.close()


def _insert(made: Sequence[Parameter], tx: Transaction) -> None:
    for each in made:
        store.insert(tx, each)


def _parameter(account: str, number: int, now_ms: int) -> Parameter:
    path = f"{TREE}/{number:06}" if number < SMALL else f"/bench/more/{number // 1000}/{number:07}"
    return Parameter(
        account=account,
        region="us-east-1",
        path=path,
        name=path,
        version=1,
        type="String",
        tier="Standard",
        data_type="text",
        key_id="",
        description="one of many",
        allowed_pattern="",
        policies=(),
        modified_ms=now_ms,
        modified_by=f"arn:aws:iam::{account}:user/bench",
        value=VALUE.encode(),
    )


@contextmanager
def pinned(*planes: ControlPlane) -> Iterator[None]:
    """The servers on one core, the load generator on another."""
    for plane in planes:
        os.sched_setaffinity(plane.process_id, {0})
    os.sched_setaffinity(0, {1} if (os.cpu_count() or 1) > 1 else {0})
    try:
        yield
    finally:
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
