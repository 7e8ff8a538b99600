"""What the operations of Resource Groups share: their table, their pages, the group that a request names."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import Operations
from hostreeve.kernel.scope import Scope
from hostreeve.platform.groups.actions import grouping
from hostreeve.platform.groups.model.group import Group, arn_of

resource_groups = Operations("resource-groups")
error = resource_groups.errors
Row = TypeVar("Row")


def named_group(scope: Scope, request: dict[str, Any]) -> list[str]:
    """The group that the request names by `Group`, `GroupName` or `Name`: a name or an ARN."""
    name = request.get("Group") or request.get("GroupName") or request.get("Name")
    return [arn_of(scope, name) if name else "*"]


def group_of(call: Call, request: dict[str, Any]) -> Group:
    """That group. BadRequestException without a name, NotFoundException without a group."""
    if bool(request.get("Group")) == bool(request.get("GroupName")):
        raise error.BadRequestException("Name one group by Group.")
    return grouping.fetch(call.tx, call.scope, request.get("Group") or request["GroupName"])


def page_of(request: dict[str, Any]) -> paging.Page:
    return paging.read(request, error=error.BadRequestException)


def token(page: paging.Page, rows: Sequence[Row], key: Callable[[Row], paging.Key]) -> dict[str, str]:
    """NextToken when there is more, in the letters that this service allows."""
    made = page.token(rows, key)
    return {"NextToken": made.replace("-", "+").replace("_", "/")} if made else {}
