"""What is in groups: by query at the moment of asking, or named one by one."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.platform.groups.actions import grouping, searching
from hostreeve.platform.groups.model import queries
from hostreeve.platform.groups.operations.service import (
    group_of,
    named_group,
    page_of,
    resource_groups,
    token,
)


@resource_groups.reads("ListGroupResources", on=named_group)
def list_group_resources(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    group, page = group_of(call, request), page_of(request)
    types = [value for each in request.get("Filters", []) for value in each["Values"]]
    found = searching.members(call.tx, call.scope, group, types=types, after=page.after, limit=page.limit + 1)
    identifiers = [each.described() for each in found[: page.limit]]
    return {
        "Resources": [{"Identifier": each} for each in identifiers],
        "ResourceIdentifiers": identifiers,
        "QueryErrors": [each.described() for each in searching.errors(group.read_query)],
        **token(page, found, lambda each: each.arn),
    }


@resource_groups.reads("SearchResources", on=anything)
def search_resources(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What a group with this query would have."""
    # A query is a way to ask the tagging API (AWS names this right as one that SearchResources depends on).
    call.require("tag:GetResources", ["*"])
    query, page = queries.read(request["ResourceQuery"]), page_of(request)
    found = searching.search(call.tx, call.scope, query, after=page.after, limit=page.limit + 1)
    return {
        "ResourceIdentifiers": [each.described() for each in found[: page.limit]],
        "QueryErrors": [each.described() for each in searching.errors(query)],
        **token(page, found, lambda each: each.arn),
    }


@resource_groups.writes("GroupResources", on=named_group)
def group_resources(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return grouping.put_in(call, group_of(call, request), request["ResourceArns"])


@resource_groups.writes("UngroupResources", on=named_group)
def ungroup_resources(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return grouping.take_out(call, group_of(call, request), request["ResourceArns"])
