"""The table that the operations of this slice register in."""

from typing import Any

from hostreeve.api.operations import Operations
from hostreeve.capabilities.nodes.model import node_arn
from hostreeve.kernel.scope import Scope

ssm = Operations("ssm")
error = ssm.errors


def node(scope: Scope, request: dict[str, Any]) -> list[str]:
    """The node that the request names by `InstanceId`."""
    return [node_arn(scope, request["InstanceId"])]
