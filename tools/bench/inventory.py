"""Inventory and compliance of a fleet: what nodes tell, taken in, and questions about all of them.

A node tells of its packages and of how it complies in one PutInventory and one PutComplianceItems, signed
and over TLS. Most packages of a fleet are the same; every node has its own times of installation.
`BENCH_NODES` is another number of nodes than 10,000.
"""

import asyncio
import base64
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hostreeve.app.compose import SCHEMAS
from hostreeve.capabilities.nodes.model import MachineKey
from hostreeve.capabilities.nodes.store import nodes
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction, open_database
from tools.bench.client import WORLD, Connection
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.machine import cpu_seconds, percentile, row

NODES = int(os.environ.get("BENCH_NODES", "10000"))
PACKAGES, ITEMS, VARIANTS = 300, 300, 40
CONNECTIONS = 16
BATCH = 1_000
ASKED = 9
CAPTURED = "2026-11-29T09:00:00Z"
Put = Callable[[int], Iterator[tuple[str, dict[str, Any]]]]


def run() -> None:
    """Print every figure."""
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-") as folder:
        state = Path(folder) / "state"
        with serving(state) as plane:
            account = asyncio.run(_account(plane))
        _enrol(state, account)
        with serving(state) as plane:
            _ingest(plane, state)
            _questions(plane)


async def _account(plane: ControlPlane) -> str:
    connection = Connection(plane.url, plane.ca)
    name = {"Name": "/bench/account", "Type": "String", "Value": "x"}
    await connection.call("ssm", "PutParameter", name, plane.credentials)
    found = await connection.call("ssm", "GetParameter", {"Name": "/bench/account"}, plane.credentials)
    return str(found["Parameter"]["ARN"]).split(":")[4]


def _node_id(number: int) -> str:
    return f"mi-{number:017x}"


def _enrol(state: Path, account: str) -> None:
    """The nodes, written to the store of a server that is not running."""
    database = open_database(f"sqlite:///{state}/hostreeve.db", WORLD, SCHEMAS)
    scope = Scope(account, "us-east-1")

    def unit(tx: Transaction, start: int) -> None:
        for number in range(start, min(start + BATCH, NODES)):
            key = MachineKey(
                account=account,
                region=scope.region,
                node_id=_node_id(number),
                iam_role="SSMServiceRole",
                fingerprint="f",
                public_key=b"%d" % number,
                key_changed_ms=0,
            )
            nodes.insert(tx, key, activation_id="a", name=f"host{number}", now_ms=WORLD.now_ms())
            platform = {"platform_type": "Linux", "platform_name": ("Debian", "Rocky")[number % 2]}
            nodes.report(tx, scope, key.node_id, platform, WORLD.now_ms())

    for start in range(0, NODES, BATCH):
        database.write_sync(lambda tx, start=start: unit(tx, start))  # type: ignore[misc]
    database.close()


def _packages(number: int, changed: int = 0) -> list[dict[str, str]]:
    """Most are those of everybody, a tenth those of one of the fleet's variants."""
    rows = []
    for place in range(PACKAGES):
        of = number % VARIANTS if place % 10 == 0 else 0
        version = f"1.{place}.{of}" + (".1" if place < changed else "")
        rows.append(
            {
                "Name": f"package-{place}",
                "Version": version,
                "Release": "1+deb12u1",
                "Architecture": "x86_64",
                "Publisher": "Somebody <somebody@example.org>",
                "ApplicationType": "libs",
                "Summary": "A package of about as many words as packages have",
                "PackageId": f"source-{place % 97}",
                "InstalledTime": f"2026-{place % 12 + 1:02}-{number % 28 + 1:02}T{place % 24:02}:00:00Z",
            }
        )
    return rows


def _items(number: int) -> list[dict[str, Any]]:
    """Of every tenth node one patch is missing."""
    return [
        {
            "Id": f"package-{place}.x86_64",
            "Title": f"package-{place}.x86_64:1.{place}",
            "Severity": "CRITICAL" if place == 0 else "UNSPECIFIED",
            "Status": "NON_COMPLIANT" if place == 0 and number % 10 == 0 else "COMPLIANT",
            "Details": {
                "PatchState": "Installed",
                "PatchBaselineId": "pb-0123456789abcdef0",
                "PatchGroup": "Prod",
            },
        }
        for place in range(ITEMS)
    ]


def _hash(content: Any) -> str:
    return base64.b64encode(
        hashlib.md5(json.dumps(content).encode(), usedforsecurity=False).digest()
    ).decode()


