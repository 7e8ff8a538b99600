"""Executions as what can be tagged."""

from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups


def arn(scope: Scope, execution_id: str) -> str:
    return scope.arn("ssm", f"automation-execution/{execution_id}")


def exists(tx: Transaction, scope: Scope, execution_id: str) -> bool:
    return rows.find(tx, scope, execution_id) is not None


TAGGABLE = groups.Taggable(
    "Automation", arn, exists, "AWS::SSM::AutomationExecution", "ssm:automation-execution"
)
