"""Associations as something that carries tags."""

from hostreeve.capabilities.associations.store import associations as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups


def arn(scope: Scope, association_id: str) -> str:
    return scope.arn("ssm", f"association/{association_id}")


def exists(tx: Transaction, scope: Scope, association_id: str) -> bool:
    return store.find(tx, scope, association_id) is not None


TAGGABLE = groups.Taggable("Association", arn, exists, "AWS::SSM::Association", "ssm:association")
