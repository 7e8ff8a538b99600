"""A house on either engine whose nodes are put straight into its store, spoken to over the wire."""

import itertools
import json
from typing import Any

from hostreeve.capabilities import nodes
from hostreeve.capabilities.nodes.model import MachineKey
from hostreeve.capabilities.nodes.store import nodes as node_rows
from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.gateway.http import HttpRequest
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups, identity, organizations
from tests.house import House

ROLE = "SSMServiceRole"
_numbers = itertools.count(1)


class Fleet:
    """The nodes of one test; `leave_all` lets go of them and all that is known of them."""

    def __init__(self, house: House) -> None:
        self.house, self.world, self.database = house, house.world, house.app.database
        self.ssm = house.client("ssm")
        account = self.database.read_sync(organizations.management_account)
        assert account is not None
        self.scope = Scope(account, "us-east-1")
        self._nodes: list[str] = []

    def node(self, platform: str = "Linux", tags: dict[str, str] | None = None, **reported: str) -> str:
        """A new node; `reported` are columns that its agent tells of."""
        number = next(_numbers)
        node_id = f"mi-{number:017x}"
        self._nodes.append(node_id)
        key = MachineKey(
            account=self.scope.account,
            region=self.scope.region,
            node_id=node_id,
            iam_role=ROLE,
            fingerprint="f",
            public_key=b"%d" % number,
            key_changed_ms=0,
        )

        def unit(tx: Transaction) -> None:
            now_ms = self.world.now_ms()
            node_rows.insert(tx, key, activation_id="a", name="", now_ms=now_ms)
            node_rows.report(tx, self.scope, node_id, {"platform_type": platform, **reported}, now_ms)
            if tags:
                groups.set_tags(tx, self.scope, nodes.node_arn(self.scope, node_id), tags)

        self.database.write_sync(unit)
        return node_id

    def by(self, node_id: str) -> Any:
        """A client with the credentials of a node's role."""
        issued = self.database.read_sync(
            lambda tx: identity.issue_role_credentials(
                tx,
                self.house.keys,
                self.world,
                account=self.scope.account,
                role_name=ROLE,
                session_name=node_id,
                node_id=node_id,
                duration_s=3600,
                now_ms=self.world.now_ms(),
            )
        )
        key = (issued.access_key_id, issued.secret, issued.session_token)
        return self.house.client("ssm", key)

    def hostreeve(self, operation: str, **request: Any) -> dict[str, Any]:
        """An operation of ours, over the wire; AssertionError with code and message when it is refused."""
        body = json.dumps(request).encode()
        headers = {
            "host": "127.0.0.1:8443",
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"Hostreeve.{operation}",
        }
        signed = sign_headers(
            Outgoing("POST", "/", "", headers, body, None),
            Credentials(*self.house.key, None),
            region=self.scope.region,
            service="hostreeve",
            now_ms=self.world.now_ms(),
        )
        named = [(name.lower(), value) for name, value in signed.items()]
        answer = self.house.request(HttpRequest("POST", "/", "", named, body, client="127.0.0.1"))
        read: dict[str, Any] = json.loads(answer.body)
        assert answer.status == 200, f"{read.get('__type')}: {read}"
        return read

    def leave(self, node_id: str) -> None:
        self.ssm.deregister_managed_instance(InstanceId=node_id)
        self._nodes.remove(node_id)

    def leave_all(self) -> None:
        for node_id in list(self._nodes):
            self.leave(node_id)

    def events(self, detail_type: str) -> list[dict[str, Any]]:
        """The details of this type's events, of the nodes of this test."""
        rows = self.database.read_sync(
            lambda tx: tx.all(
                "SELECT detail FROM outbox_event WHERE detail_type = :detail_type"
                " ORDER BY created_ms, aggregate, sequence",
                detail_type=detail_type,
            )
        )
        details = [json.loads(row["detail"]) for row in rows]
        return [each for each in details if any(node in json.dumps(each) for node in self._nodes)]
