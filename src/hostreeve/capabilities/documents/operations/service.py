"""The table that the operations of this slice register in, and what several of them share."""

from typing import Any

from hostreeve.api.operations import Operations
from hostreeve.capabilities.documents.actions import finding
from hostreeve.kernel.scope import Scope

ssm = Operations("ssm")


def document_arns(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [finding.arn(scope, request["Name"])]


def next_page(token: str | None) -> dict[str, str]:
    return {"NextToken": token} if token else {}


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
