"""What nodes ask for before they patch."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.capabilities import nodes
from hostreeve.capabilities.patches.actions import snapshots
from hostreeve.capabilities.patches.operations.service import ssm
from hostreeve.kernel.scope import Scope


def _node(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [nodes.node_arn(scope, request["InstanceId"])]


@ssm.writes("GetDeployablePatchSnapshotForInstance", on=_node)
def get_deployable_patch_snapshot_for_instance(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return snapshots.deploy(call, request)
