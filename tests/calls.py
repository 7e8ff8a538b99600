"""Operations called as the pipeline calls them, without its other stages: for tests of a slice by itself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hostreeve.api.call import Call, Principal, ResourcePolicy
from hostreeve.api.operations import Operations
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Database
from hostreeve.platform.keys import Keyring

ACCOUNT = "111122223333"
SCOPE = Scope(ACCOUNT, "us-east-1")
ADMIN = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/admin", "AIDA", "AKIA")


def node_principal(node_id: str, account: str = ACCOUNT) -> Principal:
    arn = f"arn:aws:sts::{account}:assumed-role/SSMServiceRole/{node_id}"
    return Principal(account, arn, f"AROA:{node_id}", "ASIA", node_id=node_id)


def as_from_the_wire(request: Any) -> None:
    """Times are numbers where the wire has read them: a test that brings a datetime proves nothing."""
    assert not isinstance(request, datetime), f"{request!r}: give seconds since the epoch"
    if isinstance(request, Mapping):
        for value in request.values():
            as_from_the_wire(value)
    elif isinstance(request, list | tuple):
        for value in request:
            as_from_the_wire(value)


class Caller:
    """`caller(operations, "Name", principal, **request)`: one operation in one transaction."""

    def __init__(self, database: Database, world: Any) -> None:
        self.database = database
        self.world = world
        self.keys = Keyring(b"k" * 32, world)
        self.required: list[tuple[str, list[str], Mapping[str, list[str]] | None]] = []
        self.denied: set[str] = set()
        self.scope = SCOPE

    def __call__(
        self, table: Operations, name: str, principal: Principal = ADMIN, /, **request: Any
    ) -> dict[str, Any]:
        operation = next(each for each in table if each.name == name)
        as_from_the_wire(request)

        def unit(tx: Any) -> dict[str, Any]:
            call = self.call(tx, principal)
            if operation.on is not None:
                call.require(operation.action, operation.on(call.scope, request))
            return operation.handler(call, request)

        run = self.database.write_sync if operation.writes else self.database.read_sync
        return run(unit)

    def call(self, tx: Any, principal: Principal) -> Call:
        return Call(
            tx=tx,
            scope=self.scope,
            principal=principal,
            world=self.world,
            now_ms=self.world.now_ms(),
            request_id=self.world.uuid(),
            require=self._require,
            emit=lambda *_: None,
            keys=self.keys,
        )

    def _require(
        self,
        action: str,
        resources: list[str],
        context: Mapping[str, list[str]] | None = None,
        *,
        policy: ResourcePolicy | None = None,
    ) -> None:
        self.required.append((action, resources, context))
        if action in self.denied:
            from hostreeve.api.errors import common

            raise common.AccessDeniedException(f"not authorized to perform: {action}")
