"""The table that the operations of this slice register in, and what several of them share."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api.operations import Operations
from hostreeve.capabilities.patches.model.baseline import baseline_arn
from hostreeve.kernel.scope import Scope

ssm = Operations("ssm")
error = ssm.errors

PAGE_MAX = 100
PAGE = 50


def baseline_arns(scope: Scope, request: dict[str, Any]) -> list[str]:
    """The baseline that the request names."""
    return [baseline_arn(scope, request["BaselineId"])]


def next_page(token: str | None) -> dict[str, str]:
    return {"NextToken": token} if token else {}


def filters(
    request: Mapping[str, Any], known: Sequence[str], code: str = "ValidationException"
) -> dict[str, list[str]]:
    """The filters by key, each with its values. The error `code` for a key that the operation has not."""
    refused = getattr(error, code)
    found: dict[str, list[str]] = {}
    for each in request.get("Filters", []):
        key, values = each.get("Key", ""), each.get("Values") or []
        if key not in known:
            raise refused(f"The filter key must be one of {', '.join(known)}, not {key[:128]}.")
        if key in found:
            raise refused(f"The filter {key} is given twice.")
        if not values:
            raise refused(f"The filter {key} needs values.")
        found[key] = list(values)
    return found
