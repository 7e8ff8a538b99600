"""Baselines and nodes, as tests of patching speak of them."""

import itertools
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from hostreeve.capabilities import nodes
from hostreeve.capabilities.nodes.model import MachineKey
from hostreeve.capabilities.nodes.store import nodes as node_rows
from hostreeve.capabilities.patches.model.baseline import LEVELS
from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups, identity, organizations
from tests.house import House

_numbers = itertools.count(1)
TABLES = (
    "patch_groups",
    "patch_defaults",
    "patch_baselines",
    "patch_snapshots",
    "patch_states",
    "patch_offers",
    "patch_catalog",
    "patch_catalog_sets",
)

UBUNTU = ("Ubuntu", "22.04")
RHEL = ("Red Hat Enterprise Linux", "9.4")
WINDOWS = ("Microsoft Windows Server 2012 R2 Standard", "6.3.9600")


def rule(days: int | None = 0, *, level: str | None = None, **filters: list[str]) -> dict[str, Any]:
    """A rule of ApprovalRules: filters by key, approval after so many days."""
    made: dict[str, Any] = {
        "PatchFilterGroup": {
            "PatchFilters": [{"Key": key, "Values": values} for key, values in filters.items()]
        }
    }
    if days is not None:
        made["ApproveAfterDays"] = days
    return made | ({"ComplianceLevel": level} if level else {})


def refused(operation: Any, code: str, **request: Any) -> str:
    """The message of the refusal, which must have this code."""
    with pytest.raises(ClientError) as error:
        operation(**request)
    assert error.value.response["Error"]["Code"] == code
    return str(error.value.response["Error"]["Message"])


