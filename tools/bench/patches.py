"""Patch reports of a fleet: what taking them in costs, and how fast the fleet is summed up afterwards."""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hostreeve.app import bootstrap
from hostreeve.app.compose import App, Config, build
from hostreeve.capabilities.nodes.model import MachineKey
from hostreeve.capabilities.nodes.store import nodes as node_rows
from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.gateway.http import HttpRequest
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import identity, organizations
from hostreeve.platform.keys import Keyring
from tools.bench.client import WORLD
from tools.bench.machine import percentile, row

NODES, AT_ONCE = 10_000, 64
NODES_PER_UNIT = 1_000
FIRST_NODES, FIRST_PATCHES = 1_000, 500
OFFERS = 40
LOOKS = 20
RATE_BUDGET, LOOK_BUDGET = "500/s", "200 ms"
HOST = "127.0.0.1:8443"
REGION = "us-east-1"
Request = tuple[str, str, dict[str, Any]]


def run() -> None:
    """On SQLite, on a disk, every report signed by its node and through the whole pipeline; without sockets
    and TLS."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="hostreeve-bench-") as folder:
        fleet = Fleet(Path(folder))
        try:
            _measure(fleet)
        finally:
            fleet.close()


def _measure(fleet: "Fleet") -> None:
    first = fleet.nodes[:FIRST_NODES]
    rows = [_row(number) for number in range(FIRST_PATCHES)]
    said = [_inventory(node, rows, has_content=True) for node in first]
    _tell(f"first reports, {FIRST_PATCHES} packages each", fleet.timed(said), len(said))
    some = rows[: FIRST_PATCHES // 10]
    said = [_inventory(node, some, has_content=True) for node in fleet.nodes]
    _tell(f"reports of {NODES:,} nodes, {len(some)} packages each", fleet.timed(said), len(said))
    said = [_inventory(node, some, has_content=False) for node in fleet.nodes]
    _tell("the same once more, nothing different", fleet.timed(said), len(said))
    said = [_offers(node) for node in fleet.nodes]
    _tell(f"what they could have, {OFFERS} versions each", fleet.timed(said), len(said))
    looks: list[tuple[str, Request]] = [
        ("summary of the fleet", ("hostreeve", "GetPatchFleetSummary", {})),
        ("state of a patch group", ("ssm", "DescribePatchGroupState", {"PatchGroup": "Prod"})),
        (
            "page of a group's nodes that lack patches",
            (
                "ssm",
                "DescribeInstancePatchStatesForPatchGroup",
                {
                    "PatchGroup": "Prod",
                    "MaxResults": 100,
                    "Filters": [{"Key": "MissingCount", "Values": ["0"], "Type": "GreaterThan"}],
                },
            ),
        ),
        ("plan of 50 nodes", ("hostreeve", "PlanPatches", {"MaxResults": 50})),
    ]
    for what, asked in looks:
        times = [fleet.timed([("", *asked)])[0] * 1000 for _ in range(LOOKS)]
        told = f"p99 {percentile(times, 0.99):.1f} ms"
        row(f"{what}, {NODES:,} nodes", f"{percentile(times, 0.5):.1f} ms", LOOK_BUDGET, told)


def _tell(what: str, took: tuple[float, float], count: int) -> None:
    clock_s, cpu_s = took
    told = f"{cpu_s / count * 1e6:,.0f} us of processor time each: {count / cpu_s:,.0f}/s per core"
    row(what, f"{count / clock_s:,.0f}/s", RATE_BUDGET, told)


class Fleet:
    """A control plane in this process with so many nodes, and what each signs with."""

    def __init__(self, folder: Path) -> None:
        keys = Keyring(b"k" * 32, WORLD)
        config = Config(f"sqlite:///{folder}/bench.db", frozenset({REGION}), "bench", objects=folder)
        self.app: App = build(config, WORLD, keys)
        self.loop = asyncio.new_event_loop()
        database = self.app.database
        key = database.write_sync(lambda tx: bootstrap.bootstrap(tx, keys, WORLD))
        assert key is not None
        self.admin = Credentials(*key)
        account = database.read_sync(organizations.management_account)
        assert account is not None
        self.scope = Scope(account, REGION)
        self.nodes = [f"mi-{number:017x}" for number in range(NODES)]
        self.keys: dict[str, Credentials] = {}
        for begin in range(0, NODES, NODES_PER_UNIT):
            some = self.nodes[begin : begin + NODES_PER_UNIT]
            database.write_sync(lambda tx, some=some: self._join(tx, keys, some))  # type: ignore[misc]

    def _join(self, tx: Transaction, keys: Keyring, some: Sequence[str]) -> None:
        now_ms = WORLD.now_ms()
        said = {"platform_type": "Linux", "platform_name": "Rocky Linux", "platform_version": "9.4"}
        for node_id in some:
            machine = MachineKey(
                account=self.scope.account,
                region=REGION,
                node_id=node_id,
                iam_role="SSMServiceRole",
                fingerprint="f",
                public_key=node_id.encode(),
                key_changed_ms=now_ms,
            )
            node_rows.insert(tx, machine, activation_id="bench", name=node_id, now_ms=now_ms)
            node_rows.report(tx, self.scope, node_id, said, now_ms)
            issued = identity.issue_role_credentials(
                tx,
                keys,
                WORLD,
                account=self.scope.account,
                role_name="SSMServiceRole",
                session_name=node_id,
                node_id=node_id,
                duration_s=3600,
                now_ms=now_ms,
            )
            self.keys[node_id] = Credentials(issued.access_key_id, issued.secret, issued.session_token)

    def timed(self, requests: Sequence[tuple[str, str, str, dict[str, Any]]]) -> tuple[float, float]:
        """Seconds by the clock, and of processor time, for all of these (node or "", service, operation,
        members), so many at once."""
        made = [self._signed(*each) for each in requests]
        began, before = time.perf_counter(), time.process_time()
        self.loop.run_until_complete(self._answered(made))
        return time.perf_counter() - began, time.process_time() - before

    async def _answered(self, requests: list[HttpRequest]) -> None:
        left = iter(requests)

        async def one_by_one() -> None:
            for request in left:
                answer = await self.app.pipeline.answer(request)
                assert answer.status == 200, answer.body

        await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE)))

    def _signed(self, node_id: str, service: str, operation: str, members: dict[str, Any]) -> HttpRequest:
        body = json.dumps(members).encode()
        target = {"ssm": "AmazonSSM", "hostreeve": "Hostreeve"}[service]
        headers = {
            "host": HOST,
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"{target}.{operation}",
        }
        signed = sign_headers(
            Outgoing("POST", "/", "", headers, body),
            self.keys.get(node_id, self.admin),
            region=REGION,
            service=service,
            now_ms=WORLD.now_ms(),
        )
        listed = [(name.lower(), value) for name, value in signed.items()]
        return HttpRequest("POST", "/", "", listed, body, client="127.0.0.1")

    def close(self) -> None:
        self.app.database.close()
        self.loop.close()


def _row(number: int) -> dict[str, str]:
    is_missing = number % 25 == 0
    return {
        "Id": f"package{number}.x86_64",
        "Title": f"package{number}.x86_64:0:1.{number}-1.el9",
        "Severity": "CRITICAL" if is_missing else "UNSPECIFIED",
        "Status": "NON_COMPLIANT" if is_missing else "COMPLIANT",
        "PatchBaselineId": "pb-0123456789abcdef0",
        "PatchState": "Missing" if is_missing else "Installed",
        "PatchGroup": "Prod",
        "DocumentName": "",
        "DocumentVersion": "",
        "InstalledTime": "" if is_missing else "2026-11-01T00:00:00Z",
        "Classification": "Security",
        "PatchSeverity": "Important",
    }


def _inventory(
    node_id: str, rows: Sequence[dict[str, str]], *, has_content: bool
) -> tuple[str, str, str, dict[str, Any]]:
    missing = sum(each["PatchState"] == "Missing" for each in rows) if int(node_id[3:], 16) % 3 else 0
    about = {"SchemaVersion": "1.0", "CaptureTime": "2026-11-29T09:00:00Z"}
    summary = {
        "BaselineId": "pb-0123456789abcdef0",
        "PatchGroup": "Prod",
        "SnapshotId": "521c3536-930c-4aa9-950e-01234567abcd",
        "OperationType": "Scan",
        "OperationStartTime": "2026-11-29T09:00:00Z",
        "OperationEndTime": "2026-11-29T09:00:02Z",
        "RebootOption": "RebootIfNeeded",
        "InstalledCount": str(len(rows) - missing),
        "MissingCount": str(missing),
        "CriticalNonCompliantCount": str(missing),
    }
    context = {
        "ComplianceType": "Patch",
        "ExecutionId": "521c3536-930c-4aa9-950e-01234567abcd",
        "ExecutionType": "Command",
        "ExecutionTime": "2026-11-29T09:00:00Z",
    }
    item: dict[str, Any] = {
        "TypeName": "AWS:ComplianceItem",
        **about,
        "ContentHash": f"{len(rows)}",
        "Context": context,
    }
    items = [
        {
            "TypeName": "AWS:PatchSummary",
            **about,
            "ContentHash": f"{has_content}{len(rows)}",
            "Content": [summary],
        },
        item | ({"Content": list(rows)} if has_content else {}),
    ]
    return node_id, "ssm", "PutInventory", {"InstanceId": node_id, "Items": items}


def _offers(node_id: str) -> tuple[str, str, str, dict[str, Any]]:
    """Ten kinds of nodes, as fleets have them."""
    kind = int(node_id[3:], 16) % 10
    patches = [
        {
            "Name": f"package{number}",
            "Arch": "x86_64",
            "Epoch": "0",
            "Version": f"2.{kind}",
            "Release": "1.el9",
            "Title": f"package{number}.x86_64:0:2.{kind}-1.el9",
            "InstalledVersion": "0:1.0-1.el9",
            "Repository": "baseos",
            "IsSecurity": True,
            "Classification": "Security",
            "Severity": "Important",
            "ReleaseDate": "2026-11-01T00:00:00Z",
            "AdvisoryIds": [f"RLSA-2026:{number}"],
            "CVEIds": [f"CVE-2026-{1000 + number}"],
            "Decision": "APPROVED",
            "Reason": "rule 1",
        }
        for number in range(OFFERS)
    ]
    members = {
        "InstanceId": node_id,
        "OperatingSystem": "ROCKY_LINUX",
        "Product": "RockyLinux9.4",
        "Operation": "Scan",
        "Patches": patches,
    }
    return node_id, "hostreeve", "ReportPatches", members
