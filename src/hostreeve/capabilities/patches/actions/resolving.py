"""Which baseline counts: for a patch group, for an operating system, for a node."""

from typing import NamedTuple

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.capabilities.nodes import Node
from hostreeve.capabilities.patches.actions import changing
from hostreeve.capabilities.patches.model import predefined
from hostreeve.capabilities.patches.model.baseline import Baseline
from hostreeve.capabilities.patches.model.quotas import quota
from hostreeve.capabilities.patches.model.systems import System, system_of
from hostreeve.capabilities.patches.store import baselines as store
from hostreeve.capabilities.patches.store.baselines import Registration
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups

error = ServiceErrors(service("ssm"))

TAG_KEYS = ("Patch Group", "PatchGroup")
"""The tags that put a node into a patch group: case counts, and the first wins where both are there."""


class Resolved(NamedTuple):
    """What counts for a node. The group is empty when it is in none."""

    baseline: Baseline
    patch_group: str
    system: System


def default(tx: Transaction, scope: Scope, operating_system: str) -> Baseline:
    """The account's default, or AWS's own."""
    registered = store.defaults(tx, scope).get(operating_system)
    chosen = changing.kept(tx, scope, registered) if registered else None
    return chosen or predefined.default_for(operating_system)


def for_group(tx: Transaction, scope: Scope, patch_group: str, operating_system: str) -> Baseline:
    """The one that is registered for the group, else the default."""
    registered = store.registered(tx, scope, patch_group, operating_system) if patch_group else None
    chosen = changing.kept(tx, scope, registered) if registered else None
    return chosen or default(tx, scope, operating_system)


def for_node(tx: Transaction, scope: Scope, node: Node) -> Resolved | None:
    """None when nobody knows what the node runs."""
    system = system_of(node.platform_name, node.platform_version)
    if system is None:
        return None
    patch_group = group_of(tx, scope, node.node_id)
    return Resolved(for_group(tx, scope, patch_group, system.operating_system), patch_group, system)


def group_of(tx: Transaction, scope: Scope, node_id: str) -> str:
    """The patch group that a node's tags put it into."""
    tags = groups.tags_of(tx, scope, nodes.node_arn(scope, node_id))
    return next((tags[key] for key in TAG_KEYS if tags.get(key)), "")


def register(call: Call, named: str, patch_group: str) -> None:
    """AlreadyExistsException when another baseline of the same operating system has the group."""
    baseline = changing.found(call, named)
    before = store.registered(call.tx, call.scope, patch_group, baseline.operating_system)
    if before == baseline.baseline_id:
        return
    if before is not None:
        raise error.AlreadyExistsException(
            f"Patch group {patch_group} is registered already with the baseline {before} for"
            f" {baseline.operating_system}."
        )
    most = quota("patch-groups-per-baseline")
    if len(store.groups_of(call.tx, call.scope, baseline.baseline_id)) >= most:
        raise error.ResourceLimitExceededException(f"A patch baseline can have {most} patch groups.")
    store.register(
        call.tx, call.scope, Registration(patch_group, baseline.operating_system, baseline.baseline_id)
    )


def deregister(call: Call, named: str, patch_group: str) -> None:
    """InvalidResourceId when there is no such baseline; nothing when it does not have the group."""
    baseline = changing.known(call.tx, call.scope, named)
    if baseline is None:
        raise error.InvalidResourceId(f"Patch baseline {named} does not exist.")
    store.deregister(call.tx, call.scope, patch_group, baseline.baseline_id)
