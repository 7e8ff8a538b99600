"""The tables that this slice's operations stand in."""

from typing import Any

from hostreeve.api.operations import Operations
from hostreeve.capabilities import nodes
from hostreeve.kernel.scope import Scope

ssm = Operations("ssm")
hostreeve = Operations("hostreeve")
error = ssm.errors


def node(scope: Scope, request: dict[str, Any]) -> list[str]:
    """The node that the request names by `InstanceId`."""
    return [nodes.node_arn(scope, request["InstanceId"])]


def following(token: str | None) -> dict[str, Any]:
    return {"NextToken": token} if token else {}
