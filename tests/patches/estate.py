"""Baselines and nodes, as tests of patching speak of them."""

import itertools
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from hostreeve.capabilities import nodes
from hostreeve.capabilities.nodes.model import MachineKey
from hostreeve.capabilities.nodes.store import nodes as node_rows
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups, identity, organizations
from tests.house import House

_numbers = itertools.count(1)

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

        return self.house.client(service, key=self.database.read_sync(unit))

    def snapshot(self, node_id: str, snapshot_id: str, **more: Any) -> dict[str, Any]:
        """What GetDeployablePatchSnapshotForInstance answers the node."""
        client = self.client_of(node_id)
        return dict(
            client.get_deployable_patch_snapshot_for_instance(
                InstanceId=node_id, SnapshotId=snapshot_id, **more
            )
        )

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
            for table in ("patch_groups", "patch_defaults", "patch_baselines", "patch_snapshots"):
                tx.run(f"DELETE FROM {table}")
            for node_id in self._nodes:
                node_rows.delete(tx, self.scope, node_id)
                groups.forget(tx, self.scope, nodes.node_arn(self.scope, node_id))

        self.database.write_sync(unit)
