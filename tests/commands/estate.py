"""An account with nodes and the whole of Run Command, driven call by call on a clock that the test moves."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hostreeve.api.call import Call, Principal
from hostreeve.api.errors import common
from hostreeve.api.operations import Operations
from hostreeve.app import compose
from hostreeve.capabilities import commands, nodes
from hostreeve.capabilities.commands import operations, worker
from hostreeve.capabilities.documents import operations as document_operations
from hostreeve.capabilities.nodes.model import MachineKey
from hostreeve.capabilities.nodes.store import nodes as node_rows
from hostreeve.capabilities.parameters import operations as parameter_operations
from hostreeve.contract import jobs as wire
from hostreeve.contract.jobs import OutputChunk
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import SimulatedWorld
from hostreeve.persistence.database import Database, Transaction
from hostreeve.platform import groups
from hostreeve.platform.groups import operations as group_operations
from hostreeve.platform.identity import operations as identity_operations
from tests.calls import as_from_the_wire

SCHEMAS = list(compose.SCHEMAS)
"""All of them: who hears of documents and of nodes looks into tables of its own."""
SHELL = "aws:runShellScript"
ALL_TYPES = ("AWS::AllSupported",)


class Estate:
    """Everything a test of commands says. `denied` are ARNs that the caller may not reach.

    `tables` are further operations, of slices that stand on commands.
    """

    tables: tuple[Operations, ...] = ()
    keys: Any = None

    def __init__(self, database: Database, world: SimulatedWorld) -> None:
        self.database, self.world = database, world
        self.scope = Scope("123456789012", "us-east-1")
        arn = f"arn:aws:iam::{self.scope.account}:user/a"
        self.principal = Principal(
            self.scope.account, arn, "AIDA", "AKIA", tags={"team": "a"}, session_policies=("{}",)
        )
        self.listener = commands.NodeListener()
        self.denied: set[str] = set()
        self.asked: list[tuple[str, str, dict[str, list[str]]]] = []
        self._numbers = 0

    def node(self, platform: str = "Linux", **tags: str) -> str:
        self._numbers += 1
        node_id = f"mi-{self._numbers:017x}"
        key = MachineKey(
            account=self.scope.account,
            region=self.scope.region,
            node_id=node_id,
            iam_role="R",
            fingerprint="f",
            public_key=b"%d" % self._numbers,
            key_changed_ms=0,
        )

        def unit(tx: Transaction) -> None:
            name = f"host{self._numbers}"
            node_rows.insert(tx, key, activation_id="a", name=name, now_ms=self.world.now_ms())
            node_rows.report(tx, self.scope, node_id, {"platform_type": platform}, self.world.now_ms())
            if tags:
                groups.set_tags(tx, self.scope, nodes.node_arn(self.scope, node_id), tags)

        self.database.write_sync(unit)
        return node_id

    def role(self, name: str, service: str) -> None:
        """A role that a service may act as."""
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        create = next(each for each in identity_operations.iam if each.name == "CreateRole")
        asked = {"RoleName": name, "AssumeRolePolicyDocument": trust}

        def unit(tx: Transaction) -> None:
            create.handler(replace(self._context(tx), scope=self.scope.everywhere()), asked)

        self.database.write_sync(unit)

    def leave(self, node_id: str) -> None:
        self.database.write_sync(lambda tx: node_rows.delete(tx, self.scope, node_id))

    def call(self, name: str, **request: Any) -> dict[str, Any]:
        """An operation of ours by its AWS name."""
        tables = (
            *self.tables,
            operations.ssm,
            operations.hostreeve,
            document_operations.ssm,
            parameter_operations.ssm,
            group_operations.resource_groups,
        )
        operation = next(each for table in tables for each in table if each.name == name)
        as_from_the_wire(request)

        def unit(tx: Transaction) -> dict[str, Any]:
            answer: dict[str, Any] = operation.handler(self._context(tx), request)
            return answer

        return (self.database.write_sync if operation.writes else self.database.read_sync)(unit)

    def send(self, *node_ids: str, **request: Any) -> str:
        """SendCommand; the command's id. Without more it is `id` by AWS-RunShellScript."""
        asked = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, **request}
        if node_ids:
            asked["InstanceIds"] = list(node_ids)
        if asked["DocumentName"] != "AWS-RunShellScript" and "Parameters" not in request:
            del asked["Parameters"]
        return str(self.call("SendCommand", **asked)["Command"]["CommandId"])

    def group(self, name: str, *filters: tuple[str, str], types: Sequence[str] = ALL_TYPES) -> str:
        """A resource group of what carries these tags; its ARN."""
        asked = [{"Key": key, "Values": [value]} for key, value in filters]
        query = json.dumps({"ResourceTypeFilters": list(types), "TagFilters": asked})
        made = self.call("CreateGroup", Name=name, ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": query})
        return str(made["Group"]["GroupArn"])

    def send_to_group(self, name: str, *types: str, **request: Any) -> str:
        targets = [{"Key": "resource-groups:Name", "Values": [name]}]
        if types:
            targets.append({"Key": "resource-groups:ResourceTypeFilters", "Values": list(types)})
        return self.send(Targets=targets, **request)

    def send_to_tagged(self, key: str, value: str, **request: Any) -> str:
        return self.send(Targets=[{"Key": f"tag:{key}", "Values": [value]}], **request)

    def tick(self, at_most: int = 1000) -> int:
        """Let the worker work until nothing is left to decide. The number of its ticks."""
        for number in range(at_most):
            if not asyncio.run(worker.tick(self.database, self.world, self.ask)):
                return number
        raise AssertionError("the worker never came to rest")

    def acknowledge(self, command_id: str, *node_ids: str) -> None:
        now_ms = self.world.now_ms()

        def unit(tx: Transaction) -> None:
            for node_id in node_ids:
                job = wire.job_id(command_id, node_id)
                self.listener.acknowledged(tx, self.scope, node_id, job, now_ms)

        self.database.write_sync(unit)

    def refuse(self, command_id: str, node_id: str, code: str) -> None:
        job = wire.job_id(command_id, node_id)
        self._listen(
            lambda tx: self.listener.refused(tx, self.scope, node_id, job, code, self.world.now_ms())
        )

    def reply(self, command_id: str, node_id: str, status: str, *, by: str = "", **steps: Any) -> None:
        """A reply as the agents write it; `by` is who sends it, when it is not the job's own node.

        `steps` are results by step id, `aws_runShellScript` standing for the plugin's name.
        """
        reply = {"documentStatus": status, "documentTraceOutput": "", "runtimeStatus": steps or None}
        self.reply_document(command_id, node_id, reply, by=by)

    def reply_document(self, command_id: str, node_id: str, reply: dict[str, Any], *, by: str = "") -> None:
        job = wire.job_id(command_id, node_id)
        sender = by or node_id
        self._listen(
            lambda tx: self.listener.replied(tx, self.scope, sender, job, reply, self.world.now_ms())
        )

    def finish(self, command_id: str, *node_ids: str, status: str = "Success", code: int = 0) -> None:
        """Acknowledge and end the one step of AWS-RunShellScript."""
        for node_id in node_ids:
            self.acknowledge(command_id, node_id)
            self.reply(command_id, node_id, status, **{SHELL: result(status, code)})

    def output(self, command_id: str, node_id: str, offset: int, chunk: bytes, step_id: str = SHELL) -> Any:
        job = wire.job_id(command_id, node_id)
        piece = OutputChunk(job, step_id, "stdout", offset, chunk)
        return self._listen(
            lambda tx: self.listener.output(tx, self.scope, node_id, job, piece, self.world.now_ms())
        )

    def command(self, command_id: str) -> dict[str, Any]:
        (found,) = self.call("ListCommands", CommandId=command_id)["Commands"]
        return dict(found)

    def counts(self, command_id: str) -> tuple[str, int, int, int]:
        """(StatusDetails, TargetCount, CompletedCount, ErrorCount)."""
        found = self.command(command_id)
        return found["StatusDetails"], found["TargetCount"], found["CompletedCount"], found["ErrorCount"]

    def invocation(self, command_id: str, node_id: str, **request: Any) -> dict[str, Any]:
        return self.call("GetCommandInvocation", CommandId=command_id, InstanceId=node_id, **request)

    def statuses(self, command_id: str) -> dict[str, str]:
        """StatusDetails of every invocation, by node."""
        found: dict[str, str] = {}
        more: dict[str, str] = {}
        while True:
            page = self.call("ListCommandInvocations", CommandId=command_id, **more)
            found |= {each["InstanceId"]: each["StatusDetails"] for each in page["CommandInvocations"]}
            if "NextToken" not in page:
                return found
            more = {"NextToken": page["NextToken"]}

    def mailbox(self, topic: str = wire.TOPIC_SEND) -> list[str]:
        """The nodes for which something of this topic waits."""
        rows = self.database.read_sync(
            lambda tx: tx.all(
                "SELECT node_id FROM mailbox_jobs WHERE topic LIKE :topic ORDER BY node_id", topic=topic + "%"
            )
        )
        return [row["node_id"] for row in rows]

    def payload(self, command_id: str) -> dict[str, Any]:
        """What nodes are handed."""
        row = self.database.read_sync(
            lambda tx: tx.one("SELECT content FROM mailbox_contents WHERE content_id = :id", id=command_id)
        )
        return dict(json.loads(row["content"]))

    def events(self, detail_type: str) -> list[str]:
        """The statuses that events of this type told, in the order of their sequence within an aggregate."""
        rows = self.database.read_sync(
            lambda tx: tx.all(
                "SELECT detail FROM outbox_event WHERE detail_type = :detail_type"
                " ORDER BY aggregate, sequence",
                detail_type=detail_type,
            )
        )
        return [json.loads(row["detail"])["status"] for row in rows]

    def _listen(self, unit: Any) -> Any:
        return self.database.write_sync(unit)

    def _context(self, tx: Transaction) -> Call:
        def require(action: str, resources: list[str], context: Any = None, *, policy: Any = None) -> None:
            for arn in resources:
                self.ask(tx, self.scope, self.principal, action, [arn], context or {})

        return Call(
            tx=tx,
            scope=self.scope,
            principal=self.principal,
            world=self.world,
            now_ms=self.world.now_ms(),
            request_id="r",
            require=require,
            emit=lambda *_: None,
            keys=self.keys,
        )

    def ask(
        self, tx: Any, scope: Any, principal: Any, action: str, resources: list[str], context: Any
    ) -> None:
        assert principal == self.principal, "somebody else is asked about"
        for arn in resources:
            self.asked.append((action, arn, dict(context)))
            if arn in self.denied:
                raise common.AccessDeniedException(f"not authorized to perform {action} on {arn}")


def result(status: str = "Success", code: int = 0, **members: Any) -> dict[str, Any]:
    """A step's result as agents report it."""
    return {
        "status": status,
        "code": code,
        "name": SHELL,
        "output": "",
        "startDateTime": "2026-11-22T15:28:30.988Z",
        "endDateTime": "2026-11-22T15:28:31.029Z",
        "standardOutput": "",
        "standardError": "",
        **members,
    }
