"""An estate with State Manager, driven call by call on a clock that the test moves."""

import asyncio

import pytest

from hostreeve.capabilities import associations, nodes
from hostreeve.capabilities.associations import operations, worker
from hostreeve.capabilities.compliance import operations as compliance_operations
from hostreeve.contract.jobs import Opening
from hostreeve.kernel.world import SimulatedWorld
from hostreeve.platform.groups import operations as groups_operations
from hostreeve.platform.keys import Keyring
from tests.commands import estate as commands_estate

MINUTE_S, HOUR_S = 60, 3600


class Estate(commands_estate.Estate):
    """Adds what is said of associations."""

    tables = (operations.ssm, groups_operations.ssm, compliance_operations.ssm)

    def __init__(self, database, world):
        super().__init__(database, world)
        self.keys = Keyring(b"k" * 32, world)

    def associate(self, *node_ids, **request):
        """CreateAssociation with AWS-RunShellScript; its id."""
        asked = {"Name": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, **request}
        if node_ids:
            asked["Targets"] = [{"Key": "InstanceIds", "Values": list(node_ids)}]
        return self.call("CreateAssociation", **asked)["AssociationDescription"]["AssociationId"]

    def work(self, at_most=1000):
        """Let all workers work until nothing is left to decide."""
        for _ in range(at_most):
            moved = asyncio.run(worker.tick(self.database, self.world, self.keys))
            if not moved and not self.tick():
                return
        raise AssertionError("the workers never came to rest")

    def later(self, seconds):
        self.world.advance(seconds)
        self.work()

    def executions(self, association_id, **request):
        """The oldest first."""
        answer = self.call("DescribeAssociationExecutions", AssociationId=association_id, **request)
        return answer["AssociationExecutions"][::-1]

    def targets(self, association_id, execution_id):
        """Status of every node of an execution."""
        answer = self.call(
            "DescribeAssociationExecutionTargets", AssociationId=association_id, ExecutionId=execution_id
        )
        return {each["ResourceId"]: each["Status"] for each in answer["AssociationExecutionTargets"]}

    def commands(self):
        """The ids of all commands, the oldest first."""
        return [each["CommandId"] for each in self.call("ListCommands")["Commands"]][::-1]

    def end(self, status="Success"):
        """Every node that has been handed a command ends it."""
        for command_id in self.commands():
            waiting = [n for n, s in self.statuses(command_id).items() if s in ("Pending", "InProgress")]
            handed = set(self.mailbox())
            self.finish(
                command_id,
                *(node for node in waiting if node in handed),
                status=status,
                code=0 if status == "Success" else 1,
            )
        self.work()

    def come_back(self, node_id):
        """The node's agent connects."""
        opening = Opening("t", "r", "3.3.0.0", "Linux")
        self.database.write_sync(
            lambda tx: nodes.NodePresence(associations.node_came).opened(
                tx, self.scope, node_id, opening, self.world.now_ms()
            )
        )

    def standing(self, association_id):
        return self.call("DescribeAssociation", AssociationId=association_id)["AssociationDescription"]


@pytest.fixture
def estate(database_with, world: SimulatedWorld) -> Estate:
    return Estate(database_with(commands_estate.SCHEMAS), world)
