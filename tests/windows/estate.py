"""A control plane with nodes that do as they are told, and a clock that the test moves."""

import itertools
import json
from typing import Any

from hostreeve.capabilities import commands, nodes
from hostreeve.capabilities.nodes.model import MachineKey
from hostreeve.capabilities.nodes.store import nodes as node_rows
from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups, organizations
from tests.commands.estate import SHELL, result
from tests.house import House

SHELL_DOCUMENT = "AWS-RunShellScript"
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


_numbers = itertools.count(1)


class Estate:
    """Everything a test of windows says."""

    def __init__(self, house: House) -> None:
        self.house, self.world, self.database = house, house.world, house.app.database
        self.ssm = house.client("ssm")
        account = self.database.read_sync(organizations.management_account)
        assert account is not None
        self.scope = Scope(account, "us-east-1")
        self.listener = commands.NodeListener()
        self._nodes: list[str] = []

    def node(self, platform: str = "Linux", **tags: str) -> str:
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

        def unit(tx: Transaction) -> None:
            node_rows.insert(tx, key, activation_id="a", name="", now_ms=self.world.now_ms())
            node_rows.report(tx, self.scope, node_id, {"platform_type": platform}, self.world.now_ms())
            if tags:
                groups.set_tags(tx, self.scope, nodes.node_arn(self.scope, node_id), tags)

        self.database.write_sync(unit)
        return node_id

    def leave_all(self) -> None:
        """The house is as it was."""
        for command_id in self.waiting():
            self.ssm.cancel_command(CommandId=command_id)
        for node_id in self._nodes:
            self.leave(node_id)
        for window in self.ssm.describe_maintenance_windows()["WindowIdentities"]:
            self.ssm.delete_maintenance_window(WindowId=window["WindowId"])
        self.house.tick()

    def leave(self, node_id: str) -> None:
        def unit(tx: Transaction) -> None:
            node_rows.delete(tx, self.scope, node_id)
            groups.forget(tx, self.scope, nodes.node_arn(self.scope, node_id))

        self.database.write_sync(unit)

    def role(self, name: str, *policies: str, service: str = "ssm.amazonaws.com") -> str:
        """A role that the service may assume; its ARN."""
        iam = self.house.client("iam")
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        for policy in policies:
            iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        return str(role["Arn"])

    def window(self, schedule: str = "rate(1 day)", **more: Any) -> str:
        """CreateMaintenanceWindow; the window's id."""
        asked = {
            "Name": "Window",
            "Duration": 4,
            "Cutoff": 1,
            "AllowUnassociatedTargets": True,
            **more,
            "Schedule": schedule,
        }
        return str(self.ssm.create_maintenance_window(**asked)["WindowId"])

    def target(self, window_id: str, *node_ids: str, tag: str = "", **more: Any) -> str:
        """A registered target: nodes by id, or `key=value`; its id."""
        targets = [{"Key": "InstanceIds", "Values": list(node_ids)}]
        if tag:
            key, _, value = tag.partition("=")
            targets = [{"Key": f"tag:{key}", "Values": [value]}]
        asked = {"WindowId": window_id, "ResourceType": "INSTANCE", "Targets": targets, **more}
        return str(self.ssm.register_target_with_maintenance_window(**asked)["WindowTargetId"])

    def task(self, window_id: str, *target_ids: str, **more: Any) -> str:
        """A registered task that runs `id` on registered targets; its id."""
        asked: dict[str, Any] = {
            "WindowId": window_id,
            "TaskArn": SHELL_DOCUMENT,
            "TaskType": "RUN_COMMAND",
            **more,
        }
        if target_ids:
            asked["Targets"] = [{"Key": "WindowTargetIds", "Values": list(target_ids)}]
        if asked.get("Targets"):
            asked = {"MaxConcurrency": "10", "MaxErrors": "10", **asked}
        if asked["TaskType"] == "RUN_COMMAND":
            # Nobody's command runs out while the clock is moved by hours.
            command = {"Parameters": {"commands": ["id"]}, "TimeoutSeconds": 2_592_000}
            asked.setdefault("TaskInvocationParameters", {"RunCommand": command})
        return str(self.ssm.register_task_with_maintenance_window(**asked)["WindowTaskId"])

    def later(self, seconds: float) -> None:
        """Time passes, and what is due is done."""
        self.world.advance(seconds)
        self.house.tick()

    def executions(self, window_id: str, **request: Any) -> list[dict[str, Any]]:
        """The oldest first."""
        answer = self.ssm.describe_maintenance_window_executions(WindowId=window_id, **request)
        return list(reversed(answer["WindowExecutions"]))

    def statuses(self, window_id: str) -> list[str]:
        return [each["Status"] for each in self.executions(window_id)]

    def tasks(self, window_id: str) -> list[dict[str, Any]]:
        """The tasks of the newest execution, by document, with their priority."""
        execution_id = self.executions(window_id)[-1]["WindowExecutionId"]
        listed = self.ssm.describe_maintenance_window_execution_tasks(WindowExecutionId=execution_id)
        found = [
            self.ssm.get_maintenance_window_execution_task(
                WindowExecutionId=execution_id, TaskId=each["TaskExecutionId"]
            )
            for each in listed["WindowExecutionTaskIdentities"]
        ]
        return sorted(found, key=lambda task: (task["Priority"], task["TaskExecutionId"]))

    def invocations(self, task: dict[str, Any], **request: Any) -> list[dict[str, Any]]:
        answer = self.ssm.describe_maintenance_window_execution_task_invocations(
            WindowExecutionId=task["WindowExecutionId"], TaskId=task["TaskExecutionId"], **request
        )
        return list(answer["WindowExecutionTaskInvocationIdentities"])

    def runs(self, window_id: str) -> list[dict[str, Any]]:
        """All invocations of the newest execution."""
        return [each for task in self.tasks(window_id) for each in self.invocations(task)]

    def waiting(self) -> list[str]:
        """Commands that have not ended, the oldest first."""
        listed = self.ssm.list_commands()["Commands"]
        return [each["CommandId"] for each in reversed(listed) if each["Status"] in ("Pending", "InProgress")]

    def finish(self, *command_ids: str, status: str = "Success", only: str = "") -> None:
        """Nodes that were handed these commands (all that wait) run and end them; `only` one of them."""
        for command_id in command_ids or self.waiting():
            for node_id in self._handed(command_id):
                if only in ("", node_id):
                    self._end(command_id, node_id, status)
        self.house.tick()

    def _handed(self, command_id: str) -> list[str]:
        rows = self.database.read_sync(
            lambda tx: tx.all("SELECT job_id, node_id FROM mailbox_jobs ORDER BY node_id")
        )
        return [row["node_id"] for row in rows if row["job_id"] == wire.job_id(command_id, row["node_id"])]

    def _end(self, command_id: str, node_id: str, status: str) -> None:
        job_id, now_ms = wire.job_id(command_id, node_id), self.world.now_ms()
        steps = {SHELL: result(status, 0 if status == "Success" else 1)}
        reply = {"documentStatus": status, "documentTraceOutput": "", "runtimeStatus": steps}

        def unit(tx: Transaction) -> None:
            self.listener.acknowledged(tx, self.scope, node_id, job_id, now_ms)
            self.listener.replied(tx, self.scope, node_id, job_id, reply, now_ms)
            tx.run("DELETE FROM mailbox_jobs WHERE job_id = :job_id", job_id=job_id)

        self.database.write_sync(unit)

    def events(self, window_id: str, detail_type: str) -> list[dict[str, Any]]:
        """The details of this type's events about a window, in order."""
        rows = self.database.read_sync(
            lambda tx: tx.all(
                "SELECT detail FROM outbox_event WHERE aggregate = :window_id AND detail_type = :detail_type"
                " ORDER BY sequence",
                window_id=window_id,
                detail_type=detail_type,
            )
        )
        return [json.loads(row["detail"]) for row in rows]
