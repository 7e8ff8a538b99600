"""The table that this slice's operations stand in."""

from typing import Any

from hostreeve.api.operations import Operations

ssm = Operations("ssm")
error = ssm.errors


def following(token: str | None) -> dict[str, Any]:
    return {"NextToken": token} if token else {}
