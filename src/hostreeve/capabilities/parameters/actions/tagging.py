"""How the tag operations name a parameter, and whether there is one of that name."""

from hostreeve.capabilities.parameters.model import names
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups


def exists(tx: Transaction, scope: Scope, text: str) -> bool:
    """Whether the account has a parameter of its own by that name or ARN: one that it may tag."""
    named = names.read(scope.account, scope.region, text)
    if named is None or named.selector or named.scope != scope:
        return False
    return store.exists(tx, scope, named.path)


TAGGABLE = groups.Taggable("Parameter", names.arn_of, exists, "AWS::SSM::Parameter", "ssm:parameter")
