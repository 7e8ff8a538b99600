"""Putting a version where it is found: as a new parameter, or as the newest of one."""

from collections.abc import Mapping

from hostreeve.capabilities.parameters.actions import quotas
from hostreeve.capabilities.parameters.actions.reaching import error
from hostreeve.capabilities.parameters.model import values
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups


def create(tx: Transaction, made: Parameter, tags: Mapping[str, str]) -> None:
    """ParameterLimitExceeded."""
    if not quotas.allowances.takes_one(tx, made.scope):
        raise error.ParameterLimitExceeded(
            f"You have reached the maximum number of parameters for this account and Region "
            f"({values.PARAMETERS_MAX})."
        )
    store.insert(tx, made)
    if tags:
        groups.set_tags(tx, made.scope, made.arn, tags)


def append(tx: Transaction, made: Parameter) -> None:
    """ParameterMaxVersionLimitExceeded when the oldest version would have to go and has a label."""
    oldest = made.version - values.VERSIONS_MAX
    if oldest > 0:
        marked = [label for label, at in store.labels(tx, made.scope, made.path).items() if at <= oldest]
        if marked:
            raise error.ParameterMaxVersionLimitExceeded(
                f"You attempted to create a new version of {made.name} by calling the PutParameter API with "
                f"the overwrite flag. Version {oldest}, the oldest version, can't be deleted because it has "
                "a label associated with it. Move the label to another version of the parameter, and try "
                "again."
            )
    store.replace(tx, made)
    if oldest > 0:
        store.delete_version(tx, made.scope, made.path, oldest)
