"""Keeping time: what many schedules cost while nothing is due, and how late things are when much is due."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

import apsw

from hostreeve.app.compose import SCHEMAS
from hostreeve.capabilities.associations.model.association import Association
from hostreeve.capabilities.associations.store import associations
from hostreeve.capabilities.nodes.model import MachineKey
from hostreeve.capabilities.nodes.store import nodes
from hostreeve.capabilities.windows.model.window import Window
from hostreeve.capabilities.windows.store import windows
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction, open_database
from tools.bench.client import WORLD, Connection
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.history import processor_s
from tools.bench.machine import percentile, row

REGION = "us-east-1"
HELD, HELD_WINDOWS = 98_000, 2_000
PER_ACCOUNT = 2_000
IDLE_S = 20.0
IN_A_SECOND, AT_ONCE = 1_000, 10_000
SETTLE_S = 4.0
AHEAD_S = 8.0
PATIENCE_S = 120.0
BATCH = 2_000
DAY_MS = 86_400_000

Unit = Callable[[Transaction], None]


def run() -> None:
    """Rows are planted through the slices' own stores while no server runs; the nodes are never there."""
    _held()
    _due("1,000 associations due in one second", IN_A_SECOND, spread_ms=1000)
    _due("10,000 associations due at the same moment", AT_ONCE, spread_ms=0)


def _held() -> None:
    with _state() as state:
        empty = _idle_share(state)
        _plant(state, _schedules(WORLD.now_ms()))
        share = _idle_share(state)
        name = f"{HELD + HELD_WINDOWS:,} schedules held, idle processor"
        row(name, f"{share:.2f} %", "< 1 %", f"{empty:.2f} % without")


def _idle_share(state: Path) -> float:
    with serving(state) as plane:
        time.sleep(SETTLE_S)
        before_s = processor_s(plane.process_id)
        time.sleep(IDLE_S)
        return (processor_s(plane.process_id) - before_s) / IDLE_S * 100


def _due(name: str, count: int, *, spread_ms: int) -> None:
    """So many associations, each of one node, due at times that lie a little ahead."""
    with _state() as state:
        due_ms = WORLD.now_ms() + round((AHEAD_S + count / 2_000) * 1000)
        _plant(state, _coming(count, due_ms, spread_ms))
        with serving(state) as plane:
            before_s = processor_s(plane.process_id)
            waits, late_ms = asyncio.run(_watched(plane, state, count))
            used_s = processor_s(plane.process_id) - before_s
    assert WORLD.now_ms() > due_ms, "they were due before the server was there"
    figure = f"p50 {percentile(late_ms, 0.5):,.0f}, p99 {percentile(late_ms, 0.99):,.0f} ms"
    row(f"{name}: lateness", figure, "p99 1,000 ms" if spread_ms else "", f"last {max(late_ms):,.0f} ms")
    row("  processor time for each", f"{used_s / count * 1000:.1f} ms", "", "until its command is sent")
    figure = f"p50 {percentile(waits, 0.5):.1f}, p99 {percentile(waits, 0.99):.0f} ms"
    row("  a caller waits meanwhile", figure, "", f"longest {max(waits):.0f} ms")


async def _watched(plane: ControlPlane, state: Path, count: int) -> tuple[list[float], list[float]]:
    """What a caller waited while all were applied, and how late each of them was."""
    connection = Connection(plane.url, plane.ca)
    watch = apsw.Connection(f"{state}/hostreeve.db", flags=apsw.SQLITE_OPEN_READONLY)
    waits: list[float] = []
    began_s = time.monotonic()
    while _applied(watch) < count:
        assert time.monotonic() - began_s < PATIENCE_S, "not all are applied"
        started = time.perf_counter()
        await connection.call("ssm", "ListAssociations", {"MaxResults": 5}, plane.credentials)
        if _applied(watch):
            waits.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0.01)
    connection.close()
    late = watch.execute(
        "SELECT created_ms - CAST(substr(e.association_id, 25) AS INTEGER) FROM association_executions e"
    ).fetchall()
    watch.close()
    return waits or [0.0], [float(each) for (each,) in late]


def _applied(watch: apsw.Connection) -> int:
    found = watch.execute("SELECT count(*) FROM association_executions WHERE command_id <> ''").fetchone()
    assert found is not None
    return int(found[0])


@contextmanager
def _state() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-") as folder:
        state = Path(folder) / "state"
        with serving(state):
            pass
        yield state


def _plant(state: Path, units: Iterator[Unit]) -> None:
    database = open_database(f"sqlite:///{state}/hostreeve.db", WORLD, SCHEMAS)
    try:
        while several := list(islice(units, BATCH)):
            database.write_sync(partial(_all, several))
    finally:
        database.close()


def _all(units: Sequence[Unit], tx: Transaction) -> None:
    for unit in units:
        unit(tx)


def _scope(number: int) -> Scope:
    return Scope(f"{800_000_000_000 + number // PER_ACCOUNT}", REGION)


def _schedules(now_ms: int) -> Iterator[Unit]:
    """Spread over a month: none is due while they are measured."""
    for number in range(HELD):
        due_ms = now_ms + DAY_MS + number * 20_000
        yield partial(_associate, scope=_scope(number), number=number, due_ms=due_ms)
    for number in range(HELD_WINDOWS):
        yield partial(_window, scope=_scope(number), number=number, now_ms=now_ms)


def _coming(count: int, due_ms: int, spread_ms: int) -> Iterator[Unit]:
    for number in range(count):
        moment_ms = due_ms + spread_ms * number // count
        yield partial(_node, scope=_scope(number), number=number)
        yield partial(_associate, scope=_scope(number), number=number, due_ms=moment_ms)


def _associate(tx: Transaction, *, scope: Scope, number: int, due_ms: int) -> None:
    now_ms = WORLD.now_ms()
    wanted = {
        "Name": "AWS-RunShellScript",
        "Parameters": {"commands": ["true"]},
        "ScheduleExpression": "rate(7 days)",
        "Targets": [{"Key": "InstanceIds", "Values": [_node_id(number)]}],
    }
    one = Association(
        account=scope.account,
        region=scope.region,
        # Its end says when it is due: the id is all that an execution keeps of it.
        association_id=f"{number:08x}-0000-4000-8000-{due_ms:013d}",
        version=1,
        wanted=wanted,
        created_ms=now_ms,
        updated_ms=now_ms,
        anchor_ms=now_ms,
        reckoned_ms=now_ms,
        status="Pending",
        detailed_status="Creating",
        due_ms=due_ms,
    )
    associations.insert(tx, one)


def _window(tx: Transaction, *, scope: Scope, number: int, now_ms: int) -> None:
    window = Window(
        window_id=f"mw-{number:017x}",
        name="held",
        schedule="rate(7 days)",
        duration_h=1,
        cutoff_h=0,
        allows_unassociated=True,
        created_ms=now_ms,
        modified_ms=now_ms,
        anchor_ms=now_ms,
    )
    windows.insert(tx, scope, window, due_ms=window.following(now_ms), now_ms=now_ms)


def _node(tx: Transaction, *, scope: Scope, number: int) -> None:
    key = MachineKey(
        account=scope.account,
        region=scope.region,
        node_id=_node_id(number),
        iam_role="R",
        fingerprint="f",
        public_key=b"%d" % number,
        key_changed_ms=0,
    )
    nodes.insert(tx, key, activation_id="a", name="", now_ms=WORLD.now_ms())
    nodes.report(tx, scope, _node_id(number), {"platform_type": "Linux"}, WORLD.now_ms())


def _node_id(number: int) -> str:
    return f"mi-{number:017x}"