def _told(number: int, changed: int, *, whole: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    rows, items = _packages(number, changed), _items(number)
    item = {
        "TypeName": "AWS:Application",
        "SchemaVersion": "1.1",
        "CaptureTime": CAPTURED,
        "ContentHash": _hash(rows),
    }
    yield (
        "PutInventory",
        {"InstanceId": _node_id(number), "Items": [item | ({"Content": rows} if whole else {})]},
    )
    yield (
        "PutComplianceItems",
        {
            "ResourceId": _node_id(number),
            "ResourceType": "ManagedInstance",
            "ComplianceType": "Patch",
            "ExecutionSummary": {"ExecutionTime": 1_795_000_000, "ExecutionType": "Command"},
            "ItemContentHash": _hash(items),
            "Items": items if whole else [],
        },
    )


def _ingest(plane: ControlPlane, state: Path) -> None:
    for what, budget, put, count in (
        (f"the first time, {PACKAGES} packages, {ITEMS} items", "500 nodes/s", _first, NODES),
        ("the same again, by hash", "", _same, NODES // 2),
        ("three packages changed, told whole", "500 nodes/s", _changed, NODES // 4),
    ):
        before_s, started = cpu_seconds(plane.process_id), time.perf_counter()
        spent_s = asyncio.run(_load(plane, put, count))
        took_s = time.perf_counter() - started - spent_s
        used_ms = (cpu_seconds(plane.process_id) - before_s) * 1000 / count
        size_mb = (state / "hostreeve.db").stat().st_size / 1e6
        remark = (
            f"{used_ms:.2f} ms of processor time a node: {1000 / used_ms:,.0f}/s; {size_mb:.0f} MB stored"
        )
        row(what, f"{count / took_s:,.0f} nodes/s", budget, remark)


def _first(number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    return _told(number, 0, whole=True)


def _same(number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    return _told(number, 0, whole=False)


def _changed(number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    return _told(number, 3, whole=True)


async def _load(plane: ControlPlane, put: Put, count: int) -> float:
    """What every node tells, several at a time. Seconds that this program spent on making it up."""
    spent_s = 0.0

    async def connection(which: int) -> None:
        nonlocal spent_s
        made = Connection(plane.url, plane.ca)
        for number in range(which, count, CONNECTIONS):
            before_s = time.perf_counter()
            told = list(put(number))
            spent_s += time.perf_counter() - before_s
            for operation, members in told:
                await made.call("ssm", operation, members, plane.credentials)
        made.close()

    await asyncio.gather(*map(connection, range(CONNECTIONS)))
    return spent_s


def _questions(plane: ControlPlane) -> None:
    name = {"Key": "AWS:Application.Name", "Values": ["package-7"], "Type": "Equal"}
    version = {"Key": "AWS:Application.Version", "Values": ["1.10.7"], "Type": "Equal"}
    platform = {"Expression": "AWS:InstanceInformation.PlatformName"}
    by_version = {
        "Expression": "AWS:Application.Name",
        "Aggregators": [{"Expression": "AWS:Application.Version"}],
    }
    debian = {"Key": "AWS:InstanceInformation.PlatformName", "Values": ["Debian"]}
    for what, budget, operation, members in (
        ("compliance of the fleet, by type", "200 ms", "ListComplianceSummaries", {}),
        ("the same, of one platform", "", "ListComplianceSummaries", {"Filters": [debian]}),
        (
            "a page of nodes that do not comply",
            "",
            "ListResourceComplianceSummaries",
            {"Filters": [{"Key": "Status", "Values": ["NON_COMPLIANT"]}]},
        ),
        ("nodes by platform", "200 ms", "GetInventory", {"Aggregators": [platform]}),
        ("nodes by package", "", "GetInventory", {"Aggregators": [{"Expression": "AWS:Application.Name"}]}),
        ("nodes by package and version", "", "GetInventory", {"Aggregators": [by_version]}),
        ("a page of nodes with a package", "", "GetInventory", {"Filters": [name]}),
        ("a page of nodes with a rare version of it", "", "GetInventory", {"Filters": [version]}),
        ("a page of all nodes", "", "GetInventory", {}),
        (
            "what one node has",
            "",
            "ListInventoryEntries",
            {"InstanceId": _node_id(1), "TypeName": "AWS:Application"},
        ),
    ):
        waits = asyncio.run(_asked(plane, operation, members))
        figure = f"p50 {statistics.median(waits):.0f}, worst {percentile(waits, 1):.0f} ms"
        row(f"{NODES:,} nodes: {what}", figure, budget)


async def _asked(plane: ControlPlane, operation: str, members: dict[str, Any]) -> list[float]:
    connection = Connection(plane.url, plane.ca)
    waits = []
    for _ in range(ASKED):
        before_s = time.perf_counter()
        await connection.call("ssm", operation, members, plane.credentials)
        waits.append((time.perf_counter() - before_s) * 1000)
    connection.close()
    return waits
