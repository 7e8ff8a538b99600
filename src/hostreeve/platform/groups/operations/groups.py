"""Groups themselves: made, changed, listed, deleted; their queries, configurations and tags."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.kernel.scope import Scope
from hostreeve.platform.groups.actions import grouping
from hostreeve.platform.groups.model.group import Group
from hostreeve.platform.groups.operations.service import (
    error,
    group_of,
    named_group,
    page_of,
    resource_groups,
    token,
)
from hostreeve.platform.groups.store import groups as rows
from hostreeve.platform.groups.store import tags as tag_rows

NO_EVENTS = "Lifecycle events need EventBridge, which this version does not have yet."


@resource_groups.writes("CreateGroup", on=named_group)
def create_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    group = grouping.create(call, request)
    answer: dict[str, Any] = {"Group": group.described(), "Tags": request.get("Tags", {})}
    if group.query_type:
        return answer | {"ResourceQuery": group.resource_query}
    return answer | {"GroupConfiguration": _configuration(group)}


@resource_groups.reads("GetGroup", on=named_group)
def get_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"Group": group_of(call, request).described()}


@resource_groups.writes("UpdateGroup", on=named_group)
def update_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What the request leaves out stays."""
    changed = grouping.change(call, group_of(call, request), **grouping.said(request))
    return {"Group": changed.described()}


@resource_groups.writes("DeleteGroup", on=named_group)
def delete_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    group = group_of(call, request)
    grouping.delete(call, group)
    return {"Group": group.described()}


@resource_groups.reads("GetGroupQuery", on=named_group)
def get_group_query(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    group = group_of(call, request)
    if not group.query_type:
        raise error.BadRequestException(f"The group {group.name} has a configuration and no query.")
    return {"GroupQuery": {"GroupName": group.name, "ResourceQuery": group.resource_query}}


@resource_groups.writes("UpdateGroupQuery", on=named_group)
def update_group_query(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    group = grouping.ask_otherwise(call, group_of(call, request), request["ResourceQuery"])
    return {"GroupQuery": {"GroupName": group.name, "ResourceQuery": group.resource_query}}


@resource_groups.reads("GetGroupConfiguration", on=named_group)
def get_group_configuration(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    group = group_of(call, {"Group": request.get("Group")})
    if group.query_type:
        raise error.BadRequestException(f"The group {group.name} has a query and no configuration.")
    return {"GroupConfiguration": _configuration(group)}


@resource_groups.writes("PutGroupConfiguration", on=named_group)
def put_group_configuration(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    grouping.configure(call, group_of(call, request), request.get("Configuration", []))
    return {}


def _configuration(group: Group) -> dict[str, Any]:
    return {"Configuration": group.configured, "Status": "UPDATE_COMPLETE"}


FILTERS: Mapping[str, Callable[[Group, str], bool]] = {
    "resource-type": lambda group, value: _names_type(group, value),
    "configuration-type": lambda group, value: any(item["Type"] == value for item in group.configured),
    "owner": lambda group, value: group.owner == value,
    "display-name": lambda group, value: group.display_name == value,
    "criticality": lambda group, value: str(group.criticality or "") == value,
}


def _names_type(group: Group, type_name: str) -> bool:
    """The types that the query or the configuration names; AWS::AllSupported is a name like others."""
    if group.query_type:
        return type_name in msgspec.json.decode(group.query)["ResourceTypeFilters"]
    return type_name in group.parameter("allowed-resource-types")


@resource_groups.reads("ListGroups", on=anything)
def list_groups(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Groups by name that pass every filter, by any of its values."""
    page = page_of(request)
    filters = [(FILTERS[each["Name"]], each["Values"]) for each in request.get("Filters", [])]
    found: list[Group] = []
    after = page.after
    while len(found) <= page.limit:
        some = rows.listed(call.tx, call.scope, after=after, limit=page.limit + 1)
        found += [
            group
            for group in some
            if all(any(passes(group, value) for value in values) for passes, values in filters)
        ]
        if len(some) <= page.limit:
            break
        after = some[-1].name
    shown = [group.described() for group in found[: page.limit]]
    identifiers = [
        {"GroupName": group.pop("Name"), **group} for group in ({**described} for described in shown)
    ]
    return {"Groups": shown, "GroupIdentifiers": identifiers, **token(page, found, lambda each: each.name)}


def _tagged(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [request["Arn"]]


@resource_groups.reads("GetTags", on=_tagged)
def get_tags(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    group = grouping.fetch(call.tx, call.scope, request["Arn"])
    return {"Arn": group.arn, "Tags": tag_rows.tags_of(call.tx, call.scope, group.arn)}


@resource_groups.writes("Tag", asks=True)
def tag(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """`grouping.tag` asks whether the caller may."""
    grouping.tag(call, request["Arn"], request["Tags"])
    return {"Arn": request["Arn"], "Tags": request["Tags"]}


@resource_groups.writes("Untag", asks=True)
def untag(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    grouping.untag(call, request["Arn"], request["Keys"])
    return {"Arn": request["Arn"], "Keys": request["Keys"]}


@resource_groups.reads("GetAccountSettings", on=anything)
def get_account_settings(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return _settings(rows.lifecycle_events(call.tx, call.scope))


@resource_groups.writes("UpdateAccountSettings", on=anything)
def update_account_settings(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The wish is kept; that nothing comes of it yet is what the status says."""
    wanted = request.get("GroupLifecycleEventsDesiredStatus") or rows.lifecycle_events(call.tx, call.scope)
    rows.set_lifecycle_events(call.tx, call.scope, wanted)
    return _settings(wanted)


def _settings(wanted: str) -> dict[str, Any]:
    shown = {
        "GroupLifecycleEventsDesiredStatus": wanted,
        "GroupLifecycleEventsStatus": "ERROR" if wanted == "ACTIVE" else wanted,
    }
    if wanted == "ACTIVE":
        shown["GroupLifecycleEventsStatusMessage"] = NO_EVENTS
    return {"AccountSettings": shown}