def stamp(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def patch(name: str, state: str = "Missing", level: str = "UNSPECIFIED", **details: str) -> dict[str, str]:
    """A row of AWS:ComplianceItem, as the payload sends it."""
    is_fine = state in ("Installed", "InstalledOther", "NotApplicable")
    return {
        "Id": f"{name}.amd64",
        "Title": f"{name}.amd64:1.0",
        "Severity": level,
        "Status": "COMPLIANT" if is_fine else "NON_COMPLIANT",
        "PatchState": state,
        "InstalledTime": "2027-01-01T00:00:00Z" if state.startswith("Installed") else "",
        "Classification": "Security",
        "PatchSeverity": "Important",
        "DocumentName": "",
        "DocumentVersion": "",
        **details,
    }


def summary(rows: list[dict[str, str]], at_ms: int, **more: str) -> dict[str, str]:
    """The row of AWS:PatchSummary that goes with them."""
    bad = [row for row in rows if row["Status"] == "NON_COMPLIANT"]
    critical = [row for row in bad if row["Severity"] == "CRITICAL"]
    security = [row for row in bad if row["Classification"] == "Security"]
    told = {
        "BaselineId": "pb-0123456789abcdef0",
        "PatchGroup": "",
        "SnapshotId": "521c3536-930c-4aa9-950e-01234567abcd",
        "ExecutionId": "4681775b-098f-4435-a956-0ef33373ac11",
        "OperationType": "Scan",
        "OperationStartTime": stamp(at_ms - 5_000),
        "OperationEndTime": stamp(at_ms),
        "RebootOption": "RebootIfNeeded",
        "NotApplicableCount": "0",
        "CriticalNonCompliantCount": str(len(critical)),
        "SecurityNonCompliantCount": str(len(security)),
        "OtherNonCompliantCount": str(len([row for row in bad if row not in critical + security])),
    }
    for state in (
        "Installed",
        "InstalledOther",
        "InstalledRejected",
        "InstalledPendingReboot",
        "Missing",
        "Failed",
    ):
        told[f"{state}Count"] = str(sum(row["PatchState"] == state for row in rows))
    if bad:
        told["NonCompliantSeverity"] = max((row["Severity"] for row in bad), key=LEVELS.index)
    return told | more


class Estate:
    """A control plane and what is in it."""

    def __init__(self, house: House) -> None:
        self.house, self.world, self.database = house, house.world, house.app.database
        self.ssm = house.client("ssm")
        account = self.database.read_sync(organizations.management_account)
        assert account is not None
        self.scope = Scope(account, "us-east-1")
        self._nodes: list[str] = []

    def node(self, platform: tuple[str, str] = UBUNTU, **tags: str) -> str:
        """A managed node with a platform as its agent reports it; underscores in the keys are spaces."""
        number = next(_numbers)
        node_id = f"mi-{number:017x}"
        self._nodes.append(node_id)
        key = MachineKey(
            account=self.scope.account,
            region=self.scope.region,
            node_id=node_id,
            iam_role="R",
            fingerprint="f",
            public_key=b"%d" % number,
            key_changed_ms=0,
        )
        said = {"platform_type": "Linux", "platform_name": platform[0], "platform_version": platform[1]}

        def unit(tx: Transaction) -> None:
            node_rows.insert(tx, key, activation_id="a", name="", now_ms=self.world.now_ms())
            node_rows.report(tx, self.scope, node_id, said, self.world.now_ms())

        self.database.write_sync(unit)
        if tags:
            self.tag(node_id, **tags)
        return node_id

    def tag(self, node_id: str, **tags: str) -> None:
        named = {key.replace("_", " "): value for key, value in tags.items()}
        arn = nodes.node_arn(self.scope, node_id)
        self.database.write_sync(lambda tx: groups.set_tags(tx, self.scope, arn, named))

    def client_of(self, node_id: str, service: str = "ssm") -> Any:
        """A client that signs as the node does, with its role's credentials."""
        return self.house.client(service, key=self.key_of(node_id))

    def key_of(self, node_id: str) -> tuple[str, str, str]:
        """The node's credentials, fresh."""

        def unit(tx: Transaction) -> tuple[str, str, str]:
            issued = identity.issue_role_credentials(
                tx,
                self.house.keys,
                self.world,
                account=self.scope.account,
                role_name="SSMServiceRole",
                session_name=node_id,
                node_id=node_id,
                duration_s=3600,
                now_ms=self.world.now_ms(),
            )
            return issued.access_key_id, issued.secret, issued.session_token

        return self.database.read_sync(unit)

    def snapshot(self, node_id: str, snapshot_id: str, **more: Any) -> dict[str, Any]:
        """What GetDeployablePatchSnapshotForInstance answers the node."""
        client = self.client_of(node_id)
        return dict(
            client.get_deployable_patch_snapshot_for_instance(
                InstanceId=node_id, SnapshotId=snapshot_id, **more
            )
        )

    def report(self, node_id: str, *rows: dict[str, str], **more: str) -> None:
        """What the payload tells after a run."""
        now_ms = self.world.now_ms()
        about = {"SchemaVersion": "1.0", "CaptureTime": stamp(now_ms)}
        items = [
            {
                "TypeName": "AWS:PatchSummary",
                **about,
                "ContentHash": f"{next(_numbers)}",
                "Content": [summary(list(rows), now_ms, **more)],
            },
            {
                "TypeName": "AWS:ComplianceItem",
                **about,
                "ContentHash": f"{next(_numbers)}",
                "Context": {
                    "ComplianceType": "Patch",
                    "ExecutionId": "521c3536-930c-4aa9-950e-01234567abcd",
                    "ExecutionType": "Command",
                    "ExecutionTime": stamp(now_ms),
                },
                "Content": list(rows),
            },
        ]
        self.client_of(node_id).put_inventory(InstanceId=node_id, Items=items)

    def own(self, operation: str, node_id: str = "", **request: Any) -> dict[str, Any]:
        """One of our own operations, by the administrator or by a node; ValueError: the code of a refusal."""
        key = self.key_of(node_id) if node_id else self.house.key
        body = json.dumps(request).encode()
        headers = {
            "Host": "127.0.0.1:8443",
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"Hostreeve.{operation}",
        }
        signed = sign_headers(
            Outgoing("POST", "/", "", headers, body),
            Credentials(*key),
            region=self.scope.region,
            service="hostreeve",
            now_ms=self.world.now_ms(),
        )
        listed = [(name.lower(), value) for name, value in signed.items()]
        answer = self.house.request(HttpRequest("POST", "/", "", listed, body, client="127.0.0.1"))
        said: dict[str, Any] = json.loads(answer.body or b"{}")
        if answer.status != 200:
            raise ValueError(f"{said['__type']}: {said.get('message') or said.get('Message')}")
        return said

    def fetched(self, url: str) -> HttpResponse:
        """What a page of the server answers."""
        path = urlsplit(url).path
        request = HttpRequest("GET", path, "", [("host", "127.0.0.1:8443")], b"", client="127.0.0.1")
        return self.house.loop.run_until_complete(self.house.app.asgi.respond(request))

    def baseline(self, system: str = "UBUNTU", **more: Any) -> str:
        """CreatePatchBaseline; its id."""
        asked = {"Name": "Prod", "OperatingSystem": system, **more}
        return str(self.ssm.create_patch_baseline(**asked)["BaselineId"])

    def leave_all(self) -> None:
        """The house is as it was."""

        def unit(tx: Transaction) -> None:
            for table in TABLES:
                tx.run(f"DELETE FROM {table}")
            for node_id in self._nodes:
                node_rows.delete(tx, self.scope, node_id)
                groups.forget(tx, self.scope, nodes.node_arn(self.scope, node_id))

        self.database.write_sync(unit)
